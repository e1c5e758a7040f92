//! Rounds of one work, in turns.

use anyhow::Result;
use serde::Deserialize;

use super::entrant::Running;
use super::machine::{OverAll, Turn};
use super::peer::Peer;
use super::report::{Measured, Rounds};

#[derive(Deserialize)]
struct Ran {
    wall_ns: f64,
}

struct Turns {
    /// Its place among those running.
    at: usize,
    units: u32,
    warm_up: u32,
    /// In the work's unit.
    wall: Vec<f64>,
    cpu: Vec<f64>,
}

/// Rounds of one work: all peers in turn, another one first in each round.
pub(super) fn take_turns(
    running: &mut [Running],
    work: &str,
    rounds: u16,
    unit_ns: f64,
    over_all: &mut OverAll,
) -> Result<Vec<Measured>> {
    let mut turns = Vec::new();
    for (at, entrant) in running.iter_mut().enumerate() {
        let Some((units, warm_up)) = entrant.units_of(work) else { continue };
        let Some(peer) = &mut entrant.peer else { continue };
        match peer.ask::<Ran>(&format!("run {work} {warm_up}")) {
            Ok(_) => turns.push(Turns { at, units, warm_up, wall: Vec::new(), cpu: Vec::new() }),
            Err(error) => entrant.leave_out(&error)?,
        }
    }
    for _ in 0..rounds {
        for turn in &mut turns {
            let Some(entrant) = running.get_mut(turn.at) else { continue };
            let Some(peer) = &mut entrant.peer else { continue };
            if let Err(error) = turn.run(peer, work, unit_ns, over_all) {
                entrant.leave_out(&error)?;
            }
        }
        if !turns.is_empty() {
            turns.rotate_left(1);
        }
    }
    turns.sort_by_key(|turn| turn.at);
    let measured = turns.into_iter().filter_map(|turn| {
        let running = running.get(turn.at)?;
        turn.measured(running)
    });
    Ok(measured.collect())
}

impl Turns {
    fn run(&mut self, peer: &mut Peer, work: &str, unit_ns: f64, over_all: &mut OverAll) -> Result<()> {
        let (turn, cpu_ns) = (Turn::begin(), peer.cpu_ns()?);
        let ran: Ran = peer.ask(&format!("run {work} {}", self.units))?;
        let cpu_ns = peer.cpu_ns()? - cpu_ns;
        over_all.add(&turn, cpu_ns / 1e9);
        self.wall.push(ran.wall_ns / f64::from(self.units) / unit_ns);
        self.cpu.push(cpu_ns / f64::from(self.units) / unit_ns);
        Ok(())
    }

    /// `None` where the peer was left out on the way.
    fn measured(self, running: &Running) -> Option<Measured> {
        running.peer.as_ref()?;
        Some(Measured {
            peer: running.entrant.name.into(),
            units_per_round: self.units,
            warm_up_units: self.warm_up,
            wall: Rounds::of(self.wall)?,
            cpu: Rounds::of(self.cpu)?,
        })
    }
}
