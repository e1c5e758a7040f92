//! A proposed block: kept, executed, and judged before anyone votes on it.

use arc_malachitebft_app_channel::app::types::ProposedValue;
use arc_malachitebft_app_channel::app::types::core::{Context as _, Round, Validity};
use bytes::Bytes;
use ledger::{Digest, PublicKey};

use super::super::context::Erm;
use super::super::types::{Address, BlockHash, Height, Opening, OpeningContent, Validators};
use super::Driver;
use crate::clock::is_acceptable;
use crate::node::Shared;
use crate::undecided::Undecided;
use crate::{BlockSummary, Error, StateMachine};

impl<M: StateMachine> Driver<M> {
    /// Blocks seen for a round, judged now that the height before is decided.
    pub(super) async fn seen(&mut self, height: u64, round: u32) -> Result<Vec<ProposedValue<Erm>>, Error> {
        let proposer = proposer_of(&self.shared, height, round);
        let of_round = |record: &&Undecided| record.round == round && record.proposer == proposer;
        let records: Vec<_> = self.undecided.of_height(height).filter(of_round).cloned().collect();
        let mut values = Vec::new();
        for record in records {
            let validity = self.judge(&record.hash, record.bytes(), true).await?;
            values.push(proposed(&record, validity));
        }
        Ok(values)
    }

    pub(super) async fn take_block(
        &mut self,
        opening: &Opening,
        block: Bytes,
    ) -> Result<Option<ProposedValue<Erm>>, Error> {
        let content = opening.content;
        let Some(summary) =
            self.summary(&block).await?.filter(|one| one.hash == content.block && one.height == content.height)
        else {
            // Whoever sent these bytes lied about them: no verdict on the block that the opening names.
            tracing::warn!(height = content.height, block = %content.block, "a stream's bytes are not the block that it opened with");
            return Ok(None);
        };
        let record = keep(opening, &block);
        if !self.undecided.insert(record.clone())? {
            tracing::warn!(height = record.height, round = record.round, "no room for a proposed block: no vote on it");
            return Ok(None);
        }
        if summary.height != self.tip() + 1 {
            // Judged when its height starts.
            return Ok(None);
        }
        let validity = self.judge(&summary.hash, block, true).await?;
        Ok(Some(proposed(&record, validity)))
    }

    pub(super) async fn summary(&self, block: &Bytes) -> Result<Option<BlockSummary>, Error> {
        let (shared, block) = (self.shared.clone(), block.clone());
        let summary = tokio::task::spawn_blocking(move || shared.machine().summarize(&block));
        Ok(summary.await.map_err(|error| Error::Engine(error.to_string()))?.ok())
    }

    /// Whether this node may stand behind a block's time: asked of every block before a vote, its own included.
    ///
    /// The engine joins the verdicts on a block by its hash over all rounds of a height: one *valid* outweighs every other, and
    /// what it is given to propose counts as valid. So it must be given nothing that this clock refuses. Validators on a tip
    /// ahead of their clocks build the very same block, one after the other; when it was not asked about here, the block
    /// was decided as soon as those who had built it were more than two thirds of the weight, though each of them had
    /// refused it from the others.
    ///
    /// What is not refused, and why. A block that was in time once stays valid here though the clock moves on: others may be
    /// locked on it, and its polka shows that more than two thirds of the weight had it in time. One that was ahead is
    /// valid once the clock has come up to it and it comes again, from one that is locked on it or in a later round. What a
    /// certificate proves to be decided (`take_synced`) is not asked for its time: they did who decided it.
    pub(super) fn is_in_time(&self, height: u64, time_ms: i64) -> bool {
        let (now_ms, config) = (self.clock.now_ms(), &self.config);
        let in_time = is_acceptable(time_ms, now_ms, config.clock_ahead_max_ms, config.clock_behind_max_ms);
        if !in_time {
            tracing::warn!(height, time_ms, now_ms, "a block's time is too far from this node's clock");
        }
        in_time
    }

    /// Keeps what a block of the next height does, so that it is not executed again when it is decided: as long as the
    /// block is kept.
    pub(super) fn remember(&mut self, hash: Digest, executed: M::Executed) {
        self.executed.insert(hash, executed);
        let (undecided, next) = (&self.undecided, self.shared.blocks.height() + 1);
        self.executed.retain(|hash, _| undecided.find(next, hash).is_some());
    }

    /// Executes a block of the next height; `voting` asks about its time too.
    pub(super) async fn judge(&mut self, hash: &Digest, block: Bytes, voting: bool) -> Result<Validity, Error> {
        if voting {
            let Some(summary) = self.summary(&block).await? else { return Ok(Validity::Invalid) };
            if !self.is_in_time(summary.height, summary.time_ms) {
                return Ok(Validity::Invalid);
            }
        }
        if self.executed.contains_key(hash) {
            return Ok(Validity::Valid);
        }
        let shared = self.shared.clone();
        let executed = tokio::task::spawn_blocking(move || {
            // Signatures that were verified when a transaction came in are not verified again.
            shared.machine().validate(&block, &|checked| shared.mempool().is_checked(checked))
        });
        match executed.await.map_err(|error| Error::Engine(error.to_string()))? {
            Ok(executed) => {
                self.remember(*hash, executed);
                Ok(Validity::Valid)
            }
            Err(why) => {
                tracing::warn!(block = %hash, %why, "a proposed block is refused");
                Ok(Validity::Invalid)
            }
        }
    }
}

/// The validator that proposes in a round, as far as the present validators tell: the set may change with each height.
pub(super) fn proposer_of<M: StateMachine>(shared: &Shared<M>, height: u64, round: u32) -> PublicKey {
    let validators = Validators::new(shared.machine().validators());
    let context = Erm { network: shared.network };
    context.select_proposer(&validators, Height(height), Round::new(round)).address.0
}

pub(super) fn keep(opening: &Opening, block: &Bytes) -> Undecided {
    let OpeningContent { height, round, block: hash, proposer, .. } = opening.content;
    Undecided { height, round, hash, proposer, signature: opening.signature, block: block.to_vec() }
}

pub(super) fn proposed(record: &Undecided, validity: Validity) -> ProposedValue<Erm> {
    ProposedValue {
        height: Height(record.height),
        round: Round::new(record.round),
        valid_round: Round::Nil,
        proposer: Address(record.proposer),
        value: BlockHash(record.hash),
        validity,
    }
}
