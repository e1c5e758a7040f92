//! What a backtest found, as integers for JSON and as a table for people.

use std::fmt;

use serde::Serialize;
use vitals::{Side, milli};

use crate::Limit;

/// Forecasts of one horizon against what came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HorizonScore {
    /// How far ahead, milliseconds.
    pub horizon_ms: i64,
    /// Forecasts whose outcome is known.
    pub forecasts: u32,
    /// How many of their outcomes lie side by side in time, at most: those that overlap tell little more than one.
    pub independent: u32,
    /// Mean pinball loss over the 10, 50 and 90 % quantiles, millionths of the unit.
    pub pinball_micro: i64,
    /// The same of persistence: the last value, with the quantiles of its own past errors.
    pub persistence_pinball_micro: i64,
    /// Share of outcomes within the 80 % interval, thousandths; 800 is right.
    pub coverage_milli: i64,
    /// The same of persistence.
    pub persistence_coverage_milli: i64,
    /// Mean width of the 80 % interval, thousandths of the unit.
    pub width_milli: i64,
    /// The same of persistence.
    pub persistence_width_milli: i64,
    /// Mean absolute error of the median, thousandths of the unit.
    pub median_error_milli: i64,
    /// The same of persistence.
    pub persistence_median_error_milli: i64,
    /// Mean share of the regression's change that was taken, thousandths: 0 is the last value.
    pub trust_milli: i64,
}

impl HorizonScore {
    /// Part of persistence's loss that is saved, thousandths; negative where more is lost.
    #[must_use]
    pub fn skill_milli(&self) -> i64 {
        if self.persistence_pinball_micro == 0 {
            return 0;
        }
        1_000 - self.pinball_micro.saturating_mul(1_000) / self.persistence_pinball_micro
    }
}

/// Forecasts of a limit's crossing within the horizon against what came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CrossingScore {
    /// The limit.
    #[serde(flatten)]
    pub limit: Limit,
    /// Within which time, milliseconds.
    pub horizon_ms: i64,
    /// Forecasts from inside the limit whose outcome is known.
    pub forecasts: u32,
    /// Those after which the limit was crossed within the horizon.
    pub crossed: u32,
    /// Runs of such forecasts: about how many different crossings those are.
    pub apart: u32,
    /// Mean probability that was given, thousandths.
    pub probability_milli: i64,
    /// Mean squared error of the probability (Brier score), millionths.
    pub brier_micro: i64,
    /// The same of persistence's courses.
    pub persistence_brier_micro: i64,
    /// Forecasts that gave a time.
    pub timed: u32,
    /// Share of those whose crossing lay within the interval that was given, thousandths; no crossing within the
    /// horizon counts as within where the interval was open.
    pub interval_coverage_milli: i64,
}

/// What a backtest found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Name of the signal.
    pub signal: &'static str,
    /// UCUM unit of its values.
    pub unit: &'static str,
    /// Values taken.
    pub values: u64,
    /// Values left out: late, or not plausible.
    pub left_out: u64,
    /// Moments at which there was too little history yet.
    pub not_ready: u32,
    /// Moments from which was forecast.
    pub forecasts: u32,
    /// Those at which only moments alike were counted, not all past ones.
    pub by_likeness: u32,
    /// By horizon.
    pub horizons: Vec<HorizonScore>,
    /// By limit, then by horizon.
    pub crossings: Vec<CrossingScore>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { signal, unit, values, left_out, not_ready, forecasts, by_likeness, .. } = self;
        writeln!(
            f,
            "{signal} ({unit}): {values} values, {left_out} left out; {not_ready} moments with too little history, \
             {forecasts} forecast from, {by_likeness} of them by moments alike"
        )?;
        if !self.horizons.is_empty() {
            writeln!(f, "         |       | pinball loss          | within 80 %   | width of 80 %   |")?;
            writeln!(f, " horizon | count | ours    last    saved | ours    last  | ours    last     | trust")?;
        }
        for score in &self.horizons {
            writeln!(
                f,
                "{:>8} | {:>5} | {:<7} {:<7} {:>4} % | {:>4} %  {:>4} % | {:<7} {:<8} | {:>3} %",
                span(score.horizon_ms),
                score.forecasts,
                thousandths(score.pinball_micro / 1_000),
                thousandths(score.persistence_pinball_micro / 1_000),
                tenths(score.skill_milli()),
                tenths(score.coverage_milli),
                tenths(score.persistence_coverage_milli),
                thousandths(score.width_milli),
                thousandths(score.persistence_width_milli),
                score.trust_milli / 10
            )?;
        }
        for score in &self.crossings {
            let side = if score.limit.side == Side::Above { "above" } else { "below" };
            writeln!(
                f,
                "{side} {} within {}: {} of {} crossed, {} apart; mean probability {} %, Brier {} (last {}); {} times given, {} % within",
                milli::to_text(score.limit.limit_milli),
                span(score.horizon_ms),
                score.crossed,
                score.forecasts,
                score.apart,
                tenths(score.probability_milli),
                thousandths(score.brier_micro / 1_000),
                thousandths(score.persistence_brier_micro / 1_000),
                score.timed,
                tenths(score.interval_coverage_milli)
            )?;
        }
        Ok(())
    }
}

/// 1,234 as `1.234`.
fn thousandths(value: i64) -> String {
    format!("{}{}.{:03}", if value < 0 { "-" } else { "" }, value.abs() / 1_000, value.abs() % 1_000)
}

/// Thousandths as per cent with one digit: 812 as `81.2`.
fn tenths(value: i64) -> String {
    format!("{}{}.{}", if value < 0 { "-" } else { "" }, value.abs() / 10, value.abs() % 10)
}

fn span(ms: i64) -> String {
    let minutes = ms / 60_000;
    if minutes % 60 == 0 { format!("{} h", minutes / 60) } else { format!("{minutes} min") }
}
