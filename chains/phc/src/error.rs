/// What can be wrong with a personal chain, its data or its keys. Each variant names what the caller can do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An opening that opens nothing: refuse the chain. Only the patient's signature opens one.
    #[error("the opening of chain {chain} is refused: {reason}")]
    Opening {
        /// The chain's id.
        chain: ledger::Digest,
        /// What is wrong.
        reason: String,
    },
    /// A block that does not continue its chain: refuse it and everything after it.
    #[error("block {height} of chain {chain} is refused: {reason}")]
    Block {
        /// The chain's id.
        chain: ledger::Digest,
        /// Height of the block.
        height: u64,
        /// What is wrong.
        reason: String,
    },
    /// A batch whose content is not what its block committed to: restore its blob from a copy.
    #[error("batch of category {category} in block {height} of chain {chain}: {reason}; restore its blob from a copy")]
    Batch {
        /// The chain's id.
        chain: ledger::Digest,
        /// Height of the block.
        height: u64,
        /// Category of the batch.
        category: u8,
        /// What is wrong.
        reason: String,
    },
    /// The sealed detail of an anomaly is not what its block committed to: restore its blob from a copy.
    #[error("anomaly {index} in block {height} of chain {chain}: {reason}; restore its blob from a copy")]
    Anomaly {
        /// The chain's id.
        chain: ledger::Digest,
        /// Height of the block.
        height: u64,
        /// Position of the entry, from 0.
        index: u32,
        /// What is wrong.
        reason: String,
    },
    /// A record's proof does not hold: refuse the record.
    #[error("the proof of a record is refused: {0}")]
    Proof(String),
    /// The file of an alert does not hold: refuse it.
    #[error("the file of an alert is refused: {0}")]
    AlertFile(String),
    /// A key that was not granted, or was erased: ask the patient for a grant.
    #[error("no key for {scope} of chain {chain}: ask the patient for a grant")]
    NoKey {
        /// The chain's id.
        chain: ledger::Digest,
        /// What the key is for.
        scope: String,
    },
    /// A value beyond its bounds: do not send it.
    #[error("{what} is refused: {reason}")]
    Bounds {
        /// What was checked.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Bytes, a key or a signature that the ledger refuses.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}
