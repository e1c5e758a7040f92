//! The index: deleted, behind, foreign, damaged; always the same answers.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use store::segment_log::SegmentLog;
use store::{Error, Index, IndexState, Result, Unit};

use crate::common::{append, copy, open, small};

/// Key `n` + number → sequence; key `count` → how many records there are, so that a doubled unit shows.
fn apply(unit: &Unit, batch: &mut store::IndexBatch<'_>) -> Result<()> {
    for record in unit.records() {
        let mut key = b"n".to_vec();
        key.extend(record.bytes[..8].iter().rev());
        batch.insert(&key, &unit.position.sequence.to_le_bytes());
        let count = batch.get(b"count").map_or(0, |value| u64::from_le_bytes(value.try_into().unwrap()));
        batch.insert(b"count", &(count + 1).to_le_bytes());
    }
    Ok(())
}

fn open_index(dir: &Path, log: &SegmentLog) -> Index {
    Index::open(dir, log, 1, apply).unwrap()
}

#[track_caller]
fn holds(index: &Index, count: u64) {
    let number = |key: &[u8]| u64::from_be_bytes(key[1..].try_into().unwrap());
    let entries = index.scan(b"n", None, usize::MAX).unwrap();
    assert!(entries.iter().map(|(key, _)| number(key)).eq(0..count), "{} entries", entries.len());
    assert!(entries.iter().all(|(key, value)| value[..] == number(key).to_le_bytes()));
    let counted = index.get(b"count").unwrap().map_or(0, |value| u64::from_le_bytes(value.try_into().unwrap()));
    assert_eq!(counted, count, "each unit is applied once");
    assert_eq!(index.applied(), count);
    assert_eq!(index.last(b"n").unwrap().map(|(key, _)| number(&key)), count.checked_sub(1));
}

struct Place {
    _dir: tempfile::TempDir,
    log: PathBuf,
    index: PathBuf,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    Place { log: dir.path().join("log"), index: dir.path().join("index"), _dir: dir }
}

fn fill(log: &SegmentLog, to: u64) {
    for number in log.end().sequence..to {
        append(log, number, 60).unwrap();
    }
}

#[test]
fn an_index_is_built_kept_and_continued() {
    let place = place();
    let log = open(&place.log, small()).log;
    let index = open_index(&place.index, &log);
    assert_eq!(index.state_at_open(), IndexState::Missing);
    holds(&index, 0);
    for to in [1, 40, 100] {
        fill(&log, to);
        assert_eq!(index.catch_up().unwrap(), to);
        holds(&index, to);
    }
    let page = index.scan(b"n", None, 10).unwrap();
    let next = index.scan(b"n", page.last().map(|(key, _)| &key[..]), 10).unwrap();
    assert_eq!(next[0].1, 10_u64.to_le_bytes());
    drop(index);
    let index = open_index(&place.index, &log);
    assert_eq!(index.state_at_open(), IndexState::Current);
    holds(&index, 100);
    drop(index);
    fill(&log, 150);
    let index = open_index(&place.index, &log);
    assert_eq!(index.state_at_open(), IndexState::Behind { from: 100 });
    holds(&index, 150);
}

#[test]
fn an_index_over_many_units_is_caught_up_in_batches() {
    let place = place();
    let log = open(&place.log, store::Settings::default()).log;
    let contents: Vec<_> = (0..10_000_u64).map(|number| crate::common::content(number, 9)).collect();
    for batch in contents.chunks(500) {
        let records: Vec<_> = batch.iter().map(|bytes| store::Record::new(3, bytes)).collect();
        log.append(&records).unwrap();
    }
    let index = open_index(&place.index, &log);
    let entries = index.scan(b"n", None, usize::MAX).unwrap();
    assert_eq!(entries.len(), 10_000);
    assert_eq!(index.get(b"count").unwrap().unwrap(), 10_000_u64.to_le_bytes());
    assert_eq!(index.applied(), 20);
}

#[test]
fn a_deleted_index_is_rebuilt() {
    let place = place();
    let log = open(&place.log, small()).log;
    fill(&log, 60);
    drop(open_index(&place.index, &log));
    fs::remove_dir_all(&place.index).unwrap();
    let index = open_index(&place.index, &log);
    assert_eq!(index.state_at_open(), IndexState::Missing);
    holds(&index, 60);
    index.rebuild().unwrap();
    holds(&index, 60);
    fill(&log, 70);
    index.catch_up().unwrap();
    holds(&index, 70);
}

#[test]
fn an_index_of_another_log_another_version_or_another_history_is_rebuilt() {
    let place = place();
    let other = tempfile::tempdir().unwrap();
    let foreign = SegmentLog::open(other.path(), store::LogId([3; 16]), small()).unwrap().log;
    fill(&foreign, 90);
    drop(open_index(&place.index, &foreign));
    let log = open(&place.log, small()).log;
    fill(&log, 60);
    let index = open_index(&place.index, &log);
    assert_eq!(index.state_at_open(), IndexState::Foreign);
    holds(&index, 60);
    drop(index);
    // Another version of what is written.
    let index = Index::open(&place.index, &log, 2, apply).unwrap();
    assert_eq!(index.state_at_open(), IndexState::Foreign);
    drop(index);
    drop(open_index(&place.index, &log));
    // A log restored from an older copy: the index is ahead of it.
    let image = tempfile::tempdir().unwrap();
    copy(&place.log, image.path());
    fill(&log, 80);
    drop(open_index(&place.index, &log));
    let restored = open(image.path(), small()).log;
    let index = open_index(&place.index, &restored);
    assert_eq!(index.state_at_open(), IndexState::Foreign);
    holds(&index, 60);
    drop(index);
    // The same number of units, but others.
    drop(open_index(&place.index, &log));
    for _ in 0..20 {
        append(&restored, restored.end().sequence, 61).unwrap();
    }
    let index = open_index(&place.index, &restored);
    assert_eq!(index.state_at_open(), IndexState::Foreign);
    holds(&index, 80);
}

#[test]
fn an_index_is_open_once() {
    let place = place();
    let log = open(&place.log, small()).log;
    let _index = open_index(&place.index, &log);
    assert!(matches!(Index::open(&place.index, &log, 1, apply), Err(Error::Locked { .. })));
}

#[test]
fn an_error_of_the_caller_is_passed_on_and_the_unit_applied_later() {
    let place = place();
    let log = open(&place.log, small()).log;
    let refuse_at = Arc::new(AtomicU64::new(30));
    let refused = refuse_at.clone();
    let index = Index::open(&place.index, &log, 1, move |unit, batch| {
        if unit.position.sequence == refused.load(SeqCst) {
            return Err(Error::Invalid { reason: "not now".to_owned() });
        }
        apply(unit, batch)
    })
    .unwrap();
    fill(&log, 20);
    index.catch_up().unwrap();
    fill(&log, 40);
    for _ in 0..2 {
        assert!(matches!(index.catch_up(), Err(Error::Invalid { .. })));
    }
    holds(&index, 20);
    refuse_at.store(u64::MAX, SeqCst);
    index.catch_up().unwrap();
    holds(&index, 40);
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// sled's files cut, emptied, overwritten, flipped or removed: the answers stay the same.
#[test]
fn a_damaged_index_gives_the_same_answers_as_before() {
    let place = place();
    let log = open(&place.log, small()).log;
    fill(&log, 60);
    drop(open_index(&place.index, &log));
    let mut damaged = 0;
    let mut rebuilt = 0;
    for way in 0..7_u64 {
        for file in 0.. {
            let found = files(&place.index);
            let Some(path) = found.iter().filter(|path| fs::metadata(path).unwrap().len() > 0).nth(file) else { break };
            let mut bytes = fs::read(path).unwrap();
            let half = bytes.len() / 2;
            match way {
                0 => bytes.clear(),
                1 => bytes.truncate(half),
                2 => bytes.fill(0xa5),
                3 => bytes.iter_mut().step_by(97).for_each(|byte| *byte ^= 0x40),
                4 => bytes[..half.min(64)].fill(0),
                5 => bytes.fill(0),
                _ => {}
            }
            if way == 6 {
                fs::remove_file(path).unwrap();
            } else {
                fs::write(path, &bytes).unwrap();
            }
            damaged += 1;
            let index = open_index(&place.index, &log);
            rebuilt += u64::from(index.state_at_open() != IndexState::Current);
            holds(&index, 60);
        }
    }
    assert!(damaged >= 14 && rebuilt > 0, "{damaged} files damaged, {rebuilt} rebuilt");
}

/// Single flipped bits all over sled's files.
#[test]
fn an_index_with_flipped_bits_gives_the_same_answers_as_before() {
    let place = place();
    let log = open(&place.log, store::Settings::default()).log;
    for number in 0..700 {
        append(&log, number, 20).unwrap();
    }
    let index = open_index(&place.index, &log);
    holds(&index, 700);
    drop(index);
    let flips = std::env::var("STORE_INDEX_FLIPS").ok().and_then(|flips| flips.parse().ok()).unwrap_or(60_u64);
    let (mut random, mut rebuilt) = (0x9e37_79b9_7f4a_7c15_u64, 0);
    for _ in 0..flips {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let found = files(&place.index);
        let found: Vec<_> = found.iter().filter(|path| fs::metadata(path).unwrap().len() > 0).collect();
        let path = found[(random >> 33) as usize % found.len()];
        let mut bytes = fs::read(path).unwrap();
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(1, |last| last + 1);
        bytes[(random >> 17) as usize % used] ^= 1 << (random >> 61);
        fs::write(path, bytes).unwrap();
        let index = open_index(&place.index, &log);
        rebuilt += u64::from(index.state_at_open() != IndexState::Current);
        holds(&index, 700);
    }
    println!("rebuilt {rebuilt} times after {flips} flips");
    assert!(rebuilt > 0, "no flip was noticed at all");
}

#[test]
fn an_index_goes_on_when_retention_has_taken_what_it_applied() {
    let place = place();
    let log = open(&place.log, small()).log;
    fill(&log, 100);
    drop(open_index(&place.index, &log));
    fill(&log, 200);
    log.retain_from(150).unwrap();
    let first = log.start().sequence;
    assert!(first > 100);
    // Units that nobody applied are gone: the index can only hold what the log still holds.
    let index = Index::open(&place.index, &log, 1, apply).unwrap();
    assert_eq!(index.state_at_open(), IndexState::Foreign);
    assert_eq!(index.scan(b"n", None, usize::MAX).unwrap().len() as u64, 200 - first);
}
