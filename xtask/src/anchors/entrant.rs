//! Who takes part in a run, and getting it to run.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::data::{FEATURES, Files};
use super::install::{self, From, OURS};
use super::peer::Peer;
use super::report::PeerReport;

/// A peer that finds anomalies worse than this is broken, or wrongly set.
const LEAST_AUROC: f64 = 0.8;

pub(super) struct Entrant {
    pub(super) name: &'static str,
    pub(super) from: From,
    /// Works, with units of one round and units of warm-up. Slow ones do fewer units, so that rounds take turns quickly.
    pub(super) works: &'static [(&'static str, u32, u32)],
}

#[derive(Deserialize)]
struct Hello {
    versions: BTreeMap<String, String>,
    settings: String,
}

pub(super) struct Running {
    pub(super) entrant: &'static Entrant,
    pub(super) report: PeerReport,
    /// `None` once it is left out.
    pub(super) peer: Option<Peer>,
}

impl Running {
    /// Starts the process. A peer that cannot be had, or is broken, is left out with its reason.
    ///
    /// # Errors
    /// Where it is ours that failed.
    pub(super) fn start(entrant: &'static Entrant, files: &Files, folder: &Path) -> Result<Self> {
        let report = PeerReport {
            name: entrant.name.into(),
            settings: String::new(),
            versions: BTreeMap::new(),
            auroc: BTreeMap::new(),
            left_out: None,
        };
        let mut running = Self { entrant, report, peer: None };
        if let Err(error) = running.meet(files, folder) {
            running.leave_out(&error)?;
        }
        Ok(running)
    }

    /// Starts the peer, asks who it is, and whether it finds anomalies at all.
    fn meet(&mut self, files: &Files, folder: &Path) -> Result<()> {
        let name = self.entrant.name;
        let mut peer = Peer::start(command(self.entrant, files)?, &folder.join(format!("{name}.log")))?;
        let hello: Hello = peer.ask("hello")?;
        (self.report.versions, self.report.settings) = (hello.versions, hello.settings);
        for work in ["batch", "stream", "stream-small"] {
            if self.units_of(work).is_none() {
                continue;
            }
            let scores = folder.join(format!("{name}-{work}.scores"));
            let _: Value = peer.ask(&format!("scores {work} {}", scores.display()))?;
            let auroc = files.auroc_of(&scores)?;
            self.report.auroc.insert(work.into(), auroc);
            ensure!(
                auroc >= LEAST_AUROC,
                "its AUROC ({work}) is {auroc:.3}, below {LEAST_AUROC}: broken or wrongly set"
            );
        }
        eprintln!("xtask: {name} is ready, AUROC {:.4?}", self.report.auroc);
        self.peer = Some(peer);
        Ok(())
    }

    /// Units of a round and of the warm-up, where the entrant does this work.
    pub(super) fn units_of(&self, work: &str) -> Option<(u32, u32)> {
        self.entrant.works.iter().find(|(name, ..)| *name == work).map(|(_, units, warm_up)| (*units, *warm_up))
    }

    pub(super) fn leave_out(&mut self, error: &anyhow::Error) -> Result<()> {
        if self.entrant.name == OURS {
            bail!("ours failed: {error:#}");
        }
        eprintln!("xtask: {} is left out: {error:#}", self.entrant.name);
        self.report.left_out = Some(format!("{error:#}"));
        self.peer = None;
        Ok(())
    }
}

fn command(entrant: &Entrant, files: &Files) -> Result<Command> {
    let mut command = match entrant.from {
        From::Workspace => Command::new(install::workspace("bench-forest")?),
        From::Python(packages) => {
            let mut python = install::python_command(packages, "forest")?;
            python.arg(entrant.name);
            python
        }
        From::Java => install::java_command("caduceus.peers.Forest")?,
    };
    command.arg(&files.speed).arg(&files.labelled).arg(FEATURES.to_string());
    Ok(command)
}
