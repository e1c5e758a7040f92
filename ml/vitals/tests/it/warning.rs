//! The route of the early warning score.

use crate::{Bed, START_MS, reading};
use vitals::{Anomaly, Change, Parameters, Reading, Route, Settings, Severity, Signal, Taken};

/// A bed without hard limits, and readings of several signals a second.
struct Ward(Bed);

impl Ward {
    fn new() -> Self {
        Self(Bed::new(Settings { limits: Vec::new(), ..Settings::bedside() }))
    }

    fn hear(&mut self, second: i64, signal: Signal, value: i64) {
        // The values vary a little, as living ones do.
        let ripple = if signal == Signal::HeartRate { second * 7 % 3 * 100 } else { 0 };
        let reading = Reading {
            time_ms: START_MS + second * 1_000,
            value_milli: value * 1_000 + ripple,
            ..reading(0, signal, 0)
        };
        let seen = self.0.detector.observe(&mut self.0.state, &reading);
        assert_eq!(seen.taken, Taken::Used);
        self.0.said.extend(seen.anomalies);
    }

    fn stay(&mut self, seconds: std::ops::Range<i64>, values: &[(Signal, i64)]) {
        for second in seconds {
            values.iter().for_each(|(signal, value)| self.hear(second, *signal, *value));
        }
    }

    fn warnings(&self) -> Vec<&Anomaly> {
        self.0.said.iter().filter(|anomaly| anomaly.route == Route::News2).collect()
    }
}

const WELL: [(Signal, i64); 3] = [(Signal::Respiration, 16), (Signal::Spo2, 97), (Signal::HeartRate, 75)];
const ILL: [(Signal, i64); 3] = [(Signal::Respiration, 22), (Signal::Spo2, 93), (Signal::HeartRate, 95)];

fn spots(ward: &mut Ward, second: i64) {
    for (signal, value) in [
        (Signal::SupplementalOxygen, 1),
        (Signal::Systolic, 120),
        (Signal::Consciousness, 0),
        (Signal::Temperature, 37),
    ] {
        ward.hear(second, signal, value);
    }
}

#[test]
fn seven_points_of_seven_fresh_inputs_are_a_critical_episode_and_it_resolves() {
    let mut ward = Ward::new();
    spots(&mut ward, 0);
    ward.stay(0..300, &WELL);
    assert!(ward.warnings().is_empty());
    ward.stay(300..700, &ILL);
    ward.stay(700..1_200, &WELL);
    let said = ward.warnings();
    let first = said[0];
    assert_eq!((first.change, first.severity), (Change::Opened, Severity::Critical));
    // Respiration 2, saturation 2, oxygen 2, pulse 1.
    let score = first.news2.unwrap();
    assert_eq!((score.total(), score.is_complete(), first.missing.len()), (7, true, 0));
    assert_eq!((first.signal, first.value_milli), (Signal::Respiration, Some(22_000)));
    // Twelve windows of ten seconds.
    assert_eq!((first.start_ms, first.time_ms), (START_MS + 300_000, START_MS + 420_000));
    assert_eq!(said.last().unwrap().change, Change::Resolved);
    assert_eq!(said.len(), 2);
}

#[test]
fn a_lower_bound_warns_and_is_labelled_as_one() {
    let mut ward = Ward::new();
    ward.stay(0..400, &ILL);
    let said = ward.warnings();
    assert_eq!((said.len(), said[0].severity), (1, Severity::Urgent));
    let score = said[0].news2.unwrap();
    assert_eq!((score.total(), score.is_complete()), (5, false));
    assert_eq!(score.to_string(), "at least 5 (4 of 7 inputs missing)");
    assert_eq!(
        said[0].missing,
        [Signal::SupplementalOxygen, Signal::Systolic, Signal::Consciousness, Signal::Temperature]
    );
}

#[test]
fn inputs_that_are_no_longer_fresh_do_not_count() {
    let mut ward = Ward::new();
    spots(&mut ward, 0);
    // More than four hours later.
    ward.stay(15_000..15_400, &ILL);
    let said = ward.warnings();
    assert!(!said[0].news2.unwrap().is_complete());
    assert_eq!(said[0].missing.len(), 4);
}

#[test]
fn scale_2_counts_only_where_a_doctor_set_it() {
    let total = |scale2: bool| {
        let mut ward = Ward::new();
        let mut parameters = Parameters::default();
        parameters.news2_scale2 = scale2;
        ward.0.state.apply(parameters).unwrap();
        ward.hear(0, Signal::SupplementalOxygen, 0);
        ward.stay(0..400, &[(Signal::Respiration, 25), (Signal::Spo2, 89), (Signal::HeartRate, 75)]);
        ward.warnings()[0].news2.unwrap().total()
    };
    assert_eq!((total(false), total(true)), (6, 3));
}

#[test]
fn a_single_minute_of_points_and_a_person_who_walks_warn_nobody() {
    let mut ward = Ward::new();
    ward.stay(0..300, &WELL);
    ward.stay(300..360, &ILL);
    ward.stay(360..900, &WELL);
    assert!(ward.warnings().is_empty());
    let mut ward = Ward::new();
    for second in 0..900 {
        ward.hear(second, Signal::Steps, 2);
        ILL.iter().for_each(|(signal, value)| ward.hear(second, *signal, *value));
    }
    assert!(ward.warnings().is_empty());
    // At home the route is off: the score was studied in hospital only.
    assert_eq!(Settings::home().news2, None);
}
