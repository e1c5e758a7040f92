//! Past moments as members of an ensemble: what came after each, laid on the present value.

use crate::Forecaster;
use crate::crossing::Walk;
use crate::features::Moment;
use crate::likeness::weight;
use crate::origin::Origin;
use crate::passages::{Asked, PassageTable};
use crate::spread::{independent, quantiles};
use crate::tuning::Tuning;

/// Outcomes that overlap by more than three quarters are taken as one.
const OVERLAP: f64 = 4.0;

/// The present moment, and past ones with their distance from it.
pub(crate) struct Ensemble<'a> {
    pub(crate) of: &'a Forecaster,
    pub(crate) moment: Moment,
    /// The change foretold from the present, one a rung.
    pub(crate) foretold: Option<Vec<f64>>,
    /// How far foretold changes are trusted, and how alike moments must be.
    pub(crate) tuning: Tuning,
    pub(crate) members: Vec<(&'a Origin, f64)>,
    /// Whether overlapping outcomes are taken for what they are.
    pub(crate) honest: bool,
}

impl Ensemble<'_> {
    /// 10, 50 and 90 % quantiles after `lead` steps; `None` where no outcome is known.
    pub(crate) fn quantiles(&self, lead: i64) -> Option<[f64; 3]> {
        let middle = self.middle(lead);
        let width = self.width(lead);
        let mut outcomes: Vec<(f64, f64)> = self
            .members
            .iter()
            .filter_map(|(origin, distance)| Some((middle + self.miss(origin, lead)?, weight(*distance, width))))
            .collect();
        outcomes.sort_by(|a, b| a.0.total_cmp(&b.0));
        let found = quantiles(outcomes.into_iter(), self.outcomes_at_most(lead))?;
        Some(found.map(|value| self.within(value)))
    }

    /// Counts the first passages over the courses that followed past moments; all of a horizon weigh 1 together.
    pub(crate) fn count_passages(&self, asked: &Asked<'_>, table: &mut PassageTable) {
        let longest = asked.horizons.last().copied().unwrap_or(0);
        let middles: Vec<f64> = (1..=longest).map(|lead| self.middle(lead)).collect();
        let means = self.of.series.to_flat();
        let widths: Vec<Option<f64>> = asked.horizons.iter().map(|horizon| self.width(*horizon)).collect();
        let mut found = vec![Vec::new(); asked.horizons.len()];
        let mut walk = Walk::new(asked.limits, asked.horizons);
        let mut foretold = vec![0.0; middles.len()];
        for (origin, distance) in &self.members {
            if self.foretold.is_some() {
                self.of.ladder.changes(|rung| self.trust(rung) * origin.foretold(rung), &mut foretold);
            }
            // Up to the end of what is known.
            let after = means.after(origin.moment.step);
            let course = after.iter().zip(&middles).zip(&foretold).map(|((mean, middle), foretold)| {
                (!mean.is_nan()).then(|| self.within(middle + ((mean - origin.moment.value) - foretold)))
            });
            walk.go(self.moment.value, course, |number, crossed| {
                let width = widths.get(number).copied().flatten();
                if let Some(found) = found.get_mut(number) {
                    found.push((weight(*distance, width), crossed.to_vec()));
                }
            });
        }
        for (number, found) in found.into_iter().enumerate() {
            let total: f64 = found.iter().map(|(weight, _)| weight).sum();
            for (weight, crossed) in found {
                for (limit, passage) in crossed.into_iter().enumerate() {
                    table.add(limit, number, passage, weight / total);
                }
            }
        }
    }

    /// The last value and the change that is foretold from it, as far as it is trusted.
    fn middle(&self, lead: i64) -> f64 {
        let foretold = |rung: usize| self.foretold.as_ref().and_then(|f| f.get(rung)).copied().unwrap_or(0.0);
        self.moment.value + self.of.ladder.change(lead, |rung| self.trust(rung) * foretold(rung))
    }

    /// By how much the change that came after a past moment differs from the one that was foretold.
    fn miss(&self, origin: &Origin, lead: i64) -> Option<f64> {
        let foretold = self.of.ladder.change(lead, |rung| self.trust(rung) * origin.foretold(rung));
        Some(origin.change(&self.of.series, lead)? - foretold)
    }

    fn trust(&self, rung: usize) -> f64 {
        self.tuning.trust.get(rung).copied().unwrap_or(0.0)
    }

    fn outcomes_at_most(&self, lead: i64) -> f64 {
        if self.honest { OVERLAP * self.independent(lead) } else { f64::INFINITY }
    }

    /// How many outcomes after `lead` steps fit side by side into the past.
    pub(crate) fn independent(&self, lead: i64) -> f64 {
        independent(self.members.iter().map(|(origin, _)| origin.moment.step), lead)
    }

    /// Width of likeness after `lead` steps: that of the rung at or above.
    fn width(&self, lead: i64) -> Option<f64> {
        self.tuning.width.get(self.of.ladder.rung(lead)).copied().flatten()
    }

    fn within(&self, value: f64) -> f64 {
        let (low, high) = self.of.plausible;
        value.clamp(low, high)
    }
}
