//! The features of the forest: smoothed deviations from the own baseline.

use crate::Signal;
use borsh::{BorshDeserialize, BorshSerialize};

/// What is known about one feature.
pub(crate) struct Feature {
    /// The signal it comes from.
    pub(crate) signal: Signal,
    /// Only minutes at rest count.
    pub(crate) at_rest: bool,
    /// Rises are harmless and count as none.
    pub(crate) drops_only: bool,
    /// Whether a fall is what a worsening looks like, not a rise.
    pub(crate) worse_below: bool,
    /// Median assumed of nobody in particular, thousandths.
    pub(crate) prior_median_milli: i64,
    /// Spread assumed at first, thousandths.
    pub(crate) prior_spread_milli: i64,
    /// Smallest spread, thousandths: sensors resolve no finer.
    pub(crate) floor_milli: i64,
}

/// Number of features.
pub const FEATURES: usize = 5;

/// The features in their order.
pub(crate) static FEATURE_LIST: [Feature; FEATURES] = [
    Feature {
        signal: Signal::HeartRate,
        at_rest: true,
        drops_only: false,
        worse_below: false,
        prior_median_milli: 72_000,
        prior_spread_milli: 3_000,
        floor_milli: 1_000,
    },
    Feature {
        signal: Signal::Respiration,
        at_rest: true,
        drops_only: false,
        worse_below: false,
        prior_median_milli: 16_000,
        prior_spread_milli: 1_000,
        floor_milli: 400,
    },
    Feature {
        signal: Signal::Spo2,
        at_rest: false,
        drops_only: true,
        worse_below: true,
        prior_median_milli: 97_000,
        prior_spread_milli: 600,
        floor_milli: 300,
    },
    Feature {
        signal: Signal::Temperature,
        at_rest: false,
        drops_only: false,
        worse_below: false,
        prior_median_milli: 36_800,
        prior_spread_milli: 150,
        floor_milli: 60,
    },
    Feature {
        signal: Signal::HrvSdnn,
        at_rest: true,
        drops_only: false,
        worse_below: true,
        prior_median_milli: 50_000,
        prior_spread_milli: 6_000,
        floor_milli: 2_000,
    },
];

/// Which feature a signal feeds.
pub(crate) fn feature_of(signal: Signal) -> Option<usize> {
    match signal {
        Signal::HeartRate => Some(0),
        Signal::Respiration => Some(1),
        Signal::Spo2 => Some(2),
        Signal::Temperature => Some(3),
        Signal::HrvSdnn => Some(4),
        _ => None,
    }
}

/// A window deviates no further than this, thousandths of a robust standard deviation.
const CLIP_MILLI: i64 = 6_000;
/// Windows over which deviations are smoothed (a time constant of two hours).
const SMOOTHING: i64 = 24;
/// Weight of one window, thousandths.
const WINDOW_WEIGHT: i64 = 1_000;
/// Weight of no deviation, so that few windows do not speak loudly.
const PRIOR_WEIGHT: i64 = 3_000;
/// From this weight on a feature counts as present.
const PRESENT_WEIGHT: i64 = 3_000;
/// After so many windows nothing is left.
const FORGOTTEN_WINDOWS: i64 = 240;

/// A window's deviation in robust standard deviations, thousandths, clipped. Median and spread in millionths.
pub(crate) fn deviation_milli(value_milli: i64, usual_micro: (i64, i64)) -> i64 {
    whole_deviation_milli(value_milli, usual_micro).clamp(-CLIP_MILLI, CLIP_MILLI)
}

/// The same, however large it is.
pub(crate) fn whole_deviation_milli(value_milli: i64, (median_micro, spread_micro): (i64, i64)) -> i64 {
    let distance_micro = value_milli.saturating_mul(1_000).saturating_sub(median_micro);
    // 1.4826 turns a median absolute deviation into a standard deviation of a normal distribution.
    let sigma_micro = (spread_micro.max(1).saturating_mul(14_826) / 10_000).max(1);
    distance_micro.saturating_mul(1_000) / sigma_micro
}

/// Exponentially smoothed deviation with the weight of what is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Smoothed {
    sum: i64,
    weight: i32,
}

impl Smoothed {
    /// Lets `windows` windows go by.
    pub(crate) fn fade(&mut self, windows: i64) {
        if windows >= FORGOTTEN_WINDOWS {
            *self = Self::default();
            return;
        }
        for _ in 0..windows {
            self.sum -= self.sum / SMOOTHING;
            self.weight -= self.weight / 24;
        }
    }

    /// Adds the deviation of the window that has just ended.
    pub(crate) fn add(&mut self, deviation_milli: i64) {
        self.sum = self.sum.saturating_add(deviation_milli);
        self.weight = self.weight.saturating_add(1_000);
    }

    /// The smoothed deviation, thousandths; shrunk towards none where little is in it.
    pub(crate) fn value_milli(&self) -> i64 {
        self.sum.saturating_mul(WINDOW_WEIGHT) / (i64::from(self.weight) + PRIOR_WEIGHT).max(1)
    }

    pub(crate) fn present(&self) -> bool {
        i64::from(self.weight) >= PRESENT_WEIGHT
    }
}

/// Smoothed deviations of one window: what the forest sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deviations {
    /// First instant of the window, UTC milliseconds.
    pub from_ms: i64,
    /// End of the window, exclusive.
    pub to_ms: i64,
    /// Bit i: feature i has data.
    pub present: u8,
    /// Thousandths of a robust standard deviation; 0 where a feature has no data.
    pub values_milli: [i64; FEATURES],
}

/// Columns of the forest: the features, the largest of their magnitudes, and the root of the sum of their squares.
///
/// The last two let a change of one signal alone stand out, and one of all signals together: cuts along single
/// features see neither.
pub(crate) const COLUMNS: usize = FEATURES + 2;
const LARGEST: usize = FEATURES;
const LENGTH: usize = FEATURES + 1;

impl Deviations {
    /// The features of the set `keep`, others 0, in robust standard deviations.
    fn kept(&self, keep: u8) -> [f64; FEATURES] {
        let mut kept = [0.0; FEATURES];
        for (at, (place, milli)) in kept.iter_mut().zip(self.values_milli).enumerate() {
            if keep >> at & 1 == 1 {
                #[expect(clippy::cast_precision_loss, reason = "clipped far below 2^53")]
                let value = milli as f64;
                *place = value / 1_000.0;
            }
        }
        kept
    }

    /// The forest's row, seen as if only the features of the set `keep` were there.
    pub(crate) fn row(&self, keep: u8) -> [f64; COLUMNS] {
        let kept = self.kept(keep);
        let mut row = [0.0; COLUMNS];
        row.iter_mut().zip(kept).for_each(|(place, value)| *place = value);
        row[LARGEST] = kept.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
        row[LENGTH] = libm::sqrt(kept.iter().map(|value| value * value).sum());
        row
    }

    /// Gives the shares of the last two columns to the features that they are made of.
    pub(crate) fn by_feature(&self, shares: &[f64; COLUMNS]) -> [f64; FEATURES] {
        let kept = self.kept(self.present);
        let squares: f64 = kept.iter().map(|value| value * value).sum();
        let row = self.row(self.present);
        let at_largest = kept.iter().position(|value| value.abs() >= row[LARGEST]).unwrap_or(0);
        let mut own = [0.0; FEATURES];
        for (at, place) in own.iter_mut().enumerate() {
            let part = kept.get(at).copied().unwrap_or(0.0);
            #[expect(clippy::cast_precision_loss, reason = "a handful of features")]
            let of_length = if squares > 0.0 { part * part / squares } else { 1.0 / FEATURES as f64 };
            let of_largest = if at == at_largest { 1.0 } else { 0.0 };
            *place = shares.get(at).copied().unwrap_or(0.0) + of_largest * shares[LARGEST] + of_length * shares[LENGTH];
        }
        own
    }
}
