//! The format, built here by hand from `docs/formats.md` and compared with what the log writes.

use std::fs;

use store::segment_log::{Record, SegmentLog, Settings};
use store::{Error, LogId};

use crate::common::{ID, open, segments};

fn crc(parts: &[&[u8]]) -> [u8; 4] {
    parts.iter().fold(0, |crc, part| crc32c::crc32c_append(crc, part)).to_le_bytes()
}

pub(crate) fn unit_header(id: LogId, length: u32, sequence: u64, count: u32, group: u32, body_crc: u32) -> Vec<u8> {
    let mut out = b"UNIT".to_vec();
    out.extend(length.to_le_bytes());
    out.extend(sequence.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(group.to_le_bytes());
    out.extend(body_crc.to_le_bytes());
    let checksum = crc(&[&id.0, &out]);
    out.extend(checksum);
    out
}

pub(crate) fn unit(id: LogId, sequence: u64, group: u32, records: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, bytes) in records {
        body.extend(kind.to_le_bytes());
        body.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
        body.extend(*bytes);
    }
    let (length, count) = (u32::try_from(body.len()).unwrap(), u32::try_from(records.len()).unwrap());
    let mut out = unit_header(id, length, sequence, count, group, u32::from_le_bytes(crc(&[&body])));
    out.extend(body);
    out.resize(out.len().next_multiple_of(8), 0);
    out
}

fn segment_header(id: LogId, index: u64, first_sequence: u64, file_bytes: u64, previous: [u8; 4]) -> Vec<u8> {
    let mut out = b"CADULOGS\x01\0\0\0\0\0\0\0".to_vec();
    out.extend(id.0);
    out.extend(index.to_le_bytes());
    out.extend(first_sequence.to_le_bytes());
    out.extend(file_bytes.to_le_bytes());
    out.extend(previous);
    let checksum = crc(&[&out]);
    out.extend(checksum);
    out
}

fn footer(id: LogId, first_sequence: u64, count: u64, units: &[u8], headers: &[u8]) -> (Vec<u8>, [u8; 4]) {
    let mut out = b"ENDS\0\0\0\0".to_vec();
    out.extend(first_sequence.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend((first_sequence + count).to_le_bytes());
    out.extend((64 + units.len() as u64).to_le_bytes());
    let units_checksum = crc(&[&id.0, headers]);
    out.extend(units_checksum);
    let checksum = crc(&[&id.0, &out]);
    out.extend(checksum);
    (out, units_checksum)
}

fn manifest(id: LogId, closed: u32, fields: [u64; 4]) -> Vec<u8> {
    let mut out = b"CADULOGM\x01\0\0\0".to_vec();
    out.extend(closed.to_le_bytes());
    out.extend(id.0);
    fields.iter().for_each(|field| out.extend(field.to_le_bytes()));
    let checksum = crc(&[&out]);
    out.extend(checksum);
    out
}

#[test]
fn the_log_writes_the_documented_bytes() {
    let settings = Settings { segment_bytes: 256, ..Settings::default() };
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), settings).log;
    let read = |name: &str| fs::read(dir.path().join(name)).unwrap();
    assert_eq!(read("manifest"), manifest(ID, 1, [0, 0, 0, 0]));
    assert!(read("lock").is_empty());

    log.append(&[Record::new(1, b"abc"), Record::new(0xffff, b"")]).unwrap();
    let first = unit(ID, 0, 0, &[(1, b"abc"), (0xffff, b"")]);
    let mut expected = [segment_header(ID, 0, 0, 256, [0; 4]), first.clone()].concat();
    expected.resize(256, 0);
    assert_eq!(read("00000000000000000000.segment"), expected);
    assert_eq!(read("manifest"), manifest(ID, 0, [0, 0, 1, 0]));

    log.append(&[Record::new(2, &[7; 100])]).unwrap(); // does not fit beside the footer
    let (end, units_checksum) = footer(ID, 0, 1, &first, &first[..28]);
    assert_eq!(read("00000000000000000000.segment"), [segment_header(ID, 0, 0, 256, [0; 4]), first, end].concat());
    let second = unit(ID, 1, 0, &[(2, &[7; 100])]);
    let header = segment_header(ID, 1, 1, 256, units_checksum);
    assert_eq!(read("manifest"), manifest(ID, 0, [0, 0, 2, 1]));

    log.close().unwrap();
    let (end, _) = footer(ID, 1, 1, &second, &second[..28]);
    assert_eq!(read("00000000000000000001.segment"), [header, second, end].concat());
    assert_eq!(read("manifest"), manifest(ID, 1, [0, 0, 2, 2]));
    assert_eq!(segments(dir.path()).len(), 2);
}

/// Pinned bytes: a change here is a change of the format and needs a new version.
#[test]
fn golden_vectors_hold() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), Settings { segment_bytes: 256, ..Settings::default() }).log;
    log.append(&[Record::new(1, b"abc"), Record::new(0xffff, b"")]).unwrap();
    log.close().unwrap();
    let hex = |name: &str| -> String {
        fs::read(dir.path().join(name)).unwrap().iter().map(|byte| format!("{byte:02x}")).collect()
    };
    assert_eq!(hex("manifest"), GOLDEN_MANIFEST);
    assert_eq!(hex("00000000000000000000.segment"), GOLDEN_SEGMENT);
    // And the pinned bytes are a log.
    drop(log);
    let opened = open(dir.path(), Settings::default());
    let unit = opened.log.reader().next_unit().unwrap().unwrap();
    assert_eq!(unit.len(), 2);
    assert_eq!(unit.records().collect::<Vec<_>>(), [Record::new(1, b"abc"), Record::new(0xffff, b"")]);
}

const GOLDEN_MANIFEST: &str = "434144554c4f474d01000000010000005a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a0000000000000000000000000000000001000000000000000100000000000000eabcb9e4";
const GOLDEN_SEGMENT: &str = "434144554c4f475301000000000000005a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a000000000000000000000000000000000001000000000000000000002ffb3744554e49540f00000000000000000000000200000000000000204c5fc179f07d1f010003000000616263ffff0000000000454e445300000000000000000000000001000000000000000100000000000000700000000000000079f07d1fdfa6350b";

#[test]
fn an_unknown_version_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path(), Settings::default()).log.close().unwrap();
    let path = dir.path().join("manifest");
    let mut bytes = fs::read(&path).unwrap();
    bytes[8] = 2;
    let checksum = crc(&[&bytes[..64]]);
    bytes[64..].copy_from_slice(&checksum);
    fs::write(&path, &bytes).unwrap();
    let error = SegmentLog::open(dir.path(), ID, Settings::default()).unwrap_err();
    assert!(matches!(&error, Error::Corrupt { reason, .. } if reason.contains("version 2")), "{error}");
}
