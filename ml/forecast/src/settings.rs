//! Everything that can be set; three profiles for everybody.

use crate::ForecastError;

/// Milliseconds of a day.
pub(crate) const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

/// Most steps of history, and most past moments, that are kept.
const MAX_HISTORY_STEPS: u32 = 20_160;
const MAX_ORIGINS: u32 = 4_096;

/// Settings of a [`crate::Forecaster`]. Memory is about 500 bytes for each past moment and 16 for each step: 800 KB
/// with [`Settings::home`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Length of a step: values within one are averaged, milliseconds. Divides a day.
    pub step_ms: i64,
    /// How far a forecast looks ahead, steps. At most 288.
    pub horizon_steps: u16,
    /// Every how many steps a past moment is kept to learn from. At least 1.
    pub origin_every_steps: u16,
    /// How far back the history goes, steps: at least four horizons, at most 20,160.
    pub history_steps: u32,
    /// The regressions are fitted anew after so many past moments. At least 1.
    pub refit_every_origins: u16,
    /// No forecast from a value that is older, steps.
    pub stale_steps: u16,
    /// Weight of "nothing changes" against the data in the regressions, in rows of data. At least 1.
    pub ridge_rows: u32,
}

impl Settings {
    /// A person at home: steps of five minutes, six hours ahead, four weeks of history.
    #[must_use]
    pub const fn home() -> Self {
        Self {
            step_ms: 300_000,
            horizon_steps: 72,
            origin_every_steps: 6,
            history_steps: 8_064,
            refit_every_origins: 48,
            stale_steps: 3,
            ridge_rows: 30,
        }
    }

    /// A monitored bed: steps of five minutes, three hours ahead, three days of history.
    #[must_use]
    pub const fn bedside() -> Self {
        Self {
            step_ms: 300_000,
            horizon_steps: 36,
            origin_every_steps: 1,
            history_steps: 864,
            refit_every_origins: 12,
            stale_steps: 3,
            ridge_rows: 30,
        }
    }

    /// A day by the quarter of an hour, three hours ahead: what there is where nothing but a chart is kept of a person.
    #[must_use]
    pub const fn day() -> Self {
        Self {
            step_ms: 900_000,
            horizon_steps: 12,
            origin_every_steps: 1,
            history_steps: 96,
            refit_every_origins: 4,
            stale_steps: 1,
            ridge_rows: 30,
        }
    }

    /// How far a forecast looks ahead, milliseconds.
    #[must_use]
    pub const fn horizon_ms(&self) -> i64 {
        self.step_ms.saturating_mul(self.horizon_steps as i64)
    }

    /// Checks every bound that is stated at the fields.
    ///
    /// # Errors
    /// [`ForecastError::Setting`] with what is wrong.
    pub fn check(&self) -> Result<(), ForecastError> {
        let refuse = |what| Err(ForecastError::Setting(what));
        if self.step_ms < 10_000 || self.step_ms > HOUR_MS || DAY_MS % self.step_ms != 0 {
            return refuse("step_ms must be between 10 s and 1 h and divide a day");
        }
        if self.horizon_steps == 0 || self.horizon_steps > 288 {
            return refuse("horizon_steps must be 1 to 288");
        }
        if self.history_steps < 4 * u32::from(self.horizon_steps) || self.history_steps > MAX_HISTORY_STEPS {
            return refuse("history_steps must be at least four horizons and at most 20160");
        }
        if self.origin_every_steps == 0 || self.history_steps / u32::from(self.origin_every_steps) > MAX_ORIGINS {
            return refuse("origin_every_steps must be positive and leave at most 4096 moments in the history");
        }
        if self.refit_every_origins == 0 || self.ridge_rows == 0 {
            return refuse("refit_every_origins and ridge_rows must be positive");
        }
        Ok(())
    }

    /// A horizon in steps.
    pub(crate) fn steps_of(&self, horizon_ms: i64) -> Result<i64, ForecastError> {
        let (step_ms, longest_ms) = (self.step_ms, self.horizon_ms());
        if horizon_ms > 0 && horizon_ms <= longest_ms && horizon_ms % step_ms == 0 {
            Ok(horizon_ms / step_ms)
        } else {
            Err(ForecastError::Horizon { horizon_ms, step_ms, longest_ms })
        }
    }

    /// Steps that fill this time, at least one.
    pub(crate) fn steps_in(&self, span_ms: i64) -> i64 {
        (span_ms / self.step_ms).max(1)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn all_profiles_are_within_the_bounds_and_every_bound_is_held() {
        Settings::home().check().unwrap();
        Settings::day().check().unwrap();
        Settings::bedside().check().unwrap();
        let wrong = [
            Settings { step_ms: 0, ..Settings::home() },
            Settings { step_ms: -300_000, ..Settings::home() },
            Settings { step_ms: 7_000_000, ..Settings::home() },
            Settings { step_ms: 420_000, ..Settings::home() },
            Settings { horizon_steps: 0, ..Settings::home() },
            Settings { horizon_steps: 289, ..Settings::home() },
            Settings { history_steps: 287, ..Settings::home() },
            Settings { history_steps: 20_161, ..Settings::home() },
            Settings { origin_every_steps: 0, ..Settings::home() },
            Settings { origin_every_steps: 1, ..Settings::home() },
            Settings { refit_every_origins: 0, ..Settings::home() },
            Settings { ridge_rows: 0, ..Settings::home() },
        ];
        for settings in wrong {
            assert!(matches!(settings.check(), Err(ForecastError::Setting(_))), "{settings:?}");
        }
    }
}
