//! Damaged files: what an interrupted write explains is repaired, everything else is named and left alone.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use store::segment_log::{ProblemKind, ReadOnlyLog, SegmentLog, Settings, check};
use store::{Error, LogId, UnitPosition};

use crate::common::{ID, append, copy, numbers, open, segments};

/// Segments of 1 KiB: three of them hold a dozen units.
fn tiny() -> Settings {
    Settings { segment_bytes: 1024, max_unit_bytes: 64 * 1024, ..Settings::default() }
}

/// A log of several segments; the last one has room left. Returns the positions of its units.
fn sample(dir: &Path, units: u64) -> Vec<UnitPosition> {
    let log = open(dir, tiny()).log;
    (0..units).map(|number| append(&log, number, 100 + (number as usize * 7) % 40).unwrap()).collect()
}

fn image(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
}

/// Opening fails with `Corrupt` in `file`, and changes nothing.
#[track_caller]
fn refused(dir: &Path, file: &Path) -> (u64, String) {
    let before = image(dir);
    let error = SegmentLog::open(dir, ID, tiny()).expect_err("damage has to be refused");
    let Error::Corrupt { file: named, offset, reason } = error else { panic!("{error}") };
    assert_eq!(named, file, "{reason}");
    assert_eq!(image(dir), before, "nothing may be changed");
    let report = check(dir).unwrap();
    assert!(report.problems.iter().any(|problem| problem.kind == ProblemKind::Corrupt && problem.file == file));
    assert_eq!(image(dir), before, "a check never changes anything");
    (offset, reason)
}

fn flip(path: &Path, offset: u64, mask: u8) {
    let file = fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ mask], offset).unwrap();
}

fn flip_everywhere(closed: bool) {
    let dir = tempfile::tempdir().unwrap();
    let units = 14;
    let positions = sample(dir.path(), units);
    if closed {
        open(dir.path(), tiny()).log.close().unwrap();
    }
    assert!(check(dir.path()).unwrap().is_clean());
    assert!(segments(dir.path()).len() >= 3);
    let last_unit = positions.last().unwrap();
    let last_segment = segments(dir.path()).pop().unwrap();
    let mut flipped = 0;
    for (path, content) in image(dir.path()) {
        for offset in 0..content.len() as u64 {
            let mask = 1 << (offset % 8);
            flip(&path, offset, mask);
            let report = check(dir.path()).unwrap();
            let place = format!("{} at {offset}", path.display());
            assert!(!report.is_clean(), "the check misses a flip in {place}");
            let named = &report.problems[0];
            assert_eq!(named.file, path, "{place}: {named}");
            assert!(named.offset <= offset, "{place}: {named}");
            let in_tail = !closed && path == last_segment && offset >= last_unit.offset;
            assert!(named.kind == ProblemKind::Corrupt || in_tail, "{place}: {named}");
            // Whoever reads gets what was written, or an error: never something else.
            if let Ok(log) = ReadOnlyLog::open(dir.path(), tiny()) {
                let (mut reader, mut next) = (log.reader(), 0);
                let outcome = loop {
                    match reader.next_unit() {
                        Ok(Some(unit)) => {
                            let record = unit.records().next().unwrap();
                            assert_eq!(record.bytes, crate::common::content(next, record.bytes.len()), "{place}");
                            next += 1;
                        }
                        Ok(None) => break Ok(()),
                        Err(error) => break Err(error),
                    }
                };
                match outcome {
                    Err(Error::Corrupt { file, .. }) => assert_eq!(file, path),
                    Err(error) => panic!("{place}: {error}"),
                    // Only the last unit of an unclosed log can look like an interrupted write.
                    Ok(()) => assert!(next == units || (in_tail && next == units - 1), "{place}: {next} units"),
                }
            }
            flip(&path, offset, mask);
            flipped += 1;
        }
    }
    assert!(flipped > 2000);
    assert!(check(dir.path()).unwrap().is_clean());
}

#[test]
fn every_flipped_byte_of_a_closed_log_is_named() {
    flip_everywhere(true);
}

#[test]
fn every_flipped_byte_of_an_unclosed_log_is_named_its_empty_space_included() {
    flip_everywhere(false);
}

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
fn a_sealed_segment_that_is_cut_extended_or_missing_is_refused() {
    let source = tempfile::tempdir().unwrap();
    sample(source.path(), 13);
    let files = segments(source.path());
    for sealed in &files[..files.len() - 1] {
        let length = fs::metadata(sealed).unwrap().len();
        for new_length in [0, 1, 63, 64, 100, length - 49, length - 48, length - 1, length + 1, length + 8, 1024] {
            let dir = tempfile::tempdir().unwrap();
            copy(source.path(), dir.path());
            let path = dir.path().join(sealed.file_name().unwrap());
            fs::File::options().write(true).open(&path).unwrap().set_len(new_length).unwrap();
            if new_length == length {
                continue;
            }
            refused(dir.path(), &path);
        }
    }
    for (closed, missing) in (0..files.len()).flat_map(|missing| [(false, missing), (true, missing)]) {
        let dir = tempfile::tempdir().unwrap();
        copy(source.path(), dir.path());
        if closed {
            open(dir.path(), tiny()).log.close().unwrap();
        }
        let path = dir.path().join(files[missing].file_name().unwrap());
        fs::remove_file(&path).unwrap();
        let (_, reason) = refused(dir.path(), &path);
        assert!(reason.contains("missing"), "{reason}");
    }
}

#[test]
fn segments_that_are_swapped_foreign_or_unknown_are_refused() {
    let source = tempfile::tempdir().unwrap();
    sample(source.path(), 20);
    let files = segments(source.path());
    let fresh = || {
        let dir = tempfile::tempdir().unwrap();
        copy(source.path(), dir.path());
        dir
    };
    let at = |dir: &Path, place: usize| dir.join(files[place].file_name().unwrap());

    let dir = fresh();
    fs::rename(at(dir.path(), 0), dir.path().join("aside")).unwrap();
    fs::rename(at(dir.path(), 1), at(dir.path(), 0)).unwrap();
    fs::rename(dir.path().join("aside"), at(dir.path(), 1)).unwrap();
    let (_, reason) = refused(dir.path(), &at(dir.path(), 0));
    assert!(reason.contains("number 1"), "{reason}");

    let other = tempfile::tempdir().unwrap();
    {
        let log = SegmentLog::open(other.path(), LogId([9; 16]), tiny()).unwrap().log;
        for number in 0..20 {
            append(&log, number, 100 + (number as usize * 7) % 40).unwrap();
        }
    }
    let dir = fresh();
    fs::copy(&segments(other.path())[1], at(dir.path(), 1)).unwrap();
    let (_, reason) = refused(dir.path(), &at(dir.path(), 1));
    assert!(reason.contains("belongs to log 0909"), "{reason}");

    // The same log with another history: the same identity, sequences and lengths, other content.
    let fork = tempfile::tempdir().unwrap();
    {
        let log = open(fork.path(), tiny()).log;
        for number in 0..20 {
            append(&log, number + 50, 100 + (number as usize * 7) % 40).unwrap();
        }
    }
    let dir = fresh();
    fs::copy(&segments(fork.path())[1], at(dir.path(), 1)).unwrap();
    let (_, reason) = refused(dir.path(), &at(dir.path(), 1));
    assert!(reason.contains("does not follow"), "{reason}");

    let dir = fresh();
    let stray = dir.path().join(format!("{:020}.segment", 40));
    fs::copy(at(dir.path(), 0), &stray).unwrap();
    refused(dir.path(), &stray);

    let dir = fresh();
    let nameless = dir.path().join("7.segment");
    fs::copy(at(dir.path(), 0), &nameless).unwrap();
    refused(dir.path(), &nameless);

    let dir = fresh();
    fs::remove_file(dir.path().join("manifest")).unwrap();
    refused(dir.path(), &dir.path().join("manifest"));

    let dir = fresh();
    fs::write(dir.path().join("notes.txt"), "mine").unwrap();
    assert_eq!(check(dir.path()).unwrap().problems[0].file, dir.path().join("notes.txt"));
    open(dir.path(), tiny()); // it does no harm to the log
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

#[test]
fn an_interrupted_seal_is_finished_or_taken_back() {
    let source = tempfile::tempdir().unwrap();
    sample(source.path(), 13);
    let unsealed = fs::read(segments(source.path()).pop().unwrap()).unwrap();
    let manifest = fs::read(source.path().join("manifest")).unwrap();
    open(source.path(), tiny()).log.close().unwrap();
    let sealed = fs::read(segments(source.path()).pop().unwrap()).unwrap();
    let footer = sealed.len() - 48;
    for written in 1..=48 {
        let dir = tempfile::tempdir().unwrap();
        copy(source.path(), dir.path());
        fs::write(dir.path().join("manifest"), &manifest).unwrap();
        let mut bytes = unsealed.clone();
        bytes[footer..footer + written].copy_from_slice(&sealed[footer..footer + written]);
        let path = segments(dir.path()).pop().unwrap();
        fs::write(&path, &bytes).unwrap();
        assert_eq!(check(dir.path()).unwrap().problems[0].kind, ProblemKind::TornTail, "{written}");
        let opened = open(dir.path(), tiny());
        assert_eq!(opened.repaired.is_some(), written < 48, "{written}");
        assert_eq!(numbers(&mut opened.log.reader()), (0..13).collect::<Vec<_>>());
        append(&opened.log, 13, 100).unwrap();
        drop(opened);
        assert!(check(dir.path()).unwrap().is_clean(), "{written}");
    }
    // The footer is there and the file is cut, but the manifest does not say "closed" yet.
    fs::write(source.path().join("manifest"), &manifest).unwrap();
    assert!(check(source.path()).unwrap().is_clean());
    let opened = open(source.path(), tiny());
    append(&opened.log, 13, 100).unwrap();
    drop(opened);
    assert!(check(source.path()).unwrap().is_clean());
}

#[test]
fn what_an_interrupted_roll_leaves_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), tiny()).log;
    for number in 0..5 {
        append(&log, number, 100).unwrap();
    }
    log.close().unwrap();
    drop(log);
    let manifest = fs::read(dir.path().join("manifest")).unwrap();
    append(&open(dir.path(), tiny()).log, 5, 100).unwrap();
    let begun = segments(dir.path()).pop().unwrap();
    // Back to the moment between "the file is there" and "the manifest names it".
    let mut bytes = fs::read(&begun).unwrap();
    bytes[64..].fill(0);
    fs::write(&begun, &bytes).unwrap();
    fs::write(dir.path().join("manifest"), &manifest).unwrap();
    fs::write(dir.path().join("segment.tmp"), [1; 100]).unwrap();
    fs::write(dir.path().join("manifest.tmp"), [1; 10]).unwrap();
    let problems = check(dir.path()).unwrap().problems;
    assert_eq!(problems.len(), 3);
    assert!(problems.iter().all(|problem| problem.kind == ProblemKind::Leftover));
    let opened = open(dir.path(), tiny());
    assert_eq!(segments(dir.path()).len(), 1);
    append(&opened.log, 5, 100).unwrap();
    drop(opened);
    assert!(check(dir.path()).unwrap().is_clean());
    // With a unit in it, it is no leftover: the manifest is older than the log.
    fs::write(dir.path().join("manifest"), &manifest).unwrap();
    refused(dir.path(), &begun);
}
