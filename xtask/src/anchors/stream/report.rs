//! What a run writes: everything that a table or a reader needs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::anchors::goal::Goal;
use crate::anchors::machine::Machine;
use crate::anchors::statistics::Spread;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::anchors) struct Report {
    pub(super) command: String,
    /// UTC.
    pub(super) measured_at: String,
    pub(super) commit: String,
    pub(super) rounds: u16,
    pub(super) machine: Machine,
    /// CPU that other processes than the pipelines and the brokers used while a pipeline ran, in cores.
    pub(super) others_cores: f64,
    pub(super) broker: BTreeMap<String, String>,
    pub(super) messages: Messages,
    pub(super) pipelines: Vec<Pipeline>,
    pub(super) goals: Vec<Goal>,
    pub(super) growth: Growth,
}

/// What all read.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Messages {
    pub(super) patients: u32,
    pub(super) training: u64,
    pub(super) per_round: u64,
    /// Mean size of a value, bytes.
    pub(super) sealed_bytes: f64,
    pub(super) json_bytes: f64,
    pub(super) episodes: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Pipeline {
    pub(super) name: String,
    pub(super) settings: String,
    pub(super) versions: BTreeMap<String, String>,
    pub(super) rounds: Vec<Round>,
    /// None of raw readers, which judge nothing.
    pub(super) alerts: Option<Alerts>,
    /// Why it was not measured, or not to the end; its rounds are dropped then.
    pub(super) left_out: Option<String>,
}

/// One pipeline's turn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Round {
    pub(super) messages: u64,
    /// As the pipeline took it itself, from the command to the last commit.
    pub(super) wall_s: f64,
    /// All threads of its process, user and system, until they are quiet again.
    pub(super) cpu_s: f64,
    /// The broker's, meanwhile.
    pub(super) broker_cpu_s: f64,
    pub(super) blocks: u64,
    pub(super) alerts: u64,
    /// Transactions, where they are counted apart from blocks.
    pub(super) commits: Option<u64>,
    /// Scores, where not every message has one.
    pub(super) scores: Option<u64>,
}

/// Alerts over all rounds, by whether somebody was ill.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Alerts {
    pub(super) inside: u64,
    pub(super) outside: u64,
    pub(super) messages_inside: u64,
    pub(super) messages_outside: u64,
}

impl Alerts {
    /// Alerts a message within episodes, and outside.
    pub(super) fn rates(&self) -> [f64; 2] {
        let rate = |alerts: u64, messages: u64| alerts as f64 / messages.max(1) as f64;
        [rate(self.inside, self.messages_inside), rate(self.outside, self.messages_outside)]
    }

    /// Whether it alerts more where somebody is ill.
    pub(super) fn sane(&self) -> bool {
        let [inside, outside] = self.rates();
        inside > outside
    }
}

impl Round {
    /// CPU time of the pipeline, µs a message.
    pub(super) fn cpu_us(&self) -> f64 {
        self.cpu_s / self.messages as f64 * 1e6
    }
}

impl Pipeline {
    /// Messages per CPU second, by round.
    pub(super) fn rates(&self) -> Vec<f64> {
        self.rounds.iter().map(|round| round.messages as f64 / round.cpu_s).collect()
    }

    /// Messages per CPU second. None where it was left out.
    pub(super) fn rate(&self) -> Option<Spread> {
        self.left_out.is_none().then(|| Spread::of(&self.rates()))?
    }
}

/// Ours by number of patients, at the same number of messages.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Growth {
    pub(super) settings: String,
    pub(super) points: Vec<Point>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Point {
    pub(super) patients: u32,
    /// None where it failed.
    pub(super) round: Option<Round>,
    /// Memory at its highest, MiB.
    pub(super) peak_mib: Option<f64>,
    pub(super) left_out: Option<String>,
}

impl Growth {
    /// How many times the cheapest message the dearest costs. None where a number of patients was not measured.
    pub(super) fn ratio(&self) -> Option<f64> {
        let costs = self.points.iter().map(|point| Some(point.round?.cpu_us()));
        let spread = Spread::of(&costs.collect::<Option<Vec<_>>>()?)?;
        Some(spread.highest / spread.lowest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(messages: u64, cpu_s: f64) -> Round {
        Round { messages, wall_s: 1.0, cpu_s, broker_cpu_s: 0.1, blocks: 1, alerts: 1, commits: None, scores: None }
    }

    #[test]
    fn a_pipeline_that_alerts_at_random_is_not_sane() {
        let alerts = |inside, outside| Alerts { inside, outside, messages_inside: 100, messages_outside: 10_000 };
        assert!(alerts(3, 200).sane());
        assert!(!alerts(2, 200).sane());
        assert!(!alerts(0, 0).sane());
    }

    #[test]
    fn growth_is_known_only_where_every_number_of_patients_was_measured() {
        let point = |patients, cpu_s: Option<f64>| Point {
            patients,
            round: cpu_s.map(|cpu_s| round(1_000, cpu_s)),
            peak_mib: None,
            left_out: None,
        };
        let ratio = |points| Growth { settings: String::new(), points }.ratio();
        assert_eq!(ratio(vec![point(10, Some(1.0)), point(100, Some(1.4))]), Some(1.4));
        assert_eq!(ratio(vec![point(10, Some(1.0)), point(100, None), point(1_000, Some(1.0))]), None);
        assert_eq!(ratio(Vec::new()), None);
    }
}
