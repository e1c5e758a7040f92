//! The bytes of the embedded log: what the records of a unit of the segment log mean.
//!
//! One unit is one committed batch. Integers are little-endian. A record of the segment log has a kind and bytes:
//!
//! | kind | what | bytes |
//! | --- | --- | --- |
//! | 1 | declaration of a topic | number `u16` ‖ partitions `u32` ‖ name (UTF-8) |
//! | 2 | record | topic number `u16` ‖ partition `u32` ‖ offset `u64` ‖ time ms `i64` ‖ key length `u32` ‖ headers length `u32` ‖ key ‖ headers ‖ value |
//! | 3 | read position | topic number `u16` ‖ partition `u32` ‖ next offset `u64` ‖ group (UTF-8) |
//!
//! A topic is declared before its first record, numbered from 0 without gaps; offsets of a partition are dense from 0.
//! The headers' encoding is that of [`Headers`](crate::Headers). Unknown kinds are damage: a change of this is a new kind.

use bytes::{BufMut, Bytes};

use crate::Headers;

pub(super) const TOPIC: u16 = 1;
pub(super) const RECORD: u16 = 2;
pub(super) const POSITION: u16 = 3;
/// Bytes of a record before its key.
pub(super) const RECORD_HEAD_BYTES: usize = 30;

/// What a record of a unit says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Topic { number: u16, partitions: u32, name: String },
    Record(RecordEntry),
    Position { topic: u16, partition: u32, offset: u64, group: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RecordEntry {
    pub(super) topic: u16,
    pub(super) partition: u32,
    pub(super) offset: u64,
    pub(super) time_ms: i64,
    pub(super) key: Bytes,
    pub(super) headers: Headers,
    pub(super) value: Bytes,
}

/// Topic, partition and offset of a record: all that the index needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) topic: u16,
    pub(super) partition: u32,
    pub(super) offset: u64,
}

impl Address {
    /// Reads the head of a record entry.
    pub(super) fn of_record(bytes: &[u8]) -> Option<Self> {
        let head = bytes.first_chunk::<RECORD_HEAD_BYTES>()?;
        Some(Self { topic: u16_at(head, 0)?, partition: u32_at(head, 2)?, offset: u64_at(head, 6)? })
    }
}

/// The key of a record entry.
pub(super) fn key_of_record(bytes: &[u8]) -> Option<&[u8]> {
    let length = usize::try_from(u32_at(bytes, 22)?).ok()?;
    bytes.get(RECORD_HEAD_BYTES..)?.get(..length)
}

impl RecordEntry {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.put_u16_le(self.topic);
        out.put_u32_le(self.partition);
        out.put_u64_le(self.offset);
        out.put_i64_le(self.time_ms);
        // Both are bounded far below 2^32 before this is reached.
        out.put_u32_le(u32::try_from(self.key.len()).unwrap_or(u32::MAX));
        out.put_u32_le(u32::try_from(self.headers.encoded().len()).unwrap_or(u32::MAX));
        out.put_slice(&self.key);
        out.put_slice(self.headers.encoded());
        out.put_slice(&self.value);
    }

    /// Slices the parts out of the entry's bytes without copying.
    pub(super) fn decode(bytes: &Bytes) -> Option<Self> {
        let address = Address::of_record(bytes)?;
        let time_ms = u64_at(bytes, 14)?.cast_signed();
        let key_end = RECORD_HEAD_BYTES.checked_add(usize::try_from(u32_at(bytes, 22)?).ok()?)?;
        let headers_end = key_end.checked_add(usize::try_from(u32_at(bytes, 26)?).ok()?)?;
        if headers_end > bytes.len() {
            return None;
        }
        Some(Self {
            topic: address.topic,
            partition: address.partition,
            offset: address.offset,
            time_ms,
            key: bytes.slice(RECORD_HEAD_BYTES..key_end),
            headers: Headers::from_encoded(bytes.slice(key_end..headers_end))?,
            value: bytes.slice(headers_end..),
        })
    }
}

impl Entry {
    /// Its kind and bytes.
    pub(super) fn encode(&self) -> (u16, Vec<u8>) {
        let mut out = Vec::new();
        let kind = match self {
            Self::Topic { number, partitions, name } => {
                out.put_u16_le(*number);
                out.put_u32_le(*partitions);
                out.put_slice(name.as_bytes());
                TOPIC
            }
            Self::Record(record) => {
                record.put(&mut out);
                RECORD
            }
            Self::Position { topic, partition, offset, group } => {
                out.put_u16_le(*topic);
                out.put_u32_le(*partition);
                out.put_u64_le(*offset);
                out.put_slice(group.as_bytes());
                POSITION
            }
        };
        (kind, out)
    }

    /// `None` where the bytes are not an entry of this kind, or the kind is unknown.
    pub(super) fn decode(kind: u16, bytes: &Bytes) -> Option<Self> {
        let text =
            |at: usize| std::str::from_utf8(bytes.get(at..)?).ok().filter(|text| !text.is_empty()).map(str::to_owned);
        match kind {
            TOPIC => Some(Self::Topic { number: u16_at(bytes, 0)?, partitions: u32_at(bytes, 2)?, name: text(6)? }),
            RECORD => RecordEntry::decode(bytes).map(Self::Record),
            POSITION => Some(Self::Position {
                topic: u16_at(bytes, 0)?,
                partition: u32_at(bytes, 2)?,
                offset: u64_at(bytes, 6)?,
                group: text(14)?,
            }),
            _ => None,
        }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bytes_of_each_entry_are_pinned() {
        let topic = Entry::Topic { number: 1, partitions: 8, name: "ab".into() };
        assert_eq!(topic.encode(), (TOPIC, vec![1, 0, 8, 0, 0, 0, b'a', b'b']));
        let position = Entry::Position { topic: 1, partition: 2, offset: 3, group: "g".into() };
        assert_eq!(position.encode(), (POSITION, vec![1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, b'g']));
        let record = Entry::Record(RecordEntry {
            topic: 1,
            partition: 2,
            offset: 3,
            time_ms: -1,
            key: Bytes::from_static(b"k"),
            headers: Headers::from_pairs([("h", &b"v"[..])]).unwrap(),
            value: Bytes::from_static(b"vv"),
        });
        let bytes = [
            &[1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0][..],
            &[0xff; 8],
            &[1, 0, 0, 0, 8, 0, 0, 0, b'k'],
            &[1, 0, b'h', 1, 0, 0, 0, b'v', b'v', b'v'],
        ];
        assert_eq!(record.encode(), (RECORD, bytes.concat()));
    }

    proptest! {
        #[test]
        fn entries_survive_their_encoding_and_no_prefix_passes_for_a_longer_one(
            topic: u16, partition: u32, offset: u64, time_ms: i64,
            key in proptest::collection::vec(any::<u8>(), 0..9),
            value in proptest::collection::vec(any::<u8>(), 0..9),
            cut in 0_usize..30,
        ) {
            let (key_len, headers) = (key.len(), Headers::from_pairs([("name", &key[..])]).unwrap());
            let entry = Entry::Record(RecordEntry { topic, partition, offset, time_ms, key: key.into(), headers, value: value.into() });
            let (kind, bytes) = entry.encode();
            let bytes = Bytes::from(bytes);
            prop_assert_eq!(key_of_record(&bytes), Some(&bytes[RECORD_HEAD_BYTES..][..key_len]));
            prop_assert_eq!(Entry::decode(kind, &bytes), Some(entry));
            prop_assert_eq!(Entry::decode(kind, &bytes.slice(..cut)), None);
        }

        #[test]
        fn foreign_bytes_never_panic(kind in 0_u16..5, bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let bytes = Bytes::from(bytes);
            if let Some(entry) = Entry::decode(kind, &bytes) {
                prop_assert_eq!(entry.encode(), (kind, bytes.to_vec()));
            }
        }
    }
}
