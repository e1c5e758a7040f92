//! The personal chain.

mod block;
mod chain;
mod error;
mod keys;
pub mod messages;
mod opening;
mod record;

pub use block::{ANOMALIES_MAX, AnomalyEntry, BATCH_RECORDS_MAX, BLOCK_BYTES_MAX, BatchEntry, Block, Body, DIRECTIVES_MAX, Header, Interval, Span};
pub use chain::{ChainState, ChainVerifier};
pub use error::Error;
pub use keys::{KeyEntry, KeyRing, PatientKeys, Scope, batch_key};
pub use messages::{Alert, ReadingBatch, Rejected, RejectedValue, Tick, open_topic_value, seal_topic_value};
pub use opening::{Act, Directive, Opening, Role, WRITERS_MAX, Writer, may_append};
pub use record::{AccessRequest, CATEGORY_ACCESS, CATEGORY_ANOMALIES, CATEGORY_SCORES, Provenance, Reading, Record, Score, Subject};
