//! The drift's route against a plain reference in floating point, and what the whole detector reaches on real people.

use crate::population::{DAY_MS, detector, watch};
use crate::recordings;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use vitals::{Anomaly, Change, Detector, PatientState, Provenance, Reading, Route, Settings, Signal};

#[derive(Default)]
struct Day {
    night: Vec<f64>,
    resting: Vec<f64>,
    heart_rates: usize,
}

/// Minutes by day. Readings are in the order of time, steps of a minute may come after its heart rate.
fn days_of(readings: &[Reading]) -> BTreeMap<i64, Day> {
    let walked: BTreeSet<i64> = readings
        .iter()
        .filter(|reading| reading.signal == Signal::Steps && reading.value_milli > 0)
        .map(|reading| reading.time_ms / 60_000)
        .collect();
    let mut days: BTreeMap<i64, Day> = BTreeMap::new();
    for reading in readings.iter().filter(|reading| reading.signal == Signal::HeartRate) {
        let minute = reading.time_ms / 60_000;
        let day = days.entry(minute / 1_440).or_default();
        day.heart_rates += 1;
        if walked.range(minute - 11..=minute).next().is_some() {
            continue;
        }
        let value = reading.value_milli as f64 / 1_000.0;
        day.resting.push(value);
        if minute % 1_440 < 420 {
            day.night.push(value);
        }
    }
    days
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0
}

fn deviation(values: &BTreeMap<i64, f64>, day: i64) -> Option<f64> {
    let before: Vec<f64> = values.range(day - 28..day).map(|(_, value)| *value).collect();
    (before.len() >= 10).then(|| {
        let middle = median(&before);
        let spread = median(&before.iter().map(|value| (value - middle).abs()).collect::<Vec<_>>());
        (values[&day] - middle) / (1.4826 * spread).max(1.0)
    })
}

/// The recipe as it is stated, with all values of all days at hand: alarm days, and how near any sum came to another answer.
fn reference(days: &BTreeMap<i64, Day>) -> (Vec<(i64, bool)>, f64) {
    let enough = |day: &Day| day.night.len() >= 60;
    let night: BTreeMap<i64, f64> = days
        .iter()
        .filter(|(_, day)| enough(day))
        .map(|(at, day)| (*at, day.night.iter().sum::<f64>() / day.night.len() as f64))
        .collect();
    let daytime: BTreeMap<i64, f64> =
        days.iter().filter(|(_, day)| day.resting.len() >= 120).map(|(at, day)| (*at, median(&day.resting))).collect();
    let (mut alarms, mut margin) = (Vec::new(), f64::INFINITY);
    let mut sums = [(0.0_f64, None::<i64>); 2];
    for day in days.keys() {
        let of_night = night.contains_key(day);
        let values = if of_night { &night } else { &daytime };
        if !values.contains_key(day) {
            continue;
        }
        let Some(z) = deviation(values, *day) else { continue };
        let (sum, last) = &mut sums[usize::from(!of_night)];
        if last.is_some_and(|last| day - last > 7) {
            *sum = 0.0;
        }
        *last = Some(*day);
        *sum = (*sum + z.min(4.0) - 0.5).max(0.0);
        margin = margin.min((*sum - 4.0).abs());
        if *sum > 4.0 {
            alarms.push((*day, of_night));
            *sum = 0.0;
        }
    }
    (alarms, margin)
}

/// Alarm days of the drift's route, and whether each is of a night.
fn alarms_of(anomalies: &[Anomaly]) -> Vec<(i64, bool)> {
    anomalies
        .iter()
        .filter(|anomaly| anomaly.route == Route::Drift && anomaly.change != Change::Resolved)
        .map(|anomaly| (anomaly.time_ms / DAY_MS, anomaly.time_ms % DAY_MS == 7 * 3_600_000))
        .collect()
}

/// Drift only; ticks at the end decide the last day.
fn drift_of(readings: &[Reading]) -> Vec<Anomaly> {
    let mut settings = Settings { limits: Vec::new(), ..Settings::home() };
    // Made-up heart rates stand still.
    settings.quality.flat_steps = 0;
    let detector = Detector::without_forest(settings).unwrap();
    let mut state = PatientState::new([1; 16]);
    let mut said: Vec<Anomaly> =
        readings.iter().flat_map(|reading| detector.observe(&mut state, reading).anomalies).collect();
    let end_ms = readings.last().map_or(0, |reading| reading.time_ms) + 2 * DAY_MS;
    said.extend(detector.tick(&mut state, end_ms).anomalies);
    said
}

/// D12 on real people: the same alarm days as the reference, in integers and one reading at a time.
#[test]
fn on_real_people_the_drift_alarms_on_exactly_the_days_of_the_reference() {
    let expected: [&[(&str, bool)]; 4] = [
        &[
            ("2020-06-14", false),
            ("2020-06-18", false),
            ("2020-06-22", true),
            ("2020-07-16", false),
            ("2020-07-24", true),
        ],
        &[("2020-12-26", true), ("2021-01-01", true), ("2021-02-16", true), ("2021-02-19", true)],
        &[("2020-08-13", false)],
        &[("2020-11-09", true), ("2020-11-11", true)],
    ];
    for (name, expected) in recordings::PEOPLE.into_iter().zip(expected) {
        let Some(readings) = recordings::person(name) else { return };
        let told = alarms_of(&drift_of(&readings));
        let (alarms, margin) = reference(&days_of(&readings));
        println!("{name}: {} alarms, the nearest sum is {margin:.3} from the threshold", told.len());
        assert_eq!(told, alarms, "{name}");
        let expected: Vec<_> = expected.iter().map(|(day, night)| (recordings::day_of(day), *night)).collect();
        assert_eq!(told, expected, "{name}");
    }
}

/// D12 on real people, the whole detector: who is found, and on how many healthy days anybody is alerted.
#[test]
fn on_real_people_the_whole_detector_finds_the_onset_with_few_false_alert_days() {
    let (mut found, mut false_days, mut healthy_days, mut others) = (0, 0, 0, Vec::new());
    for name in recordings::PEOPLE {
        let (Some(readings), Some(onset)) = (recordings::person(name), recordings::onset(name)) else { return };
        let days = days_of(&readings);
        let first = *days.keys().next().unwrap();
        let outcome = watch(readings.into_iter());
        let alerts: BTreeMap<i64, Vec<&str>> = outcome
            .anomalies
            .iter()
            .filter(|anomaly| anomaly.change != Change::Resolved)
            .fold(BTreeMap::new(), |mut alerts, anomaly| {
                alerts.entry(anomaly.time_ms / DAY_MS).or_default().push(anomaly.route.name());
                alerts
            });
        let healthy: Vec<i64> = days
            .iter()
            .filter(|(day, minutes)| minutes.heart_rates >= 60 && **day - first >= 14)
            .map(|(day, _)| *day - onset.day)
            .filter(|day| *day < -21 || *day > onset.recovered_after_days + 14)
            .collect();
        let relative = |range: std::ops::RangeInclusive<i64>| -> Vec<(i64, Vec<&str>)> {
            alerts
                .iter()
                .map(|(day, routes)| (day - onset.day, routes.clone()))
                .filter(|(day, _)| range.contains(day))
                .collect()
        };
        let hits = relative(-14..=7);
        let wrong: Vec<_> =
            relative(i64::MIN..=i64::MAX).into_iter().filter(|(day, _)| healthy.contains(day)).collect();
        println!(
            "{name}: found {hits:?}; false {wrong:?} of {} healthy days; state {} bytes",
            healthy.len(),
            outcome.state_bytes
        );
        found += usize::from(!hits.is_empty());
        false_days += wrong.len();
        healthy_days += healthy.len();
        others.extend(wrong.into_iter().filter(|(_, routes)| !routes.contains(&"drift")).map(|day| (name, day)));
        assert!(outcome.state_bytes <= 4_096, "{name}: {}", outcome.state_bytes);
    }
    let rate = false_days as f64 * 30.0 / healthy_days as f64;
    println!("{found} of 4 found; {false_days} false alert-days in {healthy_days} healthy days: {rate:.2} per 30");
    assert_eq!(found, 4);
    assert_eq!(others, [], "limits and forest alert on no healthy day on which the drift does not");
    assert!(rate <= 0.77, "{rate}");
}

#[test]
fn an_alarm_that_goes_on_is_told_again_and_the_episode_ends_after_a_quiet_week() {
    let bpm = |day: i64| if (20..24).contains(&day) { 70_000 } else { 60_000 + day % 3 * 300 };
    let readings: Vec<Reading> = (0..40 * 1_440)
        .filter(|minute| minute % 1_440 < 480)
        .map(|minute| Reading {
            signal: Signal::HeartRate,
            value_milli: bpm(minute / 1_440),
            time_ms: minute * 60_000,
            offset_minutes: None,
            provenance: Provenance::Device,
        })
        .collect();
    let said = drift_of(&readings);
    let told: Vec<_> = said.iter().map(|anomaly| (anomaly.change, anomaly.time_ms / DAY_MS)).collect();
    assert_eq!(told, [(Change::Opened, 21), (Change::Continued, 23), (Change::Resolved, 30)]);
    assert!(said.iter().all(|anomaly| anomaly.episode == said[0].episode));
    let opened = &said[0];
    assert_eq!((opened.start_ms, opened.from_ms), (20 * DAY_MS, 20 * DAY_MS));
    assert_eq!((opened.value_milli, opened.score_micro), (Some(70_000), Some(7_000_000)));
    assert_eq!((opened.threshold_micro, opened.persisted.held), (Some(4_000_000), 2));
    assert!(opened.contributions[0].deviation_milli > 4_000);
}

#[test]
fn a_person_on_another_clock_has_the_night_at_home() {
    let readings = |offset_minutes: i16| -> Vec<Reading> {
        let bpm = |day: i64| if day >= 20 { 70_000 } else { 60_000 + day % 3 * 300 };
        (0..25 * 1_440)
            .map(|minute| Reading {
                signal: Signal::HeartRate,
                value_milli: bpm(minute / 1_440),
                time_ms: (minute + 2 * 1_440 - i64::from(offset_minutes)) * 60_000,
                offset_minutes: Some(offset_minutes),
                provenance: Provenance::Device,
            })
            .collect()
    };
    let (at_home, away) = (drift_of(&readings(0)), drift_of(&readings(-480)));
    let times = |said: &[Anomaly], shift: i64| said.iter().map(|a| a.time_ms - shift).collect::<Vec<_>>();
    assert!(at_home.len() > 1);
    assert_eq!(times(&away, 480 * 60_000), times(&at_home, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any course of nights and days, with gaps: the same alarms as the reference, but where a sum is within a hair of the threshold.
    #[test]
    fn the_integers_alarm_as_the_reference_does(
        plan in proptest::collection::vec((52_i64..75, 0_i64..500, 0_i64..300, 0_u8..10), 30..70)
    ) {
        let mut readings = Vec::new();
        for (day, (bpm, night_minutes, day_minutes, what)) in (100_i64..).zip(plan) {
            let at = |minute: i64, signal, value_milli| Reading {
                signal, value_milli, time_ms: (day * 1_440 + minute) * 60_000, offset_minutes: None, provenance: Provenance::Device,
            };
            if what == 0 {
                continue;
            }
            for minute in (0..1_440).filter(|m| *m < night_minutes || (600..600 + day_minutes).contains(m)) {
                readings.push(at(minute, Signal::HeartRate, (bpm + minute % 5) * 1_000));
                if minute % 97 == 40 && what < 4 {
                    readings.push(at(minute, Signal::Steps, 30_000));
                }
            }
        }
        let (alarms, margin) = reference(&days_of(&readings));
        prop_assume!(margin > 0.01);
        prop_assert_eq!(alarms_of(&drift_of(&readings)), alarms);
    }
}

#[test]
fn the_state_of_a_person_who_was_ill_stays_small() {
    let Some(readings) = recordings::person("AS2MVDL") else { return };
    let mut state = PatientState::new([1; 16]);
    readings.iter().for_each(|reading| drop(detector().observe(&mut state, reading)));
    assert!(state.to_bytes().len() <= 4_096);
}
