//! One barrier per acknowledged batch, and what happens when writes or barriers fail.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use store::Error;
use store::segment_log::{SegmentLog, Settings, check};

use crate::common::{ID, append, numbers, open, small};
use crate::faults::{Faults, FaultyFileSystem};

fn open_faulty(dir: &Path, settings: Settings) -> (SegmentLog, Arc<Faults>) {
    let (fs, faults) = FaultyFileSystem::new();
    (SegmentLog::open_in(fs, dir, ID, settings).unwrap().log, faults)
}

#[test]
fn a_single_caller_pays_exactly_one_barrier_per_batch() {
    let dir = tempfile::tempdir().unwrap();
    let (log, faults) = open_faulty(dir.path(), Settings { segment_bytes: 1 << 20, ..small() });
    append(&log, 0, 100).unwrap(); // begins the first segment
    let all = faults.sync_all_calls.load(SeqCst);
    for number in 1..=100 {
        let before = faults.sync_data_calls.load(SeqCst);
        append(&log, number, 100).unwrap();
        assert_eq!(faults.sync_data_calls.load(SeqCst), before + 1, "batch {number}");
    }
    assert_eq!(faults.sync_all_calls.load(SeqCst), all, "no other sync while the segment lasts");
    let counts = log.counts();
    assert_eq!((counts.units, counts.groups, counts.barriers), (101, 101, 101));
}

#[test]
fn callers_that_wait_together_share_one_barrier() {
    let dir = tempfile::tempdir().unwrap();
    let (log, faults) = open_faulty(dir.path(), Settings { segment_bytes: 1 << 20, ..small() });
    append(&log, 0, 100).unwrap();
    let before = faults.sync_data_calls.load(SeqCst);
    faults.hold(true);
    std::thread::scope(|scope| {
        let leader = scope.spawn(|| append(&log, 1, 100).unwrap());
        wait_until(|| faults.sync_data_calls.load(SeqCst) == before + 1);
        // The first barrier is under way: everyone who comes now waits for the next one.
        let others: Vec<_> = (2..10)
            .map(|number| {
                let log = &log;
                let caller = scope.spawn(move || append(log, number, 100).unwrap());
                wait_until(|| log.waiting() == number as usize - 1);
                caller
            })
            .collect();
        assert_eq!(log.end().sequence, 1, "nothing is visible before its barrier");
        assert_eq!(numbers(&mut log.reader()), [0]);
        faults.hold(false);
        assert_eq!(leader.join().unwrap().sequence, 1);
        for (number, other) in (2..).zip(others) {
            assert_eq!(other.join().unwrap().sequence, number);
        }
    });
    assert_eq!(faults.sync_data_calls.load(SeqCst), before + 2);
    let counts = log.counts();
    assert_eq!((counts.units, counts.groups, counts.barriers), (10, 3, 3));
    assert_eq!(numbers(&mut log.reader()), (0..10).collect::<Vec<_>>());
}

#[test]
fn a_group_stops_at_its_size() {
    let dir = tempfile::tempdir().unwrap();
    let (log, faults) = open_faulty(dir.path(), Settings { max_group_bytes: 300, ..small() });
    append(&log, 0, 100).unwrap();
    let before = faults.sync_data_calls.load(SeqCst);
    faults.hold(true);
    std::thread::scope(|scope| {
        let log = &log;
        scope.spawn(move || append(log, 1, 100).unwrap());
        wait_until(|| faults.sync_data_calls.load(SeqCst) == before + 1);
        for number in 2..6 {
            scope.spawn(move || append(log, number, 100).unwrap());
        }
        wait_until(|| log.waiting() == 4);
        faults.hold(false);
    });
    assert_eq!(log.counts().groups, 1 + 1 + 2, "two units of 144 bytes fit one group of 300");
}

#[test]
fn many_threads_append_without_loss_and_never_more_barriers_than_groups() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open_faulty(dir.path(), small());
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let log = &log;
            scope.spawn(move || {
                for number in 0..50 {
                    append(log, thread * 1000 + number, 90).unwrap();
                }
            });
        }
    });
    let found = numbers(&mut log.reader());
    for thread in 0..8 {
        let own: Vec<_> = found.iter().copied().filter(|number| number / 1000 == thread).collect();
        assert_eq!(own, (thread * 1000..thread * 1000 + 50).collect::<Vec<_>>(), "each caller's order is kept");
    }
    let counts = log.counts();
    assert_eq!(counts.units, 400);
    assert_eq!(counts.groups, counts.barriers);
    log.close().unwrap();
    drop(log);
    assert!(check(dir.path()).unwrap().is_clean());
}

#[tokio::test]
async fn async_callers_get_their_positions() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), small()).log;
    let appends = (0..20_u64).map(|number| {
        let log = log.clone();
        tokio::spawn(async move {
            let content = crate::common::content(number, 50);
            let position = log.append_async(&[store::Record::new(3, &content)]).await.unwrap();
            (number, position)
        })
    });
    for appended in appends.collect::<Vec<_>>() {
        let (number, position) = appended.await.unwrap();
        let unit = log.read(position).unwrap();
        assert_eq!(unit.records().next().unwrap().bytes[..8], number.to_le_bytes());
    }
    assert_eq!(log.end().sequence, 20);
}

/// What is acknowledged before the disk is full stays; when space returns the log goes on.
#[test]
fn a_full_disk_is_told_loses_nothing_and_is_overcome() {
    // The limit falls on every step of appending, sealing and beginning a segment.
    for space in (0..30_000).step_by(1487) {
        let dir = tempfile::tempdir().unwrap();
        let (log, faults) = open_faulty(dir.path(), small());
        append(&log, 0, 300).unwrap();
        faults.space_bytes.store(space, SeqCst);
        let mut next = 1;
        let error = loop {
            match append(&log, next, 300) {
                Ok(position) => {
                    assert_eq!(position.sequence, next);
                    next += 1;
                }
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::NoSpace { .. }), "{error}");
        assert!(error.to_string().contains("free space"), "{error}");
        assert!(matches!(append(&log, next, 300), Err(Error::NoSpace { .. })), "still full");
        assert_eq!(numbers(&mut log.reader()), (0..next).collect::<Vec<_>>());
        faults.space_bytes.store(u64::MAX, SeqCst);
        for _ in 0..30 {
            append(&log, next, 200).unwrap();
            next += 1;
        }
        assert_eq!(numbers(&mut log.reader()), (0..next).collect::<Vec<_>>());
        drop(log);
        let report = check(dir.path()).unwrap();
        assert!(report.is_clean(), "space {space}: {:?}", report.problems);
        let opened = open(dir.path(), small());
        assert_eq!(opened.repaired, None);
        assert_eq!(numbers(&mut opened.log.reader()), (0..next).collect::<Vec<_>>());
    }
}

/// A crash at the moment when the disk is full leaves at most a torn tail.
#[test]
fn a_crash_on_a_full_disk_loses_nothing_acknowledged() {
    for space in (0..9_000).step_by(601) {
        let dir = tempfile::tempdir().unwrap();
        let (log, faults) = open_faulty(dir.path(), small());
        append(&log, 0, 300).unwrap();
        faults.space_bytes.store(space, SeqCst);
        let mut next = 1;
        while append(&log, next, 300).is_ok() {
            next += 1;
        }
        drop(log);
        let opened = open(dir.path(), small());
        let held = numbers(&mut opened.log.reader());
        // When only padding was missing of the refused unit, and the space to wipe it, it is whole after the crash.
        assert!(held.len() == next as usize || held.len() == next as usize + 1, "space {space}");
        assert!(held.iter().copied().eq(0..held.len() as u64), "space {space}");
        append(&opened.log, held.len() as u64, 300).unwrap();
        drop(opened);
        assert!(check(dir.path()).unwrap().is_clean());
    }
}

/// The append fails at one write, and the process dies at any later one, while what it wrote is wiped.
#[test]
fn a_crash_while_a_failed_append_is_wiped_leaves_a_log_that_opens() {
    for failing in 1..=8 {
        for survived in 0..=10 {
            let dir = tempfile::tempdir().unwrap();
            let (log, faults) = open_faulty(dir.path(), small());
            append(&log, 0, 300).unwrap();
            faults.longest_write_bytes.store(50, SeqCst);
            let calls = faults.write_calls.load(SeqCst);
            faults.fail_write_call.store(calls + failing, SeqCst);
            faults.fail_writes_from.store(calls + failing + 1 + survived, SeqCst);
            let failed = append(&log, 1, 300);
            drop(log);
            let opened = open(dir.path(), small());
            let held = numbers(&mut opened.log.reader());
            assert_eq!(held, if failed.is_ok() { vec![0, 1] } else { vec![0] }, "{failing} {survived}");
            append(&opened.log, held.len() as u64, 300).unwrap();
            drop(opened);
            assert!(check(dir.path()).unwrap().is_clean());
        }
    }
}

/// The process dies at any write of the repair: the next open repeats it.
#[test]
fn an_interrupted_repair_is_repeated() {
    let source = tempfile::tempdir().unwrap();
    let log = open(source.path(), small()).log;
    append(&log, 0, 300).unwrap();
    let position = append(&log, 1, 900).unwrap();
    drop(log);
    let path = crate::common::segments(source.path()).pop().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[position.offset as usize + 700] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let mut interrupted = 0;
    for calls in 0..30 {
        let dir = tempfile::tempdir().unwrap();
        crate::common::copy(source.path(), dir.path());
        let (fs, faults) = FaultyFileSystem::new();
        faults.longest_write_bytes.store(50, SeqCst);
        faults.fail_writes_from.store(calls + 1, SeqCst);
        interrupted += u64::from(SegmentLog::open_in(fs, dir.path(), ID, small()).is_err());
        let opened = open(dir.path(), small());
        assert_eq!(numbers(&mut opened.log.reader()), [0]);
        append(&opened.log, 1, 900).unwrap();
        drop(opened);
        assert!(check(dir.path()).unwrap().is_clean());
    }
    assert!(interrupted > 10, "{interrupted}");
}

#[test]
fn short_writes_are_completed() {
    let dir = tempfile::tempdir().unwrap();
    let (log, faults) = open_faulty(dir.path(), small());
    faults.longest_write_bytes.store(7, SeqCst);
    for number in 0..60 {
        append(&log, number, 100).unwrap();
    }
    log.close().unwrap();
    drop(log);
    assert!(check(dir.path()).unwrap().is_clean());
    assert_eq!(numbers(&mut open(dir.path(), small()).log.reader()), (0..60).collect::<Vec<_>>());
}

#[test]
fn after_a_failed_barrier_nothing_is_acknowledged_until_the_log_is_reopened() {
    let dir = tempfile::tempdir().unwrap();
    let (log, faults) = open_faulty(dir.path(), small());
    append(&log, 0, 100).unwrap();
    faults.fail_sync_data.store(true, SeqCst);
    assert!(matches!(append(&log, 1, 100), Err(Error::Poisoned { .. })));
    faults.fail_sync_data.store(false, SeqCst);
    let barriers = faults.sync_data_calls.load(SeqCst);
    for _ in 0..3 {
        let error = append(&log, 2, 100).unwrap_err();
        assert!(matches!(error, Error::Poisoned { .. }));
        assert!(error.to_string().contains("reopen"), "{error}");
    }
    assert!(matches!(log.close(), Err(Error::Poisoned { .. })));
    assert!(matches!(log.retain_from(1), Err(Error::Poisoned { .. })));
    assert_eq!(faults.sync_data_calls.load(SeqCst), barriers, "a later barrier must not be taken for a success");
    assert_eq!(numbers(&mut log.reader()), [0], "the unit was never acknowledged, so it is not shown");
    drop(log);
    let opened = open(dir.path(), small());
    let held = numbers(&mut opened.log.reader());
    assert!(held == [0] || held == [0, 1], "a unit of a failed barrier is whole or not there: {held:?}");
    append(&opened.log, held.len() as u64, 100).unwrap();
}

#[test]
fn a_failed_barrier_while_a_segment_is_sealed_or_begun_poisons_too() {
    let dir = tempfile::tempdir().unwrap();
    let (log, faults) = open_faulty(dir.path(), small());
    let mut next = 0;
    while log.counts().segments_begun < 2 {
        append(&log, next, 300).unwrap();
        next += 1;
    }
    faults.fail_sync_all.store(true, SeqCst);
    let error = loop {
        match append(&log, next, 300) {
            Ok(_) => next += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Poisoned { .. }), "{error}");
    faults.fail_sync_all.store(false, SeqCst);
    assert!(matches!(append(&log, next, 300), Err(Error::Poisoned { .. })));
    drop(log);
    let opened = open(dir.path(), small());
    assert_eq!(numbers(&mut opened.log.reader()), (0..next).collect::<Vec<_>>());
}

#[test]
fn a_step_that_fails_without_a_barrier_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let (log, faults) = open_faulty(dir.path(), small());
    let mut next = 0;
    while log.counts().segments_begun < 2 {
        append(&log, next, 300).unwrap();
        next += 1;
    }
    faults.fail_rename.store(true, SeqCst);
    while append(&log, next, 300).is_ok() {
        next += 1;
    }
    assert!(matches!(append(&log, next, 300), Err(Error::Io { .. })));
    faults.fail_rename.store(false, SeqCst);
    append(&log, next, 300).unwrap();
    assert_eq!(numbers(&mut log.reader()), (0..=next).collect::<Vec<_>>());
    drop(log);
    assert!(check(dir.path()).unwrap().is_clean());
}

/// Waits for a state that another thread brings about.
fn wait_until(reached: impl Fn() -> bool) {
    let start = Instant::now();
    while !reached() {
        assert!(start.elapsed() < Duration::from_secs(120), "the awaited state never came");
        std::thread::yield_now();
    }
}
