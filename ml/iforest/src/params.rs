//! Parameters, checked and unchecked, as linfa does it.

use crate::IsolationForestError;
use linfa::ParamGuard;

/// Most trees of a forest.
pub const MAX_TREES: usize = 100_000;
/// Largest sub-sample ψ.
pub const MAX_SAMPLE: usize = 1 << 24;
/// Most features.
pub const MAX_FEATURES: usize = 1 << 16;

/// Checked parameters of an isolation forest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IsolationForestValidParams {
    trees: usize,
    sample_size: usize,
    shrinks_sample: bool,
    seed: u64,
}

impl IsolationForestValidParams {
    /// Number of trees.
    #[must_use]
    pub fn trees(&self) -> usize {
        self.trees
    }

    /// Rows that each tree is grown on (ψ).
    #[must_use]
    pub fn sample_size(&self) -> usize {
        self.sample_size
    }

    /// Whether ψ is lowered to the rows that there are.
    #[must_use]
    pub fn shrinks_sample(&self) -> bool {
        self.shrinks_sample
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

/// Parameters of an isolation forest; 100 trees on 256 rows each are Liu et al.'s choice.
///
/// The sub-sample is exactly ψ rows without replacement: fewer rows are an error, not a silent change, unless
/// [`Self::shrink_sample`] says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IsolationForestParams(IsolationForestValidParams);

impl Default for IsolationForestParams {
    fn default() -> Self {
        Self(IsolationForestValidParams { trees: 100, sample_size: 256, shrinks_sample: false, seed: 0 })
    }
}

impl IsolationForestParams {
    /// 100 trees, ψ = 256, seed 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of trees.
    #[must_use]
    pub fn trees(mut self, trees: usize) -> Self {
        self.0.trees = trees;
        self
    }

    /// Rows that each tree is grown on (ψ).
    #[must_use]
    pub fn sample_size(mut self, rows: usize) -> Self {
        self.0.sample_size = rows;
        self
    }

    /// Whether data with fewer than ψ rows is fitted on all of its rows, as scikit-learn does; off at first. The
    /// forest's own [`crate::IsolationForest::sample_size`] says how many there were. At least two rows are needed.
    #[must_use]
    pub fn shrink_sample(mut self, shrink: bool) -> Self {
        self.0.shrinks_sample = shrink;
        self
    }

    /// Seed of the xoshiro256+ generators, one per tree.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }
}

impl ParamGuard for IsolationForestParams {
    type Checked = IsolationForestValidParams;
    type Error = IsolationForestError;

    fn check_ref(&self) -> Result<&Self::Checked, Self::Error> {
        if self.0.trees == 0 || self.0.trees > MAX_TREES {
            return Err(IsolationForestError::Trees(self.0.trees));
        }
        if self.0.sample_size < 2 || self.0.sample_size > MAX_SAMPLE {
            return Err(IsolationForestError::SampleSize(self.0.sample_size));
        }
        Ok(&self.0)
    }

    fn check(self) -> Result<Self::Checked, Self::Error> {
        self.check_ref()?;
        Ok(self.0)
    }
}
