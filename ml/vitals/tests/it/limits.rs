use crate::{Bed, MINUTE_MS, START_MS, reading};
use vitals::{
    Change, Limit, Link, Parameters, Provenance, Reading, Route, Settings, Severity, Side, Signal, Taken, VitalsError,
};

fn said(bed: &Bed) -> Vec<(Signal, Change, i64)> {
    bed.said.iter().map(|a| (a.signal, a.change, (a.time_ms - START_MS) / MINUTE_MS)).collect()
}

/// SpO2 below 88 in three of five minutes; clear is 89 or more, five times.
#[test]
fn an_episode_opens_at_k_of_n_and_resolves_after_n_inside_the_margin() {
    let mut bed = Bed::new(Settings::default());
    bed.hear_run(0, Signal::Spo2, &[95, 80, 95, 80, 95, 80, 80, 95]);
    bed.tick(60);
    // Minutes 1, 3 and 5 are low: known at the end of minute 5.
    assert_eq!(said(&bed), [(Signal::Spo2, Change::Opened, 6)]);
    let opened = &bed.said[0];
    assert_eq!(opened.start_ms, START_MS + MINUTE_MS);
    assert_eq!((opened.persisted.held, opened.persisted.of, opened.persisted.needed), (3, 5, 3));
    assert_eq!(
        (opened.route, opened.severity, opened.value_milli),
        (Route::HardLimit, Severity::Critical, Some(80_000))
    );
    let limit = opened.limit.unwrap();
    assert_eq!((limit.side, limit.limit_milli), (Side::Below, 88_000));
    assert_eq!((opened.from_ms, opened.to_ms), (START_MS + MINUTE_MS, START_MS + 6 * MINUTE_MS));

    // 88 is inside the limit but not inside the margin: it neither violates nor resolves.
    bed.hear_run(70, Signal::Spo2, &[88; 10]);
    bed.hear_run(80, Signal::Spo2, &[92; 4]);
    bed.hear_run(84, Signal::Spo2, &[88]);
    bed.hear_run(85, Signal::Spo2, &[92; 5]);
    bed.tick(100);
    assert_eq!(said(&bed)[1..], [(Signal::Spo2, Change::Resolved, 90)]);
    assert_eq!(bed.said[1].episode, bed.said[0].episode);
    assert!(bed.state.open_episodes().is_empty());

    bed.hear_run(110, Signal::Spo2, &[80; 5]);
    bed.tick(200);
    assert_ne!(bed.said[2].episode, bed.said[0].episode, "a new illness has a new number");
}

#[test]
fn two_low_minutes_in_five_open_nothing_and_a_gap_starts_anew() {
    let mut bed = Bed::new(Settings::default());
    bed.hear_run(0, Signal::Spo2, &[80, 95, 95, 95, 80, 95]);
    bed.hear_run(100, Signal::Spo2, &[80, 80]);
    bed.hear_run(140, Signal::Spo2, &[80, 80]);
    bed.tick(300);
    assert_eq!(said(&bed), []);
}

#[test]
fn many_readings_of_a_minute_count_as_their_mean() {
    let mut bed = Bed::new(Settings::default());
    for minute in 0..5 {
        for second in 0..60 {
            let value = if second == 30 { 45 } else { 96 };
            bed.hear(Reading {
                time_ms: START_MS + minute * MINUTE_MS + second * 1_000,
                ..reading(0, Signal::Spo2, value)
            });
        }
    }
    bed.tick(60);
    assert_eq!(said(&bed), [], "one wild second a minute is no desaturation");
}

/// E2: what a person measures counts at once.
#[test]
fn one_value_entered_by_hand_is_enough_to_open_and_to_resolve() {
    let mut bed = Bed::new(Settings::default());
    bed.hear(Reading { provenance: Provenance::Manual, ..reading(0, Signal::Temperature, 41) });
    bed.hear(Reading { provenance: Provenance::Manual, ..reading(240, Signal::Temperature, 37) });
    bed.tick(300);
    assert_eq!(said(&bed), [(Signal::Temperature, Change::Opened, 1), (Signal::Temperature, Change::Resolved, 241)]);
}

/// D13: a doctor's parameters take effect at once, for one patient.
#[test]
fn a_patients_own_limit_replaces_the_one_for_everybody() {
    let mut bed = Bed::new(Settings::default());
    // A person with lung disease lives at 86 %.
    let mut own = Parameters::default();
    own.set_limit(Limit::new(Signal::Spo2, Some(82), None, 1_000, 3, 5, Severity::Critical)).unwrap();
    bed.state.apply(own.clone()).unwrap();
    bed.hear_run(0, Signal::Spo2, &[86; 10]);
    bed.tick(20);
    assert_eq!(said(&bed), []);
    bed.hear_run(20, Signal::Spo2, &[81; 3]);
    bed.tick(30);
    assert_eq!(said(&bed), [(Signal::Spo2, Change::Opened, 23)]);
    assert_eq!(bed.said[0].limit.unwrap().limit_milli, 82_000);
    own.clear_limit(Signal::Spo2);
    bed.state.apply(own.clone()).unwrap();
    assert_eq!(bed.state.limit(bed.detector.settings(), Signal::Spo2).unwrap().low_milli, Some(88_000));
    let bad = Limit::new(Signal::Spo2, Some(90), Some(80), 0, 1, 1, Severity::Urgent);
    assert!(matches!(own.set_limit(bad), Err(VitalsError::Setting(_))));
    let bad = Limit::new(Signal::Spo2, None, Some(80), 0, 4, 3, Severity::Urgent);
    assert!(own.set_limit(bad).is_err());
}

/// Nothing is asked of a second vital.
fn at_rest_is_enough() -> Settings {
    Settings { fast_alone_k: 0, ..Settings::home() }
}

#[test]
fn a_fast_heart_counts_only_at_rest_and_rest_begins_twelve_minutes_after_the_last_step() {
    let mut bed = Bed::new(at_rest_is_enough());
    bed.hear(reading(0, Signal::Steps, 90));
    bed.hear_run(0, Signal::HeartRate, &[150; 30]);
    bed.tick(60);
    // At rest from minute 12; the fifth minute at rest is 16.
    assert_eq!(said(&bed), [(Signal::HeartRate, Change::Opened, 17)]);
}

/// Cycling shows no steps: a fast heart alone must stay fast for longer than that, unless a second vital deviates too.
#[test]
fn a_fast_heart_alone_needs_three_quarters_of_an_hour_and_with_a_second_vital_minutes() {
    let run = |warm: i64| {
        let mut bed = Bed::new(Settings::home());
        for minute in 0..1_000 {
            bed.hear(reading(minute, Signal::HeartRate, if minute < 800 { 65 } else { 150 }));
            bed.hear(Reading {
                value_milli: if minute < 800 { 36_700 } else { 36_700 + warm },
                ..reading(minute, Signal::Temperature, 0)
            });
        }
        said(&bed)
    };
    assert_eq!(run(0), [(Signal::HeartRate, Change::Opened, 845)]);
    assert_eq!(run(900), [(Signal::HeartRate, Change::Opened, 805)]);
}

/// The time counts, not how often a device measures; a value in between that is not fast breaks it.
#[test]
fn a_fast_heart_alone_is_told_after_the_same_time_by_a_device_that_measures_seldom() {
    let run = |slow_at: Option<i64>| {
        let mut bed = Bed::new(Settings::home());
        for minute in (0..100).step_by(5) {
            bed.hear(reading(minute, Signal::HeartRate, if slow_at == Some(minute) { 120 } else { 150 }));
        }
        said(&bed)
    };
    assert_eq!(run(None), [(Signal::HeartRate, Change::Opened, 46)]);
    assert_eq!(run(Some(30)), []);
}

#[test]
fn a_minute_waits_for_slower_devices_and_what_comes_later_is_late() {
    let mut bed = Bed::new(Settings::default());
    let mut hear =
        |minute, value| bed.detector.observe(&mut bed.state, &reading(minute, Signal::HeartRate, value)).taken;
    assert_eq!(hear(10, 70), Taken::Used);
    assert_eq!(hear(8, 70), Taken::Used);
    assert_eq!(hear(7, 70), Taken::Late);
    assert_eq!(hear(9, 70), Taken::Used);
}

/// E3: a device keeps readings while it is offline and sends them later.
#[test]
fn an_upload_after_a_break_is_judged_although_ticks_have_gone_by() {
    let mut bed = Bed::new(Settings::default());
    bed.hear_run(0, Signal::Spo2, &[96; 5]);
    (1..=120).for_each(|minute| bed.tick(minute));
    let taken: Vec<Taken> = (4..15)
        .map(|minute| {
            let seen = bed.detector.observe(&mut bed.state, &reading(minute, Signal::Spo2, 80));
            bed.said.extend(seen.anomalies);
            seen.taken
        })
        .collect();
    assert_eq!(taken[0], Taken::Late, "minute 4 was decided");
    assert!(taken[1..].iter().all(|taken| *taken == Taken::Used), "{taken:?}");
    assert_eq!(said(&bed), [(Signal::Spo2, Change::Opened, 8)]);
}

/// D3: an environment rule is a limit like any other, on its own route.
#[test]
fn a_room_that_is_too_cold_is_an_advisory_of_the_environment() {
    let mut bed = Bed::new(Settings::default());
    bed.hear_run(0, Signal::RoomTemperature, &[12; 10]);
    bed.tick(20);
    assert_eq!(said(&bed), [(Signal::RoomTemperature, Change::Opened, 5)]);
    assert_eq!((bed.said[0].route, bed.said[0].severity), (Route::Environment, Severity::Advisory));
}

#[test]
fn silence_is_an_episode_of_its_own_whether_a_tick_or_a_reading_ends_it() {
    let run = |ticks: &[i64]| {
        let mut bed = Bed::new(Settings { silence_ms: 60 * 60_000, ..Settings::default() });
        bed.hear_run(0, Signal::HeartRate, &[70; 5]);
        ticks.iter().for_each(|minute| bed.tick(*minute));
        bed.hear(reading(300, Signal::Spo2, 96));
        bed.said
    };
    let told = run(&[]);
    let said: Vec<_> =
        told.iter().map(|a| (a.route, a.severity, a.change, (a.time_ms - START_MS) / MINUTE_MS)).collect();
    assert_eq!(
        said,
        [
            (Route::Silence, Severity::Technical, Change::Opened, 64),
            (Route::Silence, Severity::Technical, Change::Resolved, 300)
        ]
    );
    assert_eq!(run(&[30, 63]), told);
    assert_eq!(run(&[64, 65, 200]), told);
}

#[test]
fn a_gap_is_never_taken_for_normal() {
    let mut bed = Bed::new(Settings::default());
    assert_eq!(bed.state.link(bed.detector.settings(), START_MS), Link::Never);
    bed.hear_run(0, Signal::Spo2, &[80; 5]);
    bed.tick(10_000);
    assert_eq!(said(&bed), [(Signal::Spo2, Change::Opened, 3)], "nothing resolves while nothing is heard");
    let link = |minute| bed.state.link(bed.detector.settings(), START_MS + minute * MINUTE_MS);
    assert_eq!(link(20), Link::Heard);
    assert_eq!(link(60), Link::Gap { since_ms: START_MS + 4 * MINUTE_MS });
    assert_eq!(link(7 * 60), Link::Offline { since_ms: START_MS + 4 * MINUTE_MS });
}

#[test]
fn settings_out_of_bounds_are_refused() {
    use vitals::Detector;
    let refused = |change: fn(&mut Settings)| {
        let mut settings = Settings::default();
        change(&mut settings);
        Detector::without_forest(settings).is_err()
    };
    assert!(!refused(|_| ()));
    assert!(Detector::without_forest(Settings::bedside()).is_ok());
    assert!(refused(|s| s.step_ms = 0));
    assert!(refused(|s| s.step_ms = 7_000));
    assert!(refused(|s| s.window_ms = 0));
    assert!(refused(|s| s.window_ms = 7 * 60_000));
    assert!(refused(|s| s.window_ms = 90_000), "not whole steps");
    assert!(refused(|s| s.lateness_ms = 3_600_001));
    assert!(refused(|s| s.baseline.enough_windows = 0));
    assert!(refused(|s| s.drift.as_mut().unwrap().values = 29));
    assert!(refused(|s| (s.step_ms, s.window_ms) = (1_000, 60_000)), "the drift counts minutes");
    assert!(refused(|s| s.forest_k = 13));
    assert!(refused(|s| s.forest_n = 33));
    assert!(refused(|s| s.limits[0].n = 33));
    assert!(refused(|s| s.limits.push(s.limits[0])));
}

#[test]
fn readings_at_the_ends_of_time_do_not_panic() {
    let mut bed = Bed::new(Settings::default());
    for time_ms in [i64::MIN, -1, 0, START_MS, i64::MAX] {
        for value_milli in [i64::MIN, i64::MAX] {
            bed.hear(Reading { time_ms, value_milli, ..reading(0, Signal::HeartRate, 70) });
        }
    }
    bed.detector.tick(&mut bed.state, i64::MAX);
    bed.detector.tick(&mut bed.state, i64::MIN);
}
