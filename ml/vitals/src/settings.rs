//! Everything that can be set, with defaults for adults at home.

use crate::{Severity, Signal, VitalsError};
use borsh::{BorshDeserialize, BorshSerialize};

/// When a limit of a signal applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Gate {
    /// Always.
    Always = 0,
    /// The high side only at rest (no step in the last [`Settings::rest_minutes`]).
    HighAtRest = 1,
}

/// A hard limit of one signal, per minute with data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Limit {
    /// The signal.
    pub signal: Signal,
    /// A minute's mean below this violates, thousandths of the unit.
    pub low_milli: Option<i64>,
    /// A minute's mean above this violates, thousandths of the unit.
    pub high_milli: Option<i64>,
    /// Hysteresis: to resolve, means must lie this far inside the limit, thousandths.
    pub margin_milli: i64,
    /// An episode opens when `k` of the last `n` minutes with data violate.
    pub k: u8,
    /// See `k`; an episode resolves after `n` minutes in a row inside the margin. At most 32.
    pub n: u8,
    /// When it applies.
    pub gate: Gate,
    /// Severity of its episodes.
    pub severity: Severity,
}

impl Limit {
    /// A limit that always applies and needs `k` of `n` minutes; values in whole units.
    #[must_use]
    pub const fn new(
        signal: Signal,
        low: Option<i64>,
        high: Option<i64>,
        margin_milli: i64,
        k: u8,
        n: u8,
        severity: Severity,
    ) -> Self {
        const fn milli(units: Option<i64>) -> Option<i64> {
            match units {
                Some(units) => Some(units.saturating_mul(1_000)),
                None => None,
            }
        }
        Self {
            signal,
            low_milli: milli(low),
            high_milli: milli(high),
            margin_milli,
            k,
            n,
            gate: Gate::Always,
            severity,
        }
    }

    /// Checks `0 < k ≤ n ≤ 32`, a margin that is not negative, and low < high.
    ///
    /// # Errors
    /// [`VitalsError::Setting`] with what is wrong.
    pub fn check(&self) -> Result<(), VitalsError> {
        let ordered = match (self.low_milli, self.high_milli) {
            (Some(low), Some(high)) => low < high,
            _ => true,
        };
        if self.k == 0 || self.k > self.n || self.n > 32 {
            return Err(VitalsError::Setting("a limit needs 0 < k <= n <= 32"));
        }
        if self.margin_milli < 0 || !ordered {
            return Err(VitalsError::Setting("a limit needs low < high and a margin that is not negative"));
        }
        Ok(())
    }
}

/// Settings of the detector, the same for all subjects; per-patient limits lie in the state.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Settings {
    /// How long a minute waits for readings of slower devices, minutes of event time (at most 60).
    pub lateness_minutes: u16,
    /// Length of a window of the forest, minutes; divides 60.
    pub window_minutes: u16,
    /// Distinct days of baseline before the forest speaks.
    pub warm_up_days: u16,
    /// At rest = no step in this many minutes.
    pub rest_minutes: u16,
    /// A forest episode opens when this many …
    pub forest_k: u8,
    /// … of this many windows with data score high; it resolves after as many in a row below the
    /// clearing threshold. At most 32.
    pub forest_n: u8,
    /// A second vital corroborates from this deviation on, thousandths of a robust standard deviation.
    pub corroboration_milli: i64,
    /// An episode older than this no longer keeps readings out of the baseline, days.
    pub relearn_days: u16,
    /// A gap in a signal after which its persistence starts anew, minutes.
    pub gap_minutes: u16,
    /// No reading at all for this long opens a technical episode, minutes; 0 turns it off.
    pub silence_minutes: u32,
    /// Hard limits for everybody, at most one per signal.
    pub limits: Vec<Limit>,
}

impl Default for Settings {
    fn default() -> Self {
        use Severity::{Advisory, Critical, Technical, Urgent};
        Self {
            lateness_minutes: 2,
            window_minutes: 5,
            warm_up_days: 14,
            rest_minutes: 12,
            forest_k: 10,
            forest_n: 12,
            corroboration_milli: 2_000,
            relearn_days: 14,
            gap_minutes: 30,
            silence_minutes: 0,
            limits: vec![
                Limit {
                    gate: Gate::HighAtRest,
                    ..Limit::new(Signal::HeartRate, Some(35), Some(130), 3_000, 5, 6, Critical)
                },
                Limit::new(Signal::RestingHeartRate, Some(35), Some(130), 3_000, 1, 1, Critical),
                Limit::new(Signal::Respiration, Some(8), Some(30), 1_000, 4, 6, Critical),
                Limit::new(Signal::Spo2, Some(88), None, 1_000, 3, 5, Critical),
                Limit::new(Signal::Temperature, Some(35), Some(40), 200, 3, 5, Critical),
                Limit::new(Signal::Systolic, Some(85), Some(200), 5_000, 1, 1, Urgent),
                Limit::new(Signal::Diastolic, Some(45), Some(120), 3_000, 1, 1, Urgent),
                Limit::new(Signal::Glucose, Some(54), Some(350), 5_000, 1, 1, Urgent),
                Limit::new(Signal::PacedRate, Some(40), Some(140), 2_000, 3, 5, Critical),
                Limit { low_milli: Some(2_600), ..Limit::new(Signal::BatteryVoltage, None, None, 50, 3, 5, Technical) },
                Limit::new(Signal::RoomTemperature, Some(15), Some(32), 500, 5, 10, Advisory),
                Limit::new(Signal::Humidity, Some(15), Some(80), 2_000, 5, 10, Advisory),
                Limit::new(Signal::Co2, None, Some(2_000), 100_000, 5, 10, Advisory),
                Limit::new(Signal::Noise, None, Some(85), 2_000, 5, 10, Advisory),
            ],
        }
    }
}

impl Settings {
    /// Checks every bound that is stated at the fields.
    ///
    /// # Errors
    /// [`VitalsError::Setting`] with what is wrong.
    pub fn check(&self) -> Result<(), VitalsError> {
        if self.lateness_minutes > 60 {
            return Err(VitalsError::Setting("lateness_minutes is at most 60"));
        }
        if self.window_minutes == 0 || 60 % self.window_minutes != 0 {
            return Err(VitalsError::Setting("window_minutes must divide 60"));
        }
        if self.forest_k == 0 || self.forest_k > self.forest_n || self.forest_n > 32 {
            return Err(VitalsError::Setting("the forest needs 0 < forest_k <= forest_n <= 32"));
        }
        for (at, limit) in self.limits.iter().enumerate() {
            limit.check()?;
            if self.limits.iter().skip(at + 1).any(|other| other.signal == limit.signal) {
                return Err(VitalsError::Setting("there is more than one limit of a signal"));
            }
        }
        Ok(())
    }

    /// The limit of a signal.
    #[must_use]
    pub fn limit(&self, signal: Signal) -> Option<&Limit> {
        self.limits.iter().find(|limit| limit.signal == signal)
    }
}
