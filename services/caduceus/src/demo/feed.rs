//! Moves the simulated people and the clock on, step by step.

use std::sync::Arc;

use erm::Sender;
use futures_util::future::try_join_all;
use hyper::StatusCode;
use kit::{Clock as _, Shutdown};
use phc::Subject;
use portal::{Ingest, Line, LineResult, Submission};
use serde_json::{Value, json};
use vitals::{Reading, milli};

use super::client::Client;
use super::people::{DAY_MS, HOUR_MS, LIVE_MS, Person, START_MS, people};
use super::story::Story;
use crate::custody::PATIENT_SYSTEM;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::network::{ANCHORING_PARTY, Patient, id};
use crate::platform::Platform;
use crate::record::Submitter;

/// One step of the live part, in simulated time.
pub(crate) const STEP_MS: i64 = 10 * 60_000;
/// Readings of the backfill that share one barrier, in simulated time: a device that was offline syncs.
const BACKFILL_STEP_MS: i64 = 12 * HOUR_MS;
/// How often the heads of the personal chains are anchored, in simulated time.
const ANCHOR_MS: i64 = 6 * HOUR_MS;
/// Event time passes at the end so that the last windows close.
const LINGER_MS: i64 = 10 * 60_000;
/// Device of every simulated person; part of what names a reading.
const DEVICE: &str = "wristband";

/// The people, their devices, and the portal that they send to.
pub(crate) struct Feed {
    people: Vec<(Person, Arc<Patient>)>,
    devices: Vec<Client>,
    ingest: Ingest,
    story: Story,
    serving: Shutdown,
    anchored_ms: i64,
    anchored: u64,
    rejected: u64,
}

impl Feed {
    /// Enrols everybody and opens the portal.
    pub(crate) async fn start(platform: &Platform, seed: u64) -> Outcome<Self> {
        let mut enrolled = Vec::new();
        for person in people(seed) {
            let patient = platform.enrol_patient(&person.name).await?;
            enrolled.push((person, patient));
        }
        let key = platform.network.party(&id(ANCHORING_PARTY)?)?.signer;
        let registrar = Submitter::new(
            platform.record.node().clone(),
            platform.network.id,
            Sender::Party(id(ANCHORING_PARTY)?),
            key,
        );
        for (_, patient) in &enrolled {
            Story::register(platform, patient, &registrar).await?;
        }
        let (portal, ingest, serving) = platform.open_portal().await?;
        let story = Story::new(platform, portal)?;
        let devices =
            enrolled.iter().map(|(_, patient)| story.device(patient, DEVICE, START_MS + 14 * DAY_MS)).collect();
        Ok(Self { people: enrolled, devices, ingest, story, serving, anchored_ms: START_MS, anchored: 0, rejected: 0 })
    }

    pub(crate) fn story(&self) -> &Story {
        &self.story
    }

    /// Personal chains under the last anchor.
    pub(crate) fn anchored(&self) -> u64 {
        self.anchored
    }

    /// Readings that the portal refused.
    pub(crate) fn rejected(&self) -> u64 {
        self.rejected
    }

    /// Fifteen days of readings, as devices send them that were offline (E3): in order, in few large batches.
    pub(crate) async fn backfill(&mut self, platform: &Platform, mut show: impl FnMut(i64, &Story)) -> Outcome {
        let mut time_ms = START_MS;
        while time_ms < LIVE_MS {
            time_ms += BACKFILL_STEP_MS;
            platform.clock.set(time_ms);
            let mut sending = Vec::new();
            for (person, patient) in &mut self.people {
                // An hour a batch: a block covers whole batches, and is cut by age.
                for end_ms in (time_ms - BACKFILL_STEP_MS..time_ms).step_by(3_600_000).map(|from_ms| from_ms + HOUR_MS)
                {
                    let readings = person.until(end_ms);
                    let first = person.next_sequence;
                    person.next_sequence += readings.len() as u64;
                    if !readings.is_empty() {
                        let lines = readings.into_iter().map(|reading| Line { reading: Ok(reading), sent: Vec::new() });
                        sending.push(Submission {
                            chain: patient.chain.id,
                            device: DEVICE.into(),
                            subject: Subject::Patient,
                            first_sequence: Some(first),
                            received_ms: time_ms,
                            lines: lines.collect(),
                        });
                    }
                }
            }
            let results = self.ingest.submit_all(sending).await.or_environment("ingest")?;
            let refused = results.iter().flatten().filter(|result| !matches!(result, LineResult::Accepted));
            self.rejected += refused.count() as u64;
            self.ingest.tick(time_ms, false).await.or_environment("ingest")?;
            show(time_ms, &self.story);
        }
        platform.settle(&self.ingest, time_ms).await
    }

    /// One step of the live part: devices send over HTTP, then whatever the hour brings.
    pub(crate) async fn step(&mut self, platform: &Platform, time_ms: i64) -> Outcome {
        platform.clock.set(time_ms);
        let mut sending = Vec::new();
        for ((person, patient), device) in self.people.iter_mut().zip(&self.devices) {
            let readings = person.until(time_ms);
            let first = person.next_sequence;
            person.next_sequence += readings.len() as u64;
            if !readings.is_empty() {
                sending.push(send(device, patient, first, readings));
            }
        }
        self.rejected += try_join_all(sending).await?.into_iter().sum::<u64>();
        self.ingest.tick(time_ms, false).await.or_environment("ingest")?;
        self.story.play(platform.clock.now_ms()).await?;
        if time_ms - self.anchored_ms >= ANCHOR_MS {
            self.anchored_ms = time_ms;
            self.anchor(platform).await?;
        }
        Ok(())
    }

    async fn anchor(&mut self, platform: &Platform) -> Outcome {
        if let Some(chains) = platform.anchor().await? {
            self.anchored = u64::from(chains);
        }
        Ok(())
    }

    /// Everything taken in goes into blocks, every mail is sent, every head is anchored; the portal closes.
    pub(crate) async fn finish(&mut self, platform: &Platform, time_ms: i64) -> Outcome {
        let end_ms = time_ms + LINGER_MS;
        platform.clock.set(end_ms);
        platform.settle(&self.ingest, end_ms).await?;
        self.anchor(platform).await?;
        self.serving.trigger();
        self.serving.drain().await.or_environment("the portal")
    }
}

/// Posts a device's readings; the number that were not accepted.
async fn send(device: &Client, patient: &Patient, first_sequence: u64, readings: Vec<Reading>) -> Outcome<u64> {
    let line = |reading: &Reading| {
        json!({
            "signal": reading.signal.name(),
            "value": milli::to_text(reading.value_milli),
            "unit": reading.signal.unit(),
            "time": super::iso(reading.time_ms),
            "offset_minutes": reading.offset_minutes,
        })
    };
    let batch = json!({
        "patient": { "system": PATIENT_SYSTEM, "value": patient.name },
        "device": DEVICE,
        "first_sequence": first_sequence,
        "readings": readings.iter().map(line).collect::<Vec<Value>>(),
    });
    let answer = device.post("/readings", &batch).await?.expect(StatusCode::OK, "readings")?;
    let lines = answer
        .get("results")
        .and_then(Value::as_array)
        .ok_or_else(|| Failure::environment("the portal's answer has no lines"))?;
    Ok(lines.iter().filter(|line| line.get("result").and_then(Value::as_str) != Some("accepted")).count() as u64)
}
