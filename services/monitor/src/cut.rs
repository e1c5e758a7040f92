//! What one patient adds to the next commit.

use std::sync::Arc;

use ledger::Chain;
use phc::{BlockDraft, PatientKeys};
use stream::Append;

use crate::state::MonitorState;

/// An alert whose block is not made yet.
pub(crate) struct OpenAlert {
    pub(crate) entry: u32,
    pub(crate) anomaly: Vec<u8>,
    pub(crate) alerting: bool,
    pub(crate) severity: &'static str,
    pub(crate) time_ms: i64,
    pub(crate) chart: Vec<(i64, i64)>,
}

/// What a block holds, for the figures.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) readings: u64,
    pub(crate) scores: u64,
    pub(crate) score_micro: Option<i64>,
    pub(crate) anomalies: u64,
}

/// Everything that one patient adds to the next commit.
pub(crate) struct Cut {
    pub(crate) chain: Chain,
    pub(crate) keys: Arc<PatientKeys>,
    /// None where only the state moves on.
    pub(crate) draft: Option<BlockDraft>,
    pub(crate) alerts: Vec<OpenAlert>,
    pub(crate) rejects: Vec<Append>,
    /// Its `chain` is set when the block is made.
    pub(crate) state: MonitorState,
    pub(crate) time_ms: i64,
    pub(crate) counts: Counts,
}

impl Cut {
    /// About what it adds to a commit: bytes of blobs, of the block, of alerts and refused values, and of the state.
    pub(crate) fn bytes(&self) -> usize {
        /// Around a block's batches, and what every record of the log has beside its value.
        const OVERHEAD_BYTES: usize = 1_024;
        let blobs = self.draft.iter().flat_map(BlockDraft::blobs).map(<[u8]>::len).sum::<usize>();
        let alerts = self.alerts.iter().map(|alert| alert.anomaly.len() + 16 * alert.chart.len()).sum::<usize>();
        let rejects = self.rejects.iter().map(|append| append.value.len()).sum::<usize>();
        OVERHEAD_BYTES + blobs + alerts + rejects + self.state.bytes()
    }
}
