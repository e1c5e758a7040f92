//! Past moments as members of an ensemble: what came after each, laid on the present value.

use crate::Forecaster;
use crate::crossing::{Passages, first_passage};
use crate::features::Moment;
use crate::forecast::Limit;
use crate::likeness::weight;
use crate::origin::Origin;
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

    /// Counts the first passages of the limit over the whole courses that followed past moments, with `share` of all
    /// weight.
    pub(crate) fn count_passages(&self, limit: Limit, share: f64, passages: &mut Passages) {
        let horizon = self.of.ladder.horizon();
        let middles: Vec<f64> = (1..=horizon).map(|lead| self.middle(lead)).collect();
        let known_until = self.of.series.last().unwrap_or(i64::MIN).saturating_sub(horizon);
        let width = self.width(horizon);
        let mut courses = Vec::new();
        for (origin, distance) in self.members.iter().filter(|(origin, _)| origin.moment.step <= known_until) {
            let course: Vec<Option<f64>> = (1..=horizon)
                .zip(&middles)
                .map(|(lead, middle)| Some(self.within(middle + self.miss(origin, lead)?)))
                .collect();
            // A course that is mostly unknown tells neither that it crosses nor that it does not.
            if 2 * course.iter().flatten().count() >= course.len() {
                let passage = first_passage(limit, self.moment.value, course.into_iter());
                courses.push((passage, weight(*distance, width)));
            }
        }
        let total: f64 = courses.iter().map(|(_, weight)| weight).sum();
        for (passage, weight) in courses {
            passages.add(passage, share * weight / total);
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
        let spec = self.of.signal.spec();
        value.clamp(spec.low_milli as f64, spec.high_milli as f64)
    }
}
