//! What the nodes tell each other beside votes: blocks in parts, transactions, where they stand, whose node they are.

use arc_malachitebft_app_channel::app::engine::util::streaming::StreamContent;
use arc_malachitebft_app_channel::app::types::core::{Context as _, Round, ValidatorProof};
use arc_malachitebft_app_channel::app::types::streaming::{StreamId, StreamMessage};
use arc_malachitebft_app_channel::app::types::{PeerId, ProposedValue};
use arc_malachitebft_app_channel::{NetworkMsg, Verifier as _};
use bytes::Bytes;
use ledger::CommitCertificate;
use rand_core::{OsRng, RngCore as _};

use super::super::context::Erm;
use super::super::parts::split;
use super::super::signing::{Sr25519Verifier, opening_verifies};
use super::super::types::{Height, Opening, OpeningContent, Part, Validators};
use super::Driver;
use crate::gossip::Told;
use crate::node::Shared;
use crate::undecided::{Undecided, UndecidedStore};
use crate::{Error, StateMachine};

/// Proposals kept for heights this far beyond the next one.
const HEIGHTS_AHEAD: u64 = 4;
/// Different blocks kept for one round: two show that the proposer equivocates, a third shows nothing more.
const BLOCKS_PER_ROUND: usize = 2;

impl<M: StateMachine> Driver<M> {
    pub(super) async fn send(&self, message: NetworkMsg<Erm>) -> Result<(), Error> {
        self.network.send(message).await.map_err(|_| Error::Engine("its network part has stopped".into()))
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
        let tip = self.tip();
        let (shared, undecided) = (&self.shared, &self.undecided);
        let complete =
            self.assembler.insert(&key, message.sequence, part, |opening| accepts(shared, undecided, tip, opening));
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
            self.keys.insert(publisher.to_owned(), key);
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

/// Whether a stream may be opened: a height that is near, the round's own proposer, its signature, and not a third block.
fn accepts<M: StateMachine>(shared: &Shared<M>, undecided: &UndecidedStore, tip: u64, opening: &Opening) -> bool {
    let content = &opening.content;
    if content.height <= tip || content.height > tip.saturating_add(1 + HEIGHTS_AHEAD) {
        return false;
    }
    let validators = Validators::new(shared.machine().validators());
    let expected = || {
        let context = Erm { network: shared.network };
        context.select_proposer(&validators, Height(content.height), Round::new(content.round)).address.0
    };
    // Further ahead the set may be another by then: any present validator may open.
    let is_proposer = if content.height == tip + 1 {
        content.proposer == expected()
    } else {
        validators.set.weight(&content.proposer).is_some()
    };
    let of_round = || undecided.of_height(content.height).filter(|record| record.round == content.round).count();
    is_proposer && of_round() < BLOCKS_PER_ROUND && opening_verifies(&shared.network, opening)
}
