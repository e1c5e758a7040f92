//! What goes over the wire, all of it borsh.

use borsh::{BorshDeserialize, BorshSerialize};
use claims::Finality;
use erm::{Key, SetChange, StateProof};
use portal::ChainError;

/// Whom tokens are for.
pub(super) const AUDIENCE: &str = "record-node";
/// Which member asks.
pub(super) const PARTY_HEADER: &str = "x-caduceus-party";
/// A signed transaction; answered with the height of its block, `u64`, once it is final.
pub(super) const COMMIT: &str = "/v1/commit";
/// [`AskSnapshot`] → [`AnswerSnapshot`].
pub(super) const SNAPSHOT: &str = "/v1/snapshot";
/// [`AskState`] → [`AnswerState`].
pub(super) const STATE: &str = "/v1/state";
/// Largest request: a transaction is at most 128 KiB, keys are less.
pub(super) const REQUEST_BYTES_MAX: usize = 192 << 10;
/// Largest answer; a history of many changes of validators is the largest thing in one.
pub(super) const ANSWER_BYTES_MAX: usize = 32 << 20;
/// Most keys of one question.
pub(super) const KEYS_MAX: usize = 256;

/// Which block.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
pub(super) struct AskSnapshot {
    /// A height; none for the last one.
    pub(super) height: Option<u64>,
    /// What the asker has seen already of this height, or of the last one. The node waits a little for it.
    pub(super) at_least: u64,
}

/// A final block's header, and how the validators came to be those who decided it.
#[derive(BorshSerialize, BorshDeserialize)]
pub(super) struct AnswerSnapshot {
    pub(super) finality: Finality,
    pub(super) history: Vec<SetChange>,
}

/// Values after the block of a height that the asker has seen. The node waits a little for it.
#[derive(Debug, BorshSerialize, BorshDeserialize)]
pub(super) struct AskState {
    pub(super) height: u64,
    pub(super) keys: Vec<Key>,
}

/// One answer a key, in order.
#[derive(BorshSerialize, BorshDeserialize)]
pub(super) struct AnswerState {
    pub(super) proven: Vec<(Option<Vec<u8>>, StateProof)>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) enum Trouble {
    /// The record chain refuses the transaction.
    Refused { code: u16, reason: String },
    /// Another node may answer, or this one a little later.
    Unavailable(String),
    /// The height is not there.
    NoHeight(u64),
    /// The token does not let in.
    NotLetIn(String),
    /// The request is none.
    Malformed(String),
}

impl From<ChainError> for Trouble {
    fn from(error: ChainError) -> Self {
        match error {
            ChainError::Refused { code, reason } => Self::Refused { code, reason },
            ChainError::Unavailable(reason) => Self::Unavailable(reason),
            ChainError::NoHeight(height) => Self::NoHeight(height),
        }
    }
}

impl From<Trouble> for ChainError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Refused { code, reason } => Self::Refused { code, reason },
            Trouble::Unavailable(reason) => Self::Unavailable(reason),
            Trouble::NoHeight(height) => Self::NoHeight(height),
            Trouble::NotLetIn(reason) => Self::Unavailable(format!("the record node does not let us in: {reason}")),
            Trouble::Malformed(reason) => Self::Unavailable(format!(
                "the record node does not understand us: {reason}; both must be of the same version"
            )),
        }
    }
}
