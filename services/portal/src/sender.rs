//! Transactions of the facilities that the portal acts for: one after the other, so that their sequences have no gaps.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use erm::{Body, Id, Key, Payload, Sender};
use ledger::KeyPair;
use rand_core::OsRng;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::chain::read;
use crate::{ChainError, RecordChain};

/// How far ahead a transaction expires, in heights.
const EXPIRY_HEIGHTS: u64 = 1_000;
/// The record chain's rule that each of a sender's transactions has a number of its own.
pub(crate) const SEQUENCE_USED: u16 = 9;
/// How often a transaction is numbered anew because another process sent for the same party meanwhile.
const TRIES: u32 = 3;

/// Sends for parties.
pub(crate) struct Senders {
    chain: Arc<dyn RecordChain>,
    locks: Mutex<HashMap<Id, Arc<AsyncMutex<()>>>>,
}

/// The right to send for a party. While it is held nobody else here does, so what was read of the state still holds.
pub(crate) struct Turn {
    party: Id,
    _guard: OwnedMutexGuard<()>,
}

impl Senders {
    pub(crate) fn new(chain: Arc<dyn RecordChain>) -> Self {
        Self { chain, locks: Mutex::default() }
    }

    /// Waits for the party's turn.
    pub(crate) async fn turn(&self, party: &Id) -> Turn {
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            locks.entry(party.clone()).or_default().clone()
        };
        Turn { party: party.clone(), _guard: lock.lock_owned().await }
    }

    /// The next transaction of a party, signed and encoded.
    pub(crate) async fn sign(&self, turn: &Turn, signer: &KeyPair, payload: Payload) -> Result<Vec<u8>, ChainError> {
        let snapshot = self.chain.snapshot(None).await?;
        let sender = Sender::Party(turn.party.clone());
        let sequence = read(snapshot.as_ref(), &Key::Sequence(sender.clone()))?.unwrap_or(0);
        let expiry_height = snapshot.finality().header.height.saturating_add(EXPIRY_HEIGHTS);
        let body = Body { sender, sequence, expiry_height, payload };
        Ok(body.sign(&self.chain.network(), signer, &mut OsRng).encode())
    }

    /// Signs, sends and waits until it is final; gives the height.
    pub(crate) async fn send(&self, turn: &Turn, signer: &KeyPair, payload: Payload) -> Result<u64, ChainError> {
        let mut tries = 1;
        loop {
            let transaction = self.sign(turn, signer, payload.clone()).await?;
            match self.chain.commit(transaction).await {
                Err(ChainError::Refused { code: SEQUENCE_USED, .. }) if tries < TRIES => tries += 1,
                sent => return sent,
            }
        }
    }
}
