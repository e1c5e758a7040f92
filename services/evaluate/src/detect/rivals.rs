//! Two plain rules on the night's value, to hold the detector against.

use std::collections::{BTreeMap, BTreeSet};

use super::days::median;

/// A night is compared with the nights of so many days before.
const DAYS: i64 = 28;
/// At least so many of them have a value.
const VALUES_MIN: usize = 10;
/// Turns a median absolute deviation into a standard deviation of a normal distribution.
const MAD_TO_SIGMA: f64 = 1.4826;
/// No spread is smaller, per minute.
const SIGMA_MIN_BPM: f64 = 1.0;
/// The first rule's threshold.
const Z: f64 = 1.5;
/// The second rule's, per minute.
const RISE_BPM: f64 = 4.0;

/// What is usual before a night.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct UsualNight {
    /// Median of the nights before, per minute.
    pub(crate) median_bpm: f64,
    /// Their robust standard deviation, per minute.
    pub(crate) sigma_bpm: f64,
}

/// What is usual before a night, by its previous 28 days; `None` where fewer than ten of them have a value.
pub(crate) fn usual(nights: &BTreeMap<i64, f64>, day: i64) -> Option<UsualNight> {
    let before: Vec<f64> = nights.range(day.saturating_sub(DAYS)..day).map(|(_, value)| *value).collect();
    if before.len() < VALUES_MIN {
        return None;
    }
    let median_bpm = median(before.clone())?;
    let spread = median(before.into_iter().map(|value| (value - median_bpm).abs()).collect())?;
    Some(UsualNight { median_bpm, sigma_bpm: (MAD_TO_SIGMA * spread).max(SIGMA_MIN_BPM) })
}

/// Nights more than 1.5 robust standard deviations above the median.
pub(crate) fn z_above(nights: &BTreeMap<i64, f64>) -> BTreeSet<i64> {
    let high = nights.iter().filter(|(day, value)| {
        usual(nights, **day).is_some_and(|usual| (**value - usual.median_bpm) / usual.sigma_bpm > Z)
    });
    high.map(|(day, _)| *day).collect()
}

/// The second of two nights in a row, each at least 4 above its median (in the manner of NightSignal, Alavi et al. 2022).
pub(crate) fn two_nights(nights: &BTreeMap<i64, f64>) -> BTreeSet<i64> {
    let is_high = |day: i64| {
        let value = nights.get(&day)?;
        Some(*value >= usual(nights, day)?.median_bpm + RISE_BPM)
    };
    let both = |day: &i64| is_high(*day) == Some(true) && is_high(day.saturating_sub(1)) == Some(true);
    nights.keys().copied().filter(both).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thirty nights at 60 or a little more, then some others.
    fn nights(then: &[(i64, f64)]) -> BTreeMap<i64, f64> {
        #[expect(clippy::cast_precision_loss, reason = "a few")]
        let quiet = (0..30).map(|day| (day, 60.0 + (day % 3) as f64));
        quiet.chain(then.iter().copied()).collect()
    }

    #[test]
    fn one_high_night_is_enough_for_the_first_rule_and_not_for_the_second() {
        let one = nights(&[(30, 70.0), (31, 61.0)]);
        assert_eq!((z_above(&one), two_nights(&one)), ([30].into(), BTreeSet::new()));
        let two = nights(&[(30, 70.0), (31, 65.0)]);
        assert_eq!((z_above(&two), two_nights(&two)), ([30, 31].into(), [31].into()));
        // A night without a value lies between.
        let apart = nights(&[(30, 70.0), (32, 70.0)]);
        assert_eq!(two_nights(&apart), BTreeSet::new());
    }

    #[test]
    fn nothing_is_usual_before_ten_nights_and_a_steady_heart_has_a_spread_of_one() {
        let steady: BTreeMap<i64, f64> = (0..40).map(|day| (day, 60.0)).collect();
        assert_eq!(usual(&steady, 9), None);
        assert_eq!(usual(&steady, 10), Some(UsualNight { median_bpm: 60.0, sigma_bpm: 1.0 }));
        assert_eq!(usual(&steady, 57), Some(UsualNight { median_bpm: 60.0, sigma_bpm: 1.0 }));
        assert_eq!(usual(&steady, 59), None, "nine of the last 28 days have a value");
    }
}
