//! A consumer that copies one topic to another with exactly-once batches, as a task or as a process that can be killed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use stream::{Append, Batch, Error, Event, EventLog, Topic};

use crate::contract::{BOUND, after, all, text};

/// Copies until `batches` were committed or nothing came for a while. Ends early when it is replaced.
pub(crate) async fn copy(log: &dyn EventLog, name: &str, input: &Topic, output: &Topic, batches: usize) {
    let mut writer = log.writer(name).await.unwrap();
    let mut reader = log.reader("copiers", &[input]).await.unwrap();
    let mut committed = 0;
    let mut idle = 0;
    let deadline = Instant::now() + BOUND;
    while committed < batches && idle < 20 && Instant::now() < deadline {
        let records = match reader.next(16, Duration::from_millis(100)).await.unwrap() {
            Event::Records(records) => records,
            Event::Idle => {
                idle += 1;
                continue;
            }
            Event::Assigned(_) | Event::Revoked(_) => continue,
        };
        idle = 0;
        let copies = records
            .iter()
            .map(|record| Append::new(output, record.key.clone(), record.time_ms, record.value.clone()))
            .collect();
        match writer.commit(Batch::of(copies).moving(reader.membership(), after(&records))).await {
            Ok(_) => committed += 1,
            // Whoever is told so starts anew from the committed position.
            Err(
                Error::Fenced { .. } | Error::Rebalanced { .. } | Error::Unsettled { .. } | Error::Unavailable { .. },
            ) => return,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Every record of `input` is in `output` once, in the order of its key.
pub(crate) async fn assert_copied_once(log: &dyn EventLog, input: &Topic, output: &Topic) {
    let by_key = |partitions: Vec<Vec<stream::Record>>| {
        let mut keys: BTreeMap<Vec<u8>, Vec<String>> = BTreeMap::new();
        for record in partitions.into_iter().flatten() {
            keys.entry(record.key.to_vec()).or_default().push(text(&record));
        }
        keys
    };
    assert_eq!(by_key(all(log, output).await), by_key(all(log, input).await));
}

/// This test binary run again as a process of its own, to be killed without warning.
pub(crate) struct Process {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Process {
    /// Runs the test `entry` of this binary alone, with these variables.
    pub(crate) fn start(entry: &str, variables: &[(&str, String)]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", entry, "--nocapture", "--ignored"])
            .envs(variables.iter().map(|(name, value)| (name, value)));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next line that begins with `mark`, without it; `None` when the process ended.
    pub(crate) fn line(&mut self, mark: &str) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // libtest writes its own words before the first of ours on the same line.
            if let Some((_, rest)) = line.split_once(mark) {
                return Some(rest.trim().to_owned());
            }
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        assert!(
            Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap().success()
        );
    }

    pub(crate) fn kill_9(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn succeeded(mut self) -> bool {
        self.child.wait().unwrap().success()
    }
}

/// Tells the parent. Unbuffered, so that what was told was done.
pub(crate) fn tell(mark: &str, what: &dyn std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{mark}{what}").unwrap();
    out.flush().unwrap();
}
