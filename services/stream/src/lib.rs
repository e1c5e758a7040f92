//! The event log: topics in partitions, an ordered append, and **one atomic step that appends to several topics and moves the
//! read position**. It is not a queue and not a database: nothing is ever changed in place, and who reads does not remove.
//!
//! Two logs keep the same contract: the embedded one in a directory, for one process and no broker; and Apache Kafka.
//! Everything else in the project knows only the trait [`EventLog`].

mod error;
mod headers;
mod log;
mod partition;
mod record;
pub mod topics;

pub use error::{Error, Result};
pub use headers::{CloudEvent, Headers, MAX_HEADERS_BYTES, TRACEPARENT};
pub use log::{Event, EventLog, Reader, Scan, Writer};
pub use partition::partition_of;
pub use record::{Append, Batch, Membership, Partition, Position, ReadPositions, Record};
pub use topics::{Retention, Topic, TopicSpec, Topics};
