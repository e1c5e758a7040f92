//! Rolling origin: every forecast is made from what was known at its moment, and judged when its outcome has come.

use std::collections::VecDeque;

use vitals::Signal;

use crate::crossing::{Passages, first_passage};
use crate::forecast::Limit;
use crate::report::Report;
use crate::score::{CrossingSums, Passage, Quantiles, Sums};
use crate::{ForecastError, Forecaster, Settings};

/// What to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Horizons, milliseconds; each a multiple of the step, up to the horizon of the settings.
    pub horizons_ms: Vec<i64>,
    /// Limits whose crossing is forecast.
    pub limits: Vec<Limit>,
    /// The person's clock, minutes from UTC.
    pub offset_minutes: i16,
}

impl Plan {
    /// A quarter of an hour, one, three and six hours, as far as the settings look ahead; no limit.
    #[must_use]
    pub fn usual(settings: &Settings) -> Self {
        const MINUTE_MS: i64 = 60_000;
        let horizons_ms = [15, 60, 180, 360]
            .map(|minutes| minutes * MINUTE_MS)
            .into_iter()
            .filter(|horizon_ms| *horizon_ms <= settings.horizon_ms() && horizon_ms % settings.step_ms == 0)
            .collect();
        Self { horizons_ms, limits: Vec::new(), offset_minutes: 0 }
    }
}

/// Runs a forecaster along values in the order of time (instant in milliseconds, thousandths of the unit) and judges it
/// against persistence. It is the same forecaster, and it learns as it goes: nothing is known before its time.
///
/// # Errors
/// [`ForecastError::Setting`] or [`ForecastError::Horizon`]. Values that the forecaster refuses are counted.
pub fn backtest(
    signal: Signal,
    settings: &Settings,
    plan: &Plan,
    values: impl IntoIterator<Item = (i64, i64)>,
) -> Result<Report, ForecastError> {
    let mut forecaster = Forecaster::new(signal, settings.clone())?;
    forecaster.set_offset_minutes(plan.offset_minutes);
    let mut judge = Judge::new(settings, plan)?;
    let (mut taken, mut left_out) = (0, 0);
    let mut last_ms = i64::MIN;
    for (time_ms, value_milli) in values {
        match forecaster.take(time_ms, value_milli) {
            Ok(new_moment) => {
                taken += 1;
                last_ms = time_ms;
                if new_moment {
                    judge.look(&forecaster);
                }
            }
            Err(_) => left_out += 1,
        }
    }
    // The last step closes; nothing is forecast from it, but it is an outcome.
    forecaster.tick(last_ms.saturating_add(settings.step_ms));
    judge.settle(&forecaster, true);
    Ok(judge.report(signal, taken, left_out))
}

/// A forecast that waits for its outcome.
struct Waiting {
    step: i64,
    last: f64,
    /// Ours, persistence's and the trust, for every horizon of the plan.
    quantiles: Vec<Option<Quantiles>>,
    /// For every limit of the plan that the last value does not violate.
    crossings: Vec<Option<Passage>>,
}

struct Judge<'a> {
    plan: &'a Plan,
    step_ms: i64,
    leads: Vec<i64>,
    longest: i64,
    waiting: VecDeque<Waiting>,
    sums: Vec<Sums>,
    crossings: Vec<CrossingSums>,
    not_ready: u32,
    forecasts: u32,
    by_likeness: u32,
}

impl<'a> Judge<'a> {
    fn new(settings: &Settings, plan: &'a Plan) -> Result<Self, ForecastError> {
        let (step_ms, longest_ms) = (settings.step_ms, settings.horizon_ms());
        let leads = plan.horizons_ms.iter().map(|horizon_ms| {
            let fits = *horizon_ms > 0 && *horizon_ms <= longest_ms && horizon_ms % step_ms == 0;
            let refused = ForecastError::Horizon { horizon_ms: *horizon_ms, step_ms, longest_ms };
            if fits { Ok(horizon_ms / step_ms) } else { Err(refused) }
        });
        Ok(Self {
            plan,
            step_ms,
            leads: leads.collect::<Result<_, _>>()?,
            longest: i64::from(settings.horizon_steps),
            waiting: VecDeque::new(),
            sums: vec![Sums::default(); plan.horizons_ms.len()],
            crossings: vec![CrossingSums::default(); plan.limits.len()],
            not_ready: 0,
            forecasts: 0,
            by_likeness: 0,
        })
    }

    /// Forecasts from the moment that was just kept.
    fn look(&mut self, forecaster: &Forecaster) {
        self.settle(forecaster, false);
        let (Ok(ours), Some(moment)) = (forecaster.outlook(), forecaster.present_moment()) else {
            self.not_ready += 1;
            return;
        };
        self.forecasts += 1;
        self.by_likeness += u32::from(forecaster.tuning.width.iter().any(Option::is_some));
        let (step, last) = (moment.step, ours.last());
        let persistence = forecaster.persistence(moment);
        let quantiles = self.leads.iter().map(|lead| {
            let trust =
                forecaster.ladder.change(*lead, |rung| forecaster.tuning.trust.get(rung).copied().unwrap_or(0.0));
            Some(Quantiles { ours: ours.quantiles(*lead)?, persistence: persistence.quantiles(*lead)?, trust })
        });
        let crossings = self.plan.limits.iter().map(|limit| {
            if limit.violated_by(last) {
                return None;
            }
            let passages = ours.passages(*limit);
            let probability = passages.probability();
            let mut naive = Passages::default();
            persistence.count_passages(*limit, 1.0, &mut naive);
            let persistence = naive.probability();
            Some(Passage { probability, persistence, when: passages.when(self.step_ms) })
        });
        let waiting = Waiting { step, last, quantiles: quantiles.collect(), crossings: crossings.collect() };
        self.waiting.push_back(waiting);
    }

    /// Judges the forecasts whose horizon is over; at the end all of them, as far as is known.
    fn settle(&mut self, forecaster: &Forecaster, at_end: bool) {
        let known_until = forecaster.series.last().unwrap_or(i64::MIN);
        while self.waiting.front().is_some_and(|front| at_end || front.step + self.longest <= known_until) {
            let Some(front) = self.waiting.pop_front() else { break };
            for ((lead, quantiles), sums) in self.leads.iter().zip(&front.quantiles).zip(&mut self.sums) {
                if let (Some(quantiles), Some(actual)) = (quantiles, forecaster.series.get(front.step + lead)) {
                    sums.add(quantiles, actual);
                }
            }
            if front.step + self.longest > known_until {
                continue;
            }
            let course = || (1..=self.longest).map(|lead| forecaster.series.get(front.step + lead));
            if 2 * course().flatten().count() < course().count() {
                continue;
            }
            for ((limit, passage), sums) in self.plan.limits.iter().zip(&front.crossings).zip(&mut self.crossings) {
                if let Some(passage) = passage {
                    let crossed = first_passage(*limit, front.last, course());
                    sums.add(passage, crossed.map(|steps| steps * self.step_ms as f64));
                }
            }
        }
    }

    fn report(self, signal: Signal, values: u64, left_out: u64) -> Report {
        let horizons = self.plan.horizons_ms.iter().zip(&self.sums).map(|(horizon_ms, sums)| sums.score(*horizon_ms));
        let crossings = self.plan.limits.iter().zip(&self.crossings).map(|(limit, sums)| sums.score(*limit));
        Report {
            signal: signal.name(),
            unit: signal.unit(),
            values,
            left_out,
            not_ready: self.not_ready,
            forecasts: self.forecasts,
            by_likeness: self.by_likeness,
            horizons: horizons.collect(),
            crossings: crossings.collect(),
        }
    }
}
