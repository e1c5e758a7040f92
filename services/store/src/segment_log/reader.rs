//! Reads acknowledged units in order, and follows the log as it grows.

use std::sync::Arc;

use bytes::Bytes;

use super::frame::Header;
use super::fs::LogFile;
use super::layout::{HEADER_BYTES, UNIT_HEADER_BYTES};
use super::scan::{split_body, unit_end};
use super::unit::{Unit, UnitHeader, UnitPosition, well_formed};
use super::view::{Lookup, SegmentView, View};
use super::window::Window;
use crate::error::{Error, Result};

/// A place in the log from which units are read one after the other.
///
/// It holds at most one unit and a window of 256 KiB. A unit is seen only once it is acknowledged.
pub struct Reader {
    view: Arc<View>,
    /// Where the next unit is expected.
    next: UnitPosition,
    segment: Option<(SegmentView, Arc<dyn LogFile>)>,
    window: Window,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("dir", &self.view.dir).field("next", &self.next).finish_non_exhaustive()
    }
}

impl Reader {
    pub(super) fn new(view: Arc<View>, next: UnitPosition) -> Self {
        Self { view, next, segment: None, window: Window::default() }
    }

    /// Where the next unit will be read: a position to continue from later.
    #[must_use]
    pub fn position(&self) -> UnitPosition {
        self.next
    }

    /// The next acknowledged unit; `None` at the end of the log for now. After an error the reader stays where it is.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the unit is damaged, [`Error::TooLarge`] when it exceeds the configured size,
    /// [`Error::Retired`] when retention overtook the reader.
    pub fn next_unit(&mut self) -> Result<Option<Unit>> {
        loop {
            let Some((segment, file)) = self.segment.clone().filter(|(held, _)| self.next.offset < held.units_end)
            else {
                if self.advance()? {
                    continue;
                }
                return Ok(None);
            };
            let (unit, end) = read_unit(&self.view, &segment, &*file, &mut self.window, self.next)?;
            self.next.sequence += 1;
            self.next.offset = end;
            return Ok(Some(unit));
        }
    }

    /// Passes over the next unit after checking its header only; `None` at the end.
    fn skip_unit(&mut self) -> Result<Option<()>> {
        loop {
            let Some((segment, file)) = self.segment.clone().filter(|(held, _)| self.next.offset < held.units_end)
            else {
                if self.advance()? {
                    continue;
                }
                return Ok(None);
            };
            let (_, end) = read_unit_header(&self.view, &segment, &*file, &mut self.window, self.next)?;
            self.next.sequence += 1;
            self.next.offset = end;
            return Ok(Some(()));
        }
    }

    /// Moves on until `sequence` is the next unit.
    pub(super) fn seek(&mut self, sequence: u64) -> Result<()> {
        while self.next.sequence < sequence {
            if self.skip_unit()?.is_none() {
                return Err(Error::NotFound { what: format!("unit {sequence} of {}", self.view.dir.display()) });
            }
        }
        Ok(())
    }

    /// Looks for more: newly acknowledged units, or the next segment. False when there is nothing yet.
    fn advance(&mut self) -> Result<bool> {
        match self.view.lookup(self.next.segment) {
            Lookup::Future => Ok(false),
            Lookup::Retired { first_sequence } => {
                Err(Error::Retired { sequence: self.next.sequence, first_retained: first_sequence })
            }
            Lookup::Found { segment, .. } if self.next.offset < segment.units_end => {
                let file = match self.segment.take() {
                    Some((held, file)) if held.index == segment.index => file,
                    _ => {
                        self.window.clear();
                        self.view.file(segment.index)?
                    }
                };
                self.segment = Some((segment, file));
                Ok(true)
            }
            Lookup::Found { last: true, .. } => Ok(false),
            Lookup::Found { .. } => {
                self.next.segment += 1;
                self.next.offset = HEADER_BYTES;
                self.segment = None;
                self.window.clear();
                Ok(true)
            }
        }
    }
}

fn read_unit_header(
    view: &View,
    segment: &SegmentView,
    file: &dyn LogFile,
    window: &mut Window,
    at: UnitPosition,
) -> Result<(UnitHeader, u64)> {
    let path = || view.path(segment.index);
    let bytes = window.get(file, &path(), at.offset, UNIT_HEADER_BYTES, segment.units_end)?;
    let unit = UnitHeader::decode(bytes, view.seed).map_err(|reason| Error::corrupt(&path(), at.offset, reason))?;
    if unit.sequence != at.sequence {
        let reason = format!("unit {} stands where unit {} belongs", unit.sequence, at.sequence);
        return Err(Error::corrupt(&path(), at.offset, reason));
    }
    let header = Header {
        id: view.id,
        index: segment.index,
        first_sequence: segment.first_sequence,
        file_bytes: segment.file_bytes,
        previous_checksum: 0,
    };
    let end = unit_end(&unit, at.offset, &path(), &header, view.max_unit_bytes)?;
    if end > segment.units_end {
        return Err(Error::corrupt(&path(), at.offset, "the unit runs past the units of its segment"));
    }
    Ok((unit, end))
}

/// Reads and verifies the unit at `at`; returns it and the offset after it.
pub(super) fn read_unit(
    view: &View,
    segment: &SegmentView,
    file: &dyn LogFile,
    window: &mut Window,
    at: UnitPosition,
) -> Result<(Unit, u64)> {
    let (header, end) = read_unit_header(view, segment, file, window, at)?;
    let path = view.path(segment.index);
    let whole = window.get(file, &path, at.offset, end - at.offset, segment.units_end)?;
    if (whole.len() as u64) < end - at.offset {
        return Err(Error::corrupt(&path, at.offset + whole.len() as u64, "the file ends inside a unit"));
    }
    let (body, padding) = split_body(whole, &header);
    if crc32c::crc32c(body) != header.body_checksum || padding.iter().any(|byte| *byte != 0) {
        let reason = format!("the checksum of unit {} does not match", header.sequence);
        return Err(Error::corrupt(&path, at.offset, reason));
    }
    if !well_formed(body, header.count) {
        let reason = format!("the records of unit {} are not framed right", header.sequence);
        return Err(Error::corrupt(&path, at.offset, reason));
    }
    let unit =
        Unit { position: at, count: header.count, checksum: header.body_checksum, body: Bytes::copy_from_slice(body) };
    Ok((unit, end))
}
