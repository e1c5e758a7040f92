//! The record chain as the portal needs it. The binary implements this on a running node; tests on a state machine alone.

use std::sync::Arc;

use async_trait::async_trait;
use claims::{Finality, ProvenState};
use erm::{Key, SetChange, StateProof};
use ledger::Digest;

/// Why the record chain did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The transaction breaks a rule and will never be taken in; `code` is the number of [`erm::Refusal::code`].
    #[error("the record chain refuses: {reason}")]
    Refused {
        /// Number of the rule.
        code: u16,
        /// What is wrong.
        reason: String,
    },
    /// The chain cannot answer now: try again.
    #[error("the record chain does not answer now: {0}")]
    Unavailable(String),
    /// The height is not there, not yet or no more.
    #[error("the record chain does not hold height {0}")]
    NoHeight(u64),
}

/// A record node, from the portal's side.
#[async_trait]
pub trait RecordChain: Send + Sync {
    /// The network id.
    fn network(&self) -> Digest;
    /// Sends an encoded, signed transaction and waits until it is final; gives the height of its block.
    async fn commit(&self, transaction: Vec<u8>) -> Result<u64, ChainError>;
    /// The state after a final block: the last one, or that of a height. The last one is never below a height that
    /// [`commit`](Self::commit) has answered; before the first block there is none.
    async fn snapshot(&self, height: Option<u64>) -> Result<Arc<dyn Snapshot>, ChainError>;
}

/// The state after one final block.
pub trait Snapshot: Send + Sync {
    /// The block and its certificate.
    fn finality(&self) -> &Finality;
    /// Changes of the validators from the genesis up to before the block.
    fn history(&self) -> &[SetChange];
    /// What stands under a key, or nothing, with the proof.
    fn prove(&self, key: &Key) -> Result<(Option<Vec<u8>>, StateProof), erm::Error>;
    /// As [`prove`](Self::prove), without the proof.
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, erm::Error>;
}

/// A snapshot as the state that evidence is gathered from.
pub(crate) struct Proving<'a>(pub(crate) &'a dyn Snapshot);

impl ProvenState for Proving<'_> {
    fn prove(&self, key: &Key) -> Result<(Option<Vec<u8>>, StateProof), erm::Error> {
        self.0.prove(key)
    }
}

/// A value of the state, decoded.
pub(crate) fn read<T: borsh::BorshSerialize + borsh::BorshDeserialize>(
    snapshot: &dyn Snapshot,
    key: &Key,
) -> Result<Option<T>, ChainError> {
    let unavailable = |error: String| ChainError::Unavailable(error);
    let value = snapshot.get(key).map_err(|error| unavailable(error.to_string()))?;
    value.map(|bytes| ledger::decode("state value", &bytes).map_err(|error| unavailable(error.to_string()))).transpose()
}
