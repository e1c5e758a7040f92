//! Segment header and footer.

use super::layout::{FOOTER_BYTES, FOOTER_LEN, HEADER_BYTES, HEADER_LEN, LogId, VERSION, array_at, u32_at, u64_at};

const HEADER_MAGIC: [u8; 8] = *b"CADULOGS";
pub(super) const FOOTER_MAGIC: [u8; 4] = *b"ENDS";

/// The first bytes of a segment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) id: LogId,
    pub(super) index: u64,
    pub(super) first_sequence: u64,
    /// Preallocated length; a sealed segment is cut to what it uses.
    pub(super) file_bytes: u64,
    /// `units_checksum` of the previous segment's footer, 0 in the first segment.
    pub(super) previous_checksum: u32,
}

impl Header {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_LEN);
        out.extend_from_slice(&HEADER_MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.id.0);
        out.extend_from_slice(&self.index.to_le_bytes());
        out.extend_from_slice(&self.first_sequence.to_le_bytes());
        out.extend_from_slice(&self.file_bytes.to_le_bytes());
        out.extend_from_slice(&self.previous_checksum.to_le_bytes());
        let checksum = crc32c::crc32c(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }

    /// Decodes a header; the error is the offset and what is wrong.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, (u64, String)> {
        if bytes.len() as u64 != HEADER_BYTES {
            return Err((bytes.len() as u64, "the file ends inside the segment header".to_owned()));
        }
        if array_at(bytes, 0) != HEADER_MAGIC {
            return Err((0, "not a segment of a log".to_owned()));
        }
        if u32_at(bytes, 60) != crc32c::crc32c(bytes.get(..60).unwrap_or_default()) {
            return Err((0, "the checksum of the segment header does not match".to_owned()));
        }
        if u32_at(bytes, 8) != VERSION {
            return Err((8, format!("format version {} is not known, this program reads {VERSION}", u32_at(bytes, 8))));
        }
        if u32_at(bytes, 12) != 0 {
            return Err((12, "reserved bytes are not zero".to_owned()));
        }
        Ok(Self {
            id: LogId(array_at(bytes, 16)),
            index: u64_at(bytes, 32),
            first_sequence: u64_at(bytes, 40),
            file_bytes: u64_at(bytes, 48),
            previous_checksum: u32_at(bytes, 56),
        })
    }
}

/// The last bytes of a sealed segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Footer {
    pub(super) first_sequence: u64,
    pub(super) units: u64,
    pub(super) next_sequence: u64,
    /// Offset of the footer itself: end of the units.
    pub(super) units_end: u64,
    /// CRC32C over the log id and bytes 0..28 of every unit's header, which hold the body's checksum.
    pub(super) units_checksum: u32,
}

impl Footer {
    pub(super) fn encode(&self, seed: u32) -> Vec<u8> {
        let mut out = Vec::with_capacity(FOOTER_LEN);
        out.extend_from_slice(&FOOTER_MAGIC);
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.first_sequence.to_le_bytes());
        out.extend_from_slice(&self.units.to_le_bytes());
        out.extend_from_slice(&self.next_sequence.to_le_bytes());
        out.extend_from_slice(&self.units_end.to_le_bytes());
        out.extend_from_slice(&self.units_checksum.to_le_bytes());
        let checksum = crc32c::crc32c_append(seed, &out);
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }

    /// Decodes a footer; the error says what is wrong.
    pub(super) fn decode(bytes: &[u8], seed: u32) -> Result<Self, &'static str> {
        if bytes.len() as u64 != FOOTER_BYTES || array_at(bytes, 0) != FOOTER_MAGIC {
            return Err("there is no footer");
        }
        if u32_at(bytes, 44) != crc32c::crc32c_append(seed, bytes.get(..44).unwrap_or_default()) {
            return Err("the checksum of the footer does not match");
        }
        if u32_at(bytes, 4) != 0 {
            return Err("reserved bytes of the footer are not zero");
        }
        let footer = Self {
            first_sequence: u64_at(bytes, 8),
            units: u64_at(bytes, 16),
            next_sequence: u64_at(bytes, 24),
            units_end: u64_at(bytes, 32),
            units_checksum: u32_at(bytes, 40),
        };
        if footer.first_sequence.checked_add(footer.units) != Some(footer.next_sequence) {
            return Err("the footer's sequences and count disagree");
        }
        Ok(footer)
    }
}
