//! Anchors of the personal chains' heads, through whatever way there is to the record chain.

use std::sync::Arc;

use async_trait::async_trait;
use erm::{AnchorHeads, AnchorRecord as Held, Body, Id, Key, Payload, Refusal, Sender};
use ledger::{Digest, KeyPair};
use monitor::AnchorSink;
use phc::AnchorRecord;
use portal::{ChainError, RecordChain};
use rand_core::OsRng;

/// Heights that a transaction may wait.
const EXPIRY_HEIGHTS: u64 = 1_000;
/// The member's key may be in use elsewhere too (a portal): then its sequence moves on between reading and sending.
const TRIES: u32 = 5;

/// Anchors under a member's signature.
pub(crate) struct ChainAnchors {
    chain: Arc<dyn RecordChain>,
    party: Id,
    key: KeyPair,
}

impl ChainAnchors {
    pub(crate) fn new(chain: Arc<dyn RecordChain>, party: Id, key: KeyPair) -> Self {
        Self { chain, party, key }
    }
}

#[async_trait]
impl AnchorSink for ChainAnchors {
    async fn latest(&self) -> Result<Digest, String> {
        let snapshot = match self.chain.snapshot(None).await {
            // Nothing was anchored at the genesis.
            Err(ChainError::NoHeight(0)) => return Ok(Digest::ZERO),
            snapshot => snapshot.map_err(|error| error.to_string())?,
        };
        let value = snapshot.get(&Key::Anchor(self.party.clone())).map_err(|error| error.to_string())?;
        let held = value
            .map(|bytes| ledger::decode::<Held>("anchor", &bytes))
            .transpose()
            .map_err(|error| error.to_string())?;
        Ok(held.map_or(Digest::ZERO, |held| held.anchor))
    }

    async fn submit(&self, anchor: &AnchorRecord) -> Result<(), String> {
        let heads = AnchorHeads { previous: anchor.previous, root: anchor.root, chains: anchor.chains };
        send(self.chain.as_ref(), Sender::Party(self.party.clone()), &self.key, Payload::Anchor(heads)).await.map(drop)
    }
}

/// Signs and sends one transaction; gives the height of its block.
pub(crate) async fn send(
    chain: &dyn RecordChain,
    sender: Sender,
    key: &KeyPair,
    payload: Payload,
) -> Result<u64, String> {
    let mut tries = 1;
    loop {
        let (sequence, height) = next(chain, &sender).await?;
        let body = Body {
            sender: sender.clone(),
            sequence,
            expiry_height: height.saturating_add(EXPIRY_HEIGHTS),
            payload: payload.clone(),
        };
        let sent = chain.commit(body.sign(&chain.network(), key, &mut OsRng).encode()).await;
        let used = Refusal::SequenceUsed { expected: 0, found: 0 }.code();
        match sent {
            Ok(height) => return Ok(height),
            Err(ChainError::Refused { code, .. }) if code == used && tries < TRIES => tries += 1,
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// The sender's next sequence, and the height at which it was read.
async fn next(chain: &dyn RecordChain, sender: &Sender) -> Result<(u64, u64), String> {
    let snapshot = match chain.snapshot(None).await {
        Err(ChainError::NoHeight(0)) => return Ok((0, 0)),
        snapshot => snapshot.map_err(|error| error.to_string())?,
    };
    let value = snapshot.get(&Key::Sequence(sender.clone())).map_err(|error| error.to_string())?;
    let sequence =
        value.map(|bytes| ledger::decode::<u64>("sequence", &bytes)).transpose().map_err(|error| error.to_string())?;
    Ok((sequence.unwrap_or(0), snapshot.finality().header.height))
}
