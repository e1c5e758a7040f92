//! The portal (draft).
mod chain;
mod custody;
mod error;
pub mod ingest;
mod outcome;
mod token;

pub use chain::{ChainError, RecordChain, Snapshot};
pub use custody::{Custody, FacilityKeys, Patient};
pub use error::Error;
pub use ingest::{Ingest, IngestSettings, Line, LineResult, Submission};
pub use outcome::{Issue, OUTCOME_SYSTEM, Outcome, Problem};
pub use token::{Holder, TOKEN_CHARS_MAX, Token, TokenRefusal};
