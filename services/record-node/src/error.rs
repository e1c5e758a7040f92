use std::path::PathBuf;

use ledger::Digest;

/// Why the node cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting cannot be used: mend the configuration.
    #[error("record node setting {key}: {reason}")]
    Config {
        /// The setting.
        key: &'static str,
        /// What is wrong with it, and what would be right.
        reason: String,
    },
    /// A file or directory cannot be used: free the disk or mend its permissions, then start again.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The block log cannot be read or written: run `check` on the data directory.
    #[error("block log: {0}")]
    Store(#[from] store::Error),
    /// What is on disk contradicts itself: run `check` on the data directory; the node does not repair it.
    #[error("{path}: {reason}")]
    Corrupt {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The consensus engine did not start or has stopped: the reason says why.
    #[error("consensus engine: {0}")]
    Engine(String),
    /// A block that a quorum decided does not execute here: this build differs from the others'. Do not go on with it.
    #[error("block {height} ({block}) was decided by a quorum but refused here: {reason}")]
    Diverged {
        /// Height.
        height: u64,
        /// Hash of the block.
        block: Digest,
        /// What the state machine said.
        reason: String,
    },
    /// A block was decided whose bytes are gone from this node's disk: wipe the data directory to fetch the chain anew.
    #[error("block {height} ({block}) was decided but its bytes are not on this disk")]
    Undecided {
        /// Height.
        height: u64,
        /// Hash of the block.
        block: Digest,
    },
    /// The node was told to stop.
    #[error("the record node has stopped")]
    Stopped,
}

impl Error {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}

/// Why a transaction was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The state machine refuses it; its reason says what to mend.
    #[error(transparent)]
    Refused(#[from] crate::Refusal),
    /// It is waiting already: await it by its id.
    #[error("transaction {0} is already waiting")]
    AlreadyWaiting(Digest),
    /// It is in a block already.
    #[error("transaction {id} is already in block {height}")]
    AlreadyCommitted {
        /// The transaction.
        id: Digest,
        /// The block.
        height: u64,
    },
    /// Another transaction of this sender with the same sequence is waiting: the first one stands.
    #[error("another transaction with sequence {sequence} of this sender is waiting")]
    SequenceTaken {
        /// The sequence.
        sequence: u64,
        /// The transaction that waits.
        by: Digest,
    },
    /// The sender has as many transactions waiting as one may: wait for a block.
    #[error("this sender has {count} transactions waiting, which is the most; try again after the next block")]
    SenderFull {
        /// How many wait.
        count: usize,
    },
    /// The mempool is full: try again later, slower.
    #[error("the mempool is full ({count} transactions, {bytes} bytes); try again after the next block")]
    Full {
        /// Transactions waiting.
        count: usize,
        /// Bytes waiting.
        bytes: usize,
    },
    /// Larger than a transaction may be.
    #[error("{bytes} bytes; a transaction may have {max_bytes}")]
    TooLarge {
        /// Size of this one.
        bytes: usize,
        /// Size allowed.
        max_bytes: usize,
    },
    /// The node has stopped.
    #[error("the record node has stopped")]
    Stopped,
}

/// Why a transaction that was waited for did not come into a block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AwaitError {
    /// It left the mempool without coming into a block; the reason says why.
    #[error("not committed: {0}")]
    Dropped(crate::Refusal),
    /// The node has stopped; whether it came into a block is known after a restart.
    #[error("the record node has stopped")]
    Stopped,
}
