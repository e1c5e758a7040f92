//! Everything that can be set, the same for all subjects. A profile ([`Settings::home`], [`Settings::bedside`]) is
//! one set of settings for everybody; what a doctor sets for one patient lies in [`crate::Parameters`].

use crate::{Limit, Signal, VitalsError};
use borsh::{BorshDeserialize, BorshSerialize};

/// How a person's own usual values are learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BaselineSettings {
    /// Whether each hour of the day has an estimate of its own, beside the one over all hours.
    pub by_hour: bool,
    /// Windows with data before an estimate is used.
    pub enough_windows: u16,
    /// So many windows are learned fast, by steps that shrink as one over their number; from then on slowly.
    pub learning_windows: u16,
    /// Memory of an hour's own estimate after that, in windows of that hour.
    pub hour_memory_windows: u16,
    /// Memory of the estimate over all hours after that, in windows.
    pub memory_windows: u16,
}

/// The drift's route: two sums (CUSUM) of daily deviations of the resting heart rate. Days and hours are the
/// person's own; minutes are resting minutes with a heart rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DriftSettings {
    /// The night is from midnight to this hour.
    pub night_until_hour: u8,
    /// Minutes that a night's value needs; it is their mean.
    pub night_minutes: u16,
    /// Minutes that a day's value needs; it is their median.
    pub day_minutes: u16,
    /// Values within the previous 28 days that a deviation needs.
    pub values: u8,
    /// Smallest robust standard deviation, thousandths of a beat a minute.
    pub floor_milli: i32,
    /// A deviation counts up to this, thousandths of a robust standard deviation.
    pub cap_milli: i32,
    /// What is taken from each deviation, thousandths.
    pub slack_milli: i32,
    /// A sum above this is an alarm, thousandths.
    pub alarm_milli: i32,
    /// After so many days without a value a sum starts anew.
    pub forget_days: u8,
    /// An episode resolves when a value is no alarm and the last alarm was so many days ago.
    pub resolve_days: u8,
}

/// What no body does from one step of time to the next: the sensor's fault. See [`crate::SignalQuality`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct QualitySettings {
    /// More equal heart rates or HRVs in a row than this are a flat line; 0 turns it off.
    pub flat_steps: u16,
    /// So many values in a row that agree with each other are believed, however far they lie from those before.
    pub agree: u8,
    /// Largest change of the heart rate, thousandths of a beat a minute.
    pub heart_rate_milli: i64,
    /// Largest change of the respiration, thousandths of a breath a minute.
    pub respiration_milli: i64,
    /// Largest change of the oxygen saturation, thousandths of a per cent.
    pub spo2_milli: i64,
    /// Largest change of the body temperature, thousandths of a degree.
    pub temperature_milli: i64,
    /// Largest change of a blood pressure, thousandths of mm\[Hg\].
    pub pressure_milli: i64,
}

impl QualitySettings {
    /// The largest change of a signal, where there is one.
    pub(crate) fn jump_milli(&self, signal: Signal) -> Option<i64> {
        match signal {
            Signal::HeartRate => Some(self.heart_rate_milli),
            Signal::Respiration => Some(self.respiration_milli),
            Signal::Spo2 => Some(self.spo2_milli),
            Signal::Temperature => Some(self.temperature_milli),
            Signal::Systolic | Signal::Diastolic => Some(self.pressure_milli),
            _ => None,
        }
    }
}

/// The route of the early warning score ([`crate::news2`]), by windows at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct News2Settings {
    /// An episode opens when so many …
    pub k: u8,
    /// … of so many windows are at the urgent bands; it resolves after as many in a row that are not. At most 64.
    pub n: u8,
    /// What is measured all the time (respiration, saturation, pulse) is fresh for this long, milliseconds.
    pub fresh_ms: u32,
    /// What is measured or entered now and then (pressure, temperature, consciousness, oxygen) is, milliseconds.
    pub spot_ms: u32,
}

/// Settings of the detector, the same for all subjects.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Settings {
    /// The step of time in which values are decided, milliseconds: readings of a signal within it count as their mean.
    pub step_ms: u32,
    /// How long a step waits for readings of slower devices, milliseconds of event time (at most an hour).
    pub lateness_ms: u32,
    /// Length of a window of the forest, milliseconds; whole steps, and a whole number of them in an hour.
    pub window_ms: u32,
    /// At rest = no step walked in this time, milliseconds.
    pub rest_ms: u32,
    /// A gap in a signal after which its persistence starts anew, and after which the clock alone closes a window or a day,
    /// milliseconds.
    pub gap_ms: u32,
    /// No reading at all for this long: the devices are taken for offline, milliseconds.
    pub offline_ms: u32,
    /// No reading at all for this long opens a technical episode, milliseconds; 0 turns it off.
    pub silence_ms: u32,
    /// An anomaly about an instant that lies further back than this is recorded, but nobody is alerted, milliseconds.
    pub alert_age_ms: u32,
    /// An episode that goes on is said again when this long has passed since it was last said, milliseconds of event time. At most
    /// `alert_age_ms`: so an episode that was too old to alert anybody when it opened does so while it still goes on.
    pub restate_ms: u32,
    /// What is taken for a fault of a sensor.
    pub quality: QualitySettings,
    /// How usual values are learned.
    pub baseline: BaselineSettings,
    /// Distinct days of baseline before the forest speaks.
    pub warm_up_days: u16,
    /// A forest episode opens when this many …
    pub forest_k: u8,
    /// … of this many windows with data score high; it resolves after as many in a row below the
    /// clearing threshold. At most 32.
    pub forest_n: u8,
    /// False alerts of the forest that are allowed a patient-week, thousandths; a doctor may set another for one patient. Who is
    /// alerted more often gets a higher threshold of his own, never a lower one than the cohort's.
    pub alerts_per_week_milli: u32,
    /// A second vital corroborates from this deviation on, thousandths of a robust standard deviation.
    pub corroboration_milli: i64,
    /// A forest episode that no second vital corroborates opens only from this deviation of the one vital on, thousandths.
    pub alone_milli: i64,
    /// A heart that is too fast at rest while no second vital deviates may be exercise that steps do not show (cycling,
    /// swimming): then so many …
    pub fast_alone_k: u8,
    /// … of so many steps with data are needed, or all of those that there are over as long a time as `fast_alone_k` steps take:
    /// some devices measure seldom. At most 64; `fast_alone_k` = 0 asks for no second vital.
    pub fast_alone_n: u8,
    /// An episode older than this no longer keeps readings out of the baseline, days.
    pub relearn_days: u16,
    /// The drift's route; off where there is none.
    pub drift: Option<DriftSettings>,
    /// The early warning score's route; off where there is none. It was studied in adults in hospital only.
    pub news2: Option<News2Settings>,
    /// Whether the continuous severity looks at single steps alone, not at deviations smoothed over windows and at alarms.
    pub severity_of_steps: bool,
    /// Hard limits for everybody, at most one per signal.
    pub limits: Vec<Limit>,
}

impl Default for Settings {
    fn default() -> Self {
        Self::home()
    }
}

const HOUR_MS: u32 = 3_600_000;

impl Settings {
    /// Checks every bound that is stated at the fields.
    ///
    /// # Errors
    /// [`VitalsError::Setting`] with what is wrong.
    pub fn check(&self) -> Result<(), VitalsError> {
        let refuse = |reason| Err(VitalsError::Setting(reason));
        if self.step_ms == 0 || !HOUR_MS.is_multiple_of(self.step_ms) {
            return refuse("step_ms must divide an hour");
        }
        if self.lateness_ms > HOUR_MS {
            return refuse("lateness_ms is at most an hour");
        }
        if self.window_ms == 0
            || !HOUR_MS.is_multiple_of(self.window_ms)
            || !self.window_ms.is_multiple_of(self.step_ms)
        {
            return refuse("window_ms must be whole steps and divide an hour");
        }
        if self.forest_k == 0 || self.forest_k > self.forest_n || self.forest_n > 32 {
            return refuse("the forest needs 0 < forest_k <= forest_n <= 32");
        }
        if self.fast_alone_k > self.fast_alone_n || self.fast_alone_n > 64 {
            return refuse("a fast heart alone needs fast_alone_k <= fast_alone_n <= 64");
        }
        if self.restate_ms == 0 || self.restate_ms > self.alert_age_ms {
            return refuse("restate_ms must be above 0 and at most alert_age_ms");
        }
        if self.quality.agree == 0 {
            return refuse("quality needs at least one value that agrees");
        }
        if self.news2.is_some_and(|news2| news2.k == 0 || news2.k > news2.n || news2.n > 64) {
            return refuse("the early warning score needs 0 < k <= n <= 64");
        }
        let BaselineSettings { enough_windows, learning_windows, hour_memory_windows, memory_windows, .. } =
            self.baseline;
        if enough_windows == 0 || learning_windows == 0 || hour_memory_windows == 0 || memory_windows == 0 {
            return refuse("the baseline's windows must be above 0");
        }
        self.drift.iter().try_for_each(|drift| drift.check(self.step_ms))?;
        crate::limit::check_all(&self.limits)
    }

    /// The limit of a signal.
    #[must_use]
    pub fn limit(&self, signal: Signal) -> Option<&Limit> {
        self.limits.iter().find(|limit| limit.signal == signal)
    }

    /// How far event time must pass the last reading of a recording for all that can be decided to be decided.
    #[must_use]
    pub fn flush_ms(&self) -> i64 {
        [self.step_ms, self.lateness_ms, self.window_ms, self.gap_ms].map(i64::from).iter().sum()
    }
}

impl DriftSettings {
    fn check(&self, step_ms: u32) -> Result<(), VitalsError> {
        let refuse = |reason| Err(VitalsError::Setting(reason));
        if step_ms != 60_000 {
            return refuse("the drift's route counts minutes: it needs step_ms = 60000");
        }
        if self.night_until_hour == 0 || self.night_until_hour > 23 {
            return refuse("the drift's night ends from 1 to 23 o'clock");
        }
        if self.night_minutes == 0 || self.day_minutes == 0 || self.values == 0 || self.values > 28 {
            return refuse("the drift needs minutes above 0 and 1 to 28 values");
        }
        if self.floor_milli <= 0 || self.cap_milli <= 0 || self.slack_milli < 0 || self.alarm_milli <= 0 {
            return refuse("the drift needs floor, cap and alarm above 0, and slack not below");
        }
        Ok(())
    }
}
