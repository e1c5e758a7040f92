//! The embedded log: the contract, and what only it promises.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use stream::embedded::inspect::{Item, inspect};
use stream::embedded::{EmbeddedLog, Settings};
use stream::{Append, Batch, Error, Event, EventLog, Topic};

use crate::contract::{self, Harness, PARTITIONS, all, append, count, fill, text};
use crate::copier::{Process, assert_copied_once, tell};

struct Embedded {
    log: EmbeddedLog,
    _dir: tempfile::TempDir,
}

const INPUT: Topic = Topic::named("input");
const OUTPUT: Topic = Topic::named("output");
const STATE: Topic = Topic::named("state");

fn settings() -> Settings {
    Settings::new(contract::topics(&[&INPUT, &OUTPUT], &STATE))
}

#[async_trait]
impl Harness for Embedded {
    async fn log(&self) -> Box<dyn EventLog> {
        Box::new(self.log.clone())
    }
    fn input(&self) -> Topic {
        INPUT
    }
    fn output(&self) -> Topic {
        OUTPUT
    }
    fn state(&self) -> Topic {
        STATE
    }
    fn max_record_bytes(&self) -> usize {
        settings().max_record_bytes
    }
}

async fn harness(_law: &str) -> Option<Embedded> {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(&dir.path().join("log"), settings()).unwrap();
    Some(Embedded { log, _dir: dir })
}

contract::laws!(harness);

/// The same laws where nothing is served from memory: every read goes to the segment files.
mod from_disk {
    use super::*;

    async fn harness(_law: &str) -> Option<Embedded> {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = settings();
        settings.tail_bytes = 0;
        settings.segments.segment_bytes = 16 << 10;
        let log = EmbeddedLog::open(&dir.path().join("log"), settings).unwrap();
        Some(Embedded { log, _dir: dir })
    }

    contract::laws!(harness);
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    (dir, log)
}

#[tokio::test]
async fn a_reopened_log_holds_records_and_positions_and_grows_on() {
    let (_dir, path) = folder();
    for round in 0_usize..3 {
        let log = EmbeddedLog::open(&path, settings()).unwrap();
        assert_eq!(count(&log, &INPUT).await, round * 30);
        let mut writer = log.writer("w").await.unwrap();
        fill(&mut *writer, &INPUT, 30, 7).await;
        let mut reader = log.reader("g", &[&INPUT]).await.unwrap();
        let mut records = Vec::new();
        while records.len() < 30 {
            if let Event::Records(more) = reader.next(1000, Duration::from_millis(10)).await.unwrap() {
                records.extend(more);
            }
        }
        assert_eq!(records.len(), 30, "round {round}: only what was not committed before");
        writer.commit(Batch::default().moving(reader.membership(), contract::after(&records))).await.unwrap();
        if round == 1 {
            continue; // dropped without a close, as after a crash
        }
        log.close().await.unwrap();
        let late = writer.commit(Batch::of(vec![append(&INPUT, "k", "late")])).await;
        assert!(matches!(late, Err(Error::Closed)));
    }
    // Offsets of every partition are dense and in the order of the log.
    let mut records = 0;
    let mut moves = 0;
    inspect(&path, &settings().topics, &mut |place, item| {
        assert!(place.file.starts_with(&path) && place.file.is_file());
        match item {
            Item::Record(_) => records += 1,
            Item::Moved { group, .. } => {
                assert_eq!(group, "g");
                moves += 1;
            }
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(records, 90);
    assert!(moves > 0);
}

#[tokio::test]
async fn restoring_state_costs_its_size_and_not_that_of_its_history() {
    let (_dir, path) = folder();
    let expected: Vec<_> = (0..6).map(|key| format!("{key} of 49")).collect();
    for _ in 0..2 {
        let log = EmbeddedLog::open(&path, settings()).unwrap();
        let mut writer = log.writer("w").await.unwrap();
        for round in 0..50 {
            let states = (0..6).map(|key| append(&STATE, &format!("k{key}"), &format!("{key} of {round}")));
            writer.commit(Batch::of(states.collect())).await.unwrap();
        }
        for _ in 0..2 {
            let mut last: Vec<_> = all(&log, &STATE).await.iter().flatten().map(text).collect();
            last.sort();
            assert_eq!(last, expected, "of 300 and more records, the last of each of 6 keys");
        }
    }
}

#[tokio::test]
async fn a_batch_costs_one_barrier() {
    let (_dir, path) = folder();
    let log = EmbeddedLog::open(&path, settings()).unwrap();
    let mut writer = log.writer("w").await.unwrap();
    let before = log.counts();
    for n in 0..10 {
        let records = vec![append(&INPUT, "a", "1"), append(&OUTPUT, "b", "2"), append(&INPUT, &n.to_string(), "3")];
        writer.commit(Batch::of(records)).await.unwrap();
    }
    let after = log.counts();
    assert_eq!((after.units - before.units, after.barriers - before.barriers), (10, 10));
}

#[tokio::test]
async fn a_directory_belongs_to_one_process_and_one_partition_count() {
    let (_dir, path) = folder();
    let log = EmbeddedLog::open(&path, settings()).unwrap();
    match EmbeddedLog::open(&path, settings()).err().unwrap() {
        Error::InUse { path: named } => assert_eq!(named, path),
        other => panic!("{other}"),
    }
    log.close().await.unwrap();
    let other =
        stream::Topics::of([stream::TopicSpec { name: INPUT, partitions: 8, retention: stream::Retention::Forever }])
            .unwrap();
    match EmbeddedLog::open(&path, Settings::new(other)).err().unwrap() {
        Error::PartitionCount { topic, expected, found } => {
            assert_eq!((topic.as_str(), expected, found), ("input", 8, PARTITIONS))
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_reader_that_is_silent_for_too_long_is_replaced_and_told_so() {
    let (_dir, path) = folder();
    let mut settings = settings();
    settings.session = Duration::from_millis(200);
    let log = EmbeddedLog::open(&path, settings).unwrap();
    let mut writer = log.writer("w").await.unwrap();
    fill(&mut *writer, &INPUT, 20, 20).await;
    let mut silent = log.reader("g", &[&INPUT]).await.unwrap();
    assert!(matches!(silent.next(100, Duration::ZERO).await.unwrap(), Event::Assigned(all) if all.len() == 4));
    let Event::Records(records) = silent.next(100, Duration::ZERO).await.unwrap() else { panic!("no records") };
    let stale = silent.membership();

    let mut second = log.reader("g", &[&INPUT]).await.unwrap();
    // It waits within `next` for the session of the silent one to end.
    let Event::Assigned(taken) = second.next(100, contract::BOUND).await.unwrap() else { panic!("not taken over") };
    assert_eq!(taken.len(), 4);
    let late = Batch::of(vec![append(&OUTPUT, "k", "late")]).moving(stale, contract::after(&records));
    assert!(matches!(writer.commit(late).await.unwrap_err(), Error::Rebalanced { .. }));
    assert_eq!(count(&log, &OUTPUT).await, 0);
    assert!(matches!(silent.next(100, Duration::ZERO).await.unwrap(), Event::Revoked(all) if all.len() == 4));
}

#[tokio::test]
async fn a_flipped_byte_is_named_with_file_and_place_and_changes_nothing() {
    let (_dir, path) = folder();
    let log = EmbeddedLog::open(&path, settings()).unwrap();
    let mut writer = log.writer("w").await.unwrap();
    fill(&mut *writer, &INPUT, 20, 5).await;
    log.close().await.unwrap();
    let mut places = Vec::new();
    inspect(&path, &settings().topics, &mut |place, _| {
        places.push(place.clone());
        Ok(())
    })
    .unwrap();
    let place = places[places.len() / 2].clone();
    let mut bytes = std::fs::read(&place.file).unwrap();
    let at = usize::try_from(place.position).unwrap() + 50;
    bytes[at] ^= 1;
    std::fs::write(&place.file, &bytes).unwrap();
    let by_check = inspect(&path, &settings().topics, &mut |_, _| Ok(())).unwrap_err();
    let by_open = EmbeddedLog::open(&path, settings()).err().unwrap();
    for error in [by_check, by_open] {
        match error {
            Error::Corrupt { path: file, position, .. } => {
                assert_eq!((file, position), (place.file.clone(), place.position))
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!(std::fs::read(&place.file).unwrap(), bytes);
}

// ---- kill -9 -----------------------------------------------------------------------------------------------------------

const FOLDER: &str = "STREAM_TEST_FOLDER";

fn child_folder() -> PathBuf {
    PathBuf::from(std::env::var_os(FOLDER).expect("run by its parent test only"))
}

/// The child: copies `input` to `output` and says how many batches it committed.
#[tokio::test]
#[ignore = "run as a process by kill_9_of_the_process_loses_nothing_and_doubles_nothing"]
async fn child_copier() {
    let log = EmbeddedLog::open(&child_folder(), settings()).unwrap();
    let mut writer = log.writer("copier").await.unwrap();
    let mut reader = log.reader("copiers", &[&INPUT]).await.unwrap();
    let mut batches = 0;
    loop {
        match reader.next(3, Duration::from_millis(50)).await.unwrap() {
            Event::Records(records) => {
                let copies = records
                    .iter()
                    .map(|record| Append::new(&OUTPUT, record.key.clone(), record.time_ms, record.value.clone()));
                writer
                    .commit(Batch::of(copies.collect()).moving(reader.membership(), contract::after(&records)))
                    .await
                    .unwrap();
                batches += 1;
                tell("batches ", &batches);
            }
            Event::Idle => return tell("done", &""),
            Event::Assigned(_) | Event::Revoked(_) => {}
        }
    }
}

#[tokio::test]
async fn kill_9_of_the_process_loses_nothing_and_doubles_nothing() {
    const KILLS: u32 = 6;
    let (_dir, path) = folder();
    let (mut kills, mut records) = (0_u32, 0);
    loop {
        if kills < KILLS {
            // More than enough for the next life; one that is quick may have copied everything.
            let log = EmbeddedLog::open(&path, settings()).unwrap();
            let mut writer = log.writer("source").await.unwrap();
            fill(&mut *writer, &INPUT, 60, 30).await;
            records += 60;
            drop(writer);
            log.close().await.unwrap();
        }
        let mut copier = Process::start("embedded::child_copier", &[(FOLDER, path.display().to_string())]);
        // Killed while it works: after a number of batches that differs from life to life.
        let lives = 1 + kills * 7 % 11;
        let killed = (0..lives).all(|_| copier.line("batches ").is_some());
        if !killed {
            assert!(copier.succeeded());
            break;
        }
        copier.kill_9();
        kills += 1;
        check_whole_batches(&path);
    }
    assert!(kills >= KILLS, "killed {kills} times only");
    let log = EmbeddedLog::open(&path, settings()).unwrap();
    assert_copied_once(&log, &INPUT, &OUTPUT).await;
    assert_eq!(all(&log, &OUTPUT).await.iter().flatten().map(text).count(), records);
}

/// At every moment the copies equal what was read: batch and read position are never apart.
fn check_whole_batches(path: &Path) {
    let mut copied = [0_u64; PARTITIONS as usize];
    let mut read = [0_u64; PARTITIONS as usize];
    inspect(path, &settings().topics, &mut |_, item| {
        match item {
            Item::Record(record) if record.topic == OUTPUT => copied[record.partition as usize] += 1,
            Item::Record(_) => {}
            Item::Moved { to, .. } => read[to.partition as usize] = to.offset,
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(copied, read);
}

// ---- figures -----------------------------------------------------------------------------------------------------------

/// Figures for orientation, in the profile the tests are built with: run with `--ignored --nocapture`.
#[tokio::test]
#[ignore = "prints figures, shows nothing"]
async fn figures() {
    const RECORDS: usize = 500_000;
    let rate = |count: usize, began: std::time::Instant| count as f64 / began.elapsed().as_secs_f64();
    for size in [1_000, 100] {
        let (_dir, path) = folder();
        let log = EmbeddedLog::open(&path, settings()).unwrap();
        let mut writer = log.writer("w").await.unwrap();
        let value = bytes::Bytes::from(vec![7_u8; 200]);
        let batch = |from: usize| {
            Batch::of(
                (from..from + size).map(|n| Append::new(INPUT, format!("key{}", n % 1000), 0, value.clone())).collect(),
            )
        };
        let began = std::time::Instant::now();
        for from in (0..RECORDS).step_by(size) {
            writer.commit(batch(from)).await.unwrap();
        }
        eprintln!("append, {size} records of 200 B a batch: {:.0}/s", rate(RECORDS, began));
        log.close().await.unwrap();
        drop((writer, log));
        let began = std::time::Instant::now();
        let log = EmbeddedLog::open(&path, settings()).unwrap();
        eprintln!("open, as after a restart: {:.0} records/s", rate(RECORDS, began));
        let mut reader = log.reader("g", &[&INPUT]).await.unwrap();
        let (mut read, began) = (0, std::time::Instant::now());
        while read < RECORDS {
            if let Event::Records(records) = reader.next(10_000, Duration::from_secs(1)).await.unwrap() {
                read += records.len();
            }
        }
        eprintln!("read from disk in a group, four partitions: {:.0}/s", rate(RECORDS, began));
    }
}
