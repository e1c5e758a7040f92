//! The marker that says which log an index is of and how far it has applied it.

use crate::error::Error;
use crate::segment_log::{LogId, SegmentLog, UnitPosition};

/// Key of the marker: before every entry.
pub(super) const MARKER_KEY: &[u8] = &[0];
const MARKER_BYTES: usize = 16 + 4 + 2 * UnitPosition::BYTES + 4;

/// Log, version, next unit, and the last applied unit with its checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) log: LogId,
    pub(super) version: u32,
    pub(super) next: UnitPosition,
    pub(super) last: (UnitPosition, u32),
}

impl Marker {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(MARKER_BYTES);
        out.extend_from_slice(&self.log.0);
        out.extend_from_slice(&self.version.to_le_bytes());
        out.extend_from_slice(&self.next.to_bytes());
        out.extend_from_slice(&self.last.0.to_bytes());
        out.extend_from_slice(&self.last.1.to_le_bytes());
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (log, rest) = bytes.split_first_chunk::<16>()?;
        let (version, rest) = rest.split_first_chunk::<4>()?;
        let (next, rest) = rest.split_first_chunk::<{ UnitPosition::BYTES }>()?;
        let (last, rest) = rest.split_first_chunk::<{ UnitPosition::BYTES }>()?;
        let checksum: [u8; 4] = rest.try_into().ok()?;
        Some(Self {
            log: LogId(*log),
            version: u32::from_le_bytes(*version),
            next: UnitPosition::from_bytes(next),
            last: (UnitPosition::from_bytes(last), u32::from_le_bytes(checksum)),
        })
    }

    /// Whether an index with this marker can be continued from `log`: same log, same version, not ahead, and the last
    /// applied unit is still the one that the log holds under its sequence.
    pub(super) fn fits(&self, log: &SegmentLog, version: u32) -> bool {
        if self.log != log.id() || self.version != version || self.next.sequence > log.end().sequence {
            return false;
        }
        match log.read(self.last.0) {
            Ok(unit) => unit.checksum() == self.last.1,
            // Retention has taken that very unit but none after it: nothing is missing.
            Err(Error::Retired { .. }) => self.next.sequence >= log.start().sequence,
            Err(_) => false,
        }
    }
}
