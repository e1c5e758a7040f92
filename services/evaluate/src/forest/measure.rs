//! What scores are worth against labels. The area under the receiver operating characteristic is in [`crate::auroc`].

/// Average precision: Σ (Rₙ − Rₙ₋₁) · Pₙ over the thresholds from the highest score down, equal scores at one threshold; Rₙ
/// and Pₙ are recall and precision of the rows at or above it. It is not interpolated (as in scikit-learn). `None` where no
/// row is an anomaly, a score is NaN, or there are not as many labels as scores.
///
/// ```
/// use evaluate::forest::average_precision;
/// // Thresholds: .8 finds 1 of 1, .4 is a false one, .35 finds 2 of 3.
/// let found = average_precision(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]);
/// assert_eq!(found, Some(0.5 * 1.0 + 0.5 * (2.0 / 3.0)));
/// ```
#[must_use]
pub fn average_precision(scores: &[f64], anomalous: &[bool]) -> Option<f64> {
    let mut pairs: Vec<(f64, bool)> = scores.iter().copied().zip(anomalous.iter().copied()).collect();
    let all = pairs.iter().filter(|(_, anomaly)| *anomaly).count();
    if all == 0 || scores.len() != anomalous.len() || scores.iter().any(|score| score.is_nan()) {
        return None;
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut found, mut reported, mut area) = (0, 0, 0.0);
    for tied in pairs.chunk_by(|a, b| a.0 == b.0) {
        let more = tied.iter().filter(|(_, anomaly)| *anomaly).count();
        found += more;
        reported += tied.len();
        area += share(more, all) * share(found, reported);
    }
    Some(area)
}

#[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

/// The middle value, the mean of both where there are two; 0 of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
    let lower = sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(0.0);
    f64::midpoint(lower, upper)
}

/// Mean and standard deviation (n − 1); no deviation of fewer than two.
pub(crate) fn spread(values: &[f64]) -> (f64, Option<f64>) {
    #[expect(clippy::cast_precision_loss, reason = "a number of seeds")]
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count.max(1.0);
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, (count > 1.0).then(|| (squares / (count - 1.0)).sqrt()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::cast_precision_loss)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_scores_are_one_threshold_whatever_their_order() {
        // .9: one of one; .5: three more rows, one of them an anomaly, so 2 of 4; .1: 3 of 5.
        let scores = [0.5, 0.9, 0.1, 0.5, 0.5];
        let expected = 1.0 / 3.0 + 0.5 / 3.0 + 0.6 / 3.0;
        for anomalous in [[true, true, true, false, false], [false, true, true, false, true]] {
            assert!((average_precision(&scores, &anomalous).unwrap() - expected).abs() < 1e-15);
        }
        // All equal: the share of anomalies.
        assert_eq!(average_precision(&[0.5; 4], &[true, false, false, false]), Some(0.25));
    }

    #[test]
    fn without_an_anomaly_or_with_a_score_that_is_no_number_there_is_none() {
        assert_eq!(average_precision(&[0.1, 0.2], &[false, false]), None);
        assert_eq!(average_precision(&[0.1, f64::NAN], &[true, false]), None);
        assert_eq!(average_precision(&[0.1, 0.2], &[true]), None);
    }

    #[test]
    fn medians_and_deviations_are_those_by_hand() {
        assert_eq!((median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0, 2.0, 3.0]), median(&[])), (2.0, 2.5, 0.0));
        assert_eq!((spread(&[1.0, 3.0]), spread(&[5.0])), ((2.0, Some(2.0_f64.sqrt())), (5.0, None)));
    }

    proptest! {
        /// Precision at every anomaly's own rank, ties counted as found together: the same number in another way.
        #[test]
        fn average_precision_is_the_mean_precision_at_the_anomalies(
            rows in prop::collection::vec((0_u8..8, any::<bool>()), 1..40)
        ) {
            let (scores, anomalous): (Vec<f64>, Vec<bool>) =
                rows.iter().map(|(score, anomaly)| (f64::from(*score), *anomaly)).unzip();
            let at_or_above = |score: u8| rows.iter().filter(move |(other, _)| *other >= score);
            let precisions: Vec<f64> = rows
                .iter()
                .filter(|(_, anomaly)| *anomaly)
                .map(|(score, _)| {
                    at_or_above(*score).filter(|(_, anomaly)| *anomaly).count() as f64 / at_or_above(*score).count() as f64
                })
                .collect();
            let found = average_precision(&scores, &anomalous);
            prop_assert_eq!(found.is_none(), precisions.is_empty());
            if let Some(found) = found {
                let expected = precisions.iter().sum::<f64>() / precisions.len() as f64;
                prop_assert!((found - expected).abs() < 1e-12, "{} against {}", found, expected);
            }
        }
    }
}
