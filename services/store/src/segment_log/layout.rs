//! Sizes, names and fixed-place integers of the log's files. `docs/formats.md`, section 6, writes them out to the byte.

use std::fmt;
use std::path::{Path, PathBuf};

/// Version of every structure of the log.
pub(super) const VERSION: u32 = 1;
/// Length of a segment header, in memory and on disk.
pub(super) const HEADER_LEN: usize = 64;
pub(super) const HEADER_BYTES: u64 = HEADER_LEN as u64;
/// Length of a segment footer.
pub(super) const FOOTER_LEN: usize = 48;
pub(super) const FOOTER_BYTES: u64 = FOOTER_LEN as u64;
/// Length of a unit header.
pub(super) const UNIT_HEADER_LEN: usize = 32;
pub(super) const UNIT_HEADER_BYTES: u64 = UNIT_HEADER_LEN as u64;
/// Units, and so footers, begin at multiples of this.
pub(super) const ALIGNMENT: u64 = 8;

pub(super) const MANIFEST_NAME: &str = "manifest";
pub(super) const MANIFEST_TEMPORARY_NAME: &str = "manifest.tmp";
pub(super) const SEGMENT_TEMPORARY_NAME: &str = "segment.tmp";
pub(super) const LOCK_NAME: &str = "lock";
const SEGMENT_SUFFIX: &str = ".segment";

/// The identity of one log: 16 random bytes, given at creation and part of every checksum.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogId(pub [u8; 16]);

impl fmt::Debug for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl LogId {
    /// The checksum state that binds what follows to this log.
    pub(super) fn seed(self) -> u32 {
        crc32c::crc32c(&self.0)
    }
}

/// Path of a segment: its index as 20 decimal digits.
pub(super) fn segment_path(dir: &Path, index: u64) -> PathBuf {
    dir.join(format!("{index:020}{SEGMENT_SUFFIX}"))
}

/// The index in a segment's file name; `None` when the name is not exactly one that [`segment_path`] makes.
pub(super) fn segment_index(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SEGMENT_SUFFIX)?;
    if digits.len() != 20 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// Whether a name claims to be a segment, well formed or not.
pub(super) fn looks_like_segment(name: &str) -> bool {
    name.ends_with(SEGMENT_SUFFIX)
}

/// Rounds up to the next multiple of [`ALIGNMENT`]; saturates.
pub(super) const fn aligned(length: u64) -> u64 {
    match length.checked_next_multiple_of(ALIGNMENT) {
        Some(rounded) => rounded,
        None => u64::MAX - (ALIGNMENT - 1),
    }
}

/// Reads fixed-place little-endian integers from a structure whose length was checked.
pub(super) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..at + N).and_then(|slice| slice.try_into().ok()).unwrap_or([0; N])
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}
