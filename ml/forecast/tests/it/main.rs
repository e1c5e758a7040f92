//! Forecasts of known series, their laws, bad input, and the backtest on real recordings. Capability D13.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation
)]

mod input;
mod known;
mod laws;
mod real;

use forecast::{ForecastError, Forecaster, Limit, Settings};
use vitals::{Side, Signal};

pub(crate) const MINUTE_MS: i64 = 60_000;
pub(crate) const STEP_MS: i64 = 5 * MINUTE_MS;
pub(crate) const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(crate) const DAY_STEPS: i64 = 288;

pub(crate) fn above(limit_milli: i64) -> Limit {
    Limit { limit_milli, side: Side::Above }
}

pub(crate) fn below(limit_milli: i64) -> Limit {
    Limit { limit_milli, side: Side::Below }
}

/// Repeatable chance (xorshift).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Uniform in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// About normal, with variance 1.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

/// One value a step of five minutes.
pub(crate) fn by_step(values: impl IntoIterator<Item = i64>) -> Vec<(i64, i64)> {
    (0..).map(|step: i64| step * STEP_MS).zip(values).collect()
}

/// The part of a day's sine at a step, from −1 to 1, lowest at the day's beginning.
pub(crate) fn rhythm(step: i64) -> f64 {
    -libm::cos(std::f64::consts::TAU * (step % DAY_STEPS) as f64 / DAY_STEPS as f64)
}

pub(crate) fn fed(signal: Signal, settings: Settings, values: &[(i64, i64)]) -> Result<Forecaster, ForecastError> {
    let mut forecaster = Forecaster::new(signal, settings)?;
    for (time_ms, value_milli) in values {
        forecaster.observe(*time_ms, *value_milli)?;
    }
    // The last step closes.
    forecaster.tick(values.last().map_or(0, |(time_ms, _)| time_ms + STEP_MS));
    Ok(forecaster)
}
