//! What the engine tells of itself, aside from its questions.

use std::sync::atomic::Ordering;

use arc_malachitebft_app_channel::app::engine::util::events::Event;
use arc_malachitebft_app_channel::app::types::{MisbehaviorEvidence, SignedConsensusMsg};

use super::super::context::Erm;
use super::Driver;
use crate::{Error, StateMachine};

impl<M: StateMachine> Driver<M> {
    /// Votes of others for a height that this node has not started are a reason to start it.
    pub(super) fn observe(&mut self, event: &Event<Erm>) -> Result<(), Error> {
        match event {
            Event::Received(SignedConsensusMsg::Vote(vote)) if self.start.is_some() => {
                let Some(content) = vote.message.content().filter(|content| content.height > self.tip()) else {
                    return Ok(());
                };
                let weight = self.shared.machine().validators().weight(&content.validator);
                let verifies = |content: &ledger::Vote| {
                    content.validator.verify(&content.digest(&self.shared.network), &vote.signature.0).is_ok()
                };
                if let Some(weight) = weight.filter(|_| verifies(&content)) {
                    self.pace.voted(content.height, content.validator, weight);
                }
                Ok(())
            }
            // The engine holds still on purpose; so does this node, and says so.
            Event::WalCorrupted(error) => {
                Err(Error::Engine(format!("votes.wal is damaged: {error}; restore it, or wipe this node's data")))
            }
            Event::WalReplayError(error) => Err(Error::Engine(format!("votes.wal cannot be replayed: {error}"))),
            Event::WalResetError(error) => Err(Error::Engine(format!("votes.wal cannot be used: {error}"))),
            _ => Ok(()),
        }
    }

    /// What the engine said before it stopped: the reason may lie behind other events.
    pub(super) fn why_it_stopped(&mut self) -> Error {
        use tokio::sync::broadcast::error::TryRecvError;
        loop {
            match self.events.try_recv() {
                Ok(event) => {
                    if let Err(reason) = self.observe(&event) {
                        return reason;
                    }
                }
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => {
                    return Error::Engine("it has stopped; its log says why".into());
                }
            }
        }
    }

    pub(super) fn note_evidence(&self, evidence: &MisbehaviorEvidence<Erm>) {
        for (validator, votes) in evidence.votes.iter() {
            tracing::error!(%validator, conflicting = votes.len(), "a validator cast conflicting votes");
            self.shared.evidence.fetch_add(votes.len() as u64, Ordering::Relaxed);
        }
        for (validator, proposals) in evidence.proposals.iter() {
            tracing::error!(%validator, conflicting = proposals.len(), "a validator made conflicting proposals");
            self.shared.evidence.fetch_add(proposals.len() as u64, Ordering::Relaxed);
        }
    }
}
