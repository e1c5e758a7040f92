//! The last unit, and what lies behind it: an interrupted write is repaired, and nothing else.

use std::fs;
use std::os::unix::fs::FileExt as _;

use store::segment_log::{ProblemKind, SegmentLog, Settings, check};
use store::{Error, LogId};

use super::{flip, image, refused, sample, tiny};
use crate::common::{ID, append, copy, numbers, open, segments};

/// The file itself cut, or zeros from the cut on: both are what an interrupted write may leave.
#[test]
fn a_tail_cut_at_any_byte_of_the_last_unit_is_repaired_and_reported() {
    let source = tempfile::tempdir().unwrap();
    let positions = sample(source.path(), 13);
    let (last, before) = (positions[12], positions[12].sequence);
    let path = segments(source.path()).pop().unwrap();
    assert!(last.offset > 64, "the last segment has to hold a unit before the last one");
    let body_end = last.offset + 32 + 6 + (100 + (12 * 7) % 40);
    let length = fs::metadata(&path).unwrap().len();
    for cut in last.offset..body_end {
        for shorter in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            copy(source.path(), dir.path());
            let path = dir.path().join(path.file_name().unwrap());
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_len(cut).unwrap();
            if !shorter {
                file.set_len(length).unwrap();
            }
            let untouched = !shorter && cut == last.offset; // nothing of the unit was written
            let report = check(dir.path()).unwrap();
            assert_eq!(report.problems.is_empty(), untouched, "cut at {cut}");
            assert!(report.problems.iter().all(|problem| problem.kind == ProblemKind::TornTail
                && problem.file == path
                && problem.offset == last.offset));
            let opened = open(dir.path(), tiny());
            assert_eq!(opened.repaired.is_none(), untouched, "cut at {cut}");
            if let Some(repair) = &opened.repaired {
                assert_eq!((&repair.file, repair.offset), (&path, last.offset));
                assert!(repair.bytes <= cut - last.offset, "zeros at the end of what was written are no bytes to cut");
            }
            assert_eq!(numbers(&mut opened.log.reader()), (0..before).collect::<Vec<_>>());
            assert_eq!(append(&opened.log, before, 40).unwrap().sequence, before);
            drop(opened);
            assert!(check(dir.path()).unwrap().is_clean(), "cut at {cut}");
            assert_eq!(open(dir.path(), tiny()).repaired, None);
        }
    }
}

#[test]
fn a_damaged_unit_with_valid_units_after_it_is_not_repaired() {
    let dir = tempfile::tempdir().unwrap();
    let positions = sample(dir.path(), 13);
    let (damaged, path) = (positions[11], segments(dir.path()).pop().unwrap());
    assert_eq!(damaged.segment, positions[12].segment);
    for place in [0, 5, 9, 20, 28, 32, 60] {
        flip(&path, damaged.offset + place, 0x80);
        let (offset, reason) = refused(dir.path(), &path);
        assert_eq!(offset, damaged.offset);
        assert!(reason.contains("valid unit follows"), "{reason}");
        flip(&path, damaged.offset + place, 0x80);
    }
}

#[test]
fn a_damaged_last_unit_of_a_closed_log_is_not_repaired() {
    let dir = tempfile::tempdir().unwrap();
    let positions = sample(dir.path(), 13);
    open(dir.path(), tiny()).log.close().unwrap();
    let path = segments(dir.path()).pop().unwrap();
    flip(&path, positions[12].offset + 40, 1);
    // A sealed segment's units are read when they are asked for: opening does not walk the whole history.
    let opened = open(dir.path(), tiny());
    assert!(matches!(opened.log.read(positions[12]), Err(Error::Corrupt { .. })));
    drop(opened);
    let problems = check(dir.path()).unwrap().problems;
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].kind, problems[0].offset), (ProblemKind::Corrupt, positions[12].offset));
}

#[test]
fn bytes_in_the_empty_space_are_refused_unless_the_operator_says_otherwise() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path(), 13);
    let path = segments(dir.path()).pop().unwrap();
    let end = open(dir.path(), tiny()).log.end();
    for place in [end.offset + 32, end.offset + 100, 1023] {
        flip(&path, place, 0x10);
        let (offset, reason) = refused(dir.path(), &path);
        assert_eq!(offset, place);
        assert!(reason.contains("repair_gap"), "{reason}");
        let repaired = SegmentLog::open(dir.path(), ID, Settings { repair_gap: true, ..tiny() }).unwrap();
        assert_eq!(repaired.repaired.unwrap().offset, end.offset);
        assert_eq!(repaired.log.end(), end);
        drop(repaired.log);
        assert!(check(dir.path()).unwrap().is_clean());
    }
}

#[test]
fn an_old_unit_at_the_place_of_the_next_is_never_taken_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let positions = sample(dir.path(), 13);
    let end = open(dir.path(), tiny()).log.end();
    let path = segments(dir.path()).pop().unwrap();
    let whole = fs::read(&path).unwrap();
    let (from, to) = (positions[12].offset, end.offset);
    let unit = &whole[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()];
    // Of the same log: valid under its own sequence only.
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.write_all_at(unit, end.offset).unwrap();
    let (offset, reason) = refused(dir.path(), &path);
    assert_eq!(offset, end.offset);
    assert!(reason.contains("unit 12 stands where unit 13 belongs"), "{reason}");
    // Of another log with the right sequence: no unit at all, so it is cut like any torn write.
    let other = tempfile::tempdir().unwrap();
    let foreign = {
        let log = SegmentLog::open(other.path(), LogId([9; 16]), tiny()).unwrap().log;
        let positions: Vec<_> = (0..14).map(|number| append(&log, number, 100).unwrap()).collect();
        let last = positions[13];
        let bytes = fs::read(segments(other.path()).pop().unwrap()).unwrap();
        bytes[usize::try_from(last.offset).unwrap()..][..unit.len()].to_vec()
    };
    file.write_all_at(&foreign, end.offset).unwrap();
    let opened = open(dir.path(), tiny());
    assert_eq!(opened.repaired.unwrap().offset, end.offset);
    assert_eq!(opened.log.end().sequence, 13);
}

/// The length field is checked before anything is allocated.
#[test]
fn an_oversize_length_is_refused_even_with_a_valid_checksum() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path(), 13);
    let end = open(dir.path(), tiny()).log.end();
    let path = segments(dir.path()).pop().unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    for (length, too_large) in [(u32::MAX, true), (64 * 1024 + 1, true), (4000, false)] {
        let header = crate::format::unit_header(ID, length, end.sequence, 1, 0, 0);
        file.write_all_at(&header, end.offset).unwrap();
        let before = image(dir.path());
        let error = SegmentLog::open(dir.path(), ID, tiny()).unwrap_err();
        match error {
            Error::TooLarge { size_bytes, .. } => assert!(too_large && size_bytes == u64::from(length)),
            Error::Corrupt { offset, reason, .. } => {
                assert!(!too_large && offset == end.offset, "{reason}");
                assert!(reason.contains("runs past"), "{reason}");
            }
            error => panic!("{error}"),
        }
        assert_eq!(image(dir.path()), before);
        assert!(!check(dir.path()).unwrap().is_clean());
    }
}

/// Units under one barrier are unacknowledged together: a torn one may be followed by whole ones of its own group.
#[test]
fn a_torn_unit_before_whole_ones_of_its_own_group_is_repaired_but_not_before_a_later_group() {
    let dir = tempfile::tempdir().unwrap();
    sample(dir.path(), 13);
    let end = open(dir.path(), tiny()).log.end();
    let path = segments(dir.path()).pop().unwrap();
    let unit = |sequence, group_offset| crate::format::unit(ID, sequence, group_offset, &[(3, b"batch")]);
    let file = fs::File::options().write(true).open(&path).unwrap();
    let mut torn = unit(13, 0);
    torn[40] ^= 1;
    let mut written = [unit(14, 1), unit(15, 2)].concat();
    file.write_all_at(&[torn.clone(), written.clone()].concat(), end.offset).unwrap();
    assert_eq!(check(dir.path()).unwrap().problems[0].kind, ProblemKind::TornTail);
    written.extend(unit(16, 0)); // begun after the group's barrier, so the group was acknowledged
    file.write_all_at(&[torn, written].concat(), end.offset).unwrap();
    let (offset, _) = refused(dir.path(), &path);
    assert_eq!(offset, end.offset);
    file.write_all_at(&[0; 48], end.offset + 3 * 48).unwrap();
    let opened = open(dir.path(), tiny());
    assert_eq!(opened.repaired.unwrap().bytes, 3 * 48 - 5, "the last unit ends in five bytes of padding");
    assert_eq!(opened.log.end(), end);
}
