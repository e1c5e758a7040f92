//! What a run writes: every figure, on how many it was measured, and what was left out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::anchors::goal::Goal;

/// Recordings of one kind: there, or not.
pub(super) enum Part<T> {
    There(T),
    Absent(LeftOut),
}

impl<T> Part<T> {
    pub(super) fn absent(what: &str, why: &str) -> Self {
        Self::Absent(LeftOut { what: what.into(), why: why.into() })
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct Report {
    pub(super) command: String,
    /// UTC.
    pub(super) measured_at: String,
    /// Of the work tree.
    pub(super) commit: String,
    /// Where the program came from whose commands were run.
    pub(super) program: String,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) goals: Vec<Goal>,
    pub(super) onset: Option<Onset>,
    pub(super) stress: Option<Stress>,
    pub(super) nab: Option<Nab>,
    pub(super) tabular: Option<Tabular>,
    pub(super) forecast: Option<Forecast>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LeftOut {
    pub(super) what: String,
    pub(super) why: String,
}

/// Who fell ill, by our detector and two plain rules on the same nights.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Onset {
    pub(super) commands: String,
    pub(super) people: Vec<Person>,
    /// Recordings of people whose onset is not in the table.
    pub(super) unlabelled: Vec<String>,
    pub(super) over_all: Methods<OverAll>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Person {
    pub(super) person: String,
    pub(super) days_monitored: u32,
    pub(super) methods: Methods<Verdict>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Methods<T> {
    pub(super) ours: T,
    pub(super) z_above: T,
    pub(super) two_nights: T,
}

/// As `caduceus detect --json` says it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Verdict {
    pub(super) found: bool,
    /// Negative after the onset.
    pub(super) lead_days: Option<i32>,
    pub(super) false_alert_days: u32,
    pub(super) well_days_monitored: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct OverAll {
    pub(super) found: u32,
    pub(super) people: u32,
    /// Of those found.
    pub(super) median_lead_days: Option<f64>,
    pub(super) false_alert_days: u32,
    pub(super) well_days_monitored: u32,
    /// Of the sums, not the mean over people. `None` without a day on which somebody was well.
    pub(super) false_alert_days_per_30: Option<f64>,
}

/// Areas under the receiver operating characteristic of the bedside severity, a second at a time.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Stress {
    pub(super) commands: String,
    pub(super) people: Vec<Areas>,
    /// Over the people that have one.
    pub(super) plain: Option<Mean>,
    pub(super) balanced: Option<Mean>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Areas {
    pub(super) person: String,
    pub(super) plain: Option<f64>,
    pub(super) balanced: Option<f64>,
}

/// Of a number of values; the deviation (n − 1) only of two or more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Mean {
    pub(super) mean: f64,
    pub(super) sd: Option<f64>,
    pub(super) count: u32,
}

impl Mean {
    /// `None` of nothing.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let count = u32::try_from(values.len()).ok().filter(|count| *count > 0)?;
        let mean = values.iter().sum::<f64>() / f64::from(count);
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let sd = (count > 1).then(|| (squares / f64::from(count - 1)).sqrt());
        Some(Self { mean, sd, count })
    }
}

/// The Numenta benchmark, by its rules.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Nab {
    pub(super) commands: String,
    pub(super) profile: String,
    pub(super) files: u32,
    /// Files that the labels name and the folder does not have.
    pub(super) absent: Vec<String>,
    pub(super) gated: NabScore,
    pub(super) ungated: NabScore,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct NabScore {
    /// 0 without any alert, 100 of a perfect detector.
    pub(super) score: Option<f64>,
    /// One for all files, the best one, as the benchmark takes it.
    pub(super) threshold: Option<f64>,
    pub(super) windows: u32,
    pub(super) found: u32,
    /// Rows, not episodes.
    pub(super) false_alerts: u32,
    pub(super) groups: BTreeMap<String, NabGroup>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct NabGroup {
    pub(super) files: u32,
    /// `None` where no window is to be found.
    pub(super) score: Option<f64>,
    pub(super) windows: u32,
    pub(super) found: u32,
    pub(super) false_alerts: u32,
}

/// The forest alone, on labelled tables.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Tabular {
    pub(super) commands: String,
    pub(super) sets: Vec<Set>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Set {
    pub(super) name: String,
    pub(super) rows: u64,
    pub(super) features: u64,
    pub(super) anomalies: u64,
    pub(super) auroc: Mean,
    pub(super) average_precision: Mean,
}

/// Forecasts, each made from what was known at its moment and judged when its outcome had come.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Forecast {
    pub(super) commands: String,
    /// At home, out of four weeks.
    pub(super) weeks: Vec<Foretold>,
    /// At home, out of what lies in an alert's chart.
    pub(super) day: Vec<Foretold>,
    pub(super) bedside: Vec<Foretold>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Foretold {
    pub(super) person: String,
    pub(super) signal: String,
    pub(super) at_rest: bool,
    pub(super) values: u64,
    pub(super) horizons: Vec<Ahead>,
    /// Of a limit that is crossed often enough, within the time that the product would tell it for.
    pub(super) crossing: Option<Crossing>,
}

/// As `caduceus forecast --json` says it; losses in the signal's unit, shares of 1.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Ahead {
    pub(super) horizon_min: u32,
    pub(super) forecasts: u32,
    /// Whose outcomes do not overlap.
    pub(super) apart: u32,
    pub(super) pinball: f64,
    pub(super) persistence_pinball: f64,
    pub(super) saved: f64,
    pub(super) coverage: f64,
    pub(super) persistence_coverage: f64,
    pub(super) skill: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Crossing {
    pub(super) horizon_min: u32,
    pub(super) forecasts: u32,
    pub(super) crossed: u32,
    pub(super) brier: f64,
    pub(super) persistence_brier: f64,
    pub(super) always_the_same_brier: f64,
    /// Forecasts that gave an interval of time.
    pub(super) intervals: u32,
    pub(super) interval_coverage: f64,
    pub(super) skill: String,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_mean_knows_how_many_it_is_of_and_deviates_by_n_minus_1() {
        let mean = Mean::of(&[1.0, 2.0, 3.0, 6.0]).unwrap();
        assert_eq!((mean.mean, mean.count), (3.0, 4));
        assert!((mean.sd.unwrap() - (14.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(Mean::of(&[0.5]), Some(Mean { mean: 0.5, sd: None, count: 1 }));
        assert_eq!(Mean::of(&[]), None);
    }
}
