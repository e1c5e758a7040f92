//! The event log: topics in partitions, an ordered append, and **one atomic step that appends to several topics and moves the
//! read position**. It is not a queue and not a database: nothing is ever changed in place, and who reads does not remove.
//!
//! Two logs keep the same contract: the embedded one in a directory, for one process and no broker; and Apache Kafka.
//! Everything else in the project knows only the trait [`EventLog`].
//!
//! ```
//! use std::time::Duration;
//! use stream::{Append, Batch, EmbeddedLog, Event, EventLog, Reader, Topics, Writer, topics};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! let log = EmbeddedLog::open(dir.path(), stream::embedded::Settings::new(Topics::standard(8)?))?;
//! let mut writer = log.writer("example").await?;
//! writer.commit(Batch::of(vec![Append::new(topics::READINGS, "patient-1", 1_700_000_000_000, "72 bpm")])).await?;
//!
//! let mut reader = log.reader("example", &[&topics::READINGS]).await?;
//! loop {
//!     match reader.next(100, Duration::from_secs(1)).await? {
//!         Event::Records(records) => {
//!             let alerts = records.iter().map(|record| Append::new(topics::ALERTS, record.key.clone(), record.time_ms, "?")).collect();
//!             let read = records.iter().map(|record| record.next_position()).collect();
//!             // Alerts and read position: both or neither.
//!             writer.commit(Batch::of(alerts).moving(reader.membership(), read)).await?;
//!             break;
//!         }
//!         Event::Assigned(_) => {} // restore the state of these partitions
//!         Event::Revoked(_) => {}  // drop it
//!         Event::Idle => panic!("nothing came"),
//!     }
//! }
//! log.close().await?;
//! # Ok(())
//! # }
//! ```

pub mod embedded;
mod error;
mod headers;
pub mod kafka;
mod log;
mod partition;
mod plan;
mod record;
pub mod topics;

pub use embedded::EmbeddedLog;
pub use error::{Error, Result};
pub use headers::{CloudEvent, Headers, MAX_HEADERS_BYTES, TRACEPARENT};
pub use kafka::KafkaLog;
pub use log::{Event, EventLog, Reader, Scan, Writer};
pub use partition::partition_of;
pub use plan::MAX_KEY_BYTES;
pub use record::{Append, Batch, Membership, Partition, Position, ReadPositions, Record};
pub use topics::{Retention, Topic, TopicSpec, Topics};
