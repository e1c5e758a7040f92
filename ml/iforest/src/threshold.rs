//! A threshold from scores.

use crate::IsolationForestError;

/// The smallest score that at least the share `share` of `scores` does not exceed.
///
/// ```
/// assert_eq!(iforest::quantile(&[0.4, 0.7, 0.5, 0.6], 0.75).unwrap(), 0.6);
/// ```
///
/// # Errors
/// [`IsolationForestError::Quantile`] where there are no scores or `share` is outside [0, 1].
pub fn quantile(scores: &[f64], share: f64) -> Result<f64, IsolationForestError> {
    if !(0.0..=1.0).contains(&share) {
        return Err(IsolationForestError::Quantile);
    }
    let mut sorted = scores.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 <= place <= len"
    )]
    let place = libm::ceil(share * sorted.len() as f64) as usize;
    sorted.get(place.saturating_sub(1)).copied().ok_or(IsolationForestError::Quantile)
}
