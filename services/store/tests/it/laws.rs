//! Laws that hold for any content and any damage.

use std::fs;

use proptest::prelude::*;
use store::segment_log::{ReadOnlyLog, Record, SegmentLog, Settings, check};

use crate::common::{ID, copy, open, segments};

fn settings() -> Settings {
    Settings { segment_bytes: 2048, max_unit_bytes: 1 << 20, ..Settings::default() }
}

fn batch() -> impl Strategy<Value = Vec<(u16, Vec<u8>)>> {
    prop::collection::vec((any::<u16>(), prop::collection::vec(any::<u8>(), 0..300)), 1..6)
}

fn write(log: &SegmentLog, batch: &[(u16, Vec<u8>)]) -> store::UnitPosition {
    let records: Vec<_> = batch.iter().map(|(kind, bytes)| Record::new(*kind, bytes)).collect();
    log.append(&records).unwrap()
}

fn read_all(reader: &mut store::segment_log::Reader) -> Vec<Vec<(u16, Vec<u8>)>> {
    let mut found = Vec::new();
    while let Some(unit) = reader.next_unit().unwrap() {
        assert_eq!(unit.shared_records().count(), unit.len());
        found.push(unit.records().map(|record| (record.kind, record.bytes.to_vec())).collect());
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_is_appended_is_what_is_read(batches in prop::collection::vec(batch(), 1..30), reopen in 0_usize..30) {
        let dir = tempfile::tempdir().unwrap();
        let mut log = open(dir.path(), settings()).log;
        for (place, batch) in batches.iter().enumerate() {
            if place == reopen {
                if reopen % 2 == 0 {
                    log.close().unwrap();
                }
                drop(log);
                log = open(dir.path(), settings()).log;
            }
            let position = write(&log, batch);
            prop_assert_eq!(position.sequence, place as u64);
            prop_assert_eq!(log.read(position).unwrap().len(), batch.len());
        }
        prop_assert_eq!(&read_all(&mut log.reader()), &batches);
        drop(log);
        prop_assert!(check(dir.path()).unwrap().is_clean());
        prop_assert_eq!(&read_all(&mut ReadOnlyLog::open(dir.path(), settings()).unwrap().reader()), &batches);
    }

    /// Whatever a crash leaves of the last write: sectors of it in any choice. What was acknowledged before stays, the
    /// rest is cut, and the log goes on. (Where the first sector is missing this takes the operator's consent.)
    #[test]
    fn any_part_of_the_last_write_is_repaired(
        batches in prop::collection::vec(batch(), 2..8),
        last in prop::collection::vec((any::<u16>(), prop::collection::vec(1_u8.., 400..900)), 1..6),
        written in prop::collection::vec(any::<bool>(), 64),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings { segment_bytes: 64 * 1024, repair_gap: true, ..settings() };
        let log = open(dir.path(), settings).log;
        for batch in &batches {
            write(&log, batch);
        }
        let start = log.end().offset;
        write(&log, &last);
        let end = log.end().offset;
        drop(log);
        let image = tempfile::tempdir().unwrap();
        copy(dir.path(), image.path());
        let path = segments(image.path()).pop().unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let mut whole = true;
        for (sector, written) in (start / 512..=end / 512).zip(written) {
            let (from, to) = ((sector * 512).max(start) as usize, ((sector + 1) * 512).min(end) as usize);
            if !written && from < to {
                whole &= bytes[from..to].iter().all(|byte| *byte == 0);
                bytes[from..to].fill(0);
            }
        }
        fs::write(&path, &bytes).unwrap();
        let log = SegmentLog::open(image.path(), ID, settings).unwrap().log;
        let mut expected = batches.clone();
        expected.extend(whole.then(|| last.clone()));
        prop_assert_eq!(&read_all(&mut log.reader()), &expected);
        write(&log, &last);
        expected.push(last);
        prop_assert_eq!(&read_all(&mut log.reader()), &expected);
        drop(log);
        prop_assert!(check(image.path()).unwrap().is_clean());
    }

    /// Any bytes as a segment or manifest are refused or read; nothing panics.
    #[test]
    fn arbitrary_files_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), place in 0_usize..400, which in 0..3) {
        let dir = tempfile::tempdir().unwrap();
        let log = open(dir.path(), settings()).log;
        for number in 0..6 {
            crate::common::append(&log, number, 300).unwrap();
        }
        drop(log);
        let path = match which {
            0 => dir.path().join("manifest"),
            1 => segments(dir.path()).remove(0),
            _ => segments(dir.path()).pop().unwrap(),
        };
        let mut content = fs::read(&path).unwrap();
        let place = place.min(content.len());
        content.splice(place.., bytes);
        fs::write(&path, content).unwrap();
        let clean = check(dir.path()).unwrap().is_clean();
        if let Ok(log) = ReadOnlyLog::open(dir.path(), settings()) {
            let mut reader = log.reader();
            let mut units = 0;
            while let Ok(Some(_)) = reader.next_unit() {
                units += 1;
            }
            prop_assert!(!clean || units == 6);
        } else {
            prop_assert!(!clean);
        }
    }
}
