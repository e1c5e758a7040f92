//! What the nodes tell each other beside votes: blocks in parts, transactions, where they stand, whose node they are.

use arc_malachitebft_app_channel::app::engine::util::streaming::StreamContent;
use arc_malachitebft_app_channel::app::types::core::ValidatorProof;
use arc_malachitebft_app_channel::app::types::streaming::{StreamId, StreamMessage};
use arc_malachitebft_app_channel::app::types::{PeerId, ProposedValue};
use arc_malachitebft_app_channel::{NetworkMsg, Verifier as _};
use bytes::Bytes;
use ledger::CommitCertificate;
use rand_core::{OsRng, RngCore as _};

use super::super::context::Erm;
use super::super::parts::split;
use super::super::signing::{Sr25519Verifier, opening_verifies};
use super::super::types::{Opening, OpeningContent, Part};
use super::Driver;
use super::judge::proposer_of;
use crate::gossip::Told;
use crate::node::Shared;
use crate::undecided::{Undecided, UndecidedStore};
use crate::{Error, StateMachine};

/// Proposals kept for heights this far beyond the next one.
const HEIGHTS_AHEAD: u64 = 4;
/// Rounds ahead of the engine's whose blocks are taken: as many as it takes votes for (`MAX_FUTURE_ROUND_LOOKAHEAD`).
const ROUNDS_AHEAD: u32 = 10;
/// Different blocks kept for one round: two show that the proposer equivocates, a third shows nothing more.
const BLOCKS_PER_ROUND: usize = 2;

impl<M: StateMachine> Driver<M> {
    pub(super) async fn send(&self, message: NetworkMsg<Erm>) -> Result<(), Error> {
        self.network.send(message).await.map_err(|_| Error::Stopped)
    }

    pub(super) async fn tell_tip(&mut self, told_height: &mut u64) -> Result<(), Error> {
        let tip = self.tip();
        // Again and again while idle: whoever comes back then learns it.
        if tip == 0 || (self.start.is_none() && *told_height == tip) {
            return Ok(());
        }
        *told_height = tip;
        if let Some((_, certificate)) = self.shared.blocks.read(tip)? {
            self.send(single(Part::Tip(Box::new(certificate)))).await?;
        }
        Ok(())
    }

    /// Streams a block to the other validators.
    pub(super) async fn publish(&self, record: &Undecided) -> Result<(), Error> {
        let mut id = record.hash.0[..16].to_vec();
        // Another id each time: who dropped the first stream takes the second.
        id.extend_from_slice(&OsRng.next_u64().to_le_bytes());
        let id = StreamId::new(id.into());
        let block = record.bytes();
        let content = opening_content(record);
        for (sequence, part) in split(Opening { content, signature: record.signature }, &block) {
            self.send(NetworkMsg::PublishProposalPart(StreamMessage::new(
                id.clone(),
                sequence,
                StreamContent::Data(part),
            )))
            .await?;
        }
        Ok(())
    }

    /// Takes a part in; answers the block's verdict when its last part has come.
    pub(super) async fn take_part(
        &mut self,
        publisher: PeerId,
        message: StreamMessage<Part>,
    ) -> Result<Option<ProposedValue<Erm>>, Error> {
        let publisher = publisher.to_bytes();
        if !self.members.contains(&publisher) {
            return Ok(None);
        }
        let part = match message.content {
            StreamContent::Data(Part::Transactions(transactions)) => {
                // Full means that checking cannot keep up: those who have them tell them again.
                let _ = self.told.try_send(Told { publisher, transactions });
                return Ok(None);
            }
            StreamContent::Data(Part::Tip(certificate)) => {
                self.learn_tip(&certificate);
                return Ok(None);
            }
            StreamContent::Data(Part::Hello(proof)) => {
                self.learn_key(&publisher, &proof).await;
                return Ok(None);
            }
            StreamContent::Data(part) => part,
            StreamContent::Fin => return Ok(None),
        };
        let key = (publisher, message.stream_id.to_bytes().to_vec());
        let (shared, undecided, started) = (&self.shared, &self.undecided, self.started);
        let complete =
            self.assembler.insert(&key, message.sequence, part, |opening| accepts(shared, undecided, started, opening));
        match complete {
            Some((opening, block)) => self.take_block(&opening, block).await,
            None => Ok(None),
        }
    }

    /// Whose node a connection leads to.
    async fn learn_key(&self, publisher: &[u8], proof: &ValidatorProof<Erm>) {
        let verifier = Sr25519Verifier { network: self.shared.network };
        let verifies = proof.peer_id == publisher
            && verifier.verify_validator_proof(proof).await.is_ok_and(|verdict| verdict.is_valid());
        if let (true, Ok(key)) = (verifies, proof.decoded_public_key()) {
            self.greetings.insert(publisher.to_owned(), key);
        }
    }

    /// Another node's last certificate: later than ours, it is a reason to go on.
    fn learn_tip(&mut self, certificate: &CommitCertificate) {
        if self.start.is_none() || certificate.height <= self.tip() {
            return;
        }
        let validators = self.shared.machine().validators();
        if certificate.verify(&self.shared.network, &validators).is_ok() {
            self.pace.behind(certificate.height);
        }
    }
}

pub(super) fn single(part: Part) -> NetworkMsg<Erm> {
    let mut id = [0; 16];
    OsRng.fill_bytes(&mut id);
    NetworkMsg::PublishProposalPart(StreamMessage::new(
        StreamId::new(Bytes::copy_from_slice(&id)),
        0,
        StreamContent::Data(part),
    ))
}

fn opening_content(record: &Undecided) -> OpeningContent {
    let block_bytes = u32::try_from(record.block.len()).unwrap_or(u32::MAX);
    OpeningContent {
        height: record.height,
        round: record.round,
        block: record.hash,
        block_bytes,
        proposer: record.proposer,
    }
}

/// Whether a stream may be opened: a height and a round that are near, the round's own proposer, its signature, and not a
/// third block. `started`: height and round that the engine is in.
fn accepts<M: StateMachine>(
    shared: &Shared<M>,
    undecided: &UndecidedStore,
    started: (u64, u32),
    opening: &Opening,
) -> bool {
    let content = &opening.content;
    // In a height ahead the set may be another, and the proposer then: that block is lost to this node, and its round may be.
    // Were every validator heard, one could take up the places of them all.
    is_near(shared.blocks.height(), started, content.height, content.round)
        && content.proposer == proposer_of(shared, content.height, content.round)
        && is_no_third(undecided, content)
        && opening_verifies(&shared.network, opening)
}

/// Whether blocks of a height and a round are taken. What is far ahead would push out blocks that may be decided.
fn is_near(tip: u64, started: (u64, u32), height: u64, round: u32) -> bool {
    let present = if started.0 == height { started.1 } else { 0 };
    height > tip && height <= tip.saturating_add(1 + HEIGHTS_AHEAD) && round <= present.saturating_add(ROUNDS_AHEAD)
}

/// Whether a block is one of the first two of its proposer for its round. These may come again.
fn is_no_third(undecided: &UndecidedStore, content: &OpeningContent) -> bool {
    let of_round = |record: &&Undecided| record.round == content.round && record.proposer == content.proposer;
    let kept: Vec<_> = undecided.of_height(content.height).filter(of_round).map(|record| record.hash).collect();
    kept.len() < BLOCKS_PER_ROUND || kept.contains(&content.block)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ledger::{Digest, PublicKey, Signature};

    use super::*;

    #[test]
    fn rounds_far_ahead_are_not_taken_until_the_engine_has_come_near() {
        assert!(is_near(4, (5, 0), 5, 10));
        assert!(!is_near(4, (5, 0), 5, 11));
        assert!(is_near(4, (5, 7), 5, 17), "the engine has moved on");
        assert!(!is_near(4, (5, 7), 5, 18));
        assert!(is_near(4, (5, 7), 5, 0), "a block of an earlier round, sent again");
        assert!(is_near(4, (5, u32::MAX), 5, u32::MAX));
    }

    #[test]
    fn heights_ahead_are_in_their_first_round_whatever_round_the_engine_is_in() {
        assert!(is_near(4, (4, 90), 5, 10), "the engine is done with its height and not in the next yet");
        assert!(!is_near(4, (4, 90), 5, 11));
        assert!(is_near(4, (5, 90), 9, 10));
        assert!(!is_near(4, (5, 90), 9, 11));
        assert!(!is_near(4, (5, 0), 10, 0), "too high");
        assert!(!is_near(4, (5, 0), 4, 0), "decided");
    }

    #[test]
    fn a_proposers_third_block_is_refused_and_its_first_two_and_others_may_come_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = UndecidedStore::open(&dir.path().join("undecided"), 0).unwrap();
        let content = |proposer, round, block| OpeningContent {
            height: 5,
            round,
            block: Digest([block; 32]),
            block_bytes: 1,
            proposer: PublicKey([proposer; 32]),
        };
        for block in [1, 2] {
            let OpeningContent { height, round, block: hash, proposer, .. } = content(1, 3, block);
            assert!(is_no_third(&store, &content(1, 3, block)));
            let signature = Signature([0; 64]);
            store.insert(Undecided { height, round, hash, proposer, signature, block: vec![block] }).unwrap();
        }
        assert!(!is_no_third(&store, &content(1, 3, 3)));
        assert!(is_no_third(&store, &content(1, 3, 1)) && is_no_third(&store, &content(1, 3, 2)));
        assert!(is_no_third(&store, &content(1, 4, 3)), "another round");
        assert!(is_no_third(&store, &content(2, 3, 3)), "another's places are its own");
    }
}
