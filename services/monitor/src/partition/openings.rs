//! How a partition learns of chains that were opened.

use std::collections::VecDeque;

use phc::messages::PHC_BLOCKS;
use phc::{Block, ChainState};
use stream::Record;

use super::PartitionWork;
use crate::patient::Patient;
use crate::shared::Shared;
use crate::{Result, granted};

impl PartitionWork {
    /// Looks through what `phc.blocks` holds beyond what was read of it.
    pub(super) async fn look_for_openings(&mut self, shared: &mut Shared) -> Result<()> {
        if shared.log.end(PHC_BLOCKS, self.number).await? <= self.looked {
            return Ok(());
        }
        let mut scan = shared.log.scan(PHC_BLOCKS, self.number, self.looked).await?;
        loop {
            let records = scan.next(shared.settings.records_per_read).await?;
            if records.is_empty() {
                return Ok(());
            }
            records.iter().for_each(|record| self.opening(shared, record));
        }
    }

    /// Learns of a new chain.
    pub(super) fn opening(&mut self, shared: &Shared, record: &Record) {
        if record.offset < self.looked {
            return;
        }
        self.looked = record.offset.saturating_add(1);
        // The height stands first; only openings need more of a look.
        if !record.value.starts_with(&0u64.to_le_bytes()) {
            return;
        }
        let opened = Block::decode(&record.value).and_then(|block| ChainState::open(shared.network, &block));
        let (chain, head) = match opened {
            Ok(opened) if opened.0.id.0 == *record.key => opened,
            Ok(_) => return tracing::warn!(offset = record.offset, "an opening under another chain's key is ignored"),
            Err(error) => return tracing::warn!(offset = record.offset, %error, "an opening is ignored"),
        };
        if self.patients.slot(&chain.id).is_some() || self.forgotten.contains(&chain.id) {
            return;
        }
        if self.patients.len() >= shared.settings.patients_max {
            return tracing::error!(
                partition = self.number,
                "no room for another patient; raise patients_max or add partitions"
            );
        }
        let mut patient = Patient::new(chain, head);
        if let Some(time_ms) = self.ticks.latest_ms() {
            // Nothing was heard of the patient yet, so no more comes of it than the time.
            if let Err(error) = patient.tick(shared, time_ms, self.next.readings) {
                tracing::warn!(%error, "a new patient's clock could not be set");
            }
        }
        patient.opening_at = Some(record.offset);
        self.unsaved.insert(record.offset);
        self.fresh.push_back(self.patients.insert(chain.id, patient));
    }

    /// Has the next commit keep the first state of chains that were just opened. Until a chain's first state is kept, for want of
    /// keys or because work is open, its opening counts as unread.
    pub(crate) async fn save_new(&mut self, shared: &mut Shared) -> Result<()> {
        let mut without = VecDeque::new();
        while self.cut_bytes < shared.settings.commit_bytes {
            let Some(slot) = self.fresh.pop_front() else { break };
            let Some(patient) = self.patients.at(slot) else { continue };
            if patient.is_open() || patient.opening_at.is_none() {
                continue; // its first block brings its first state
            }
            let lasts = granted::lasts(shared, &patient.head, patient.now_ms());
            match granted::keys(shared, &patient.chain, &patient.allowed).await? {
                Some(keys) if lasts => self.cut(shared, slot, Some(keys)).await?,
                _ => without.push_back(slot),
            }
        }
        self.fresh.append(&mut without);
        Ok(())
    }
}
