//! A bounded window over a file, so that small units are not read one system call each.

use std::path::Path;

use super::fs::{LogFile, read_up_to_at};
use crate::error::{Error, Result};

const CHUNK_LEN: usize = 256 * 1024;
const CHUNK_BYTES: u64 = CHUNK_LEN as u64;

/// Buffered bytes of one file.
#[derive(Debug)]
pub(super) struct Window {
    start: u64,
    bytes: Vec<u8>,
    chunk_bytes: u64,
}

impl Default for Window {
    fn default() -> Self {
        Self { start: 0, bytes: Vec::new(), chunk_bytes: CHUNK_BYTES }
    }
}

impl Window {
    /// A window for one unit at a random place, where reading ahead is a waste.
    pub(super) fn small() -> Self {
        Self { chunk_bytes: 4096, ..Self::default() }
    }

    /// Forgets what is buffered: the next read goes to another file.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// `length` bytes at `at`, fewer where `limit` or the end of the file comes first. Nothing at or after `limit` is
    /// buffered. The caller has bounded `length`.
    pub(super) fn get(&mut self, file: &dyn LogFile, path: &Path, at: u64, length: u64, limit: u64) -> Result<&[u8]> {
        let length = length.min(limit.saturating_sub(at));
        if !self.holds(at, length) {
            let wanted = length.max(self.chunk_bytes).min(limit.saturating_sub(at));
            let wanted = usize::try_from(wanted).map_err(|_| Error::TooLarge {
                what: format!("a read at byte {at} of {}", path.display()),
                size_bytes: wanted,
                limit_bytes: usize::MAX as u64,
            })?;
            self.start = at;
            self.bytes.resize(wanted, 0);
            let read = read_up_to_at(file, &mut self.bytes, at).map_err(|error| Error::io("read", path, error))?;
            self.bytes.truncate(read);
            if self.bytes.capacity() > 4 * CHUNK_LEN && wanted as u64 <= CHUNK_BYTES {
                self.bytes.shrink_to(CHUNK_LEN); // a giant unit has passed
            }
        }
        let from = usize::try_from(at.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let rest = self.bytes.get(from..).unwrap_or_default();
        let end = usize::try_from(length).unwrap_or(usize::MAX).min(rest.len());
        Ok(rest.get(..end).unwrap_or_default())
    }

    /// Buffered bytes from `at` on.
    fn held_after(&self, at: u64) -> u64 {
        let end = self.start.saturating_add(self.bytes.len() as u64);
        if at >= self.start { end.saturating_sub(at) } else { 0 }
    }

    fn holds(&self, at: u64, length: u64) -> bool {
        at >= self.start && at.saturating_add(length) <= self.start.saturating_add(self.bytes.len() as u64)
    }
}

/// Offset of the first byte in `from..to` that is not zero.
pub(super) fn first_non_zero(
    window: &mut Window,
    file: &dyn LogFile,
    path: &Path,
    from: u64,
    to: u64,
) -> Result<Option<u64>> {
    let mut at = from;
    while at < to {
        // What is buffered is enough: asking for a whole chunk would read it again at every step.
        let held = window.held_after(at).max(1);
        let bytes = window.get(file, path, at, held, to)?;
        if bytes.is_empty() {
            break;
        }
        // Whole words first: most of what is scanned is zero.
        if let Some(place) = first_non_zero_in(bytes) {
            return Ok(Some(at + place as u64));
        }
        at += bytes.len() as u64;
    }
    Ok(None)
}

fn first_non_zero_in(bytes: &[u8]) -> Option<usize> {
    const BLOCK: usize = 64;
    let block = bytes.chunks(BLOCK).position(|block| block.iter().fold(0, |any, byte| any | byte) != 0)?;
    let inside = bytes.get(block * BLOCK..)?.iter().position(|byte| *byte != 0)?;
    Some(block * BLOCK + inside)
}
