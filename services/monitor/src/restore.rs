//! Taking a partition over: from its committed places and the last state of each of its patients.

use std::collections::BTreeMap;

use bytes::Bytes;
use ledger::{Chain, Digest, decode};
use phc::messages::{ACCESS_REQUESTS, MONITOR_STATE, PHC_BLOCKS, READINGS};
use stream::Reader;

use crate::partition::{PartitionWork, Places, Restored};
use crate::patient::Patient;
use crate::shared::Shared;
use crate::state::{MonitorState, PartitionState};
use crate::{Error, Result};

/// Restores a partition and sets the reader to its committed places.
pub(crate) async fn restore(shared: &Shared, reader: &mut dyn Reader, number: u32) -> Result<PartitionWork> {
    let (mut last, mut restored) = (BTreeMap::<Digest, (u64, Bytes)>::new(), Restored::default());
    let mut scan = shared.log.scan(MONITOR_STATE, number, 0).await?;
    loop {
        let records = scan.next(shared.settings.records_per_read).await?;
        if records.is_empty() {
            break;
        }
        for record in records {
            if record.key.is_empty() {
                let state = decode::<PartitionState>("state of a partition", &record.value);
                restored.tick_ms =
                    state.map_err(|error| unreadable(Digest::ZERO, number, record.offset, error.to_string()))?.time_ms;
            } else if let Ok(id) = record.key.as_ref().try_into() {
                last.insert(Digest(id), (record.offset, record.value));
            }
        }
    }
    for (id, (offset, sealed)) in last {
        let chain = Chain { network: shared.network, id };
        // Without keys there is nobody to go on with: the patient was erased, or took the grant back.
        let Some(keys) = shared.keys.keys(&chain).await? else {
            restored.forgotten.insert(id);
            continue;
        };
        let state =
            MonitorState::open(&chain, &keys, &sealed).map_err(|reason| unreadable(id, number, offset, reason))?;
        let patient =
            Patient::restore(chain, state).map_err(|error| unreadable(id, number, offset, error.to_string()))?;
        restored.patients.insert(id, patient);
    }
    let committed = Places {
        readings: reader.committed(READINGS, number).await?,
        access: reader.committed(ACCESS_REQUESTS, number).await?,
        blocks: reader.committed(PHC_BLOCKS, number).await?,
    };
    reader.seek(READINGS, number, committed.readings).await?;
    reader.seek(ACCESS_REQUESTS, number, committed.access).await?;
    reader.seek(PHC_BLOCKS, number, committed.blocks).await?;
    tracing::info!(
        partition = number,
        patients = restored.patients.len(),
        readings = committed.readings,
        "took a partition over"
    );
    PartitionWork::new(shared, number, committed, restored)
}

fn unreadable(chain: Digest, partition: u32, offset: u64, reason: String) -> Error {
    Error::State { chain, partition, offset, reason }
}
