use std::collections::BTreeMap;

use stream::Position;
use tokio::sync::watch;

/// How far a monitor has come. Counts are since it started, and only of what is committed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Readings that went into blocks.
    pub readings: u64,
    /// Readings that were held already.
    pub duplicates: u64,
    /// Records kept in `readings.rejected`.
    pub rejected: u64,
    /// Scores that went into blocks.
    pub scores: u64,
    /// The latest score, millionths.
    pub score_micro: Option<i64>,
    /// Anomalies that went into blocks.
    pub anomalies: u64,
    /// Blocks appended.
    pub blocks: u64,
    /// Commits made.
    pub commits: u64,
    /// Patients held.
    pub patients: u64,
    /// Latest event time seen, milliseconds.
    pub event_ms: Option<i64>,
    /// Committed position of `readings` by partition.
    pub committed: BTreeMap<u32, u64>,
}

impl Progress {
    /// Whether everything up to these places of `readings` is in blocks.
    pub fn covers(&self, places: &[Position]) -> bool {
        places
            .iter()
            .all(|place| self.committed.get(&place.partition).is_some_and(|committed| *committed > place.offset))
    }

    /// Waits until everything up to these places of `readings` is in blocks, such as those of final ticks. False where the
    /// monitor ended before.
    pub async fn wait_for(progress: &mut watch::Receiver<Self>, places: &[Position]) -> bool {
        progress.wait_for(|progress| progress.covers(places)).await.is_ok()
    }
}
