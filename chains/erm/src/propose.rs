//! Making a block of what lies in the mempool.

use std::collections::BTreeMap;

use ledger::Digest;

use crate::execute::Execution;
use crate::genesis::Limits;
use crate::prepared::{Prepared, forged};
use crate::{Block, Error, Executed, NodeStore, Refusal, Sender, State};

/// A block that every node at the same head accepts.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The block.
    pub block: Block,
    /// Its effect, so that the proposer needs not execute it again.
    pub executed: Executed,
    /// Positions of candidates that were looked at and left out, ascending, with the reason. One that is
    /// [ahead](Refusal::SequenceAhead) may fit later; the others should leave the mempool.
    pub dropped: Vec<(usize, Refusal)>,
    /// Candidates that were looked at, from the first; the others did not fit.
    pub considered: usize,
}

impl<S: NodeStore> State<S> {
    /// Makes a block at a time from encoded transactions, in their order; what fails is left out. A transaction
    /// that comes before its sender's earlier ones waits for them. The same head, time and candidates give the same
    /// block. `limits` below those of the genesis make smaller blocks.
    pub fn propose(&self, time_ms: i64, candidates: &[Vec<u8>], limits: &Limits) -> Result<Proposal, Error> {
        self.propose_with(time_ms, candidates, limits, &|_| false)
    }

    /// As [`propose`](Self::propose), but the signatures of transactions whose
    /// [`Admission::checked`](crate::Admission::checked) is `verified` are not checked again.
    pub fn propose_with(
        &self,
        time_ms: i64,
        candidates: &[Vec<u8>],
        limits: &Limits,
        verified: &dyn Fn(&Digest) -> bool,
    ) -> Result<Proposal, Error> {
        self.after_head(time_ms)?;
        let own = &self.genesis.limits;
        let count = limits.block_transactions.min(own.block_transactions) as usize;
        let bytes = limits.block_bytes.min(own.block_bytes) as usize;

        let mut dropped = BTreeMap::new();
        let mut room = bytes;
        let mut considered = 0;
        let mut prepared: Vec<(usize, Prepared)> = Vec::new();
        for (position, candidate) in candidates.iter().enumerate() {
            if prepared.len() == count {
                break;
            }
            match self.prepare(candidate) {
                Ok(item) => {
                    let Some(left) = room.checked_sub(candidate.len()) else { break };
                    room = left;
                    prepared.push((position, item));
                }
                Err(refusal) => {
                    dropped.insert(position, refusal);
                }
            }
            considered = position + 1;
        }
        for (index, what) in forged(prepared.iter().map(|(_, item)| item), verified) {
            if let Some((position, _)) = prepared.get(index) {
                dropped.insert(*position, Refusal::Signature(what));
            }
        }

        let mut execution = Execution::new(self, time_ms);
        let mut chosen = Vec::with_capacity(prepared.len());
        let mut waiting: BTreeMap<(&Sender, u64), (usize, &Prepared)> = BTreeMap::new();
        for (position, item) in &prepared {
            if dropped.contains_key(position) {
                continue;
            }
            let mut next = Some((*position, item));
            while let Some((position, item)) = next.take() {
                let sender = &item.signed.body.sender;
                match execution.transaction(&item.signed, item.id) {
                    Ok(()) => {
                        chosen.push(position);
                        next = waiting.remove(&(sender, item.signed.body.sequence.saturating_add(1)));
                    }
                    Err(Error::Refused(refusal)) => {
                        if matches!(refusal, Refusal::SequenceAhead { .. }) {
                            waiting.entry((sender, item.signed.body.sequence)).or_insert((position, item));
                        }
                        dropped.insert(position, refusal);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        for position in &chosen {
            dropped.remove(position);
        }

        let transactions: Vec<Vec<u8>> =
            chosen.iter().filter_map(|position| candidates.get(*position)).cloned().collect();
        let (header, executed) = self.finish(execution, ledger::root_of(&transactions))?;
        let dropped = dropped.into_iter().collect();
        Ok(Proposal { block: Block { header, transactions }, executed, dropped, considered })
    }
}
