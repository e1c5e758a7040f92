use ledger::Digest;

use crate::{Action, Id, Role, StakeViolation};

/// What can go wrong. Each variant names what the caller can do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A transaction or block breaks a rule: every node says so with the same code. Drop it, or mend and send again.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The genesis cannot found a network: mend the file.
    #[error("genesis refused: {0}")]
    Genesis(String),
    /// A name of a party or operator that cannot be one: choose another.
    #[error("{0:?} is no id: an id is 1 to 64 of a-z, 0-9 and '-'")]
    Id(String),
    /// The node store failed or holds something else than was written: stop voting, rebuild the index from the log.
    #[error("state store: {0}")]
    Store(String),
    /// A state proof does not show what it is said to show: refuse what rests on it.
    #[error("state proof refused: {0}")]
    Proof(&'static str),
    /// A header is not shown to be final from the given trust root: refuse what rests on it.
    #[error("header {height} refused: {reason}")]
    Header {
        /// Height of the header in question.
        height: u64,
        /// What is wrong.
        reason: String,
    },
    /// Bytes, keys or signatures below are wrong.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

impl Error {
    /// The refusal, where the input and not this node is at fault.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

/// Why a transaction or a block is refused. Deterministic: the same at every node at the same height.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it; the fields are what they quote")]
pub enum Refusal {
    #[error("the transaction does not decode: {0}")]
    Malformed(String),
    #[error("the transaction has {bytes} bytes; {limit} are allowed")]
    TooLarge { bytes: usize, limit: u32 },
    #[error("{0}")]
    Bounds(&'static str),
    #[error("{0} is no member")]
    PartyUnknown(Id),
    #[error("{0} is suspended")]
    PartySuspended(Id),
    #[error("a {role:?} may not {action:?}")]
    RoleMayNot { role: Role, action: Action },
    #[error("this sender may not send this payload")]
    SenderMayNot,
    #[error("the signature of {0} does not verify")]
    Signature(&'static str),
    #[error("sequence {found} is used; the next is {expected}")]
    SequenceUsed { expected: u64, found: u64 },
    #[error("sequence {found} is ahead; the next is {expected}")]
    SequenceAhead { expected: u64, found: u64 },
    #[error("expired at height {expiry_height}; this is height {height}")]
    Expired { height: u64, expiry_height: u64 },
    #[error("expiry height {expiry_height} is too far ahead; at most {limit}")]
    ExpiryTooFar { expiry_height: u64, limit: u64 },
    #[error("the authority's policy is not met: {0}")]
    Authority(&'static str),
    #[error("{0} is a member already")]
    PartyKnown(Id),
    #[error("operator {0} is unknown")]
    OperatorUnknown(Id),
    #[error("the decision changes nothing: {0}")]
    NoChange(&'static str),
    #[error("the history of {0} is full")]
    HistoryFull(Id),
    #[error(transparent)]
    Stake(#[from] StakeViolation),
    #[error("the patient is registered already")]
    PatientKnown,
    #[error("the patient is not registered")]
    PatientUnknown,
    #[error("an event of this key is recorded already")]
    EventKnown,
    #[error("a record needs the patient's signature or a break-glass reason")]
    VisitUnsigned,
    #[error("no grant to end")]
    GrantUnknown,
    #[error("this claim is recorded already")]
    ClaimKnown,
    #[error("a line was claimed before: fingerprint {0}")]
    FingerprintKnown(Digest),
    #[error("the anchor follows {found}; the last one is {expected}")]
    AnchorPrevious { expected: Digest, found: Digest },

    #[error("the block has height {found}; the next is {expected}")]
    Height { expected: u64, found: u64 },
    #[error("the block's parent is {found}; the head is {expected}")]
    Parent { expected: Digest, found: Digest },
    #[error("the block's time {found} is not after {previous}")]
    Time { previous: i64, found: i64 },
    #[error("the block names other validators")]
    Validators,
    #[error("the block names other next validators")]
    NextValidators,
    #[error("the block's transactions root is not that of its transactions")]
    TransactionsRoot,
    #[error("the block's state root is {found}; executing it gives {expected}")]
    StateRoot { expected: Digest, found: Digest },
    #[error("the block holds more than the limits allow")]
    BlockTooLarge,
    #[error("transaction {position}: {refusal}")]
    Transaction { position: usize, refusal: Box<Refusal> },
}

impl Refusal {
    /// The stable number: 1 to 99 for transactions, from 100 for blocks.
    pub fn code(&self) -> u16 {
        match self {
            Self::Malformed(_) => 1,
            Self::TooLarge { .. } => 2,
            Self::Bounds(_) => 3,
            Self::PartyUnknown(_) => 4,
            Self::PartySuspended(_) => 5,
            Self::RoleMayNot { .. } => 6,
            Self::SenderMayNot => 7,
            Self::Signature(_) => 8,
            Self::SequenceUsed { .. } => 9,
            Self::SequenceAhead { .. } => 10,
            Self::Expired { .. } => 11,
            Self::ExpiryTooFar { .. } => 12,
            Self::Authority(_) => 20,
            Self::PartyKnown(_) => 21,
            Self::OperatorUnknown(_) => 22,
            Self::NoChange(_) => 23,
            Self::HistoryFull(_) => 24,
            Self::Stake(_) => 25,
            Self::PatientKnown => 30,
            Self::PatientUnknown => 31,
            Self::EventKnown => 40,
            Self::VisitUnsigned => 41,
            Self::GrantUnknown => 50,
            Self::ClaimKnown => 60,
            Self::FingerprintKnown(_) => 61,
            Self::AnchorPrevious { .. } => 70,
            Self::Height { .. } => 100,
            Self::Parent { .. } => 101,
            Self::Time { .. } => 102,
            Self::Validators => 103,
            Self::NextValidators => 104,
            Self::TransactionsRoot => 105,
            Self::StateRoot { .. } => 106,
            Self::BlockTooLarge => 107,
            Self::Transaction { .. } => 108,
        }
    }
}
