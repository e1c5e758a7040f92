//! The unit: one acknowledged batch of records.

use bytes::Bytes;

use super::layout::{UNIT_HEADER_BYTES, UNIT_HEADER_LEN, aligned, array_at, u32_at, u64_at};
use crate::error::{Error, Result};

const MAGIC: [u8; 4] = *b"UNIT";
const RECORD_HEADER_BYTES: usize = 6;

/// One record: an opaque byte string with a small kind, which the log's owner defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// What the bytes are; the log does not interpret it.
    pub kind: u16,
    /// The content.
    pub bytes: &'a [u8],
}

impl<'a> Record<'a> {
    /// A record of `kind`.
    #[must_use]
    pub fn new(kind: u16, bytes: &'a [u8]) -> Self {
        Self { kind, bytes }
    }
}

/// Where a unit lies. Ordered by sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitPosition {
    /// Number of the unit in the log, from 0 without gaps.
    pub sequence: u64,
    /// Index of its segment.
    pub segment: u64,
    /// Byte offset of its header in the segment file.
    pub offset: u64,
}

impl UnitPosition {
    /// Length of [`UnitPosition::to_bytes`].
    pub const BYTES: usize = 24;

    /// Sequence, segment, offset, little-endian.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        for (place, field) in out.chunks_exact_mut(8).zip([self.sequence, self.segment, self.offset]) {
            place.copy_from_slice(&field.to_le_bytes());
        }
        out
    }

    /// The inverse of [`UnitPosition::to_bytes`].
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        Self { sequence: u64_at(bytes, 0), segment: u64_at(bytes, 8), offset: u64_at(bytes, 16) }
    }
}

/// One unit read back, its checksum verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Where it lies.
    pub position: UnitPosition,
    pub(super) count: u32,
    pub(super) checksum: u32,
    pub(super) body: Bytes,
}

impl Unit {
    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Never true: a unit has at least one record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The records in the order in which they were appended.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        Records { rest: &self.body }
    }

    /// The records as reference-counted slices of the unit, so that they can be kept without copying.
    pub fn shared_records(&self) -> impl Iterator<Item = (u16, Bytes)> + '_ {
        self.records().map(|record| (record.kind, self.body.slice_ref(record.bytes)))
    }

    /// CRC32C of the unit's body: tells two units of the same sequence apart.
    #[must_use]
    pub fn checksum(&self) -> u32 {
        self.checksum
    }
}

struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let (head, rest) = self.rest.split_at_checked(RECORD_HEADER_BYTES)?;
        let (bytes, rest) = rest.split_at_checked(u32_at(head, 2) as usize)?;
        self.rest = rest;
        Some(Record { kind: u16::from_le_bytes(array_at(head, 0)), bytes })
    }
}

/// Whether `body` is exactly `count` well-formed records, at least one.
pub(super) fn well_formed(body: &[u8], count: u32) -> bool {
    let mut records = Records { rest: body };
    let mut seen = 0_u64;
    while records.next().is_some() {
        seen += 1;
    }
    records.rest.is_empty() && count > 0 && seen == u64::from(count)
}

/// The fixed part before a unit's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnitHeader {
    pub(super) body_bytes: u32,
    pub(super) sequence: u64,
    pub(super) count: u32,
    /// How many units precede this one under the same barrier.
    pub(super) group_offset: u32,
    pub(super) body_checksum: u32,
}

impl UnitHeader {
    pub(super) fn encode(&self, seed: u32) -> [u8; UNIT_HEADER_LEN] {
        let mut out = [0; UNIT_HEADER_LEN];
        let mut at = 0;
        let mut put = |field: &[u8]| {
            if let Some(place) = out.get_mut(at..at + field.len()) {
                place.copy_from_slice(field);
            }
            at += field.len();
        };
        put(&MAGIC);
        put(&self.body_bytes.to_le_bytes());
        put(&self.sequence.to_le_bytes());
        put(&self.count.to_le_bytes());
        put(&self.group_offset.to_le_bytes());
        put(&self.body_checksum.to_le_bytes());
        let checksum = crc32c::crc32c_append(seed, out.get(..28).unwrap_or_default());
        if let Some(place) = out.get_mut(28..) {
            place.copy_from_slice(&checksum.to_le_bytes());
        }
        out
    }

    /// Decodes a header; the error says what is wrong.
    pub(super) fn decode(bytes: &[u8], seed: u32) -> std::result::Result<Self, &'static str> {
        if bytes.len() as u64 != UNIT_HEADER_BYTES || array_at(bytes, 0) != MAGIC {
            return Err("there is no unit header");
        }
        if u32_at(bytes, 28) != crc32c::crc32c_append(seed, bytes.get(..28).unwrap_or_default()) {
            return Err("the checksum of the unit header does not match");
        }
        Ok(Self {
            body_bytes: u32_at(bytes, 4),
            sequence: u64_at(bytes, 8),
            count: u32_at(bytes, 16),
            group_offset: u32_at(bytes, 20),
            body_checksum: u32_at(bytes, 24),
        })
    }

    /// Bytes from this header to the next unit.
    pub(super) fn unit_bytes(&self) -> u64 {
        unit_bytes(self.body_bytes)
    }
}

/// Extends the running checksum of a segment's units by one, of which `unit` is at least the header: over the header,
/// which holds the body's checksum, without its own. (A CRC that goes on over a CRC of the same bytes is a constant.)
pub(super) fn extend_checksum(checksum: u32, unit: &[u8]) -> u32 {
    crc32c::crc32c_append(checksum, unit.get(..UNIT_HEADER_LEN - 4).unwrap_or_default())
}

/// Bytes that a unit takes in the file: header, body, padding.
pub(super) fn unit_bytes(body_bytes: u32) -> u64 {
    UNIT_HEADER_BYTES + aligned(u64::from(body_bytes))
}

/// A unit framed but not yet numbered: the place of the header is left free at the front of `bytes`.
#[derive(Debug)]
pub(super) struct PreparedUnit {
    pub(super) bytes: Vec<u8>,
    body_bytes: u32,
    count: u32,
    body_checksum: u32,
}

impl PreparedUnit {
    /// Frames `records`; refuses an empty batch and one beyond `limit_bytes`.
    pub(super) fn new(records: &[Record<'_>], limit_bytes: u32) -> Result<Self> {
        if records.is_empty() {
            return Err(Error::Invalid { reason: "a batch without records cannot be appended".to_owned() });
        }
        let body_bytes = records
            .iter()
            .fold(0_u64, |sum, record| sum.saturating_add(record.bytes.len() as u64 + RECORD_HEADER_BYTES as u64));
        let too_large = || Error::TooLarge {
            what: "the batch".to_owned(),
            size_bytes: body_bytes,
            limit_bytes: u64::from(limit_bytes),
        };
        let body_bytes = u32::try_from(body_bytes).ok().filter(|bytes| *bytes <= limit_bytes).ok_or_else(too_large)?;
        let count = u32::try_from(records.len()).map_err(|_| too_large())?;
        let total = usize::try_from(unit_bytes(body_bytes)).map_err(|_| too_large())?;
        let mut bytes = Vec::with_capacity(total);
        bytes.resize(UNIT_HEADER_LEN, 0);
        for record in records {
            bytes.extend_from_slice(&record.kind.to_le_bytes());
            let length = u32::try_from(record.bytes.len()).map_err(|_| too_large())?;
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(record.bytes);
        }
        let body_checksum = crc32c::crc32c(bytes.get(UNIT_HEADER_LEN..).unwrap_or_default());
        bytes.resize(total, 0);
        Ok(Self { bytes, body_bytes, count, body_checksum })
    }

    /// Writes the header into its place.
    pub(super) fn number(&mut self, seed: u32, sequence: u64, group_offset: u32) {
        let header = UnitHeader {
            body_bytes: self.body_bytes,
            sequence,
            count: self.count,
            group_offset,
            body_checksum: self.body_checksum,
        };
        if let Some(place) = self.bytes.get_mut(..UNIT_HEADER_LEN) {
            place.copy_from_slice(&header.encode(seed));
        }
    }

    /// The running checksum of a segment's units, extended by this one.
    pub(super) fn extend_checksum(&self, checksum: u32) -> u32 {
        extend_checksum(checksum, &self.bytes)
    }
}
