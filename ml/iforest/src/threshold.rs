//! A threshold from scores: by a share of them, or by the alerts that may be false.

use crate::IsolationForestError;

/// The smallest score that at least the share `share` of `scores` does not exceed.
///
/// ```
/// assert_eq!(iforest::quantile(&[0.4, 0.7, 0.5, 0.6], 0.75).unwrap(), 0.6);
/// ```
///
/// # Errors
/// [`IsolationForestError::Quantile`] where there are no scores, one is NaN, or `share` is outside [0, 1].
pub fn quantile(scores: &[f64], share: f64) -> Result<f64, IsolationForestError> {
    if !(0.0..=1.0).contains(&share) {
        return Err(IsolationForestError::Quantile);
    }
    let sorted = ascending(scores).ok_or(IsolationForestError::Quantile)?;
    let place = up_to(libm::ceil(share * count(sorted.len())), sorted.len());
    sorted.get(place.saturating_sub(1)).copied().ok_or(IsolationForestError::Quantile)
}

/// How many false alerts are put up with: `false_alerts` in a period of `scores` scores.
///
/// One a patient-week at a score a minute is `AlertBudget { false_alerts: 1.0, scores: 10_080.0 }`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlertBudget {
    /// False alerts in the period, above 0.
    pub false_alerts: f64,
    /// Scores in the period, at least as many.
    pub scores: f64,
}

/// A threshold, and what it did on the scores that it was taken from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlertThreshold {
    /// An alert is a score above it.
    pub threshold: f64,
    /// Reference scores above it. Where it is 0, the reference is too short to tell the budget: the threshold is its
    /// greatest score, and may let more through than the budget allows.
    pub above: usize,
    /// What that comes to in a period, never above the budget.
    pub false_alerts: f64,
}

/// The lowest of the `reference` scores that keeps to `budget`: scores without anything to be found, as
/// many periods of them as there are.
///
/// Every score above the threshold counts as an alert of its own, so where alerts are gathered into episodes
/// or must persist, there are fewer.
///
/// ```
/// use iforest::{AlertBudget, alert_threshold};
/// let quiet: Vec<f64> = (0..1000).map(|n| 0.3 + f64::from(n) * 1e-4).collect();
/// // One false alert in 100 scores: 10 of the 1,000 lie above.
/// let found = alert_threshold(&quiet, AlertBudget { false_alerts: 1.0, scores: 100.0 })?;
/// assert_eq!((found.threshold, found.above), (quiet[989], 10));
/// # Ok::<(), iforest::IsolationForestError>(())
/// ```
///
/// # Errors
/// [`IsolationForestError::Budget`] where there are no scores, one is NaN, or the budget is not
/// `0 < false_alerts <= scores`, both finite.
pub fn alert_threshold(reference: &[f64], budget: AlertBudget) -> Result<AlertThreshold, IsolationForestError> {
    let AlertBudget { false_alerts, scores } = budget;
    if !(false_alerts > 0.0 && false_alerts <= scores && scores.is_finite()) {
        return Err(IsolationForestError::Budget { false_alerts, scores });
    }
    let refused = || IsolationForestError::Budget { false_alerts, scores };
    let sorted = ascending(reference).ok_or_else(refused)?;
    let rows = count(sorted.len());
    let allowed = up_to(libm::floor(false_alerts * rows / scores), sorted.len() - 1);
    let threshold = sorted.get(sorted.len() - 1 - allowed).copied().ok_or_else(refused)?;
    // Equal scores stand or fall together.
    let above = sorted.len() - sorted.partition_point(|score| *score <= threshold);
    Ok(AlertThreshold { threshold, above, false_alerts: (count(above) * scores / rows).min(false_alerts) })
}

/// `None` for no scores or one that is NaN.
fn ascending(scores: &[f64]) -> Option<Vec<f64>> {
    if scores.is_empty() || scores.iter().any(|score| score.is_nan()) {
        return None;
    }
    let mut sorted = scores.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Some(sorted)
}

fn count(number: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "scores in memory are fewer than 2^53")]
    let number = number as f64;
    number
}

/// A whole number as an index, at most `most`.
fn up_to(number: f64, most: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast saturates, and so does this")]
    let number = number as usize;
    number.min(most)
}
