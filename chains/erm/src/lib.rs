//! The record chain as a pure state machine: members and their stake, patients, clinical events, consents, claims
//! and anchors, in an authenticated state whose every key can be proved present or absent.
//!
//! It knows no clock, socket, file or randomness: time and candidates are passed in, and the same blocks give the
//! same state everywhere. It is not a consensus engine: who may propose, and when a block is final, is decided by
//! votes outside; what it takes to check that finality is here ([`verify_header`]).
//!
//! ```
//! use erm::{Block, Genesis, Limits, MemoryStore, State};
//!
//! # fn main() -> Result<(), erm::Error> {
//! # let genesis = Genesis::from_json(include_bytes!("../tests/it/genesis.json"))?;
//! let mut proposer = State::genesis(genesis.clone(), MemoryStore::default())?;
//! let mut other = State::genesis(genesis, MemoryStore::default())?;
//! let time_ms = proposer.head().time_ms + 1_000;
//! let proposal = proposer.propose(time_ms, &[], &Limits::default())?;
//!
//! let block = Block::decode(&proposal.block.encode())?;
//! let executed = other.validate(&block)?;
//! other.apply(executed)?;
//! proposer.apply(proposal.executed)?;
//! assert_eq!(proposer.head(), other.head());
//! # Ok(())
//! # }
//! ```

mod access;
mod admit;
mod anchor;
mod block;
mod claim;
mod consent;
mod error;
mod event;
mod execute;
mod genesis;
mod id;
mod key;
mod light;
mod members;
mod membership;
mod patient;
mod prepared;
mod proof;
mod propose;
mod role;
mod stake;
mod state;
mod store;
mod transaction;
mod tree;
mod validate;
mod view;

pub use access::{Asker, Decision, Evidence, Query, Reason, decide, matrix};
pub use admit::{Admission, SEQUENCE_AHEAD_MAX};
pub use anchor::{AnchorHeads, AnchorRecord};
pub use block::{Block, Header};
pub use claim::{ClaimRecord, FINGERPRINTS_MAX, FingerprintRecord, RecordClaim, fingerprint_input};
pub use consent::{Category, Consent, ConsentAct, ConsentRecord, DataGroup, Grantee, Mode, Purpose, Release};
pub use error::{Error, Refusal};
pub use event::{BreakGlass, ClinicalEvent, EventKind, EventRecord, FIELDS_MAX, Visit, event_input};
pub use genesis::{
    AUTHORITY_KEYS_MAX, Authority, BLOCK_BYTES_MAX, GENESIS_BYTES_MAX, Genesis, Limits, Operator, Party, RoleWeight,
    TRANSACTION_BYTES_MAX,
};
pub use id::{ID_CHARS_MAX, Id};
pub use key::{ChainClock, Key, Meta};
pub use light::{CHANGES_MAX, Checkpoint, CheckpointValidator, SetChange, TrustRoot, verify_header};
pub use membership::{
    ACTS_MAX, Act, DAY_MS, HISTORY_MAX, KeySpan, Membership, MembershipDecision, OperatorRecord, PartyRecord,
    StandingSpan,
};
pub use patient::{PatientRecord, PatientRegistration};
pub use proof::{ProofLeaf, SIBLINGS_MAX, StateProof};
pub use propose::Proposal;
pub use role::{Action, Role, may};
pub use stake::{Roster, Seat, Shares, StakeViolation};
pub use state::{Executed, Head, Outcome, State};
pub use store::{MemoryStore, NodeStore, Writes};
pub use transaction::{Body, Payload, Sender, Signed, TransactionId};
pub use view::View;
