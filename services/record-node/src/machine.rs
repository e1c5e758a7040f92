//! What the node needs of a replicated state machine. The engine's types stop here.

use bytes::Bytes;
use ledger::{Digest, ValidatorSet};

/// A transaction refused or a block rejected, in words that the sender can act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The bytes are not a transaction or block of this network: mend the sender.
    #[error("malformed: {0}")]
    Malformed(String),
    /// A signature does not verify: whoever relayed it did not check it.
    #[error("signature: {0}")]
    Signature(String),
    /// It can no longer be included: make a new one.
    #[error("expired at height {expiry_height}, the chain is at {height}")]
    Expired {
        /// Last height that it allowed.
        expiry_height: u64,
        /// Height of the chain.
        height: u64,
    },
    /// The sender's sequence was used already: read the next one and sign again.
    #[error("sequence {given} of this sender is used; next is {next}")]
    Stale {
        /// Sequence of the transaction.
        given: u64,
        /// Lowest one that can still be included.
        next: u64,
    },
    /// The state's rules forbid it: the reason says which.
    #[error("{0}")]
    Rule(String),
}

/// What the mempool keeps about a transaction that was admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// The transaction's id: a digest over its signed content.
    pub id: Digest,
    /// Who sent it: opaque bytes, the same for all transactions that share a sequence.
    pub sender: Vec<u8>,
    /// Its place among the sender's transactions.
    pub sequence: u64,
    /// Last height at which it may be included.
    pub expiry_height: u64,
    /// Covers all that was verified: content, signatures and the keys they were held against. Not the id: the same
    /// content may come in a block with a signature that nobody checked.
    pub checked: Digest,
}

/// Digests ([`Admission::checked`]) of transactions whose signatures this node has verified.
pub type Verified<'a> = dyn Fn(&Digest) -> bool + Sync + 'a;

/// Where the chain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tip {
    /// Height of the last committed block; 0 before the first.
    pub height: u64,
    /// Its hash; the genesis' at height 0.
    pub hash: Digest,
    /// Its time, milliseconds since 1970.
    pub time_ms: i64,
}

/// What a block says of itself, without executing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockSummary {
    /// Height.
    pub height: u64,
    /// Digest of the header; the header commits to the transactions, and decoding has checked that it does.
    pub hash: Digest,
    /// Hash of the block before.
    pub parent: Digest,
    /// Time, milliseconds since 1970.
    pub time_ms: i64,
    /// Ids of the transactions, in order.
    pub transactions: Vec<Digest>,
}

/// A block that was built here.
pub struct Proposal<E> {
    /// The block's bytes.
    pub block: Bytes,
    /// The block, executed.
    pub executed: E,
    /// Candidates that can never be included, and why. Candidates left out for size or order are not listed.
    pub dropped: Vec<(Digest, Refusal)>,
}

/// A replicated state machine: pure and deterministic. It knows no clock, socket, file or randomness.
///
/// Blocks are executed against the committed state without changing it ([`propose`](Self::propose),
/// [`validate`](Self::validate)) and become the state by [`commit`](Self::commit).
pub trait StateMachine: Send + Sync + 'static {
    /// A block's effect on the state it was executed against.
    type Executed: Send + Sync + 'static;

    /// Digest of the genesis, under which everything is signed.
    fn network(&self) -> Digest;

    /// Where the committed state stands.
    fn tip(&self) -> Tip;

    /// Validators of the next height.
    fn validators(&self) -> ValidatorSet;

    /// A transaction's id, without checking its signature: what is known already is not checked again.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] where the bytes are no transaction.
    fn id(&self, transaction: &[u8]) -> Result<Digest, Refusal>;

    /// Checks transactions for the mempool: form, signature (in a batch), expiry, sequence. One answer each, in order.
    fn admit(&self, transactions: &[Bytes]) -> Vec<Result<Admission, Refusal>>;

    /// Whether a transaction admitted earlier could still be included; called after every block, so cheap.
    fn still_valid(&self, admission: &Admission) -> Result<(), Refusal>;

    /// Builds and executes the next block from candidates, in their order as far as they can be included.
    /// Signatures of those that are `verified` are not checked again.
    fn propose(
        &self,
        time_ms: i64,
        candidates: &[(Digest, Bytes)],
        max_bytes: usize,
        verified: &Verified<'_>,
    ) -> Result<Proposal<Self::Executed>, Refusal>;

    /// Decodes a block and checks that its header commits to its transactions; executes nothing.
    fn summarize(&self, block: &[u8]) -> Result<BlockSummary, Refusal>;

    /// Executes a block on the committed state: it must extend the tip, its time be later, every transaction be
    /// allowed, the header's roots match. Signatures of transactions that are `verified` are not checked again.
    fn validate(&self, block: &[u8], verified: &Verified<'_>) -> Result<Self::Executed, Refusal>;

    /// Makes an executed block the state.
    ///
    /// # Errors
    /// [`Refusal`] where it was executed against another state than the committed one.
    fn commit(&mut self, executed: Self::Executed) -> Result<(), Refusal>;
}
