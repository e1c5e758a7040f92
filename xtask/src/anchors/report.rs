//! What a run writes: everything that a table or a reader needs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::goal::Goal;
use super::machine::Machine;
use super::statistics::Spread;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) command: String,
    /// UTC.
    pub(super) measured_at: String,
    pub(super) commit: String,
    pub(super) rounds: u16,
    pub(super) machine: Machine,
    /// CPU that other processes of the machine used while it was measured, in cores.
    pub(super) others_cores: f64,
    pub(super) data: String,
    pub(super) peers: Vec<PeerReport>,
    pub(super) works: Vec<WorkReport>,
    pub(super) goals: Vec<Goal>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PeerReport {
    pub(super) name: String,
    pub(super) settings: String,
    pub(super) versions: BTreeMap<String, String>,
    /// By work: of `batch` after fitting, of `stream` with every point scored before it is learned.
    pub(super) auroc: BTreeMap<String, f64>,
    /// Why it was not measured, or not to the end.
    pub(super) left_out: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct WorkReport {
    pub(super) name: String,
    pub(super) what: String,
    pub(super) unit: String,
    pub(super) measured: Vec<Measured>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    pub(super) peer: String,
    /// Rows, points or fits of one round.
    pub(super) units_per_round: u32,
    /// Done before the first round, and not counted.
    pub(super) warm_up_units: u32,
    /// What counts: wall time, as the peer measured it itself.
    pub(super) wall: Rounds,
    /// CPU time of all its threads, with what little it does around its work; comparable also where others use the machine.
    pub(super) cpu: Rounds,
}

/// One value a round, in the work's unit, in the order in which they were run.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Rounds {
    pub(super) spread: Spread,
    pub(super) rounds: Vec<f64>,
}

impl Rounds {
    /// `None` of no rounds.
    pub(super) fn of(rounds: Vec<f64>) -> Option<Self> {
        Some(Self { spread: Spread::of(&rounds)?, rounds })
    }
}
