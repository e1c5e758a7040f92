//! Rounds, in turns.

use std::time::Instant;

use anyhow::{Result, ensure};
use serde::Deserialize;

use super::broker::Broker;
use super::pipeline::Running;
use super::report::Round;
use crate::anchors::peer::Peer;
use crate::anchors::{machine, proc};

#[derive(Deserialize)]
struct Ran {
    wall_ns: f64,
    readings: u64,
    blocks: Option<u64>,
    alerts: Option<u64>,
    commits: Option<u64>,
    scores: Option<u64>,
    /// Readings that were not taken.
    refused: Option<u64>,
}

/// CPU and time over all turns, to tell what others used meanwhile.
#[derive(Default)]
pub(super) struct OverAll {
    wall_s: f64,
    busy_s: f64,
    own_s: f64,
}

impl OverAll {
    /// What processes other than the measured ones and their brokers used, in cores.
    pub(super) fn others_cores(&self) -> f64 {
        if self.wall_s == 0.0 { 0.0 } else { ((self.busy_s - self.own_s) / self.wall_s).max(0.0) }
    }
}

/// A round that is not counted.
pub(super) fn warm_up(running: &mut [Running], brokers: &[Broker], messages: u64) -> Result<()> {
    take(running, brokers, 1, messages, &mut OverAll::default())?;
    running.iter_mut().for_each(|running| running.report.rounds.clear());
    Ok(())
}

/// So many rounds of so many messages: all pipelines in turn, another one first in each round.
pub(super) fn take(
    running: &mut [Running],
    brokers: &[Broker],
    rounds: u16,
    messages: u64,
    over_all: &mut OverAll,
) -> Result<()> {
    let mut order: Vec<usize> = (0..running.len()).collect();
    for round in 1..=rounds {
        eprintln!("xtask: round {round} of {rounds}, {messages} messages each");
        for at in &order {
            let Some(running) = running.get_mut(*at) else { continue };
            let Some(broker) = brokers.get(running.entrant.broker) else { continue };
            let Some(peer) = &mut running.peer else { continue };
            match run(peer, broker, running.entrant.topic, messages, over_all) {
                Ok(round) => running.report.rounds.push(round),
                Err(error) => running.leave_out(&error)?,
            }
        }
        order.rotate_left(1);
    }
    Ok(())
}

/// One turn of one pipeline.
pub(super) fn run(
    peer: &mut Peer,
    broker: &Broker,
    topic: &str,
    messages: u64,
    over_all: &mut OverAll,
) -> Result<Round> {
    let before = proc::quiet_cpu(peer.pid())?;
    let (begin, busy_s, broker_s) = (Instant::now(), machine::busy_s(), broker.cpu_s()?);
    let ran: Ran = peer.ask(&format!("run {topic} {messages}"))?;
    let cpu_s = proc::quiet_cpu(peer.pid())?.since(before);
    let broker_cpu_s = broker.cpu_s()? - broker_s;
    over_all.wall_s += begin.elapsed().as_secs_f64();
    over_all.busy_s += machine::busy_s() - busy_s;
    over_all.own_s += cpu_s + broker_cpu_s;
    ensure!(ran.readings == messages, "it took {} messages of {messages}", ran.readings);
    ensure!(ran.refused.unwrap_or(0) == 0, "it refused {} readings", ran.refused.unwrap_or(0));
    Ok(Round {
        messages,
        wall_s: ran.wall_ns / 1e9,
        cpu_s,
        broker_cpu_s,
        blocks: ran.blocks.unwrap_or(0),
        alerts: ran.alerts.unwrap_or(0),
        commits: ran.commits,
        scores: ran.scores,
    })
}
