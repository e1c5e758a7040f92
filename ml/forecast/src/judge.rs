//! Keeps forecasts until their outcome has come, and adds up what they lost.

use std::collections::VecDeque;

use vitals::Signal;

use crate::crossing::Walk;
use crate::forecast::Limit;
use crate::outlook::Outlook;
use crate::passages::Asked;
use crate::report::Report;
use crate::score::{CrossingSums, Passage, Quantiles, Sums};
use crate::{ForecastError, Forecaster, Plan, Settings};

/// A forecast that waits for its outcome.
#[derive(Clone, Debug)]
struct Waiting {
    step: i64,
    last: f64,
    /// Ours, persistence's and the trust, for every horizon.
    quantiles: Vec<Option<Quantiles>>,
    /// For every limit and horizon; none where the last value violates the limit.
    crossings: Vec<Option<Passage>>,
}

/// Forecasts that wait, and sums of those that were judged.
#[derive(Clone, Debug)]
pub(crate) struct Judge {
    limits: Vec<Limit>,
    /// Steps, ascending, each once.
    horizons: Vec<i64>,
    step_ms: i64,
    /// Of the settings, steps.
    longest: i64,
    origin_every: i64,
    waiting: VecDeque<Waiting>,
    sums: Vec<Sums>,
    /// By limit, then by horizon.
    crossings: Vec<CrossingSums>,
    not_ready: u32,
    forecasts: u32,
    by_likeness: u32,
}

impl Judge {
    pub(crate) fn new(settings: &Settings, plan: &Plan) -> Result<Self, ForecastError> {
        let horizons = plan.horizons_ms.iter().map(|horizon_ms| settings.steps_of(*horizon_ms));
        let mut horizons = horizons.collect::<Result<Vec<_>, _>>()?;
        horizons.sort_unstable();
        horizons.dedup();
        Ok(Self {
            limits: plan.limits.clone(),
            step_ms: settings.step_ms,
            longest: i64::from(settings.horizon_steps),
            origin_every: i64::from(settings.origin_every_steps),
            waiting: VecDeque::new(),
            sums: vec![Sums::default(); horizons.len()],
            crossings: vec![CrossingSums::default(); plan.limits.len() * horizons.len()],
            horizons,
            not_ready: 0,
            forecasts: 0,
            by_likeness: 0,
        })
    }

    /// Forecasts from the moment that was just kept.
    pub(crate) fn look(&mut self, forecaster: &Forecaster) {
        self.settle(forecaster, false);
        let (Ok(ours), Some(moment)) = (forecaster.outlook(), forecaster.present_moment()) else {
            self.not_ready += 1;
            return;
        };
        self.forecasts += 1;
        self.by_likeness += u32::from(forecaster.tuning.width.iter().any(Option::is_some));
        let (step, last) = (moment.step, ours.last());
        let crossings = self.passages(&ours);
        let persistence = forecaster.persistence(moment);
        let quantiles = self.horizons.iter().map(|lead| {
            let trust =
                forecaster.ladder.change(*lead, |rung| forecaster.tuning.trust.get(rung).copied().unwrap_or(0.0));
            Some(Quantiles { ours: ours.quantiles(*lead)?, persistence: persistence.quantiles(*lead)?, trust })
        });
        let quantiles = quantiles.collect();
        self.waiting.push_back(Waiting { step, last, quantiles, crossings });
    }

    fn passages(&self, ours: &Outlook<'_>) -> Vec<Option<Passage>> {
        let (limits, horizons) = (self.limits.as_slice(), self.horizons.as_slice());
        let asked = Asked { limits, horizons };
        if limits.is_empty() {
            return Vec::new();
        }
        let (passages, naive) = ours.passages(&asked);
        let of_limit = self.limits.iter().flat_map(|limit| std::iter::repeat_n(limit, horizons.len()));
        let both = passages.into_passages().zip(naive.into_passages());
        of_limit
            .zip(both)
            .map(|(limit, (passages, naive))| {
                let (probability, persistence) = (passages.probability(), naive.probability());
                let outside = limit.violated_by(ours.last());
                (!outside).then(|| Passage { probability, persistence, when: passages.when(self.step_ms) })
            })
            .collect()
    }

    /// Judges the forecasts whose horizon is over; at the end all of them, as far as is known.
    pub(crate) fn settle(&mut self, forecaster: &Forecaster, at_end: bool) {
        let known_until = forecaster.series.last().unwrap_or(i64::MIN);
        while self.waiting.front().is_some_and(|front| at_end || front.step + self.longest <= known_until) {
            let Some(front) = self.waiting.pop_front() else { break };
            for ((lead, quantiles), sums) in self.horizons.iter().zip(&front.quantiles).zip(&mut self.sums) {
                if let (Some(quantiles), Some(actual)) = (quantiles, forecaster.series.get(front.step + lead)) {
                    sums.add(quantiles, actual);
                }
            }
            let course = 1..=self.longest.min(known_until.saturating_sub(front.step));
            let course = course.map(|lead| forecaster.series.get(front.step + lead));
            let (horizons, crossings, step_ms) = (self.horizons.len(), &mut self.crossings, self.step_ms);
            Walk::new(&self.limits, &self.horizons).go(front.last, course, |number, crossed| {
                for (limit, position) in crossed.iter().enumerate() {
                    let slot = limit * horizons + number;
                    if let (Some(Some(passage)), Some(sums)) = (front.crossings.get(slot), crossings.get_mut(slot)) {
                        sums.add(passage, position.map(|steps| steps * step_ms as f64));
                    }
                }
            });
        }
    }

    pub(crate) fn report(self, signal: Signal, values: u64, left_out: u64) -> Report {
        let ms = |lead: &i64| lead * self.step_ms;
        let independent = |count: u32, lead: i64| {
            let span = i64::from(count).saturating_mul(self.origin_every);
            u32::try_from((span / lead.max(1)).min(i64::from(count))).unwrap_or(u32::MAX)
        };
        let horizons = self.horizons.iter().zip(&self.sums);
        let horizons = horizons.map(|(lead, sums)| sums.score(ms(lead), independent(sums.count(), *lead))).collect();
        let slots = self.limits.iter().flat_map(|limit| self.horizons.iter().map(move |lead| (limit, lead)));
        let crossings = slots.zip(&self.crossings).map(|((limit, lead), sums)| sums.score(*limit, ms(lead))).collect();
        Report {
            signal: signal.name(),
            unit: signal.unit(),
            values,
            left_out,
            not_ready: self.not_ready,
            forecasts: self.forecasts,
            by_likeness: self.by_likeness,
            horizons,
            crossings,
        }
    }
}
