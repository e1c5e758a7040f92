//! Walks one segment file from header to end and says how it ends.

use std::path::Path;

use super::frame::{FOOTER_MAGIC, Footer, Header};
use super::fs::{LogFile, read_up_to_at};
use super::layout::{
    ALIGNMENT, FOOTER_BYTES, FOOTER_LEN, HEADER_BYTES, HEADER_LEN, LogId, UNIT_HEADER_BYTES, UNIT_HEADER_LEN,
};
use super::unit::{UnitHeader, extend_checksum, well_formed};
use super::window::{Window, first_non_zero};
use crate::error::{Error, Result};

/// How the units of a segment end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// Zeros up to the preallocated length: the place of the next unit.
    Open,
    /// A valid footer; `trimmed` when the file ends with it.
    Sealed { footer: Footer, trimmed: bool },
    /// A unit or footer that was not written to its end, and nothing valid after it.
    Torn { reason: String },
}

/// What a walk found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scan {
    pub(super) units: u64,
    pub(super) next_sequence: u64,
    /// Offset after the last valid unit.
    pub(super) units_end: u64,
    pub(super) checksum: u32,
    pub(super) ending: Ending,
}

/// What the walk needs to know.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScanLimits {
    pub(super) seed: u32,
    pub(super) max_unit_bytes: u64,
    /// Treat non-zero bytes behind a zero header place as a torn unit.
    pub(super) repair_gap: bool,
}

/// Reads and checks a segment's header against its place in the log.
pub(super) fn read_header(file: &dyn LogFile, path: &Path, id: LogId, index: u64) -> Result<Header> {
    let mut bytes = [0; HEADER_LEN];
    let read = read_up_to_at(file, &mut bytes, 0).map_err(|error| Error::io("read", path, error))?;
    let header = Header::decode(bytes.get(..read).unwrap_or_default())
        .map_err(|(offset, reason)| Error::corrupt(path, offset, reason))?;
    if header.id != id {
        let reason = format!("the segment belongs to log {}, this one is {id}", header.id);
        return Err(Error::corrupt(path, 16, reason));
    }
    if header.index != index {
        let reason = format!("the segment is number {} of the log, its name says {index}", header.index);
        return Err(Error::corrupt(path, 32, reason));
    }
    if header.file_bytes < HEADER_BYTES + FOOTER_BYTES {
        return Err(Error::corrupt(path, 48, "the preallocated length makes no sense"));
    }
    Ok(header)
}

/// Reads the footer of a segment that must be sealed and trimmed, and checks it against the header.
pub(super) fn read_footer(file: &dyn LogFile, path: &Path, header: &Header, seed: u32) -> Result<Footer> {
    let length = file.len().map_err(|error| Error::io("inspect", path, error))?;
    let at = length.checked_sub(FOOTER_BYTES).filter(|at| *at >= HEADER_BYTES).ok_or_else(|| {
        Error::corrupt(path, length, "a sealed segment ends in a footer, the file is too short for one")
    })?;
    let mut bytes = [0; FOOTER_LEN];
    read_up_to_at(file, &mut bytes, at).map_err(|error| Error::io("read", path, error))?;
    let footer = Footer::decode(&bytes, seed)
        .map_err(|reason| Error::corrupt(path, at, format!("a sealed segment ends in a footer, but {reason}")))?;
    if footer.units_end != at || footer.first_sequence != header.first_sequence {
        return Err(Error::corrupt(path, at, "the footer does not belong to this segment"));
    }
    Ok(footer)
}

/// Walks the units of a segment whose header is valid. `visit` is called with each valid unit's header and offset.
///
/// # Errors
/// [`Error::Corrupt`] for everything that an interrupted write cannot explain.
pub(super) fn scan(
    file: &dyn LogFile,
    path: &Path,
    header: &Header,
    limits: ScanLimits,
    mut visit: impl FnMut(&UnitHeader, u64),
) -> Result<Scan> {
    let length = file.len().map_err(|error| Error::io("inspect", path, error))?;
    if length > header.file_bytes {
        return Err(Error::corrupt(path, header.file_bytes, "there are bytes after the preallocated length"));
    }
    let mut window = Window::default();
    let mut found = Scan {
        units: 0,
        next_sequence: header.first_sequence,
        units_end: HEADER_BYTES,
        checksum: limits.seed,
        ending: Ending::Open,
    };
    loop {
        let at = found.units_end;
        let bytes = window.get(file, path, at, UNIT_HEADER_BYTES, length)?;
        if bytes.starts_with(&FOOTER_MAGIC) {
            found.ending = footer_at(&mut window, file, path, header, limits, &found, length)?;
            return Ok(found);
        }
        if bytes.iter().all(|byte| *byte == 0) {
            found.ending = zeros_at(&mut window, file, path, header, limits, &found, length)?;
            return Ok(found);
        }
        let torn = |window: &mut Window, reason: String| -> Result<Ending> {
            no_later_unit(window, file, path, limits.seed, &found, length, &reason)?;
            Ok(Ending::Torn { reason })
        };
        let unit = match UnitHeader::decode(bytes, limits.seed) {
            Ok(unit) => unit,
            Err(reason) => {
                found.ending = torn(&mut window, reason.to_owned())?;
                return Ok(found);
            }
        };
        if unit.sequence != found.next_sequence {
            let reason = format!("unit {} stands where unit {} belongs", unit.sequence, found.next_sequence);
            return Err(Error::corrupt(path, at, reason));
        }
        let end = unit_end(&unit, at, path, header.file_bytes, limits.max_unit_bytes)?;
        if end > length {
            found.ending = torn(&mut window, format!("the file ends inside unit {}", unit.sequence))?;
            return Ok(found);
        }
        let whole = window.get(file, path, at, end - at, length)?;
        let (body, padding) = split_body(whole, &unit);
        if crc32c::crc32c(body) != unit.body_checksum {
            let reason = format!("the checksum of unit {} does not match", unit.sequence);
            found.ending = torn(&mut window, reason)?;
            return Ok(found);
        }
        if !well_formed(body, unit.count) {
            return Err(Error::corrupt(
                path,
                at,
                format!("the records of unit {} are not framed right", unit.sequence),
            ));
        }
        if let Some(place) = padding.iter().position(|byte| *byte != 0) {
            let offset = end - padding.len() as u64 + place as u64;
            return Err(Error::corrupt(path, offset, "padding is not zero"));
        }
        found.checksum = extend_checksum(found.checksum, whole);
        found.units_end = end;
        found.units += 1;
        found.next_sequence += 1;
        visit(&unit, at);
    }
}

/// Offset after the unit, its length checked against the limit and the segment before anything is allocated.
pub(super) fn unit_end(unit: &UnitHeader, at: u64, path: &Path, file_bytes: u64, max_unit_bytes: u64) -> Result<u64> {
    if u64::from(unit.body_bytes) > max_unit_bytes {
        return Err(Error::TooLarge {
            what: format!("unit {} at byte {at} of {}", unit.sequence, path.display()),
            size_bytes: u64::from(unit.body_bytes),
            limit_bytes: max_unit_bytes,
        });
    }
    at.checked_add(unit.unit_bytes())
        .filter(|end| end.saturating_add(FOOTER_BYTES) <= file_bytes)
        .ok_or_else(|| Error::corrupt(path, at, "the length of the unit runs past the end of the segment"))
}

/// Body and padding of a whole unit.
pub(super) fn split_body<'a>(whole: &'a [u8], unit: &UnitHeader) -> (&'a [u8], &'a [u8]) {
    let rest = whole.get(UNIT_HEADER_LEN..).unwrap_or_default();
    rest.split_at_checked(unit.body_bytes as usize).unwrap_or((rest, &[]))
}

fn footer_at(
    window: &mut Window,
    file: &dyn LogFile,
    path: &Path,
    header: &Header,
    limits: ScanLimits,
    found: &Scan,
    length: u64,
) -> Result<Ending> {
    let at = found.units_end;
    let footer = match Footer::decode(window.get(file, path, at, FOOTER_BYTES, length)?, limits.seed) {
        Ok(footer) => footer,
        Err(reason) => {
            let reason = format!("a footer begins here, but {reason}");
            no_later_unit(window, file, path, limits.seed, found, length, &reason)?;
            return Ok(Ending::Torn { reason });
        }
    };
    let expected = Footer {
        first_sequence: header.first_sequence,
        units: found.units,
        next_sequence: found.next_sequence,
        units_end: at,
        units_checksum: found.checksum,
    };
    if footer != expected {
        return Err(Error::corrupt(path, at, "the footer does not fit the units before it"));
    }
    if let Some(offset) = first_non_zero(window, file, path, at + FOOTER_BYTES, length)? {
        return Err(Error::corrupt(path, offset, "there are bytes after the footer"));
    }
    let trimmed = length == at + FOOTER_BYTES;
    if !trimmed && length != header.file_bytes {
        return Err(Error::corrupt(path, at + FOOTER_BYTES, "there are bytes after the footer"));
    }
    Ok(Ending::Sealed { footer, trimmed })
}

/// The place of the next unit is zero: everything after it has to be.
fn zeros_at(
    window: &mut Window,
    file: &dyn LogFile,
    path: &Path,
    header: &Header,
    limits: ScanLimits,
    found: &Scan,
    length: u64,
) -> Result<Ending> {
    if let Some(offset) = first_non_zero(window, file, path, found.units_end, length)? {
        let reason = "there are non-zero bytes after the end of the log".to_owned();
        if !limits.repair_gap {
            let hint = "if the machine lost power while it wrote, open the log once with repair_gap";
            return Err(Error::corrupt(path, offset, format!("{reason}; {hint}")));
        }
        no_later_unit(window, file, path, limits.seed, found, length, &reason)?;
        return Ok(Ending::Torn { reason });
    }
    if length < header.file_bytes {
        let reason = format!("the file has {length} of its {} preallocated bytes", header.file_bytes);
        return Ok(Ending::Torn { reason });
    }
    Ok(Ending::Open)
}

/// Refuses a bad place that has a valid unit or footer of this log after it: such bytes were acknowledged once, so this
/// is damage, not an interrupted write. Later units of the same commit group are no such proof: they shared the barrier.
fn no_later_unit(
    window: &mut Window,
    file: &dyn LogFile,
    path: &Path,
    seed: u32,
    found: &Scan,
    length: u64,
    reason: &str,
) -> Result<()> {
    let expected = found.next_sequence;
    let mut at = found.units_end + ALIGNMENT;
    while at < length {
        // Jump over zeros: most of a segment's rest is.
        let Some(place) = first_non_zero(window, file, path, at, length)? else { break };
        at = place - place % ALIGNMENT;
        let bytes = window.get(file, path, at, FOOTER_BYTES, length)?;
        let unit = UnitHeader::decode(bytes.get(..UNIT_HEADER_LEN).unwrap_or_default(), seed);
        let later_group = unit.is_ok_and(|unit| {
            unit.sequence > expected && unit.sequence.saturating_sub(u64::from(unit.group_offset)) > expected
        });
        let later_footer = Footer::decode(bytes, seed).is_ok_and(|footer| footer.next_sequence > expected);
        if later_group || later_footer {
            let what = if later_footer { "footer" } else { "unit" };
            let reason = format!("{reason}, and a valid {what} follows at byte {at}");
            return Err(Error::corrupt(path, found.units_end, reason));
        }
        at += ALIGNMENT;
    }
    Ok(())
}
