//! The monitor: readings of the event log go through the detector into the patients' chains, and what it finds becomes alerts.
//!
//! Exactly once: blocks, alerts, the detector's state and the read position move in one atomic step, after the blocks' blobs are
//! durable. Whoever takes a partition over goes on from there and comes to the same blocks' content. It runs on event time alone,
//! asks for keys and never keeps them, sends no mail and answers no requests. What it once said is computed again from a file by
//! [`recompute`], which needs none of that.
//!
//! ```no_run
//! # async fn example(log: std::sync::Arc<dyn stream::EventLog>, blobs: store::BlobStore, signer: ledger::KeyPair) -> monitor::Result<()> {
//! use std::sync::Arc;
//! use monitor::{HeldKeys, Monitor, Parts, Randomness, Settings};
//!
//! let keys = Arc::new(HeldKeys::default());
//! let detector = Arc::new(vitals::Detector::without_forest(vitals::Settings::default()).expect("the defaults are in bounds"));
//! let network = ledger::Digest::ZERO;
//! let parts = Parts { log, blobs, keys, detector, signer, network, randomness: Randomness::System };
//! let monitor = Monitor::new(parts, Settings::default())?;
//! let progress = monitor.progress();
//! let shutdown = kit::Shutdown::new(std::time::Duration::from_secs(10));
//! monitor.run(&shutdown).await?;
//! println!("{} readings in {} blocks", progress.borrow().readings, progress.borrow().blocks);
//! # Ok(())
//! # }
//! ```

mod anchor;
mod arrival;
mod by_digest;
mod chart;
mod commit;
mod cut;
mod device;
mod error;
mod granted;
mod keys;
mod monitor;
mod outbox;
mod partition;
mod patient;
mod patients;
mod progress;
mod randomness;
mod recompute;
mod restore;
mod settings;
mod shared;
mod state;
mod ticks;
mod watch;

pub use anchor::{AnchorParts, AnchorSink, Anchorer};
pub use arrival::{Arrived, arrival};
pub use error::{Error, Result};
pub use keys::{HeldKeys, KeySource};
pub use monitor::{Monitor, Parts};
pub use phc::Limits;
pub use progress::Progress;
pub use randomness::Randomness;
pub use recompute::{Recomputed, recompute};
pub use settings::Settings;
