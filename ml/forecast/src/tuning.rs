//! How far to trust the regressions, and how alike a past moment must be: chosen by the loss on the person's own past.
//!
//! Both choices can end at the naive forecast, the last value with the spread of all past changes.

use crate::likeness::{Likeness, weight};
use crate::origin::Origin;
use crate::series::Series;
use crate::spread::{independent, loss, quantiles};

/// Shares of the foretold change that may be taken.
const TRUSTS: [f64; 4] = [0.25, 0.5, 0.75, 1.0];
/// Widths of likeness that may be taken, beside "all moments are alike".
const WIDTHS: [f64; 4] = [4.0, 2.0, 1.0, 0.5];
/// A choice other than the naive one must lower the loss by at least this share; by more where the past is short.
const GAIN: f64 = 0.01;
/// Past moments that a width is tried on.
const TRIALS: usize = 64;
/// Fewest outcomes to choose by.
const MIN_OUTCOMES: usize = 24;

/// The choices, one a rung of the ladder.
#[derive(Clone, Debug)]
pub(crate) struct Tuning {
    /// Share of the foretold change that is taken: 0 is the last value.
    pub(crate) trust: Vec<f64>,
    /// Width of likeness; `None`: all past moments count the same.
    pub(crate) width: Vec<Option<f64>>,
}

impl Tuning {
    /// The naive forecast.
    pub(crate) fn naive(rungs: usize) -> Self {
        Self { trust: vec![0.0; rungs], width: vec![None; rungs] }
    }

    /// Chooses by what came after the origins.
    pub(crate) fn choose(series: &Series, origins: &[&Origin], leads: &[i64], likeness: &Likeness) -> Self {
        let trial = Trial::new(origins, likeness);
        let (trust, width) = leads
            .iter()
            .enumerate()
            .map(|(rung, lead)| {
                let trust = choose_trust(series, origins, rung, *lead);
                (trust, trial.choose_width(series, rung, *lead, trust))
            })
            .unzip();
        Self { trust, width }
    }
}

/// What a choice must reach as a share of the naive loss. Outcomes that overlap tell little more than one, so what
/// counts is how often the lead fits into the past: with ten times, a gain below a tenth may be chance.
fn bar(origins: &[&Origin], lead: i64) -> f64 {
    1.0 - GAIN.max(1.0 / independent(origins.iter().map(|origin| origin.moment.step), lead))
}

fn choose_trust(series: &Series, origins: &[&Origin], rung: usize, lead: i64) -> f64 {
    let judged = origins.iter().filter(|origin| origin.foretold.is_some());
    let outcomes: Vec<(f64, f64)> =
        judged.filter_map(|origin| Some((origin.change(series, lead)?, origin.foretold(rung)))).collect();
    if outcomes.len() < MIN_OUTCOMES {
        return 0.0;
    }
    let loss_with = |trust: f64| {
        let mut misses: Vec<f64> = outcomes.iter().map(|(change, foretold)| change - trust * foretold).collect();
        misses.sort_by(f64::total_cmp);
        let spread = quantiles(misses.iter().map(|miss| (*miss, 1.0)), f64::INFINITY).unwrap_or_default();
        misses.iter().map(|miss| loss(&spread, *miss)).sum::<f64>()
    };
    let mut best = (0.0, loss_with(0.0) * bar(origins, lead));
    for trust in TRUSTS {
        let loss = loss_with(trust);
        if loss < best.1 {
            best = (trust, loss);
        }
    }
    best.0
}

/// Later past moments in the part of the present one, with their distances to all others.
struct Trial<'a> {
    origins: &'a [&'a Origin],
    /// Index of a tried moment, and its squared distances.
    tried: Vec<(usize, Vec<f64>)>,
}

impl<'a> Trial<'a> {
    fn new(origins: &'a [&'a Origin], likeness: &Likeness) -> Self {
        let later = origins.len() / 2..origins.len();
        let tried = later.step_by((origins.len() / 2 / TRIALS).max(1)).filter_map(|at| {
            let moment = &origins.get(at)?.moment;
            Some((at, origins.iter().map(|origin| likeness.distance(&origin.moment, moment)).collect()))
        });
        Self { origins, tried: tried.collect() }
    }

    fn choose_width(&self, series: &Series, rung: usize, lead: i64, trust: f64) -> Option<f64> {
        let misses: Vec<Option<f64>> = self
            .origins
            .iter()
            .map(|origin| Some(origin.change(series, lead)? - trust * origin.foretold(rung)))
            .collect();
        let mut sorted: Vec<(f64, usize)> =
            misses.iter().enumerate().filter_map(|(at, miss)| Some(((*miss)?, at))).collect();
        if sorted.len() < MIN_OUTCOMES {
            return None;
        }
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let step_of = |at: usize| self.origins.get(at).map_or(0, |origin| origin.moment.step);

        let loss_with = |width: Option<f64>| {
            let mut sum = 0.0;
            for (at, distances) in &self.tried {
                let Some(actual) = misses.get(*at).copied().flatten() else { continue };
                // Only what was known then.
                let weight_of = |other: usize| {
                    let known = step_of(other) + lead <= step_of(*at);
                    if known { distances.get(other).map_or(0.0, |distance| weight(*distance, width)) } else { 0.0 }
                };
                let weighted: Vec<(f64, f64)> = sorted.iter().map(|(miss, other)| (*miss, weight_of(*other))).collect();
                if let Some(spread) = quantiles(weighted.into_iter(), f64::INFINITY) {
                    sum += loss(&spread, actual);
                }
            }
            sum
        };
        let mut best = (None, loss_with(None) * bar(self.origins, lead));
        for width in WIDTHS.map(Some) {
            let loss = loss_with(width);
            if loss < best.1 {
                best = (width, loss);
            }
        }
        best.0
    }
}
