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
