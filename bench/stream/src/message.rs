//! A message in its two forms: sealed for ours, JSON in the clear for the peers.

use std::fmt::Write as _;

use phc::{Provenance, Reading, ReadingBatch, Subject};
use serde::Deserialize;

use crate::plan::{MINUTE_MS, START_MS};
use crate::simulated::{SIGNALS, Values};

/// The topic of the JSON messages.
pub(crate) const JSON_TOPIC: &str = "readings.json";
const NAMES: [&str; 8] =
    ["heart_rate", "respiration", "spo2", "temperature", "hrv_sdnn", "systolic", "diastolic", "steps"];

/// Event time of a message.
pub(crate) fn time_ms(minute: u32) -> i64 {
    START_MS + i64::from(minute) * MINUTE_MS
}

/// What the product takes in for it: one batch of eight readings. `number` counts the patient's own messages from 0.
pub(crate) fn batch(number: u32, minute: u32, values: &Values) -> ReadingBatch {
    let time_ms = time_ms(minute);
    let readings = SIGNALS.iter().zip(values).map(|(signal, value_milli)| Reading {
        signal: signal.id(),
        value_milli: *value_milli,
        time_ms,
        offset_minutes: Some(0),
        provenance: Provenance::Device,
    });
    ReadingBatch {
        device: "watch".into(),
        subject: Subject::Patient,
        first_sequence: u64::from(number) * SIGNALS.len() as u64,
        received_ms: time_ms + 400,
        raw: None,
        readings: readings.collect(),
    }
}

/// The same as JSON, written into an empty string. A decimal a value, two of a temperature, none of steps.
pub(crate) fn json(text: &mut String, patient: u32, number: u32, minute: u32, values: &Values) {
    let time_ms = time_ms(minute);
    let _ = write!(text, r#"{{"patient": "patient-{patient:04}", "sequence": {number}, "time_ms": {time_ms}"#);
    for (name, value_milli) in NAMES.iter().zip(values) {
        let _ = match *name {
            "steps" => write!(text, r#", "{name}": {}"#, value_milli / 1_000),
            "temperature" => {
                write!(text, r#", "{name}": {}.{:02}"#, value_milli / 1_000, value_milli % 1_000 / 10)
            }
            _ => write!(text, r#", "{name}": {}.{}"#, value_milli / 1_000, value_milli % 1_000 / 100),
        };
    }
    text.push('}');
}

/// A JSON message, as a program in Rust would read it.
#[derive(Debug, Deserialize, PartialEq)]
pub(crate) struct Parsed<'a> {
    pub(crate) patient: &'a str,
    pub(crate) sequence: u64,
    pub(crate) time_ms: i64,
    pub(crate) heart_rate: f64,
    pub(crate) respiration: f64,
    pub(crate) spo2: f64,
    pub(crate) temperature: f64,
    pub(crate) hrv_sdnn: f64,
    pub(crate) systolic: f64,
    pub(crate) diastolic: f64,
    pub(crate) steps: f64,
}

impl Parsed<'_> {
    /// A number that keeps every field from being left out.
    pub(crate) fn check(&self) -> f64 {
        let Self { heart_rate, respiration, spo2, temperature, hrv_sdnn, systolic, diastolic, steps, .. } = self;
        heart_rate
            + respiration
            + spo2
            + temperature
            + hrv_sdnn
            + systolic
            + diastolic
            + steps
            + self.patient.len() as f64
            + (self.sequence % 2) as f64
            + (self.time_ms % 2) as f64
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const VALUES: Values = [64_000, 14_100, 97_000, 36_710, 51_200, 119_000, 78_000, 12_000];

    #[test]
    fn both_forms_say_the_same() {
        let mut text = String::new();
        json(&mut text, 7, 12, 3, &VALUES);
        let parsed: Parsed<'_> = serde_json::from_str(&text).unwrap();
        let batch = batch(12, 3, &VALUES);
        assert_eq!((parsed.patient, parsed.sequence, parsed.time_ms), ("patient-0007", 12, batch.readings[0].time_ms));
        let values = [
            parsed.heart_rate,
            parsed.respiration,
            parsed.spo2,
            parsed.temperature,
            parsed.hrv_sdnn,
            parsed.systolic,
            parsed.diastolic,
            parsed.steps,
        ];
        for (reading, value) in batch.readings.iter().zip(values) {
            assert!((value - reading.value_milli as f64 / 1_000.0).abs() < 1e-9, "{value} {reading:?}");
        }
        assert!(batch.check().is_ok());
    }
}
