/// What can be wrong with bytes, keys and proofs. Each variant names what the caller can do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes are not the one canonical encoding of a known type: refuse them.
    #[error("{what} does not decode: {reason}")]
    Malformed {
        /// The type that was expected.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A signature, VRF proof or authentication tag does not verify: refuse what it covers.
    #[error("{what} does not verify")]
    Invalid {
        /// What was checked.
        what: &'static str,
    },
    /// Some of a batch of signatures do not verify; the rest do.
    #[error("signatures {positions:?} of the batch do not verify")]
    InvalidInBatch {
        /// Positions of the bad ones, ascending.
        positions: Vec<usize>,
    },
    /// A certificate's signers hold too little weight: wait for more votes.
    #[error("signers hold {weight} of {total}; more than two thirds are needed")]
    NoQuorum {
        /// Weight of the valid signers.
        weight: u64,
        /// Weight of all validators.
        total: u64,
    },
    /// A certificate is not well formed: refuse it.
    #[error("certificate refused: {0}")]
    Certificate(String),
    /// A validator set that cannot be used: mend the genesis or the change.
    #[error("validator set refused: {0}")]
    ValidatorSet(String),
    /// A position or size beyond what the tree holds: ask for another.
    #[error("leaf {index} of {size} does not exist")]
    NoSuchLeaf {
        /// The position asked for, from 0.
        index: u64,
        /// Leaves in the tree.
        size: u64,
    },
}
