//! Whole segments: cut, missing, foreign, or begun and sealed by half.

use std::fs;
use std::path::Path;

use store::LogId;
use store::segment_log::{ProblemKind, SegmentLog, check};

use super::{refused, sample, tiny};
use crate::common::{append, copy, numbers, open, segments};

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
