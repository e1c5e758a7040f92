//! What all partitions of one monitor share.

use std::sync::Arc;

use ledger::{Digest, KeyPair, PublicKey};
use store::BlobStore;
use stream::EventLog;
use vitals::Detector;

use crate::randomness::Drawing;
use crate::{KeySource, Settings};

pub(crate) struct Shared {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) blobs: BlobStore,
    pub(crate) keys: Arc<dyn KeySource>,
    pub(crate) detector: Arc<Detector>,
    pub(crate) model: Digest,
    pub(crate) signer: KeyPair,
    pub(crate) own: PublicKey,
    pub(crate) network: Digest,
    pub(crate) settings: Settings,
    pub(crate) rng: Drawing,
    /// Where messages are opened, one after the other.
    pub(crate) room: Vec<u8>,
    /// Since the last commit; not tied to a block.
    pub(crate) duplicates: u64,
    pub(crate) rejected: u64,
    pub(crate) event_ms: Option<i64>,
}

impl Shared {
    /// Event time has been seen to reach this instant.
    pub(crate) fn saw(&mut self, time_ms: i64) {
        self.event_ms = Some(self.event_ms.map_or(time_ms, |seen| seen.max(time_ms)));
    }

    /// Counts a record that goes to `readings.rejected`.
    pub(crate) fn reject(&mut self, reason: &str) {
        self.rejected += 1;
        metrics::counter!("caduceus_monitor_rejected_total", "reason" => reason.to_owned()).increment(1);
    }
}
