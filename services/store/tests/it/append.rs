//! Appending, reading back, rolling over, reopening.

use store::segment_log::{ReadOnlyLog, Record, SegmentLog, Settings, check};
use store::{Error, LogId, UnitPosition};

use crate::common::{ID, append, copy, numbers, open, segments, small};

#[test]
fn what_was_appended_is_read_back_in_order_over_many_segments() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path(), small());
    assert!(opened.created && opened.repaired.is_none());
    let positions: Vec<_> = (0..200).map(|number| append(&opened.log, number, 100).unwrap()).collect();
    assert!(segments(dir.path()).len() > 5, "the log has to roll");
    assert_eq!(numbers(&mut opened.log.reader()), (0..200).collect::<Vec<_>>());
    for (number, position) in (0..).zip(&positions) {
        assert_eq!(position.sequence, number);
        let unit = opened.log.read(*position).unwrap();
        assert_eq!(unit.records().next().unwrap().bytes[..8], number.to_le_bytes());
        assert_eq!(UnitPosition::from_bytes(&position.to_bytes()), *position);
        assert_eq!(numbers(&mut opened.log.reader_at(*position)), (number..200).collect::<Vec<_>>());
        assert_eq!(numbers(&mut opened.log.reader_from(number).unwrap()), (number..200).collect::<Vec<_>>());
    }
    assert!(numbers(&mut opened.log.reader_from(200).unwrap()).is_empty());
    assert!(matches!(opened.log.reader_from(201), Err(Error::NotFound { .. })));
}

#[test]
fn a_log_goes_on_after_a_crash_and_after_a_close() {
    let dir = tempfile::tempdir().unwrap();
    let mut next = 0;
    for round in 0..6 {
        let opened = open(dir.path(), small());
        assert_eq!(opened.was_closed, round % 2 == 0);
        assert_eq!(opened.log.end().sequence, next);
        for _ in 0..17 {
            append(&opened.log, next, 200).unwrap();
            next += 1;
        }
        if round % 2 == 1 {
            opened.log.close().unwrap();
            assert!(matches!(append(&opened.log, next, 8), Err(Error::Closed { .. })));
        }
        assert_eq!(numbers(&mut opened.log.reader()), (0..next).collect::<Vec<_>>());
        drop(opened);
        let report = check(dir.path()).unwrap();
        assert!(report.is_clean(), "{:?}", report.problems);
        assert_eq!((report.units, report.next_sequence, report.closed), (next, next, round % 2 == 1));
        let held = ReadOnlyLog::open(dir.path(), small()).unwrap();
        assert_eq!(numbers(&mut held.reader()), (0..next).collect::<Vec<_>>());
    }
}

#[test]
fn opening_and_closing_without_appends_adds_no_files() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        open(dir.path(), small()).log.close().unwrap();
    }
    assert!(segments(dir.path()).is_empty());
    append(&open(dir.path(), small()).log, 0, 8).unwrap();
    for _ in 0..3 {
        open(dir.path(), small()).log.close().unwrap();
    }
    assert_eq!(segments(dir.path()).len(), 1);
    assert!(check(dir.path()).unwrap().is_clean());
}

#[test]
fn a_second_writer_is_refused_until_the_first_has_closed() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path(), small());
    assert!(matches!(SegmentLog::open(dir.path(), ID, small()), Err(Error::Locked { .. })));
    assert!(matches!(check(dir.path()), Err(Error::Locked { .. })));
    assert!(matches!(ReadOnlyLog::open(dir.path(), small()), Err(Error::Locked { .. })));
    first.log.close().unwrap();
    let second = open(dir.path(), small());
    drop(second);
    open(dir.path(), small());
}

#[test]
fn where_no_log_is_none_is_made_by_looking() {
    let dir = tempfile::tempdir().unwrap();
    for place in [dir.path().to_owned(), dir.path().join("nowhere")] {
        assert!(matches!(check(&place), Err(Error::NotFound { .. })));
        assert!(matches!(ReadOnlyLog::open(&place, small()), Err(Error::NotFound { .. })));
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    open(&dir.path().join("deep/er/log"), small());
    assert!(check(&dir.path().join("deep/er/log")).unwrap().is_clean());
}

#[test]
fn the_identity_of_a_log_is_given_once() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path(), small()).log.close().unwrap();
    let again = SegmentLog::open(dir.path(), LogId([1; 16]), small()).unwrap();
    assert_eq!(again.log.id(), ID);
    assert!(!again.created);
}

#[test]
fn batches_that_are_empty_or_too_large_are_refused_and_leave_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path(), Settings { max_unit_bytes: 100, ..small() });
    assert!(matches!(opened.log.append(&[]), Err(Error::Invalid { .. })));
    let refused = opened.log.append(&[Record::new(0, &[1; 95])]);
    assert!(matches!(refused, Err(Error::TooLarge { size_bytes: 101, limit_bytes: 100, .. })), "{refused:?}");
    assert_eq!(opened.log.append(&[Record::new(0, &[1; 94])]).unwrap().sequence, 0);
    assert_eq!(opened.log.counts().barriers, 1);
}

#[test]
fn a_unit_larger_than_a_segment_gets_a_segment_of_its_size() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(dir.path(), small());
    for number in 0..4 {
        append(&opened.log, number, 10_000).unwrap();
    }
    assert_eq!(numbers(&mut opened.log.reader()), [0, 1, 2, 3]);
    opened.log.close().unwrap();
    assert!(check(dir.path()).unwrap().is_clean());
}

#[test]
fn a_reader_follows_the_log_and_sees_each_unit_once() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), small()).log;
    let mut reader = log.reader();
    let mut end = log.subscribe();
    for number in 0..100 {
        assert!(reader.next_unit().unwrap().is_none());
        append(&log, number, 150).unwrap();
        assert!(end.has_changed().unwrap());
        assert_eq!(*end.borrow_and_update(), number + 1);
        assert_eq!(reader.next_unit().unwrap().unwrap().position.sequence, number);
    }
}

#[test]
fn a_reader_in_another_thread_sees_every_unit_in_order_while_the_log_grows() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), small()).log;
    std::thread::scope(|scope| {
        let writer = log.clone();
        scope.spawn(move || {
            for number in 0..600 {
                append(&writer, number, 60).unwrap();
            }
        });
        for mut reader in [log.reader(), log.reader()] {
            let log = &log;
            scope.spawn(move || {
                let mut next = 0;
                while next < 600 {
                    let Some(unit) = reader.next_unit().unwrap() else {
                        std::thread::yield_now();
                        continue;
                    };
                    assert_eq!(unit.position.sequence, next);
                    assert!(next < log.end().sequence, "only what is acknowledged");
                    next += 1;
                }
            });
        }
    });
}

#[test]
fn old_segments_are_deleted_whole_and_the_check_knows() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), small()).log;
    for number in 0..100 {
        append(&log, number, 150).unwrap();
    }
    let before = segments(dir.path());
    let image = tempfile::tempdir().unwrap();
    let mut slow = log.reader();
    slow.next_unit().unwrap();
    copy(dir.path(), image.path());
    let deleted = usize::try_from(log.retain_from(60).unwrap()).unwrap();
    assert!(deleted > 0);
    assert_eq!(segments(dir.path()), before[deleted..]);
    let first = log.start().sequence;
    assert!(first <= 60, "only units before the given one may go");
    assert_eq!(numbers(&mut log.reader()), (first..100).collect::<Vec<_>>());
    assert!(matches!(log.reader_from(0), Err(Error::Retired { first_retained, .. }) if first_retained == first));
    assert_eq!(log.retain_from(u64::MAX).unwrap() as usize, before.len() - deleted - 1);
    assert!(!numbers(&mut log.reader()).is_empty(), "the newest segment stays");
    drop(log);
    assert!(check(dir.path()).unwrap().is_clean());
    // A crash between marker and deletion: the files come back with the new manifest beside them.
    std::fs::copy(&before[0], dir.path().join(before[0].file_name().unwrap())).ok();
    std::fs::copy(image.path().join(before[0].file_name().unwrap()), &before[0]).unwrap();
    let report = check(dir.path()).unwrap();
    assert_eq!(report.problems.len(), 1);
    assert_eq!(report.problems[0].kind, store::segment_log::ProblemKind::Leftover);
    let log = open(dir.path(), small()).log;
    assert!(!before[0].exists());
    assert!(log.start().sequence > 60);
}

#[test]
fn a_unit_above_the_limit_is_refused_on_reading_before_memory_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), small()).log;
    let position = append(&log, 0, 10_000).unwrap();
    append(&log, 1, 10).unwrap();
    log.close().unwrap();
    drop(log);
    let log = open(dir.path(), Settings { max_unit_bytes: 9_999, ..small() }).log;
    assert!(matches!(log.read(position), Err(Error::TooLarge { limit_bytes: 9_999, .. })));
    assert!(matches!(log.reader().next_unit(), Err(Error::TooLarge { .. })));
    assert!(matches!(log.read(UnitPosition { offset: 72, ..position }), Err(Error::Corrupt { .. })));
    assert!(matches!(log.read(UnitPosition { segment: 9, ..position }), Err(Error::NotFound { .. })));
    assert!(matches!(log.read(log.end()), Err(Error::NotFound { .. })));
}

#[test]
fn large_units_keep_the_checksum_of_their_segment() {
    for zero_fill in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings { segment_bytes: 1 << 20, zero_fill, ..Settings::default() };
        let log = open(dir.path(), settings).log;
        for (number, bytes) in [(0, 65_530), (1, 65_529), (2, 200_003), (3, 7), (4, 64 * 1024), (5, 900_000)] {
            append(&log, number, bytes).unwrap();
        }
        log.close().unwrap();
        drop(log);
        let report = check(dir.path()).unwrap();
        assert!(report.is_clean(), "{:?}", report.problems);
        assert_eq!((report.segments, report.units), (2, 6));
    }
}
