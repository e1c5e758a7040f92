//! Steps of time: the grid on which values are decided. A slot is the number of a step since 1970-01-01 UTC.

use crate::Settings;

/// Earlier than every slot, day and instant.
pub(crate) const NEVER: i64 = i64::MIN;
pub(crate) const DAY_MS: i64 = 86_400_000;
pub(crate) const HOUR_MS: i64 = 3_600_000;

/// Settings of time, in the units that a reading needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    pub(crate) step_ms: i64,
    /// Steps that a slot waits.
    pub(crate) lateness: i64,
    /// Steps of a window.
    pub(crate) window: i64,
    /// Steps without a step walked that make rest.
    pub(crate) rest: i64,
    pub(crate) gap_ms: i64,
    /// Steps of a gap.
    pub(crate) gap: i64,
    pub(crate) silence_ms: i64,
}

impl Grid {
    /// The settings were checked.
    pub(crate) fn of(settings: &Settings) -> Self {
        let step_ms = i64::from(settings.step_ms.max(1));
        let steps = |ms: u32| i64::from(ms) / step_ms;
        Self {
            step_ms,
            lateness: steps(settings.lateness_ms),
            window: steps(settings.window_ms).max(1),
            rest: steps(settings.rest_ms),
            gap_ms: i64::from(settings.gap_ms),
            gap: steps(settings.gap_ms),
            silence_ms: i64::from(settings.silence_ms),
        }
    }

    /// The slot of an instant.
    pub(crate) fn slot(&self, time_ms: i64) -> i64 {
        time_ms.div_euclid(self.step_ms)
    }

    /// First instant of a slot.
    pub(crate) fn start_ms(&self, slot: i64) -> i64 {
        slot.saturating_mul(self.step_ms)
    }

    /// End of a slot, exclusive.
    pub(crate) fn end_ms(&self, slot: i64) -> i64 {
        self.start_ms(slot.saturating_add(1))
    }
}
