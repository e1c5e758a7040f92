//! kill -9 while a child process appends.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use store::Record;
use store::segment_log::{SegmentLog, Settings, check};

use crate::common::{content, open};

const DIR: &str = "STORE_CRASH_TEST_DIR";
const THREADS: &str = "STORE_CRASH_TEST_THREADS";

fn settings() -> Settings {
    Settings { segment_bytes: 16 * 1024, ..Settings::default() }
}

/// The child: appends until it is killed and tells each acknowledged unit on its standard output.
#[test]
#[ignore = "the child process of the tests below, which kill it"]
fn child_appends_until_killed() {
    let dir = PathBuf::from(std::env::var(DIR).unwrap());
    let threads: u64 = std::env::var(THREADS).unwrap().parse().unwrap();
    let mut log = open(&dir, settings()).log;
    if threads > 1 {
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let log = &log;
                // Which units a thread had is known from their content, so it may begin with any fresh number.
                let first = log.end().sequence * 1000 + thread;
                scope.spawn(move || {
                    for round in 0_u64.. {
                        append_and_tell(log, first + round * threads);
                    }
                });
            }
        });
    }
    loop {
        for _ in 0..37 {
            append_and_tell(&log, log.end().sequence);
        }
        log.close().unwrap(); // so that kills fall into sealing and reopening, too
        log = open(&dir, settings()).log;
    }
}

/// Appends a unit of one to three records, all of `number`, and prints `sequence number` once it is acknowledged.
fn append_and_tell(log: &SegmentLog, number: u64) {
    let size = 20 + usize::try_from(number * 7919 % 3000).unwrap();
    let bytes = content(number, size);
    let records = [Record::new(3, &bytes), Record::new(4, &bytes[..20]), Record::new(5, b"")];
    let count = usize::try_from(number % 3).unwrap() + 1;
    let position = log.append(&records[..count]).unwrap();
    // One write call per line: a line is there whole or not at all.
    let line = format!("acknowledged {} {number}\n", position.sequence);
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

/// Runs a child, kills it after `lines` acknowledgements, and returns all that it told.
fn run_and_kill(dir: &Path, threads: u64, lines: usize) -> Vec<(u64, u64)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child_appends_until_killed", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .env(THREADS, threads.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut told = Vec::new();
    let mut line = String::new();
    let mut killed = false;
    loop {
        line.clear();
        if output.read_line(&mut line).unwrap() == 0 || !line.ends_with('\n') {
            break;
        }
        if let Some((_, pair)) = line.split_once("acknowledged ") {
            let (sequence, number) = pair.trim().split_once(' ').unwrap();
            told.push((sequence.parse().unwrap(), number.parse().unwrap()));
        }
        if told.len() >= lines && !killed {
            child.kill().unwrap(); // SIGKILL; what is still in the pipe is read to its end
            killed = true;
        }
    }
    child.wait().unwrap();
    assert!(killed, "the child ended by itself after {} units", told.len());
    told
}

/// Reads the whole log and returns the number that each unit carries, by sequence.
fn held(dir: &Path) -> (Vec<u64>, bool) {
    let torn = check(dir).unwrap();
    assert!(
        torn.problems.iter().all(|problem| problem.kind != store::segment_log::ProblemKind::Corrupt),
        "{:?}",
        torn.problems
    );
    let opened = open(dir, settings());
    let mut reader = opened.log.reader();
    let mut numbers = Vec::new();
    while let Some(unit) = reader.next_unit().unwrap() {
        assert_eq!(unit.position.sequence, numbers.len() as u64, "no gap, nothing doubled");
        let first = unit.records().next().unwrap();
        let number = u64::from_le_bytes(first.bytes[..8].try_into().unwrap());
        assert_eq!(first.bytes, content(number, first.bytes.len()));
        assert_eq!(unit.len() as u64, number % 3 + 1);
        numbers.push(number);
    }
    (numbers, opened.repaired.is_some())
}

#[test]
fn forty_kills_lose_nothing_acknowledged_and_double_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = 0_u64;
    for round in 0..40_usize {
        let told = run_and_kill(dir.path(), 1, 1 + round * 13 % 90);
        for (sequence, number) in told {
            assert_eq!((sequence, number), (acknowledged.max(sequence), sequence), "order is kept");
            acknowledged = sequence + 1;
        }
        let (numbers, _) = held(dir.path());
        assert!(numbers.len() as u64 >= acknowledged, "{acknowledged} acknowledged, {} held", numbers.len());
        assert!(numbers.len() as u64 <= acknowledged + 1, "at most the append under way is there beyond");
        assert!(numbers.iter().copied().eq(0..numbers.len() as u64));
        acknowledged = numbers.len() as u64;
    }
}

#[test]
fn kills_during_group_commit_lose_nothing_acknowledged_and_double_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut all_told = BTreeSet::new();
    for round in 0..12_usize {
        let told = run_and_kill(dir.path(), 6, 20 + round * 17 % 70);
        all_told.extend(told);
        let (numbers, _) = held(dir.path());
        let unique: BTreeSet<_> = numbers.iter().collect();
        assert_eq!(unique.len(), numbers.len(), "nothing is doubled");
        for (sequence, number) in &all_told {
            let found = numbers.get(usize::try_from(*sequence).unwrap());
            assert_eq!(found, Some(number), "acknowledged unit {sequence} of round {round}");
        }
    }
}
