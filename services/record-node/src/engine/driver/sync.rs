//! Decided blocks, for nodes that lag: given out, and taken in.

use arc_malachitebft_app_channel::app::engine::host::SyncedValueOutcome;
use arc_malachitebft_app_channel::app::types::core::Round;
use arc_malachitebft_app_channel::app::types::sync::RawDecidedValue;
use bytes::Bytes;

use super::super::codec::certificate_in;
use super::super::context::Erm;
use super::super::types::{Address, Opening, OpeningContent};
use super::judge::{keep, proposed};
use super::{BLOCK_BYTES_LIMIT, Driver, round_number};
use crate::node::Shared;
use crate::{Error, StateMachine};

/// Most bytes of blocks in one answer to a lagging node.
const SYNC_BYTES: usize = 8 << 20;

impl<M: StateMachine> Driver<M> {
    /// A block that a quorum decided elsewhere, with the certificate checked by the engine.
    pub(super) async fn take_synced(
        &mut self,
        height: u64,
        round: Round,
        proposer: Address,
        block: Bytes,
    ) -> Result<SyncedValueOutcome<Erm>, Error> {
        if block.len() > BLOCK_BYTES_LIMIT {
            return Ok(SyncedValueOutcome::PeerFault);
        }
        let Some(summary) = self.summary(&block).await?.filter(|summary| summary.height == height) else {
            return Ok(SyncedValueOutcome::PeerFault);
        };
        if height != self.tip() + 1 {
            return Ok(SyncedValueOutcome::LocalTransientError);
        }
        let content = OpeningContent {
            height,
            round: round_number(round),
            block: summary.hash,
            block_bytes: u32::try_from(block.len()).unwrap_or(u32::MAX),
            proposer: proposer.0,
        };
        // Kept like one that was proposed: the write-ahead log will hold its hash. Nobody asks for this stream's signature.
        let record = keep(&Opening { content, signature: ledger::Signature([0; 64]) }, &block);
        if !self.undecided.insert(record.clone())? {
            tracing::error!(height, "no room for a decided block");
            return Ok(SyncedValueOutcome::LocalTransientError);
        }
        let validity = self.judge(&summary.hash, block, false).await?;
        Ok(SyncedValueOutcome::Verdict(proposed(&record, validity)))
    }
}

pub(super) fn decided_values<M: StateMachine>(
    shared: &Shared<M>,
    from: u64,
    through: u64,
) -> Vec<RawDecidedValue<Erm>> {
    let mut values = Vec::new();
    let mut bytes = 0usize;
    for height in from..=through.min(shared.blocks.height()) {
        match shared.blocks.read(height) {
            Ok(Some((block, certificate))) => {
                bytes = bytes.saturating_add(block.len());
                if bytes > SYNC_BYTES && !values.is_empty() {
                    break;
                }
                values.push(RawDecidedValue::new(block, certificate_in(&certificate)));
            }
            Ok(None) => break,
            Err(error) => {
                tracing::error!(height, %error, "a block cannot be read for a lagging node");
                break;
            }
        }
    }
    values
}
