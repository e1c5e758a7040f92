//! What the demo shows while it runs, and the summary that it leaves.

use std::collections::BTreeMap;

use serde::Serialize;

/// One look at everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// Simulated time, milliseconds since 1970-01-01 UTC.
    pub(crate) time_ms: i64,
    pub(crate) readings: u64,
    pub(crate) readings_per_second: f64,
    pub(crate) anomalies: u64,
    pub(crate) open_episodes: u64,
    pub(crate) mails: u64,
    pub(crate) blocks: u64,
    pub(crate) anchored: u64,
    pub(crate) height: u64,
    pub(crate) weight_online: u64,
    pub(crate) weight_total: u64,
    pub(crate) transactions: u64,
    /// Verdict → number of claims.
    pub(crate) verdicts: BTreeMap<String, u64>,
    /// What the story is at.
    pub(crate) scene: String,
}

/// `summary.json`.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) readings: u64,
    pub(crate) rejected: u64,
    pub(crate) anomalies: u64,
    pub(crate) episodes: Vec<EpisodeLine>,
    pub(crate) mails: u64,
    pub(crate) phc: PhcLine,
    pub(crate) record_chain: RecordLine,
    pub(crate) claims: Vec<ClaimLine>,
    pub(crate) seconds: f64,
}

/// One episode; times in ISO 8601, UTC. `end` is null while it is open.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct EpisodeLine {
    pub(crate) patient: String,
    pub(crate) route: String,
    pub(crate) signal: String,
    pub(crate) start: String,
    pub(crate) end: Option<String>,
}

/// The personal chains.
#[derive(Debug, Serialize)]
pub(crate) struct PhcLine {
    pub(crate) patients: u64,
    pub(crate) blocks: u64,
    /// Personal chains whose head is under an anchor of the record chain.
    pub(crate) anchored: u64,
}

/// The record chain.
#[derive(Debug, Serialize)]
pub(crate) struct RecordLine {
    pub(crate) height: u64,
    pub(crate) transactions: u64,
    pub(crate) validators: u64,
}

/// One claim.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ClaimLine {
    pub(crate) id: String,
    pub(crate) verdict: String,
    /// The receipt's file, relative to the data directory.
    pub(crate) receipt: String,
}

/// ISO 8601 in UTC, to the second.
pub(crate) fn iso(time_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(time_ms)
        .map_or_else(|_| time_ms.to_string(), |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

impl Facts {
    /// One line for logs and pipes.
    pub(crate) fn line(&self) -> String {
        let verdicts: Vec<_> = self.verdicts.iter().map(|(verdict, count)| format!("{verdict} {count}")).collect();
        format!(
            "{}  {:>7.0} readings/s  {} readings  {} anomalies  {} mails  {} blocks ({} chains anchored)  height {}  stake {}/{}  claims: {}  | {}",
            iso(self.time_ms),
            self.readings_per_second,
            self.readings,
            self.anomalies,
            self.mails,
            self.blocks,
            self.anchored,
            self.height,
            self.weight_online,
            self.weight_total,
            if verdicts.is_empty() { "none yet".to_owned() } else { verdicts.join(", ") },
            self.scene,
        )
    }
}
