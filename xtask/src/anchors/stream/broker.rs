//! The broker and what is in it: `bench-stream stage`, told what to write.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::Value;

use super::report::Alerts;
use crate::anchors::peer::Peer;
use crate::anchors::proc;

pub(super) struct Broker {
    stage: Peer,
    bootstrap: String,
    pid: u32,
    pub(super) versions: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Hello {
    versions: BTreeMap<String, String>,
    bootstrap: String,
    pid: u32,
}

/// How long messages are written for, minutes of event time.
#[derive(Clone, Copy)]
pub(super) struct Times {
    /// So long more and more patients join.
    pub(super) joining: u32,
    /// So long is only learned from.
    pub(super) training: u32,
    pub(super) all: u32,
}

/// What was written.
#[derive(Deserialize)]
pub(super) struct Filled {
    pub(super) training: u64,
    pub(super) messages: u64,
    pub(super) sealed_bytes: f64,
    pub(super) json_bytes: f64,
    pub(super) episodes: u64,
}

impl Broker {
    /// Starts a broker for so many patients, with topics for these peers; their chains are opened.
    pub(super) fn start(program: &Path, patients: u32, peers: &[&str], log: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["stage", &patients.to_string()]).args(peers);
        let mut stage = Peer::start(command, log)?;
        let hello: Hello = stage.ask("hello").context("starting the broker")?;
        let _: Value = stage.ask("open")?;
        Ok(Self { stage, bootstrap: hello.bootstrap, pid: hello.pid, versions: hello.versions })
    }

    pub(super) fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Writes the messages: sealed for ours, and as JSON where peers read them.
    pub(super) fn fill(&mut self, times: Times, with_json: bool) -> Result<Filled> {
        let form = if with_json { "json" } else { "sealed" };
        let Times { joining, training, all } = times;
        self.stage.ask(&format!("fill {joining} {training} {all} {form}")).context("writing the messages")
    }

    /// Alerts of a pipeline up to a message, by whether somebody was ill.
    pub(super) fn alerts(&mut self, pipeline: &str, through: u64) -> Result<Alerts> {
        self.stage.ask(&format!("alerts {pipeline} {through}")).context("reading its alerts")
    }

    /// CPU time of the broker's process so far, seconds.
    pub(super) fn cpu_s(&self) -> Result<f64> {
        Ok(proc::threads_cpu_ns(self.pid)? / 1e9)
    }
}
