//! A peer: a resident process that answers one line of JSON to every line it is told.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::proc;

/// How long one answer may take before the peer counts as hung.
const ANSWER_BOUND: Duration = Duration::from_secs(600);
/// How long a peer may take to end after its input has ended.
const END_BOUND: Duration = Duration::from_secs(5);

pub(super) struct Peer {
    child: Child,
    commands: Option<ChildStdin>,
    answers: Receiver<String>,
    log: PathBuf,
}

impl Peer {
    /// Starts the process; what it writes to stderr goes to `log`.
    pub(super) fn start(mut command: Command, log: &Path) -> Result<Self> {
        let stderr = File::create(log).with_context(|| format!("creating {}", log.display()))?;
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .with_context(|| format!("{program} could not be started"))?;
        let (commands, output) = (child.stdin.take(), child.stdout.take());
        let (sender, answers) = mpsc::channel();
        let output = output.context("the process has no output")?;
        std::thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Ok(Self { child, commands, answers, log: log.to_owned() })
    }

    /// Tells the peer a line and waits for its answer.
    pub(super) fn ask<Answer: DeserializeOwned>(&mut self, line: &str) -> Result<Answer> {
        let commands = self.commands.as_mut().context("the process has no input")?;
        if let Err(error) = writeln!(commands, "{line}").and_then(|()| commands.flush()) {
            bail!("it no longer listens ({error}); {}", self.last_words());
        }
        let answer = match self.answers.recv_timeout(ANSWER_BOUND) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => {
                bail!("no answer to `{line}` within {} s", ANSWER_BOUND.as_secs());
            }
            Err(RecvTimeoutError::Disconnected) => bail!("it ended at `{line}`; {}", self.last_words()),
        };
        let answer: Value = serde_json::from_str(&answer).with_context(|| format!("no JSON: {answer}"))?;
        if let Some(error) = answer.get("error") {
            bail!("`{line}`: {}", error.as_str().unwrap_or("it failed"));
        }
        serde_json::from_value(answer).with_context(|| format!("`{line}` was answered otherwise than agreed"))
    }

    fn last_words(&self) -> String {
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        match said.lines().rfind(|line| !line.trim().is_empty()) {
            Some(line) => format!("its last words: {line}"),
            None => "it said nothing".to_owned(),
        }
    }

    /// The process's id.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// CPU time that the process's threads have used so far, in nanoseconds. Threads that have ended are left out; the peers keep
    /// theirs.
    pub(super) fn cpu_ns(&self) -> Result<f64> {
        proc::threads_cpu_ns(self.pid())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // The end of its input asks it to end.
        drop(self.commands.take());
        let until = Instant::now() + END_BOUND;
        while Instant::now() < until {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // An error means that it has just ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shell(script: &str, name: &str) -> Peer {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let folder = super::super::root().join("target/anchors/tests");
        std::fs::create_dir_all(&folder).unwrap();
        Peer::start(command, &folder.join(format!("{name}.log"))).unwrap()
    }

    #[test]
    fn a_peer_answers_and_its_errors_are_told() {
        let mut peer = shell(r#"read a; echo "{\"n\": 7}"; read b; echo '{"error": "no data"}'; read c"#, "answers");
        let answer: Value = peer.ask("hello").unwrap();
        assert_eq!(answer["n"], 7);
        let error = peer.ask::<Value>("run batch 1").unwrap_err();
        assert_eq!(error.to_string(), "`run batch 1`: no data");
    }

    #[test]
    fn a_peer_that_ends_is_told_by_its_last_words() {
        let mut peer = shell("read a; echo 'no such library' >&2; exit 1", "ends");
        let error = peer.ask::<Value>("hello").unwrap_err().to_string();
        assert!(error.contains("no such library"), "{error}");
    }

    #[test]
    fn cpu_time_counts_work_and_not_waiting() {
        let mut peer = shell("read a; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo '{}'; read b", "cpu");
        let before = peer.cpu_ns().unwrap();
        let _: Value = peer.ask("count").unwrap();
        let counting = peer.cpu_ns().unwrap() - before;
        std::thread::sleep(Duration::from_millis(50));
        let waiting = peer.cpu_ns().unwrap() - before - counting;
        assert!(counting > 1e6 && waiting < counting, "{counting} {waiting}");
    }
}
