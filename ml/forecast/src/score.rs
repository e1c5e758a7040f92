//! Sums of what forecasts lost, and their means.

use crate::forecast::{Limit, When};
use crate::report::{CrossingScore, HorizonScore};
use crate::spread::{loss, to_milli};

/// A forecast of one horizon, persistence's, and how far the regression was trusted.
#[derive(Clone, Debug)]
pub(crate) struct Quantiles {
    pub(crate) ours: [f64; 3],
    pub(crate) persistence: [f64; 3],
    pub(crate) trust: f64,
}

/// A forecast of a crossing, and persistence's probability.
#[derive(Clone, Debug)]
pub(crate) struct Passage {
    pub(crate) probability: f64,
    pub(crate) persistence: f64,
    pub(crate) when: When,
}

/// Sums of one horizon.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums {
    forecasts: u32,
    trust: f64,
    /// Loss, coverage, width and error of the median; ours and persistence's.
    ours: [f64; 4],
    persistence: [f64; 4],
}

/// Sums of one limit.
#[derive(Clone, Debug, Default)]
pub(crate) struct CrossingSums {
    forecasts: u32,
    crossed: u32,
    apart: u32,
    /// Whether a crossing followed the forecast before.
    crossed_before: bool,
    probability: f64,
    brier: f64,
    persistence_brier: f64,
    timed: u32,
    within: u32,
}

impl Sums {
    pub(crate) fn add(&mut self, quantiles: &Quantiles, actual: f64) {
        self.forecasts += 1;
        self.trust += quantiles.trust;
        for (sums, spread) in [(&mut self.ours, &quantiles.ours), (&mut self.persistence, &quantiles.persistence)] {
            let [low, median, high] = *spread;
            let within = f64::from(u8::from(low <= actual && actual <= high));
            for (sum, term) in sums.iter_mut().zip([loss(spread, actual), within, high - low, (actual - median).abs()])
            {
                *sum += term;
            }
        }
    }

    pub(crate) fn count(&self) -> u32 {
        self.forecasts
    }

    /// `independent` of the outcomes lie side by side in time.
    pub(crate) fn score(&self, horizon_ms: i64, independent: u32) -> HorizonScore {
        let mean = |sum: f64, scale: f64| rounded_mean(sum * scale, self.forecasts);
        let ([loss, within, width, error], [their_loss, their_within, their_width, their_error]) =
            (self.ours, self.persistence);
        HorizonScore {
            horizon_ms,
            forecasts: self.forecasts,
            independent,
            pinball_micro: mean(loss, 1_000.0),
            persistence_pinball_micro: mean(their_loss, 1_000.0),
            coverage_milli: mean(within, 1_000.0),
            persistence_coverage_milli: mean(their_within, 1_000.0),
            width_milli: mean(width, 1.0),
            persistence_width_milli: mean(their_width, 1.0),
            median_error_milli: mean(error, 1.0),
            persistence_median_error_milli: mean(their_error, 1.0),
            trust_milli: mean(self.trust, 1_000.0),
        }
    }
}

impl CrossingSums {
    pub(crate) fn add(&mut self, passage: &Passage, crossed_ms: Option<f64>) {
        self.forecasts += 1;
        self.crossed += u32::from(crossed_ms.is_some());
        self.apart += u32::from(crossed_ms.is_some() && !self.crossed_before);
        self.crossed_before = crossed_ms.is_some();
        let outcome = f64::from(u8::from(crossed_ms.is_some()));
        self.probability += passage.probability;
        self.brier += (passage.probability - outcome) * (passage.probability - outcome);
        self.persistence_brier += (passage.persistence - outcome) * (passage.persistence - outcome);
        if let When::Within { earliest_ms, latest_ms, .. } = passage.when {
            self.timed += 1;
            // Times were rounded to milliseconds.
            let within = match crossed_ms {
                Some(ms) => ms >= earliest_ms as f64 - 1.0 && latest_ms.is_none_or(|latest| ms <= latest as f64 + 1.0),
                None => latest_ms.is_none(),
            };
            self.within += u32::from(within);
        }
    }

    pub(crate) fn score(&self, limit: Limit, horizon_ms: i64) -> CrossingScore {
        CrossingScore {
            limit,
            horizon_ms,
            forecasts: self.forecasts,
            crossed: self.crossed,
            apart: self.apart,
            probability_milli: rounded_mean(self.probability * 1_000.0, self.forecasts),
            brier_micro: rounded_mean(self.brier * 1_000_000.0, self.forecasts),
            persistence_brier_micro: rounded_mean(self.persistence_brier * 1_000_000.0, self.forecasts),
            timed: self.timed,
            interval_coverage_milli: rounded_mean(f64::from(self.within) * 1_000.0, self.timed),
        }
    }
}

/// Mean as an integer; 0 of nothing.
fn rounded_mean(sum: f64, count: u32) -> i64 {
    if count == 0 { 0 } else { to_milli(sum / f64::from(count), i64::MIN, i64::MAX) }
}
