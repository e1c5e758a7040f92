//! The personal chain.

mod error;
pub mod messages;
mod record;

pub use error::Error;
pub use messages::{Alert, ReadingBatch, Rejected, RejectedValue, Tick, open_topic_value, seal_topic_value};
pub use record::{AccessRequest, CATEGORY_ACCESS, CATEGORY_ANOMALIES, CATEGORY_SCORES, Provenance, Reading, Record, Score, Subject};
