//! Signal quality: what no body does is a fault of the sensor, and is neither judged nor learned.

use crate::Signal;
use crate::grid::NEVER;
use crate::settings::QualitySettings;
use crate::state::Latest;
use borsh::{BorshDeserialize, BorshSerialize};

/// Signals that are looked at, those of the features first and in their order.
pub(crate) const GATED: usize = 7;

/// Place of a signal among those that are looked at.
pub(crate) fn gated(signal: Signal) -> Option<usize> {
    match signal {
        Signal::Systolic => Some(5),
        Signal::Diastolic => Some(6),
        other => crate::feature::feature_of(other),
    }
}

/// Whether a signal always varies in a living body, so that a flat line is a fault. Saturation and temperature may stand
/// still, and a monitor may hold a respiration rate or a pressure until it has the next.
fn varies(signal: Signal) -> bool {
    matches!(signal, Signal::HeartRate | Signal::HrvSdnn)
}

/// What is known about the quality of one signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Quality {
    /// The last value that was good, and the end of its step.
    pub(crate) good: Latest,
    /// The last value, good or not.
    last: Latest,
    /// How many values in a row were equal.
    equal: u16,
    /// How many values in a row agreed with each other far from the last good one.
    agreeing: u8,
    /// Whether the last value was poor, and how many were.
    poor: bool,
    poor_steps: u32,
}

/// Quality of a signal as others see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalQuality {
    /// Whether the last decided step was poor: neither judged nor learned.
    pub poor: bool,
    /// Poor steps so far.
    pub poor_steps: u32,
}

impl Quality {
    pub(crate) const NEW: Self =
        Self { good: Latest::NONE, last: Latest::NONE, equal: 0, agreeing: 0, poor: false, poor_steps: 0 };

    pub(crate) fn seen(&self) -> SignalQuality {
        SignalQuality { poor: self.poor, poor_steps: self.poor_steps }
    }

    /// Whether one step's mean is good. A value further from the last good one than a body goes in a step is good only once
    /// `agree` values in a row agree with each other: what keeps jumping is an implausible sequence, and stays poor. After
    /// a gap nothing is known of where the value should be. What a person measured is good.
    pub(crate) fn take(
        &mut self,
        settings: &QualitySettings,
        (signal, manual): (Signal, bool),
        value_milli: i64,
        time_ms: i64,
        gap_ms: i64,
    ) -> bool {
        let near_in_time = self.last.time_ms != NEVER && time_ms.saturating_sub(self.last.time_ms) <= gap_ms;
        self.equal =
            if near_in_time && value_milli == self.last.value_milli { self.equal.saturating_add(1) } else { 1 };
        let far = settings.jump_milli(signal);
        let is_far = |from: Latest| far.is_some_and(|far| value_milli.abs_diff(from.value_milli) > far.unsigned_abs());
        let jumps = near_in_time && is_far(self.good);
        if jumps {
            self.agreeing = if self.agreeing > 0 && !is_far(self.last) { self.agreeing.saturating_add(1) } else { 1 };
        }
        let flat = settings.flat_steps > 0 && varies(signal) && self.equal > settings.flat_steps;
        self.last = Latest { time_ms, value_milli };
        self.poor = !manual && (flat || (jumps && self.agreeing < settings.agree));
        if self.poor {
            self.poor_steps = self.poor_steps.saturating_add(1);
        } else {
            self.agreeing = 0;
            self.good = self.last;
        }
        !self.poor
    }
}
