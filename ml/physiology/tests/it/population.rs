//! Runs people through the detector and keeps what it says.

use physiology::{Illness, PatientStream, Plan, reference_cohort};
use std::sync::OnceLock;
use vitals::{Anomaly, Detector, PatientState, Reading, Score, Settings};

pub(crate) const MINUTE_MS: i64 = 60_000;
pub(crate) const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;
/// 2025-03-03 00:00 UTC, a Monday.
pub(crate) const START_MS: i64 = 1_740_960_000_000;

pub(crate) fn detector() -> &'static Detector {
    static DETECTOR: OnceLock<Detector> = OnceLock::new();
    DETECTOR.get_or_init(|| Detector::new(reference_cohort(1).unwrap(), Settings::default()).unwrap())
}

pub(crate) fn plan(seed: u64, days: i64) -> Plan {
    Plan { seed, start_ms: START_MS, end_ms: START_MS + days * DAY_MS, offset_minutes: 60, interval_minutes: 1 }
}

#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) readings: u64,
    pub(crate) scores: Vec<Score>,
    pub(crate) anomalies: Vec<Anomaly>,
    pub(crate) state_bytes: usize,
}

pub(crate) fn watch(readings: impl Iterator<Item = Reading>) -> Outcome {
    let mut state = PatientState::new([7; 16]);
    let mut outcome = Outcome::default();
    for reading in readings {
        let seen = detector().observe(&mut state, &reading);
        outcome.readings += 1;
        outcome.scores.extend(seen.scores);
        outcome.anomalies.extend(seen.anomalies);
    }
    outcome.state_bytes = state.to_bytes().len();
    outcome
}

pub(crate) fn person(seed: u64, patient: u32, days: i64, illnesses: &[Illness]) -> Outcome {
    watch(PatientStream::new(plan(seed, days), patient, illnesses))
}
