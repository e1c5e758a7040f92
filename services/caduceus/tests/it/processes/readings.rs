//! Readings of simulated people, sent to a portal as devices do.

use physiology::{Illness, PatientStream, Plan};
use vitals::Reading;

use super::http;
use super::network::{Network, Patient};
use super::process::until;

const DEVICE: &str = "watch";

/// One request.
pub(super) struct Chunk {
    /// Number of the patient.
    pub(super) patient: usize,
    pub(super) first_sequence: u64,
    pub(super) readings: Vec<Reading>,
}

/// The readings of simulated people, in the order of time, a chunk a person and `chunk_ms`.
pub(super) fn chunks(people: usize, plan: Plan, illnesses: &[Illness], chunk_ms: i64) -> Vec<Chunk> {
    let mut streams: Vec<_> =
        (0u32..).take(people).map(|number| PatientStream::new(plan, number, illnesses).peekable()).collect();
    let mut sequences = vec![0u64; people];
    let mut all = Vec::new();
    let mut until_ms = plan.start_ms;
    while until_ms < plan.end_ms {
        until_ms += chunk_ms;
        for (patient, stream) in streams.iter_mut().enumerate() {
            let readings: Vec<Reading> =
                std::iter::from_fn(|| stream.next_if(|reading| reading.time_ms < until_ms)).collect();
            let first_sequence = sequences[patient];
            sequences[patient] += readings.len() as u64;
            all.push(Chunk { patient, first_sequence, readings });
        }
    }
    all
}

/// Sends chunks, again where no answer came or none that says they are durable.
pub(super) struct Sender<'a> {
    portal: String,
    patients: &'a [Patient],
    tokens: Vec<String>,
}

impl<'a> Sender<'a> {
    pub(super) fn new(network: &Network, patients: &'a [Patient]) -> Self {
        let tokens = patients.iter().map(|patient| network.token(patient, DEVICE)).collect();
        Self { portal: network.setting("portal", "listen"), patients, tokens }
    }

    pub(super) fn send(&self, chunk: &Chunk) {
        let patient = &self.patients[chunk.patient];
        let readings: Vec<_> = chunk.readings.iter().map(line).collect();
        let identifier = serde_json::json!({ "system": "urn:caduceus:demo:patient", "value": patient.name });
        let body = serde_json::json!({ "patient": identifier, "device": DEVICE, "first_sequence": chunk.first_sequence, "readings": readings }).to_string();
        let results = until("readings to be accepted", || {
            match http::request("POST", &self.portal, "/readings", Some(&self.tokens[chunk.patient]), &body) {
                Ok((200, answer)) => Some(answer),
                // The broker or the portal is away: nothing was promised.
                Ok((500..=599, _)) | Err(_) => None,
                Ok((status, answer)) => panic!("{status}: {answer}"),
            }
        });
        let results: serde_json::Value = serde_json::from_str(&results).unwrap();
        let results = results["results"].as_array().unwrap();
        assert_eq!(results.len(), chunk.readings.len());
        for result in results {
            assert!(["accepted", "already-held"].contains(&result["result"].as_str().unwrap()), "{result}");
        }
    }
}

fn line(reading: &Reading) -> serde_json::Value {
    let milli = reading.value_milli;
    let sign = if milli < 0 { "-" } else { "" };
    let value = format!("{sign}{}.{:03}", milli.abs() / 1_000, milli.abs() % 1_000);
    let time = format!("{}.{:03}", reading.time_ms / 1_000, reading.time_ms % 1_000);
    let time: serde_json::Number = serde_json::from_str(&time).unwrap();
    serde_json::json!({ "signal": reading.signal.name(), "value": value, "time": time, "offset_minutes": reading.offset_minutes })
}
