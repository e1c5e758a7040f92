//! One horizon's regression: the change to come, from features of the past (smartcore's ridge regression).

use smartcore::linalg::basic::arrays::Array;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linear::ridge_regression::{RidgeRegression, RidgeRegressionParameters, RidgeRegressionSolverName};

/// A fitted regression. The penalty pulls towards the mean change, not towards a value.
#[derive(Clone, Debug)]
pub(crate) struct Ridge {
    means: Vec<f64>,
    /// Coefficients of the centred features.
    slopes: Vec<f64>,
    intercept: f64,
    /// Changes seen: nothing outside is forecast.
    lowest: f64,
    highest: f64,
}

impl Ridge {
    /// Fits on rows of equal width. `None` where there are too few for that width, or nothing finite comes out.
    pub(crate) fn fit(rows: &[Vec<f64>], changes: &[f64], penalty_rows: f64) -> Option<Self> {
        let width = rows.first()?.len();
        let count = rows.len();
        if count < MIN_ROWS.max(4 * width) || changes.len() != count {
            return None;
        }
        let n = count as f64;
        let column = |at: usize| rows.iter().map(move |row| row.as_slice().get(at).copied().unwrap_or(0.0));
        let means: Vec<f64> = (0..width).map(|at| column(at).sum::<f64>() / n).collect();
        let deviations: Vec<f64> = (0..width)
            .zip(&means)
            .map(|(at, mean)| (column(at).map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt())
            .collect();
        // A column that does not vary tells nothing; its coefficient becomes 0.
        let scales: Vec<f64> = deviations.iter().map(|sd| if *sd > 1e-9 { 1.0 / sd } else { 0.0 }).collect();
        let intercept = changes.iter().sum::<f64>() / n;

        let scaled =
            rows.iter().flat_map(|row| row.iter().zip(&means).zip(&scales).map(|((x, mean), s)| (x - mean) * s));
        let x = DenseMatrix::new(count, width, scaled.collect(), false).ok()?;
        let y: Vec<f64> = changes.iter().map(|change| change - intercept).collect();
        let parameters = RidgeRegressionParameters::default()
            .with_solver(RidgeRegressionSolverName::Cholesky)
            .with_alpha(penalty_rows)
            .with_normalize(false);
        let fitted: RidgeRegression<f64, f64, DenseMatrix<f64>, Vec<f64>> =
            RidgeRegression::fit(&x, &y, parameters).ok()?;
        let slopes: Vec<f64> =
            Array::iterator(fitted.coefficients(), 0).zip(&scales).map(|(c, scale)| c * scale).collect();
        if slopes.len() != width || !slopes.iter().all(|slope| slope.is_finite()) || !intercept.is_finite() {
            return None;
        }
        let (lowest, highest) =
            changes.iter().fold((f64::MAX, f64::MIN), |(low, high), change| (low.min(*change), high.max(*change)));
        Some(Self { means, slopes, intercept, lowest, highest })
    }

    /// The change that these features foretell, within the changes seen.
    pub(crate) fn predict(&self, features: &[f64]) -> f64 {
        let terms = features.iter().zip(&self.means).zip(&self.slopes);
        let change = self.intercept + terms.map(|((x, mean), slope)| (x - mean) * slope).sum::<f64>();
        if change.is_finite() { change.clamp(self.lowest, self.highest) } else { self.intercept }
    }
}

/// Fewest rows that a regression is fitted on.
const MIN_ROWS: usize = 64;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_linear_law_is_found_and_constant_columns_do_no_harm() {
        let rows: Vec<Vec<f64>> = (0..500).map(|i| vec![f64::from(i % 17), 7.0, f64::from(i % 5)]).collect();
        let changes: Vec<f64> = rows.iter().map(|row| 3.0 * row[0] - 2.0 * row[2] + 40.0).collect();
        let ridge = Ridge::fit(&rows, &changes, 1e-6).unwrap();
        for (row, change) in rows.iter().zip(&changes) {
            assert!((ridge.predict(row) - change).abs() < 1e-6);
        }
        // A heavy penalty leaves the mean change.
        let ridge = Ridge::fit(&rows, &changes, 1e12).unwrap();
        let mean = changes.iter().sum::<f64>() / 500.0;
        assert!((ridge.predict(&rows[3]) - mean).abs() < 1e-6);
    }

    #[test]
    fn nothing_outside_the_changes_seen_is_foretold() {
        let rows: Vec<Vec<f64>> = (0..100).map(|i| vec![f64::from(i)]).collect();
        let changes: Vec<f64> = rows.iter().map(|row| row[0]).collect();
        let ridge = Ridge::fit(&rows, &changes, 1.0).unwrap();
        assert_eq!(ridge.predict(&[1e9]), 99.0);
        assert_eq!(ridge.predict(&[-1e9]), 0.0);
        assert!(ridge.predict(&[f64::NAN]).is_finite());
    }

    #[test]
    fn too_few_rows_give_no_regression() {
        let rows = vec![vec![1.0, 2.0]; 63];
        assert!(Ridge::fit(&rows, &[0.0; 63], 1.0).is_none());
        assert!(Ridge::fit(&[], &[], 1.0).is_none());
        // Enough, but nothing varies: the mean change remains.
        let rows = vec![vec![1.0, 2.0]; 64];
        assert_eq!(Ridge::fit(&rows, &[5.0; 64], 1.0).unwrap().predict(&[9.0, 9.0]), 5.0);
    }
}
