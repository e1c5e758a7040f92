//! Admission, limits, episodes and models, without a simulator.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod admission;
mod bytes;
mod forest;
mod limits;
mod parameters;
mod quality;
mod ticks;
mod warning;

use vitals::{Anomaly, Detector, PatientState, Provenance, Reading, Settings, Signal};

pub(crate) const MINUTE_MS: i64 = 60_000;
/// 2025-03-03 00:00 UTC.
pub(crate) const START_MS: i64 = 1_740_960_000_000;

/// A device's reading in whole minutes from the start; the value in whole units.
pub(crate) fn reading(minute: i64, signal: Signal, value: i64) -> Reading {
    Reading {
        signal,
        value_milli: value * 1_000,
        time_ms: START_MS + minute * MINUTE_MS,
        offset_minutes: None,
        provenance: Provenance::Device,
    }
}

/// A detector of limits only, with its state.
pub(crate) struct Bed {
    pub(crate) detector: Detector,
    pub(crate) state: PatientState,
    pub(crate) said: Vec<Anomaly>,
    /// Whether each of what was said alerts somebody.
    pub(crate) alerts: Vec<bool>,
}

impl Bed {
    pub(crate) fn new(settings: Settings) -> Self {
        let detector = Detector::without_forest(settings).unwrap();
        Self { detector, state: PatientState::new([0; 16]), said: Vec::new(), alerts: Vec::new() }
    }

    pub(crate) fn hear(&mut self, reading: Reading) {
        let said = self.detector.observe(&mut self.state, &reading).anomalies;
        self.keep(said);
    }

    /// One reading a minute.
    pub(crate) fn hear_run(&mut self, from_minute: i64, signal: Signal, values: &[i64]) {
        for (minute, value) in (from_minute..).zip(values) {
            self.hear(reading(minute, signal, *value));
        }
    }

    pub(crate) fn tick(&mut self, minute: i64) {
        let said = self.detector.tick(&mut self.state, START_MS + minute * MINUTE_MS).anomalies;
        self.keep(said);
    }

    fn keep(&mut self, said: Vec<Anomaly>) {
        self.alerts.extend(said.iter().map(|anomaly| self.detector.alerts(&self.state, anomaly)));
        self.said.extend(said);
    }
}
