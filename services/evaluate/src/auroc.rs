//! Area under the receiver operating characteristic: how often a positive scores above a negative.

/// A scored moment of a person.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// When, milliseconds.
    pub time_ms: i64,
    /// The score; a larger one means positive.
    pub score: f64,
    /// Whether it is positive.
    pub positive: bool,
}

/// Rest before and after a run of positives that it is held against, milliseconds.
pub const REST_MS: i64 = 300_000;

/// The area over all moments, ties by half; `None` where all are positive or none is, or a score is no number.
///
/// ```
/// use evaluate::auroc::plain;
/// assert_eq!(plain(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]), Some(0.75));
/// assert_eq!(plain(&[0.1, 0.4], &[true, true]), None);
/// ```
#[must_use]
pub fn plain(scores: &[f64], positive: &[bool]) -> Option<f64> {
    let mut pairs: Vec<(f64, bool)> = scores.iter().copied().zip(positive.iter().copied()).collect();
    if pairs.iter().any(|(score, _)| score.is_nan()) {
        return None;
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positives = count(&pairs);
    let negatives = size(&pairs) - positives;
    if positives == 0.0 || negatives == 0.0 {
        return None;
    }
    let (mut below, mut area) = (0.0, 0.0);
    for tied in pairs.chunk_by(|a, b| a.0 == b.0) {
        let own_positives = count(tied);
        let own_negatives = size(tied) - own_positives;
        area += own_positives * (below + own_negatives / 2.0);
        below += own_negatives;
    }
    Some(area / (positives * negatives))
}

/// The area over all moments of a person.
#[must_use]
pub fn of_all(moments: &[Scored]) -> Option<f64> {
    let (scores, positive): (Vec<f64>, Vec<bool>) =
        moments.iter().map(|moment| (moment.score, moment.positive)).unzip();
    plain(&scores, &positive)
}

/// The area that does not reward a clock: each run of positives against the rest of at most [`REST_MS`] just before it, and
/// just after it; the mean of both, then the mean of the runs. Moments are in the order of time. `None` where no run has rest
/// beside it.
///
/// Where positives come early in every protocol, the time of day alone separates them from rest; it does not from the rest on
/// both sides.
#[must_use]
pub fn balanced(moments: &[Scored]) -> Option<f64> {
    let mut of_runs = Vec::new();
    let mut from = 0;
    for run in moments.chunk_by(|a, b| a.positive == b.positive) {
        let to = from + run.len();
        let (before, after) = (moments.get(..from).unwrap_or_default(), moments.get(to..).unwrap_or_default());
        from = to;
        let (Some(first), Some(last)) = (run.first().filter(|first| first.positive), run.last()) else { continue };
        let is_rest = |moment: &&Scored, edge: &Scored| {
            !moment.positive && moment.time_ms.abs_diff(edge.time_ms) <= REST_MS.unsigned_abs()
        };
        let before: Vec<Scored> = before.iter().rev().take_while(|moment| is_rest(moment, first)).copied().collect();
        let after: Vec<Scored> = after.iter().take_while(|moment| is_rest(moment, last)).copied().collect();
        let sides: Vec<f64> =
            [before, after].into_iter().filter_map(|rest| of_all(&[rest.as_slice(), run].concat())).collect();
        of_runs.extend(mean(&sides));
    }
    mean(&of_runs)
}

/// The mean; `None` of none.
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a number of values")]
    let count = values.len() as f64;
    (count > 0.0).then(|| values.iter().sum::<f64>() / count)
}

#[expect(clippy::cast_precision_loss, reason = "a number of moments")]
fn count(pairs: &[(f64, bool)]) -> f64 {
    pairs.iter().filter(|(_, positive)| *positive).count() as f64
}

#[expect(clippy::cast_precision_loss, reason = "a number of moments")]
fn size(pairs: &[(f64, bool)]) -> f64 {
    pairs.len() as f64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn moments(spans: &[(i64, bool)], score: impl Fn(i64, bool) -> f64) -> Vec<Scored> {
        let labels = spans.iter().flat_map(|(seconds, positive)| (0..*seconds).map(|_| *positive));
        (0..)
            .zip(labels)
            .map(|(second, positive)| Scored { time_ms: second * 1_000, score: score(second, positive), positive })
            .collect()
    }

    #[test]
    fn a_clock_passes_for_a_detector_in_the_plain_area_and_not_in_the_balanced_one() {
        let spans = [(200, false), (300, true), (200, false), (300, true), (2_000, false)];
        #[expect(clippy::cast_precision_loss, reason = "seconds")]
        let clock = moments(&spans, |second, _| -(second as f64));
        assert!(of_all(&clock).unwrap() > 0.8);
        assert!((balanced(&clock).unwrap() - 0.5).abs() < 1e-12);
        let right = moments(&spans, |_, positive| f64::from(u8::from(positive)));
        assert_eq!((of_all(&right), balanced(&right)), (Some(1.0), Some(1.0)));
    }

    #[test]
    fn rest_counts_for_five_minutes_and_only_up_to_the_next_run() {
        // What scores above everything lies 301 s before the run: it does not count.
        let far = moments(&[(1, false), (300, false), (10, true)], |second, positive| match (second, positive) {
            (0, _) => 9.0,
            (_, true) => 1.0,
            _ => 0.0,
        });
        assert_eq!(balanced(&far), Some(1.0));
        let near = &far[1..];
        let mut spoiled = near.to_vec();
        spoiled[0].score = 9.0;
        assert!(balanced(&spoiled).unwrap() < 1.0);
        assert_eq!(balanced(&moments(&[(10, true)], |_, _| 1.0)), None);
    }

    #[test]
    fn a_score_that_is_no_number_is_no_score() {
        assert_eq!(plain(&[f64::NAN, 1.0], &[true, false]), None);
    }

    proptest! {
        #[test]
        fn the_area_is_the_share_of_pairs_in_the_right_order(
            moments in prop::collection::vec((0_u8..6, any::<bool>()), 2..40)
        ) {
            let (scores, labels): (Vec<f64>, Vec<bool>) = moments.iter().map(|(score, label)| (f64::from(*score), *label)).unzip();
            let mut pairs = Vec::new();
            for (one, positive) in scores.iter().zip(&labels).filter(|(_, label)| **label) {
                prop_assert!(*positive);
                for (other, _) in scores.iter().zip(&labels).filter(|(_, label)| !**label) {
                    pairs.push(if one > other { 1.0 } else if one < other { 0.0 } else { 0.5 });
                }
            }
            match (plain(&scores, &labels), mean(&pairs)) {
                (Some(area), Some(share)) => prop_assert!((area - share).abs() < 1e-12),
                (area, share) => prop_assert_eq!(area, share),
            }
        }
    }
}
