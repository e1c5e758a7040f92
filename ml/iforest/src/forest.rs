//! The fitted forest, and its scores one row at a time.

use crate::IsolationForestError;
use crate::batch::Batch;
use crate::path::{average_path_length, score_of};
use crate::trees::Trees;
use linfa::Float;

/// A fitted isolation forest.
///
/// Thresholds have the data's float type; path lengths are summed in `f64` in the order of the trees,
/// so that equal models give equal scores, bit for bit, one row at a time and in batches alike.
///
/// It takes 28 bytes a node for `f64` (24 for `f32`), at most 2ψ − 1 nodes a tree; 100 trees × 256 rows at most 1.4 MB.
/// Scoring in batches adds a second layout ([`Self::prepare_batch`]), at most 0.6 MB for that size.
#[derive(Clone, Debug, PartialEq)]
pub struct IsolationForest<F> {
    pub(crate) features: usize,
    pub(crate) sample_size: usize,
    pub(crate) seed: u64,
    pub(crate) trees: Trees<F>,
    /// c(ψ).
    pub(crate) normaliser: f64,
    /// Follows from the rest and counts for no comparison.
    pub(crate) batch: Batch<F>,
}

impl<F: Float> IsolationForest<F> {
    pub(crate) fn assemble(features: usize, sample_size: usize, seed: u64, trees: Trees<F>) -> Self {
        let normaliser = average_path_length(sample_size);
        Self { features, sample_size, seed, trees, normaliser, batch: Batch::default() }
    }

    /// Number of features.
    #[must_use]
    pub fn features(&self) -> usize {
        self.features
    }

    /// Number of trees.
    #[must_use]
    pub fn trees(&self) -> usize {
        self.trees.len()
    }

    /// ψ, the rows that each tree was grown on.
    #[must_use]
    pub fn sample_size(&self) -> usize {
        self.sample_size
    }

    /// The seed it was grown with.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The number of trees as a divisor.
    pub(crate) fn divisor(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "at most MAX_TREES")]
        let trees = self.trees.len() as f64;
        trees
    }

    pub(crate) fn check_row(&self, row: &[F]) -> Result<(), IsolationForestError> {
        if row.len() != self.features {
            return Err(IsolationForestError::Features { expected: self.features, got: row.len() });
        }
        match row.iter().position(|value| !value.is_finite()) {
            Some(feature) => Err(IsolationForestError::NotFinite { row: 0, feature }),
            None => Ok(()),
        }
    }

    /// Mean path length of a row over the trees, in edges, unfinished searches completed by
    /// [`average_path_length`] of the leaf. Does not allocate.
    ///
    /// # Errors
    /// [`IsolationForestError::Features`] or [`IsolationForestError::NotFinite`].
    pub fn path_length(&self, row: &[F]) -> Result<f64, IsolationForestError> {
        self.check_row(row)?;
        Ok(self.trees.path_sum(row) / self.divisor())
    }

    /// Anomaly score 2^(−E\[h\] / c(ψ)) of a row: near 1 for an anomaly, below 0.5 for the ordinary. Does not allocate.
    ///
    /// # Errors
    /// [`IsolationForestError::Features`] or [`IsolationForestError::NotFinite`].
    pub fn score(&self, row: &[F]) -> Result<f64, IsolationForestError> {
        self.check_row(row)?;
        Ok(score_of(self.trees.path_sum(row), self.divisor(), self.normaliser))
    }
}
