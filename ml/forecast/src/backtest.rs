//! Rolling origin: every forecast is made from what was known at its moment, and judged when its outcome has come.

use vitals::Signal;

use crate::forecast::Limit;
use crate::judge::Judge;
use crate::report::Report;
use crate::{ForecastError, Forecaster, Settings};

/// What to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Horizons, milliseconds; each a multiple of the step, up to the horizon of the settings.
    pub horizons_ms: Vec<i64>,
    /// Limits whose crossing is forecast, within each of the horizons.
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

/// A forecaster that is judged against persistence as it goes. It is the same forecaster, and it learns from values in the
/// order of time; nothing is known before its time.
///
/// ```
/// use forecast::{Backtest, Plan, Settings};
/// use vitals::Signal;
///
/// let settings = Settings::bedside();
/// let mut backtest = Backtest::new(Signal::Spo2, &settings, &Plan::usual(&settings))?;
/// for minute in 0..2_000 {
///     backtest.observe(minute * 60_000, 96_000 + minute % 3 * 500)?;
/// }
/// let (report, forecaster) = backtest.finish(2_000 * 60_000);
/// assert_eq!((report.values, report.horizons.len()), (2_000, 3));
/// assert!(forecaster.forecast().is_ok());
/// # Ok::<(), forecast::ForecastError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Backtest {
    forecaster: Forecaster,
    judge: Judge,
    taken: u64,
    left_out: u64,
    last_ms: i64,
}

impl Backtest {
    /// Nothing is known yet.
    ///
    /// # Errors
    /// [`ForecastError::Setting`] or [`ForecastError::Horizon`].
    pub fn new(signal: Signal, settings: &Settings, plan: &Plan) -> Result<Self, ForecastError> {
        let mut forecaster = Forecaster::new(signal, settings.clone())?;
        forecaster.set_offset_minutes(plan.offset_minutes);
        let judge = Judge::new(settings, plan)?;
        Ok(Self { forecaster, judge, taken: 0, left_out: 0, last_ms: i64::MIN })
    }

    /// Takes a value, as [`Forecaster::observe`]; forecasts from the moment before it, where a step closed, and judges
    /// forecasts whose outcome has come.
    ///
    /// # Errors
    /// As [`Forecaster::observe`]; it is counted, and nothing else has changed.
    pub fn observe(&mut self, time_ms: i64, value_milli: i64) -> Result<(), ForecastError> {
        match self.forecaster.take(time_ms, value_milli) {
            Ok(new_moment) => {
                self.taken += 1;
                self.last_ms = time_ms;
                if new_moment {
                    self.judge.look(&self.forecaster);
                }
                Ok(())
            }
            Err(error) => {
                self.left_out += 1;
                Err(error)
            }
        }
    }

    /// What the forecaster was made with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.forecaster.settings
    }

    /// As [`Forecaster::set_offset_minutes`].
    pub fn set_offset_minutes(&mut self, offset_minutes: i16) {
        self.forecaster.set_offset_minutes(offset_minutes);
    }

    /// Judges what is left, at an instant (milliseconds since 1970-01-01 UTC) not before the last value; the step of that
    /// value is closed. The forecaster looks ahead from there.
    #[must_use]
    pub fn finish(mut self, now_ms: i64) -> (Report, Forecaster) {
        // The last step closes; nothing is judged from it, but it is an outcome.
        self.forecaster.tick(now_ms.max(self.last_ms.saturating_add(self.forecaster.settings.step_ms)));
        self.judge.settle(&self.forecaster, true);
        (self.judge.report(self.forecaster.signal, self.taken, self.left_out), self.forecaster)
    }
}

/// Runs a [`Backtest`] along values in the order of time (instant in milliseconds, thousandths of the unit).
///
/// # Errors
/// [`ForecastError::Setting`] or [`ForecastError::Horizon`]. Values that the forecaster refuses are counted.
pub fn backtest(
    signal: Signal,
    settings: &Settings,
    plan: &Plan,
    values: impl IntoIterator<Item = (i64, i64)>,
) -> Result<Report, ForecastError> {
    let mut backtest = Backtest::new(signal, settings, plan)?;
    for (time_ms, value_milli) in values {
        let _counted = backtest.observe(time_ms, value_milli);
    }
    let last_ms = backtest.last_ms;
    Ok(backtest.finish(last_ms).0)
}
