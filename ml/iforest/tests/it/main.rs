//! The forest's laws, its layouts, its bytes, and its agreement with scikit-learn.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation
)]

mod auroc;
mod brute;
mod bytes;
mod laws;
mod layouts;
mod streaming;
mod thresholds;

use iforest::{IsolationForest, IsolationForestError, IsolationForestParams};
use linfa::DatasetBase;
use linfa::traits::Fit;
use ndarray::Array2;

pub(crate) fn fit(
    data: &Array2<f64>,
    trees: usize,
    sample: usize,
    seed: u64,
) -> Result<IsolationForest<f64>, IsolationForestError> {
    IsolationForestParams::new().trees(trees).sample_size(sample).seed(seed).fit(&DatasetBase::from(data.clone()))
}

/// A repeatable cloud: sums of uniforms around zero, one column a multiple of another, one constant.
pub(crate) fn cloud(rows: usize, seed: u64) -> Array2<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut unit = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut data = Array2::zeros((rows, 4));
    for mut row in data.rows_mut() {
        row[0] = unit() + unit() + unit() - 1.5;
        row[1] = unit() + unit() + unit() - 1.5;
        row[2] = row[0] * 100.0;
        row[3] = 7.0;
    }
    data
}
