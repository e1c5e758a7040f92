//! `[monitor]` and `[portal]`.

use std::net::SocketAddr;
use std::path::PathBuf;

use kit::{Documented, Key};
use serde::{Deserialize, Serialize};

use crate::network::INSURER;

/// `[monitor]`: readings to blocks and alerts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MonitorSettings {
    pub(crate) name: String,
    pub(crate) block_records: u32,
    pub(crate) block_age_minutes: u32,
    pub(crate) anchor_minutes: u32,
    pub(crate) cohort_seed: u64,
}

impl Default for MonitorSettings {
    fn default() -> Self {
        Self {
            name: "monitor-1".into(),
            block_records: 1_024,
            block_age_minutes: 60,
            anchor_minutes: 10,
            cohort_seed: crate::platform::COHORT_SEED,
        }
    }
}

impl Documented for MonitorSettings {
    const SECTION: &'static str = "monitor";
    const ABOUT: &'static str =
        "Readings to blocks and alerts. Monitors of different names share the work and take over from each other.";
    const KEYS: &'static [Key] = &[
        Key::new("name", "", "Name of this monitor; another of the same name takes its place."),
        Key::new("block_records", "", "A personal chain's block is cut at this many records."),
        Key::new(
            "block_age_minutes",
            "minutes of event time",
            "A block is cut at this age at the latest; an alert cuts at once.",
        ),
        Key::new(
            "anchor_minutes",
            "minutes of event time",
            "How often the heads of the personal chains are anchored on the record chain.",
        ),
        Key::new(
            "cohort_seed",
            "",
            "Seed of the reference population that the cohort forest is fitted on; its model's hash is in every block.",
        ),
    ];

    fn check(&self) -> Result<(), String> {
        if self.block_records == 0 || self.block_age_minutes == 0 || self.anchor_minutes == 0 || self.name.is_empty() {
            return Err("name, block_records, block_age_minutes and anchor_minutes: none may be empty or 0".into());
        }
        Ok(())
    }
}

/// `[portal]`: everything over HTTP.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PortalSettings {
    pub(crate) listen: SocketAddr,
    pub(crate) open_to_network: bool,
    pub(crate) party: String,
    pub(crate) audience: String,
    pub(crate) dir: PathBuf,
    pub(crate) amount_tolerance_minor: u64,
    pub(crate) oldest_reading_days: u32,
    pub(crate) tick_seconds: u32,
}

impl Default for PortalSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8_080)),
            open_to_network: false,
            party: INSURER.into(),
            audience: "caduceus".into(),
            dir: "data/portal".into(),
            amount_tolerance_minor: 0,
            oldest_reading_days: 30,
            tick_seconds: 10,
        }
    }
}

impl Documented for PortalSettings {
    const SECTION: &'static str = "portal";
    const ABOUT: &'static str = "Readings, clinical events, consents and claims over HTTP.";
    const KEYS: &'static [Key] = &[
        Key::new(
            "listen",
            "ip:port",
            "Address; requests carry bearer tokens, so other machines need a TLS proxy between.",
        ),
        Key::new("open_to_network", "", "Whether addresses that other machines can reach are allowed."),
        Key::new("party", "", "The member whose portal this is: it signs receipts and records claims."),
        Key::new("audience", "", "The audience that bearer tokens have to name."),
        Key::new(
            "dir",
            "",
            "Folder for wrapped keys of documents and for sealed answers; portals of one member share it.",
        ),
        Key::new(
            "amount_tolerance_minor",
            "hundredths of the currency",
            "How far a claimed amount may be from the recorded one.",
        ),
        Key::new("oldest_reading_days", "days", "Older readings are refused."),
        Key::new(
            "tick_seconds",
            "seconds",
            "How often the event log is told that time goes on, so that silent patients' blocks are cut; 0 for never.",
        ),
    ];

    fn check(&self) -> Result<(), String> {
        if self.audience.is_empty() || self.oldest_reading_days == 0 || self.oldest_reading_days > 36_500 {
            return Err("audience must not be empty, oldest_reading_days is 1 to 36500".into());
        }
        super::reachable("listen", self.listen, "open_to_network", self.open_to_network)
    }
}
