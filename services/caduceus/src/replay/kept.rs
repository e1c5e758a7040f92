//! What earlier runs have refused and kept: each refused cell is kept once, however often the recording is replayed.

use std::collections::HashMap;

use phc::messages::READINGS_REJECTED;
use phc::{Rejected, RejectedValue};
use stream::EventLog as _;

use super::DEVICE;
use crate::failure::{OrFail as _, Outcome};
use crate::network::Patient;
use crate::platform::Platform;

/// Records read at once.
const SCAN_RECORDS: usize = 1_000;

/// Lines that are kept already, with how often.
#[derive(Default)]
pub(super) struct Kept(HashMap<Vec<u8>, u64>);

impl Kept {
    /// Reads the patient's refusals from the log.
    pub(super) async fn read(platform: &Platform, patient: &Patient) -> Outcome<Self> {
        let mut kept = Self::default();
        let Some(keys) = platform.network.patient_keys(patient)? else { return Ok(kept) };
        let key = keys.stream(&patient.chain).or_wrong("the key ring")?;
        let partitions = platform.log.partitions(READINGS_REJECTED).await.or_environment("the event log")?;
        let partition = stream::partition_of(&patient.chain.id.0, partitions);
        let mut scan = platform.log.scan(READINGS_REJECTED, partition, 0).await.or_environment("the event log")?;
        loop {
            let records = scan.next(SCAN_RECORDS).await.or_environment("the event log")?;
            if records.is_empty() {
                return Ok(kept);
            }
            for record in records.iter().filter(|record| record.key.as_ref() == patient.chain.id.0) {
                // What does not open was not made here: it is no cell of this recording.
                let opened = RejectedValue::decode(&record.value).and_then(|value| value.open(key, &patient.chain));
                if let Ok(Some(Rejected { device, line, .. })) = opened
                    && device == DEVICE
                {
                    *kept.0.entry(line).or_default() += 1;
                }
            }
        }
    }

    /// Whether a refused line was kept by an earlier run; each that was kept stands for one.
    pub(super) fn take(&mut self, line: &[u8]) -> bool {
        self.0.get_mut(line).filter(|times| **times > 0).is_some_and(|times| {
            *times -= 1;
            true
        })
    }
}
