//! This node's own proposals.

use arc_malachitebft_app_channel::Reply;
use arc_malachitebft_app_channel::app::types::LocallyProposedValue;
use arc_malachitebft_app_channel::app::types::core::{Round, Validity};

use super::super::context::Erm;
use super::super::types::{BlockHash, Height, OpeningContent};
use super::Driver;
use super::judge::keep;
use crate::clock::next_time_ms;
use crate::undecided::Undecided;
use crate::{Error, StateMachine};

impl<M: StateMachine> Driver<M> {
    /// Builds a block for (height, round), or finds the one built for it before.
    pub(super) async fn propose(
        &mut self,
        height: u64,
        round: u32,
        reply: Reply<LocallyProposedValue<Erm>>,
    ) -> Result<(), Error> {
        if height != self.tip() + 1 {
            tracing::warn!(height, tip = self.tip(), "asked to propose for another height than the next");
            return Ok(());
        }
        let record = match self.undecided.of_proposer(height, round, &self.own).cloned() {
            // Built before a restart, perhaps long ago.
            Some(record) if self.judge(&record.hash, record.bytes(), true).await? == Validity::Valid => record,
            Some(_) => return Ok(()),
            None => match self.build(height, round).await? {
                Some(record) => record,
                None => return Ok(()),
            },
        };
        let _ = reply.send(LocallyProposedValue::new(Height(height), Round::new(round), BlockHash(record.hash)));
        self.publish(&record).await
    }

    async fn build(&mut self, height: u64, round: u32) -> Result<Option<Undecided>, Error> {
        let (shared, max_bytes) = (self.shared.clone(), self.config.block_bytes_max);
        let time_ms = next_time_ms(&*self.clock, shared.machine().tip().time_ms);
        // The chain may be ahead of this clock. See `is_in_time`.
        if !self.is_in_time(height, time_ms) {
            return Ok(None);
        }
        let built = tokio::task::spawn_blocking(move || {
            let candidates = shared.mempool().candidates(max_bytes);
            let machine = shared.machine();
            let proposal =
                machine.propose(time_ms, &candidates, max_bytes, &|checked| shared.mempool().is_checked(checked))?;
            let summary = machine.summarize(&proposal.block)?;
            Ok::<_, crate::Refusal>((proposal, summary))
        });
        let (proposal, summary) = match built.await.map_err(|error| Error::Engine(error.to_string()))? {
            Ok(built) => built,
            Err(why) => {
                tracing::error!(height, round, %why, "the state machine built no block; the round passes");
                return Ok(None);
            }
        };
        self.shared.refuse(proposal.dropped);
        let content = OpeningContent {
            height,
            round,
            block: summary.hash,
            block_bytes: u32::try_from(proposal.block.len()).unwrap_or(u32::MAX),
            proposer: self.own,
        };
        let opening = self.signer.sign_opening(content);
        let record = keep(&opening, &proposal.block);
        if !self.undecided.insert(record.clone())? {
            tracing::warn!(height, round, "no room for another block of this height; the round passes");
            return Ok(None);
        }
        self.remember(summary.hash, proposal.executed);
        Ok(Some(record))
    }
}
