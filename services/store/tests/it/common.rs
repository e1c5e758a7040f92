//! Small helpers of the tests.

use std::path::{Path, PathBuf};

use store::segment_log::{LogId, Opened, Reader, Record, SegmentLog, Settings};

pub(crate) const ID: LogId = LogId([0x5a; 16]);

/// Small segments, so that tests roll often and scan fast.
pub(crate) fn small() -> Settings {
    Settings { segment_bytes: 4096, max_unit_bytes: 64 * 1024, ..Settings::default() }
}

pub(crate) fn open(dir: &Path, settings: Settings) -> Opened {
    SegmentLog::open(dir, ID, settings).unwrap()
}

/// A record whose content tells its number.
pub(crate) fn content(number: u64, bytes: usize) -> Vec<u8> {
    let mut content = number.to_le_bytes().to_vec();
    let filler = |place: u64| u8::try_from((number.wrapping_mul(31) + place) % 251).unwrap() + 1;
    content.extend((8..bytes.max(8) as u64).map(filler));
    content
}

pub(crate) fn append(log: &SegmentLog, number: u64, bytes: usize) -> store::Result<store::UnitPosition> {
    log.append(&[Record::new(3, &content(number, bytes))])
}

/// The numbers of all records, their content checked.
pub(crate) fn numbers(reader: &mut Reader) -> Vec<u64> {
    let mut numbers = Vec::new();
    while let Some(unit) = reader.next_unit().unwrap() {
        for record in unit.records() {
            let number = u64::from_le_bytes(record.bytes[..8].try_into().unwrap());
            assert_eq!(record.bytes, content(number, record.bytes.len()), "content of record {number}");
            assert_eq!(record.kind, 3);
            numbers.push(number);
        }
    }
    numbers
}

/// The segment files in order.
pub(crate) fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "segment"))
        .collect();
    files.sort();
    files
}

/// Copies a log's files: an image of the disk at this moment, as a crash would leave it.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
