//! What must not be lost, and what can be rebuilt: an append-only [segment log](segment_log), forced to disk before it
//! acknowledges; an [index] over it, which may be deleted at any time; and content-addressed [blobs](blob). It knows
//! nothing of what the bytes mean, encrypts nothing and talks to no network of its own.
//!
//! ```
//! use store::segment_log::{LogId, Record, SegmentLog, Settings};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! let opened = SegmentLog::open(&dir.path().join("log"), LogId([7; 16]), Settings::default())?;
//! let position = opened.log.append(&[Record::new(1, b"one batch"), Record::new(1, b"one barrier")])?;
//! assert_eq!(opened.log.read(position)?.records().count(), 2);
//! opened.log.close()?;
//! # Ok(())
//! # }
//! ```

pub mod blob;
mod error;
pub mod index;
mod lock;
pub mod segment_log;

pub use blob::BlobStore;
pub use error::{Error, Result};
pub use index::{Index, IndexBatch, IndexState, open_patiently};
pub use ledger::BlobRef;
pub use segment_log::{LogId, Record, SegmentLog, Settings, Unit, UnitPosition};
