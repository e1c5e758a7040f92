//! Settings of a streaming forest.

use super::StreamingForest;
use crate::{IsolationForestError, MAX_FEATURES, MAX_SAMPLE, MAX_TREES};

/// Settings of a [`StreamingForest`]: 50 trees, each on a sample of 256 rows that fades over 2,560.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamingForestParams {
    pub(super) trees: usize,
    pub(super) sample_size: usize,
    pub(super) memory_rows: u64,
    pub(super) seed: u64,
}

impl Default for StreamingForestParams {
    fn default() -> Self {
        Self { trees: 50, sample_size: 256, memory_rows: 2_560, seed: 0 }
    }
}

impl StreamingForestParams {
    /// The defaults, with seed 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of trees.
    #[must_use]
    pub fn trees(mut self, trees: usize) -> Self {
        self.trees = trees;
        self
    }

    /// Rows that each tree holds at most. More tell rare from new better, and cost memory.
    #[must_use]
    pub fn sample_size(mut self, rows: usize) -> Self {
        self.sample_size = rows;
        self
    }

    /// Over how many rows the past fades: each tree's sample is uniform over the first `rows` rows; from then on, the
    /// chance that a row is still in it falls to 1/e with every `rows` rows. At least the sample size is taken.
    #[must_use]
    pub fn memory_rows(mut self, rows: u64) -> Self {
        self.memory_rows = rows;
        self
    }

    /// Seed of the xoshiro256+ generators, one per tree.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// An empty forest for rows of `features` values.
    ///
    /// # Errors
    /// [`IsolationForestError::Trees`], [`IsolationForestError::SampleSize`] or [`IsolationForestError::Shape`]
    /// where a setting is out of bounds.
    pub fn forest(&self, features: usize) -> Result<StreamingForest, IsolationForestError> {
        if self.trees == 0 || self.trees > MAX_TREES {
            return Err(IsolationForestError::Trees(self.trees));
        }
        if self.sample_size < 2 || self.sample_size > MAX_SAMPLE {
            return Err(IsolationForestError::SampleSize(self.sample_size));
        }
        if features == 0 || features > MAX_FEATURES {
            return Err(IsolationForestError::Shape { rows: 1, features });
        }
        Ok(StreamingForest::new(self, features))
    }
}
