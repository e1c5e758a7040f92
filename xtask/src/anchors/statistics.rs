//! Median and spread of rounds.

use serde::{Deserialize, Serialize};

/// Of a number of rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) lowest: f64,
    pub(super) lower_quartile: f64,
    pub(super) upper_quartile: f64,
    pub(super) highest: f64,
}

impl Spread {
    /// `None` of nothing.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        Some(Self {
            median: quantile(&sorted, 2, 4)?,
            lowest: *sorted.first()?,
            lower_quartile: quantile(&sorted, 1, 4)?,
            upper_quartile: quantile(&sorted, 3, 4)?,
            highest: *sorted.last()?,
        })
    }
}

/// The value at `part / of` of the way from the first to the last, between two neighbours in proportion.
fn quantile(sorted: &[f64], part: usize, of: usize) -> Option<f64> {
    let steps = sorted.len().checked_sub(1)? * part;
    let (below, above) = (sorted.get(steps / of)?, sorted.get(steps.div_ceil(of))?);
    Some(below + (above - below) * (steps % of) as f64 / of as f64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn medians_and_quartiles_lie_between_neighbours() {
        let spread = Spread::of(&[4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!(
            spread,
            Spread { median: 2.5, lowest: 1.0, lower_quartile: 1.75, upper_quartile: 3.25, highest: 4.0 }
        );
        assert!((Spread::of(&[7.0]).unwrap().median - 7.0).abs() < 1e-12);
        assert_eq!(Spread::of(&[]), None);
    }
}
