//! Reads acknowledged units in order, and follows the log as it grows.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

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
    current: Option<OpenSegment>,
    window: Window,
}

/// A segment that is being read, as far as it was acknowledged when it was last looked at.
pub(super) struct OpenSegment {
    segment: SegmentView,
    file: Arc<dyn LogFile>,
    path: PathBuf,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("dir", &self.view.dir).field("next", &self.next).finish_non_exhaustive()
    }
}

impl Reader {
    pub(super) fn new(view: Arc<View>, next: UnitPosition) -> Self {
        Self { view, next, current: None, window: Window::default() }
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
        if !self.ready()? {
            return Ok(None);
        }
        let Some(current) = &self.current else { return Ok(None) };
        let (unit, end) = current.read_unit(&self.view, &mut self.window, self.next)?;
        self.step_to(end);
        Ok(Some(unit))
    }

    /// Passes over the next unit after checking its header only; false at the end.
    fn skip_unit(&mut self) -> Result<bool> {
        if !self.ready()? {
            return Ok(false);
        }
        let Some(current) = &self.current else { return Ok(false) };
        let (_, end) = current.read_header(&self.view, &mut self.window, self.next)?;
        self.step_to(end);
        Ok(true)
    }

    fn step_to(&mut self, end: u64) {
        self.next.sequence += 1;
        self.next.offset = end;
    }

    /// Goes to where the next unit is; false while it is not acknowledged.
    fn ready(&mut self) -> Result<bool> {
        while self.current.as_ref().is_none_or(|current| self.next.offset >= current.segment.units_end) {
            if !self.advance()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Moves on until `sequence` is the next unit.
    pub(super) fn seek(&mut self, sequence: u64) -> Result<()> {
        while self.next.sequence < sequence {
            if !self.skip_unit()? {
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
                match &mut self.current {
                    Some(held) if held.segment.index == segment.index => held.segment = segment,
                    _ => {
                        self.window.clear();
                        self.current = Some(OpenSegment::new(&self.view, segment)?);
                    }
                }
                Ok(true)
            }
            Lookup::Found { last: true, .. } => Ok(false),
            Lookup::Found { .. } => {
                self.next.segment += 1;
                self.next.offset = HEADER_BYTES;
                self.current = None;
                Ok(true)
            }
        }
    }
}

impl OpenSegment {
    fn new(view: &View, segment: SegmentView) -> Result<Self> {
        Ok(Self { segment, file: view.file(segment.index)?, path: view.path(segment.index) })
    }

    /// Reads and checks a unit's header; returns it and the offset after the unit.
    fn read_header(&self, view: &View, window: &mut Window, at: UnitPosition) -> Result<(UnitHeader, u64)> {
        let corrupt = |reason: &str| Error::corrupt(&self.path, at.offset, reason);
        let units_end = self.segment.units_end;
        let bytes = window.get(&*self.file, &self.path, at.offset, UNIT_HEADER_BYTES, units_end)?;
        let unit = UnitHeader::decode(bytes, view.seed).map_err(corrupt)?;
        if unit.sequence != at.sequence {
            return Err(corrupt(&format!("unit {} stands where unit {} belongs", unit.sequence, at.sequence)));
        }
        let end = unit_end(&unit, at.offset, &self.path, self.segment.file_bytes, view.max_unit_bytes)?;
        if end > units_end {
            return Err(corrupt("the unit runs past the units of its segment"));
        }
        Ok((unit, end))
    }

    /// Reads and verifies the unit at `at`; returns it and the offset after it.
    fn read_unit(&self, view: &View, window: &mut Window, at: UnitPosition) -> Result<(Unit, u64)> {
        let (header, end) = self.read_header(view, window, at)?;
        let length = end - at.offset;
        let whole = window.get(&*self.file, &self.path, at.offset, length, self.segment.units_end)?;
        if (whole.len() as u64) < length {
            return Err(Error::corrupt(&self.path, at.offset + whole.len() as u64, "the file ends inside a unit"));
        }
        let (body, padding) = split_body(whole, &header);
        let corrupt = |what: &str| Error::corrupt(&self.path, at.offset, format!("{what} of unit {}", header.sequence));
        if crc32c::crc32c(body) != header.body_checksum || padding.iter().any(|byte| *byte != 0) {
            return Err(corrupt("the content does not match the checksum"));
        }
        if !well_formed(body, header.count) {
            return Err(corrupt("the records are not framed right: those"));
        }
        let body = Bytes::copy_from_slice(body);
        Ok((Unit { position: at, count: header.count, checksum: header.body_checksum, body }, end))
    }
}

/// A reader whose first unit is `sequence`.
pub(super) fn reader_from(view: &Arc<View>, sequence: u64) -> Result<Reader> {
    let Some(SegmentView { index, first_sequence, .. }) = view.segment_of(sequence)? else {
        let end = view.end();
        if end.sequence == sequence {
            return Ok(Reader::new(view.clone(), end));
        }
        return Err(Error::NotFound { what: format!("unit {sequence} of {}", view.dir.display()) });
    };
    let first = UnitPosition { sequence: first_sequence, segment: index, offset: HEADER_BYTES };
    let mut reader = Reader::new(view.clone(), first);
    reader.seek(sequence)?;
    Ok(reader)
}

/// Reads one unit by its position.
pub(super) fn read(view: &View, position: UnitPosition) -> Result<Unit> {
    let not_found = || Error::NotFound { what: format!("unit {} of {}", position.sequence, view.dir.display()) };
    let segment = view.segment_of(position.sequence)?.ok_or_else(not_found)?;
    if segment.index != position.segment || position.offset < HEADER_BYTES || position.offset >= segment.units_end {
        return Err(not_found());
    }
    let (unit, _) = OpenSegment::new(view, segment)?.read_unit(view, &mut Window::small(), position)?;
    Ok(unit)
}
