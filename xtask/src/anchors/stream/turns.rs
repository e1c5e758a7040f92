//! Rounds, in turns.

use std::time::Instant;

use anyhow::{Result, ensure};
use serde::Deserialize;

use super::broker::Broker;
use super::pipeline::Running;
use super::report::Round;
use crate::anchors::machine::{OverAll, Turn};
use crate::anchors::peer::Peer;
use crate::anchors::proc;
use crate::anchors::table::number;

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

/// A round that is not counted.
pub(super) fn warm_up(running: &mut [Running], brokers: &[Broker], messages: u64) -> Result<()> {
    eprintln!("xtask: a round that is not counted, {messages} messages each; with µs of CPU a message:");
    let order: Vec<usize> = (0..running.len()).collect();
    take_round(running, brokers, &order, messages, &mut OverAll::default())?;
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
    let begin = Instant::now();
    for round in 1..=rounds {
        // As long as the rounds before took, each of those that are left takes.
        let left_s = begin.elapsed().as_secs_f64() / f64::from(round - 1) * f64::from(rounds - round + 1);
        let left = if round > 1 { format!(", about {left_s:.0} s to go") } else { String::new() };
        eprintln!("xtask: round {round} of {rounds}{left}:");
        take_round(running, brokers, &order, messages, over_all)?;
        order.rotate_left(1);
    }
    Ok(())
}

/// A turn each, in this order; tells what a message cost.
fn take_round(
    running: &mut [Running],
    brokers: &[Broker],
    order: &[usize],
    messages: u64,
    over_all: &mut OverAll,
) -> Result<()> {
    for at in order {
        let Some(running) = running.get_mut(*at) else { continue };
        let Some(broker) = brokers.get(running.entrant.broker) else { continue };
        let Some(peer) = &mut running.peer else { continue };
        match run(peer, broker, running.entrant.topic, messages, over_all) {
            Ok(round) => {
                eprint!(" {} {} ", running.entrant.name, number(round.cpu_us()));
                running.report.rounds.push(round);
            }
            Err(error) => {
                eprintln!();
                running.leave_out(&error)?;
            }
        }
    }
    eprintln!();
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
    let (turn, broker_s) = (Turn::begin(), broker.cpu_s()?);
    let ran: Ran = peer.ask(&format!("run {topic} {messages}"))?;
    let cpu_s = proc::quiet_cpu(peer.pid())?.since(before);
    let broker_cpu_s = broker.cpu_s()? - broker_s;
    over_all.add(&turn, cpu_s + broker_cpu_s);
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
