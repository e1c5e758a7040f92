//! Quantiles of weighted outcomes, and the loss that they are judged by.

/// The three levels of every forecast.
pub(crate) const LEVELS: [f64; 3] = [0.1, 0.5, 0.9];

/// What sums of weights may be off by.
const ROUNDING: f64 = 1e-12;

/// How many outcomes after `lead` steps fit side by side into the time from the first of these steps to the last.
pub(crate) fn independent(steps: impl Iterator<Item = i64>, lead: i64) -> f64 {
    let (first, last) = steps.fold((i64::MAX, i64::MIN), |(first, last), step| (first.min(step), last.max(step)));
    (last.saturating_sub(first).max(0) as f64 / lead.max(1) as f64).max(1.0)
}

/// 10, 50 and 90 % quantiles of values in rising order with their weights.
///
/// The outer ones lie further out where there are few outcomes, by the rule of split conformal prediction: of n
/// exchangeable outcomes the ⌈0.9·(n + 1)⌉-th bounds the next with at least 90 %. Here n is Kish's effective number of
/// the weights, or `at_most`, how many of the outcomes are independent. `None` where nothing has weight.
pub(crate) fn quantiles(sorted: impl Iterator<Item = (f64, f64)> + Clone, at_most: f64) -> Option<[f64; 3]> {
    let (mut total, mut squares) = (0.0, 0.0);
    for (_, weight) in sorted.clone() {
        total += weight;
        squares += weight * weight;
    }
    if !(total > 0.0 && squares > 0.0) {
        return None;
    }
    let outer = LEVELS[2] * (1.0 + 1.0 / (total * total / squares).min(at_most));
    let targets = [total * (1.0 - outer), total * 0.5, total * outer.min(1.0)];
    // Sums of weights are not exact: the last value with weight stands where a target is not reached.
    let mut found: [Option<f64>; 3] = [None; 3];
    let (mut sum, mut last) = (0.0, 0.0);
    for (value, weight) in sorted.filter(|(_, weight)| *weight > 0.0) {
        sum += weight;
        last = value;
        // The lower one counts from above.
        let reached = [
            sum > targets[0] * (1.0 + ROUNDING),
            sum >= targets[1] * (1.0 - ROUNDING),
            sum >= targets[2] * (1.0 - ROUNDING),
        ];
        for (place, _) in found.iter_mut().zip(reached).filter(|(place, reached)| place.is_none() && *reached) {
            *place = Some(value);
        }
    }
    Some(found.map(|value| value.unwrap_or(last)))
}

/// Pinball loss of a quantile at `level` where `actual` came (Koenker, Bassett 1978).
pub(crate) fn pinball(level: f64, quantile: f64, actual: f64) -> f64 {
    let miss = actual - quantile;
    (level * miss).max((level - 1.0) * miss)
}

/// Mean pinball loss of the three quantiles.
pub(crate) fn loss(quantiles: &[f64; 3], actual: f64) -> f64 {
    quantiles.iter().zip(LEVELS).map(|(quantile, level)| pinball(level, *quantile, actual)).sum::<f64>() / 3.0
}

/// A finite number of thousandths as an integer within bounds.
pub(crate) fn to_milli(value: f64, low: i64, high: i64) -> i64 {
    let rounded = libm::round(value);
    if rounded >= high as f64 {
        high
    } else if rounded > low as f64 {
        #[expect(clippy::cast_possible_truncation, reason = "between two integers")]
        let whole = rounded as i64;
        whole
    } else {
        low
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn even(count: u32) -> [f64; 3] {
        quantiles((1..=count).map(|value| (f64::from(value), 1.0)), f64::INFINITY).unwrap()
    }

    #[test]
    fn quantiles_are_those_of_split_conformal_prediction() {
        // ⌈0.9·(n + 1)⌉ from below, and the same from above.
        assert_eq!(even(99), [10.0, 50.0, 90.0]);
        assert_eq!(even(19), [2.0, 10.0, 18.0]);
        assert_eq!(even(9), [1.0, 5.0, 9.0]);
        // With fewer than nine nothing is far enough out: the extremes stand.
        assert_eq!(even(3), [1.0, 2.0, 3.0]);
        assert_eq!(quantiles(std::iter::empty(), 9.0), None);
        assert_eq!(quantiles([(1.0, 0.0)].into_iter(), 9.0), None);
    }

    #[test]
    fn a_value_without_weight_is_as_good_as_absent() {
        let with = quantiles((0..200).map(|v| (f64::from(v), f64::from(v % 2))), 50.0).unwrap();
        let without = quantiles((0..200).filter(|v| v % 2 == 1).map(|v| (f64::from(v), 1.0)), 50.0).unwrap();
        assert_eq!(with, without);
    }

    #[test]
    fn the_pinball_loss_weighs_the_two_sides_by_the_level() {
        assert!((pinball(0.9, 10.0, 20.0) - 9.0).abs() < 1e-12);
        assert!((pinball(0.9, 20.0, 10.0) - 1.0).abs() < 1e-12);
        assert_eq!(loss(&[5.0; 3], 5.0), 0.0);
    }

    #[test]
    fn integers_come_out_rounded_and_bounded() {
        assert_eq!([2.5, -2.5, 9.4].map(|v| to_milli(v, -100, 100)), [3, -3, 9]);
        assert_eq!([1e300, -1e300, f64::NAN].map(|v| to_milli(v, -100, 100)), [100, -100, -100]);
    }

    proptest! {
        #[test]
        fn quantiles_rise_and_are_values(mut values in prop::collection::vec((-1e6..1e6_f64, 0.0..5.0_f64), 1..60)) {
            values.sort_by(|a, b| a.0.total_cmp(&b.0));
            if let Some(found) = quantiles(values.iter().copied(), 7.0) {
                prop_assert!(found.is_sorted());
                prop_assert!(found.iter().all(|q| values.iter().any(|(v, w)| v == q && *w > 0.0)));
            }
        }
    }
}
