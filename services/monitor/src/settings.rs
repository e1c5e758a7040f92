use std::time::Duration;

use phc::Limits;

use crate::{Error, Result};

/// What can be set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name of the consumer group; all monitors of a network share it.
    pub group: String,
    /// Name of this monitor's writer; another monitor of the same name fences this one.
    pub name: String,
    /// When a block is cut: by number of records or by age in event time. An alert cuts at once.
    pub limits: Limits,
    /// Most records that are read from the log in one step.
    pub records_per_read: usize,
    /// Readings, scores and requests that a partition holds in unfinished blocks, about 32 bytes each; beyond, all are cut.
    pub pending_max: usize,
    /// Patients that a partition holds; readings of others are kept in `readings.rejected`.
    pub patients_max: usize,
    /// Sealed bytes that are gathered before a commit.
    pub commit_bytes: usize,
    /// How long to wait for records before looking at what can be committed.
    pub wait: Duration,
    /// How often a commit is tried again while the log is unavailable.
    pub retries: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            group: "monitor".into(),
            name: "monitor-1".into(),
            limits: Limits { records: 1_024, age_ms: 60 * 60_000 },
            records_per_read: 1_024,
            pending_max: 16_000_000,
            patients_max: 100_000,
            commit_bytes: 8 << 20,
            wait: Duration::from_millis(200),
            retries: 20,
        }
    }
}

impl Settings {
    /// Checks every bound.
    pub fn check(&self) -> Result<()> {
        let refuse = |reason: &str| Err(Error::Setting(reason.into()));
        if self.limits.records == 0 || self.limits.records > 32_768 {
            return refuse("a block holds 1 to 32768 records");
        }
        if self.limits.age_ms <= 0 {
            return refuse("a block's age must be above 0 ms");
        }
        if self.records_per_read == 0 || self.pending_max == 0 || self.patients_max == 0 || self.commit_bytes == 0 {
            return refuse("the bounds on records, patients and bytes must be above 0");
        }
        if self.group.is_empty() || self.name.is_empty() {
            return refuse("group and name must not be empty");
        }
        Ok(())
    }
}
