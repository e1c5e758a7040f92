//! `cargo xtask anchors stream`: the whole path, from the log to blocks and alerts in it, beside the same in Python and Java, and
//! beside reading the log raw.
//!
//! The messages, the broker and our side are `bench-stream`; here is who takes turns when, and what is made of it.

mod broker;
mod cells;
mod goals;
mod growth;
mod pipeline;
mod report;
mod table;
mod turns;
mod words;

use anyhow::{Context as _, Result};

use super::machine::{self, Machine, OverAll};
use super::{install, root};
use broker::{Broker, Times};
use pipeline::Running;
use report::Messages;
pub(super) use report::Report;
pub(super) use table::page;

/// How the command of a report begins.
pub(super) const COMMAND: &str = "cargo xtask anchors stream";

const PATIENTS: u32 = 1_000;
/// An hour of all patients: as long as a block of ours is, so that each round has one a patient.
const ROUND_MINUTES: u32 = 60;
const MESSAGES_PER_ROUND: u64 = PATIENTS as u64 * ROUND_MINUTES as u64;
const JOINING_MINUTES: u32 = 60;
const TRAINING_MINUTES: u32 = 80;
/// Of what a report depends on; a change of it that is not committed is named.
const DEPENDS_ON: [&str; 6] = ["chains", "ml", "services", "bench", "xtask", "Cargo.lock"];

/// Measures everything, or a few pipelines. A peer that fails is left out with its reason; only ours failing is an error.
pub(super) fn measure(rounds: u16, only: &[String]) -> Result<Report> {
    let entrants = pipeline::chosen(only)?;
    let folder = root().join("target/anchors/stream");
    std::fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let program = install::workspace("bench-stream")?;
    let machine = Machine::here();
    let peers: Vec<&str> = entrants.iter().filter(|entrant| entrant.has_topics()).map(|entrant| entrant.name).collect();
    let mut brokers = Vec::new();
    let last = entrants.iter().map(|entrant| entrant.broker).max().unwrap_or(0);
    for peers in [peers.as_slice(), &[]].into_iter().take(last + 1) {
        let log = folder.join(format!("broker-{}.log", brokers.len()));
        brokers.push(Broker::start(&program, PATIENTS, peers, &log)?);
    }
    let mut running = Vec::new();
    for entrant in entrants {
        let broker = brokers.get(entrant.broker).context("no such broker")?;
        running.push(Running::start(entrant, &program, broker, PATIENTS, &folder)?);
    }
    // One round more than are counted: the JVM's compiler has little left to do after it.
    let all = TRAINING_MINUTES + ROUND_MINUTES * (1 + u32::from(rounds));
    let times = Times { joining: JOINING_MINUTES, training: TRAINING_MINUTES, all };
    eprintln!("xtask: writing the messages");
    let mut filled = None;
    for (broker, with_json) in brokers.iter_mut().zip([true, false]) {
        let written = broker.fill(times, with_json)?;
        filled.get_or_insert(written);
    }
    let filled = filled.context("nothing was written")?;
    for running in &mut running {
        running.train(filled.training)?;
    }
    turns::warm_up(&mut running, &brokers, MESSAGES_PER_ROUND)?;
    let mut over_all = OverAll::default();
    turns::take(&mut running, &brokers, rounds, MESSAGES_PER_ROUND, &mut over_all)?;
    for running in &mut running {
        let broker = brokers.get_mut(running.entrant.broker).context("no such broker")?;
        running.check_alerts(broker, filled.messages)?;
    }
    let versions = brokers.first().map(|broker| broker.versions.clone()).unwrap_or_default();
    let pipelines: Vec<_> = running.into_iter().map(|running| running.report).collect();
    // Their memory is wanted now.
    drop(brokers);
    let growth = growth::measure(&program, &folder, only.is_empty());
    Ok(Report {
        command: command(rounds, only),
        measured_at: machine::now(),
        commit: machine::commit(&DEPENDS_ON),
        rounds,
        machine,
        others_cores: over_all.others_cores(),
        broker: versions,
        messages: Messages {
            patients: PATIENTS,
            training: filled.training,
            per_round: MESSAGES_PER_ROUND,
            sealed_bytes: filled.sealed_bytes,
            json_bytes: filled.json_bytes,
            episodes: filled.episodes,
        },
        goals: goals::of(&pipelines, &growth),
        pipelines,
        growth,
    })
}

fn command(rounds: u16, only: &[String]) -> String {
    let all = format!("{COMMAND} --rounds {rounds}");
    if only.is_empty() { all } else { format!("{all} --only {}", only.join(",")) }
}

#[cfg(test)]
mod tests {
    use super::pipeline::ENTRANTS;
    use super::*;

    #[test]
    fn every_goal_is_about_pipelines_that_take_part() {
        let names: Vec<&str> = ENTRANTS.iter().map(|entrant| entrant.name).collect();
        for name in goals::GOALS.iter().map(|(name, _)| *name).chain(goals::STRONG).chain([install::OURS]) {
            assert!(names.contains(&name), "{name}");
        }
    }
}
