//! What the event log knows of the order in which readings came, and blocks do not: for the file of an alert.

use std::collections::HashMap;

use ledger::Chain;
use phc::{AlertFile, Arrival, EarlyTick, LateReading, ReadingBatch};
use vitals::{PatientState, Settings, Taken};

use crate::Result;
use crate::recompute::{Again, detector, readings_of};
use crate::watch::{number, to_vitals};

/// What came in a partition, in its order.
#[derive(Debug, Clone)]
pub enum Arrived {
    /// Readings of the patient.
    Readings(ReadingBatch),
    /// Event time reached this instant, milliseconds since 1970-01-01 UTC.
    Tick(i64),
}

/// Goes through what came in the patient's partition as the monitor did, and says what [`crate::recompute`] has to know of it.
///
/// # Errors
/// [`crate::Error::Alert`] where the file's detector cannot be made, [`crate::Error::Chain`] where a batch is not its block's.
pub fn arrival(file: &AlertFile, chain: &Chain, arrived: impl IntoIterator<Item = Arrived>) -> Result<Arrival> {
    let mut found = came(file, chain, arrived)?;
    found.late.sort_unstable();
    // What is late by the blocks alone is not named.
    let (mut again, mut redundant) = (Again::new(file, chain)?, Vec::new());
    for filed in &file.blocks {
        again.block(filed, &found, |late| {
            redundant.push(late.clone());
            Ok(())
        })?;
    }
    redundant.sort_unstable();
    found.late.retain(|late| redundant.binary_search(late).is_err());
    Ok(found)
}

/// Every late reading, and every tick that a reading came after which is older.
fn came(file: &AlertFile, chain: &Chain, arrived: impl IntoIterator<Item = Arrived>) -> Result<Arrival> {
    let mut heights = HashMap::new();
    let mut opening = Again::new(file, chain)?;
    for filed in &file.blocks {
        for record in readings_of(&opening.open(filed)?, &file.subject) {
            heights.insert((record.device.to_owned(), record.sequence), (filed.block.header.height, record.reading));
        }
    }
    let detector = detector(file)?;
    let mut state = PatientState::new(number(&file.subject));
    let mut ticks = Ticks::new(detector.settings());
    let mut late = Vec::new();
    for one in arrived {
        let batch = match one {
            Arrived::Tick(time_ms) => {
                detector.tick(&mut state, ticks.reach(time_ms));
                continue;
            }
            Arrived::Readings(batch) => batch,
        };
        for record in batch.records().filter(|record| *record.subject == file.subject) {
            // What was sent again, or with other content, is not the one on the chain.
            let key = (record.device.to_owned(), record.sequence);
            let Some((height, _)) = heights.get(&key).copied().filter(|(_, held)| *held == record.reading) else {
                continue;
            };
            heights.remove(&key);
            let Some(reading) = to_vitals(&record.reading) else { continue };
            if detector.observe(&mut state, &reading).taken == Taken::Late {
                let (device, sequence) = key;
                late.push(LateReading { height, device, sequence });
            } else {
                ticks.passed_by(height, reading.time_ms);
            }
        }
    }
    Ok(Arrival { late, ticks: ticks.early })
}

/// Ticks, and those of them that were early.
struct Ticks {
    step_ms: i64,
    /// A tick may close what ended so long before it.
    closes_ms: i64,
    latest_ms: Option<i64>,
    early: Vec<EarlyTick>,
}

impl Ticks {
    fn new(settings: &Settings) -> Self {
        // Silence is told at once.
        let closes_ms = if settings.silence_ms > 0 { 0 } else { i64::from(settings.lateness_ms) };
        Self { step_ms: i64::from(settings.step_ms), closes_ms, latest_ms: None, early: Vec::new() }
    }

    /// Event time of the partition, which never goes back.
    fn reach(&mut self, time_ms: i64) -> i64 {
        let latest_ms = self.latest_ms.map_or(time_ms, |latest_ms| latest_ms.max(time_ms));
        *self.latest_ms.insert(latest_ms)
    }

    /// A reading that counts has come.
    fn passed_by(&mut self, height: u64, time_ms: i64) {
        let before_ms = time_ms.div_euclid(self.step_ms).saturating_mul(self.step_ms);
        let Some(tick_ms) = self.latest_ms.filter(|tick_ms| tick_ms.saturating_sub(self.closes_ms) > before_ms) else {
            return;
        };
        match self.early.last_mut() {
            Some(last) if last.time_ms == tick_ms => {
                if last.height == height {
                    last.before_ms = last.before_ms.min(before_ms);
                }
            }
            // The later of two at one place stands for both.
            Some(last) if (last.height, last.before_ms) >= (height, before_ms) => {
                *last = EarlyTick { height, before_ms, time_ms: tick_ms };
            }
            _ => self.early.push(EarlyTick { height, before_ms, time_ms: tick_ms }),
        }
    }
}
