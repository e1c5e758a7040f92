//! How a log is opened.

use super::scan::ScanLimits;

/// How a log is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Preallocated size of a new segment file (default 64 MiB). A larger unit gets a segment of its own size.
    pub segment_bytes: u64,
    /// Largest unit that is written or read (default 32 MiB), counted without its 32-byte header.
    pub max_unit_bytes: u32,
    /// Waiting batches join one commit group up to this size (default 4 MiB); a single batch may be larger.
    pub max_group_bytes: u64,
    /// Repair non-zero bytes behind an empty unit place in the tail (default no: they are reported as damage). A machine
    /// that lost power in mid-write may leave such bytes when its disk wrote the sectors of the last unit out of order.
    pub repair_gap: bool,
    /// Write zeros through a new segment instead of only reserving its space (default no). Appends then change no
    /// metadata, so that a barrier costs less where the file system journals; in return beginning a segment takes the
    /// time of writing it.
    pub zero_fill: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            max_unit_bytes: 32 << 20,
            max_group_bytes: 4 << 20,
            repair_gap: false,
            zero_fill: false,
        }
    }
}

impl Settings {
    pub(super) fn scan_limits(&self, seed: u32) -> ScanLimits {
        ScanLimits { seed, max_unit_bytes: u64::from(self.max_unit_bytes), repair_gap: self.repair_gap }
    }
}
