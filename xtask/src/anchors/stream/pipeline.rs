//! Who takes part, and getting it to run.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::broker::Broker;
use super::report;
use crate::anchors::install::{self, From, OURS};
use crate::anchors::peer::Peer;

pub(super) struct Entrant {
    pub(super) name: &'static str,
    pub(super) from: From,
    pub(super) topic: &'static str,
    /// Index of the broker that it works on.
    pub(super) broker: usize,
}

const SEALED: &str = "readings";
const CLEAR: &str = "readings.json";

const fn python(name: &'static str, packages: &'static [&'static str]) -> Entrant {
    Entrant { name, from: From::Python(packages), topic: CLEAR, broker: 0 }
}

const fn java(name: &'static str) -> Entrant {
    Entrant { name, from: From::Java, topic: CLEAR, broker: 0 }
}

const fn own(name: &'static str, topic: &'static str, broker: usize) -> Entrant {
    Entrant { name, from: From::Workspace, topic, broker }
}

/// The last of ours follows the same chains and states as the first, and so has a broker of its own.
pub(super) const ENTRANTS: [Entrant; 11] = [
    own(OURS, SEALED, 0),
    own("raw-decoded", SEALED, 0),
    own("raw-parsed", CLEAR, 0),
    own("raw-unparsed", CLEAR, 0),
    python("python-vectorised-isotree", &["confluent-kafka", "cryptography", "orjson", "isotree", "pandas"]),
    python("python-vectorised-sklearn", &["confluent-kafka", "cryptography", "orjson", "scikit-learn"]),
    python("python-naive", &["confluent-kafka", "cryptography", "orjson", "scikit-learn"]),
    python("python-river", &["confluent-kafka", "cryptography", "orjson", "river"]),
    java("java-learning"),
    java("java-frozen"),
    own("ours-each-message", SEALED, 1),
];

/// Who takes part: everybody, or these beside ours.
///
/// # Errors
/// Where there is no such pipeline.
pub(super) fn chosen(only: &[String]) -> Result<Vec<&'static Entrant>> {
    if let Some(unknown) = only.iter().find(|name| ENTRANTS.iter().all(|entrant| entrant.name != **name)) {
        bail!("no pipeline `{unknown}`; there are {}", ENTRANTS.map(|entrant| entrant.name).join(", "));
    }
    let takes_part = |name: &str| only.is_empty() || name == OURS || only.iter().any(|only| only == name);
    Ok(ENTRANTS.iter().filter(|entrant| takes_part(entrant.name)).collect())
}

impl Entrant {
    /// Whether it judges what it reads.
    pub(super) fn judges(&self) -> bool {
        !self.name.starts_with("raw-")
    }

    /// Whether it is a monitor, which has to know the patients before anything else.
    fn is_ours(&self) -> bool {
        self.name.starts_with(OURS)
    }

    /// Whether the topics of its blocks and alerts are its own.
    pub(super) fn has_topics(&self) -> bool {
        self.from != From::Workspace
    }
}

#[derive(Deserialize)]
struct Hello {
    versions: BTreeMap<String, String>,
    settings: String,
}

pub(super) struct Running {
    pub(super) entrant: &'static Entrant,
    pub(super) report: report::Pipeline,
    /// `None` once it is left out.
    pub(super) peer: Option<Peer>,
}

impl Running {
    /// Starts the process. What cannot be had is left out with its reason.
    ///
    /// # Errors
    /// Where it is ours that failed.
    pub(super) fn start(
        entrant: &'static Entrant,
        program: &Path,
        broker: &Broker,
        patients: u32,
        folder: &Path,
    ) -> Result<Self> {
        let report = report::Pipeline {
            name: entrant.name.into(),
            settings: String::new(),
            versions: BTreeMap::new(),
            rounds: Vec::new(),
            alerts: None,
            left_out: None,
        };
        let mut running = Self { entrant, report, peer: None };
        if let Err(error) = running.meet(program, broker, patients, folder) {
            running.leave_out(&error)?;
        }
        Ok(running)
    }

    fn meet(&mut self, program: &Path, broker: &Broker, patients: u32, folder: &Path) -> Result<()> {
        let name = self.entrant.name;
        let command = match self.entrant.from {
            From::Workspace => {
                let blobs = folder.join(format!("{name}-blobs"));
                let mut command = Command::new(program);
                command.args([name, broker.bootstrap(), &patients.to_string()]).arg(fresh(&blobs)?);
                command
            }
            From::Python(packages) => {
                let mut python = install::python_command(packages, "stream")?;
                python.args([name, broker.bootstrap()]);
                python
            }
            From::Java => {
                let mut java = install::java_command("caduceus.peers.Stream")?;
                java.args([name, broker.bootstrap()]);
                java
            }
        };
        let mut peer = Peer::start(command, &folder.join(format!("{name}.log")))?;
        let hello: Hello = peer.ask("hello")?;
        (self.report.versions, self.report.settings) = (hello.versions, hello.settings);
        if self.entrant.is_ours() {
            let _: Value = peer.ask(&format!("open {patients}"))?;
        }
        eprintln!("xtask: {name} is ready");
        self.peer = Some(peer);
        Ok(())
    }

    /// Has it learn from the first messages.
    pub(super) fn train(&mut self, messages: u64) -> Result<()> {
        let Some(peer) = &mut self.peer else { return Ok(()) };
        eprintln!("xtask: {} learns from {messages} messages", self.entrant.name);
        let trained: Result<Value> = peer.ask(&format!("train {} {messages}", self.entrant.topic));
        trained.map(drop).or_else(|error| self.leave_out(&error))
    }

    /// Its alerts must be where somebody is ill.
    pub(super) fn check_alerts(&mut self, broker: &mut Broker, through: u64) -> Result<()> {
        if self.peer.is_none() || !self.entrant.judges() {
            return Ok(());
        }
        let checked = broker.alerts(self.entrant.name, through).and_then(|alerts| {
            self.report.alerts = Some(alerts);
            let [inside, outside] = alerts.rates().map(|rate| rate * 1e3);
            ensure!(
                alerts.sane(),
                "it alerts {inside:.2} times in 1,000 messages while somebody is ill and {outside:.2} times otherwise: broken or \
                 wrongly set"
            );
            Ok(())
        });
        checked.or_else(|error| self.leave_out(&error))
    }

    pub(super) fn leave_out(&mut self, error: &anyhow::Error) -> Result<()> {
        if self.entrant.name == OURS {
            bail!("ours failed: {error:#}");
        }
        eprintln!("xtask: {} is left out: {error:#}", self.entrant.name);
        self.report.left_out = Some(format!("{error:#}"));
        self.report.rounds.clear();
        self.peer = None;
        Ok(())
    }
}

/// An empty folder.
pub(super) fn fresh(folder: &Path) -> Result<&Path> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("emptying {}", folder.display()));
        }
        _ => {}
    }
    std::fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_trial_is_of_ours_and_who_was_asked_for_and_a_name_that_nobody_has_is_refused() {
        let names = |only: &[&str]| {
            let only: Vec<String> = only.iter().map(|name| (*name).to_owned()).collect();
            chosen(&only).map(|chosen| chosen.iter().map(|entrant| entrant.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&[]).unwrap().len(), ENTRANTS.len());
        assert_eq!(names(&["java-frozen"]).unwrap(), [OURS, "java-frozen"]);
        let error = names(&["java"]).unwrap_err().to_string();
        assert!(error.contains("no pipeline `java`; there are ours, raw-decoded"), "{error}");
    }
}
