//! The forest's route on hand-made streams.

use crate::{MINUTE_MS, START_MS, reading};
use iforest::IsolationForestParams;
use vitals::{
    Anomaly, Change, CohortModel, Detector, Deviations, FEATURES, PatientState, Route, Settings, Severity, Signal,
};

/// A cohort whose deviations are triangular noise within ± 1.2.
pub(crate) fn cohort(seed: u64) -> CohortModel {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut noise = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        i64::try_from(state % 1_200).unwrap() + i64::try_from(state / 1_200 % 1_200).unwrap() - 1_200
    };
    let windows: Vec<Deviations> = (0..2_000)
        .map(|at| Deviations {
            from_ms: at * 300_000,
            to_ms: (at + 1) * 300_000,
            present: 0b11111,
            values_milli: [0; FEATURES].map(|_: i64| noise()),
        })
        .collect();
    CohortModel::train(&windows, "triangular noise", &IsolationForestParams::new().seed(seed)).unwrap()
}

/// Heart rate and temperature every minute from `from` to `to`, with a little ripple around the levels.
fn stay(
    detector: &Detector,
    state: &mut PatientState,
    minutes: std::ops::Range<i64>,
    heart_rate: i64,
    temperature: i64,
) -> Vec<Anomaly> {
    let mut said = Vec::new();
    for minute in minutes {
        let ripple = minute * 7 % 11 - 5;
        let mut hear = |signal, value_milli| {
            let reading = vitals::Reading { value_milli, ..reading(minute, signal, 0) };
            said.extend(detector.observe(state, &reading).anomalies);
        };
        hear(Signal::HeartRate, heart_rate + ripple * 500);
        hear(Signal::Temperature, temperature + ripple * 20);
    }
    said
}

const DAY: i64 = 1_440;

/// The forest alone: no drift beside it.
fn settings() -> Settings {
    Settings { drift: None, ..Settings::home() }
}

#[test]
fn before_the_warm_up_is_over_only_limits_speak() {
    let detector = Detector::new(cohort(1), settings()).unwrap();
    let mut state = PatientState::new([0; 16]);
    let mut said = stay(&detector, &mut state, 0..10 * DAY, 60_000, 36_700);
    said.extend(stay(&detector, &mut state, 10 * DAY..11 * DAY, 85_000, 38_500));
    assert_eq!(said, []);
    let warm_up = state.warm_up(detector.settings());
    assert_eq!((warm_up.days, warm_up.needed, warm_up.is_over()), (10, 14, false));
}

#[test]
fn a_shift_of_two_vitals_is_one_urgent_episode_and_the_illness_is_not_learned() {
    let detector = Detector::new(cohort(1), settings()).unwrap();
    let mut state = PatientState::new([0; 16]);
    assert_eq!(stay(&detector, &mut state, 0..15 * DAY, 60_000, 36_700), []);
    let noon_ms = START_MS + 15 * DAY * MINUTE_MS;
    let usual = state.usual(detector.settings(), Signal::HeartRate, noon_ms).unwrap();
    assert!((usual.median_milli - 60_000).abs() < 1_000, "{usual:?}");

    let ill = stay(&detector, &mut state, 15 * DAY..18 * DAY, 72_000, 38_200);
    let opened = ill.first().unwrap();
    assert_eq!((opened.route, opened.change, opened.severity), (Route::Forest, Change::Opened, Severity::Urgent));
    assert!(ill.iter().all(|anomaly| anomaly.episode == opened.episode), "one illness, one episode");
    assert_eq!(
        ill[1..].iter().map(|anomaly| anomaly.change).collect::<Vec<_>>(),
        [Change::Continued; 5],
        "twice a day"
    );
    assert!(opened.time_ms - noon_ms < 4 * 60 * MINUTE_MS, "{} min", (opened.time_ms - noon_ms) / MINUTE_MS);
    assert_eq!(opened.model, detector.cohort().unwrap().hash());
    assert_eq!(opened.missing, [Signal::Respiration, Signal::Spo2, Signal::HrvSdnn]);
    assert_eq!((opened.persisted.needed, opened.persisted.of), (10, 12));
    let shares: Vec<_> = opened.contributions.iter().map(|part| part.share_micro).collect();
    assert!(shares.is_sorted_by(|a, b| a >= b) && shares[0] > 0);

    let after = state.usual(detector.settings(), Signal::HeartRate, noon_ms).unwrap();
    assert!(
        (after.median_milli - usual.median_milli).abs() < 500,
        "three ill days moved the baseline: {usual:?} to {after:?}"
    );

    let well = stay(&detector, &mut state, 18 * DAY..19 * DAY, 60_000, 36_700);
    assert!(well.iter().all(|anomaly| anomaly.episode == opened.episode));
    assert_eq!(well.iter().filter(|anomaly| anomaly.change == Change::Resolved).count(), 1);
}

#[test]
fn a_hard_limit_on_the_signal_of_an_open_episode_raises_it_instead_of_opening_another() {
    let detector = Detector::new(cohort(1), settings()).unwrap();
    let mut state = PatientState::new([0; 16]);
    stay(&detector, &mut state, 0..15 * DAY, 60_000, 36_700);
    let ill = stay(&detector, &mut state, 15 * DAY..15 * DAY + 600, 60_500, 38_000);
    let worse = stay(&detector, &mut state, 15 * DAY + 600..15 * DAY + 700, 60_500, 41_000);
    let (opened, raised) = (&ill[0], &worse[0]);
    assert_eq!((opened.signal, opened.change), (Signal::Temperature, Change::Opened));
    assert_eq!(
        (raised.signal, raised.change, raised.route, raised.severity),
        (Signal::Temperature, Change::Continued, Route::HardLimit, Severity::Critical)
    );
    assert_eq!(raised.episode, opened.episode);
    let mut later = stay(&detector, &mut state, 15 * DAY + 700..17 * DAY, 60_000, 36_700);
    let last = later.pop().unwrap();
    assert_eq!(
        (last.episode, last.change, later.len()),
        (opened.episode, Change::Resolved, 0),
        "it ends once, when both routes let go"
    );
}

#[test]
fn a_shift_that_stays_is_learned_in_the_end() {
    let detector = Detector::new(cohort(1), settings()).unwrap();
    let mut state = PatientState::new([0; 16]);
    stay(&detector, &mut state, 0..15 * DAY, 60_000, 36_700);
    // A new medicine: the heart beats faster from now on.
    let said = stay(&detector, &mut state, 15 * DAY..75 * DAY, 70_000, 36_700);
    let told = said.iter().map(|a| a.change).filter(|change| *change != Change::Continued);
    assert_eq!(told.collect::<Vec<_>>(), [Change::Opened, Change::Resolved]);
    assert!(state.open_episodes().is_empty());
}

/// Whoever has the same readings computes the same commitment; one other reading weeks before is another.
#[test]
fn the_window_commitment_of_an_anomaly_hangs_on_every_reading_before_it() {
    let detector = Detector::new(cohort(1), settings()).unwrap();
    let run = |first_milli: i64| {
        let mut state = PatientState::new([0; 16]);
        let first = vitals::Reading { value_milli: first_milli, ..reading(0, Signal::HeartRate, 0) };
        detector.observe(&mut state, &first);
        stay(&detector, &mut state, 1..15 * DAY, 60_000, 36_700);
        stay(&detector, &mut state, 15 * DAY..16 * DAY, 72_000, 38_200).remove(0)
    };
    let (anomaly, again, other) = (run(60_000), run(60_000), run(60_500));
    assert_eq!(anomaly, again);
    assert_eq!((anomaly.time_ms, anomaly.seed, anomaly.model), (other.time_ms, 1, other.model));
    assert_ne!(anomaly.window, other.window);
}

/// Somebody whose body does this every five days is alerted less and less, down to the budget that a doctor set; with a large budget always.
#[test]
fn who_often_looks_unusual_is_alerted_within_the_budget() {
    let alerts = |allowed_milli: u32| {
        let detector = Detector::new(cohort(1), settings()).unwrap();
        let mut state = PatientState::new([0; 16]);
        let mut parameters = vitals::Parameters::default();
        parameters.alerts_per_week_milli = Some(allowed_milli);
        state.apply(parameters).unwrap();
        stay(&detector, &mut state, 0..15 * DAY, 60_000, 36_700);
        let opened: Vec<i64> = (3..80)
            .flat_map(|times| {
                let from = times * 5 * DAY;
                let mut said = stay(&detector, &mut state, from..from + 300, 64_500, 37_000);
                said.extend(stay(&detector, &mut state, from + 300..from + 5 * DAY, 60_000, 36_700));
                said
            })
            .filter(|anomaly| anomaly.change == Change::Opened)
            .map(|anomaly| anomaly.time_ms)
            .collect();
        let half_ms = START_MS + 200 * DAY * MINUTE_MS;
        (opened.len(), opened.iter().filter(|time_ms| **time_ms > half_ms).count())
    };
    let (all, late) = alerts(20_000);
    assert_eq!((all, late), (77, 40), "a large budget lets all of them through");
    let (few, late) = alerts(50);
    println!("of 77, {few} alerts, {late} of them in the second half");
    // 0.05 a week: 2 in the second half's 28 weeks.
    assert!(few < all / 2 && late <= 3, "{few}, {late}");
}
