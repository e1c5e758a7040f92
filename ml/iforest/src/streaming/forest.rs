//! The streaming forest: score, then learn.

use super::StreamingForestParams;
use super::bounds::{LANES, Quad};
use super::sample::SampleTree;
use super::tree::{TOGETHER, reciprocal_levels};
use crate::IsolationForestError;

/// Larger magnitudes count as this, so that no sum of ranges overflows.
pub(super) const MOST: f64 = 1e300;

/// A forest of random cut trees that learns a stream in bounded memory.
///
/// Per tree at most `sample_size` rows: [`Self::most_bytes`] says how many bytes. Equal settings, seed and rows give
/// equal scores, bit for bit, on every machine. Features are compared as they are: their cuts fall in proportion to
/// their ranges, so give them in comparable units.
#[derive(Clone, Debug)]
pub struct StreamingForest {
    features: usize,
    sample_size: usize,
    memory_rows: u64,
    learned: u64,
    trees: Vec<SampleTree>,
}

impl StreamingForest {
    pub(super) fn new(params: &StreamingForestParams, features: usize) -> Self {
        Self {
            features,
            sample_size: params.sample_size,
            memory_rows: params.memory_rows,
            learned: 0,
            trees: (0..params.trees).map(|number| SampleTree::new(features, params.seed, number)).collect(),
        }
    }

    /// How new a row is against what was learned: near 0 where it lies among the rows held, 1 where every random cut
    /// would set it apart from all of them; 0 as long as nothing is learned. Changes nothing.
    ///
    /// The mean over the trees of the expected reciprocal of the level at which a random insertion would come to rest.
    /// O(trees × depth × features).
    ///
    /// # Errors
    /// [`IsolationForestError::Features`] or [`IsolationForestError::NotFinite`] (its row is the number of rows learned).
    pub fn score(&self, row: &[f64]) -> Result<f64, IsolationForestError> {
        self.check(row)?;
        let sum: f64 = in_quads(row, |row| match row.len() {
            1 => self.reciprocal_levels::<1>(row),
            2 => self.reciprocal_levels::<2>(row),
            _ => self.reciprocal_levels::<0>(row),
        });
        #[expect(clippy::cast_precision_loss, reason = "at most MAX_TREES")]
        let mean = sum / self.trees.len() as f64;
        Ok(if mean < 1.0 { mean } else { 1.0 })
    }

    /// Takes a row in; each tree draws for itself whether it keeps it.
    ///
    /// # Errors
    /// As [`Self::score`]; then nothing is learned.
    pub fn learn(&mut self, row: &[f64]) -> Result<(), IsolationForestError> {
        self.check(row)?;
        self.learned = self.learned.saturating_add(1);
        in_quads(row, |row| match row.len() {
            1 => self.learn_in_trees::<1>(row),
            2 => self.learn_in_trees::<2>(row),
            _ => self.learn_in_trees::<0>(row),
        });
        Ok(())
    }

    fn reciprocal_levels<const QUADS: usize>(&self, row: &[Quad]) -> f64 {
        self.trees.chunks(TOGETHER).map(|trees| reciprocal_levels::<QUADS, _>(trees, row)).sum()
    }

    fn learn_in_trees<const QUADS: usize>(&mut self, row: &[Quad]) {
        for tree in &mut self.trees {
            tree.learn::<QUADS>(row, self.learned, self.sample_size, self.memory_rows);
        }
    }

    /// Rows learned so far.
    #[must_use]
    pub fn learned(&self) -> u64 {
        self.learned
    }

    /// Values of a row.
    #[must_use]
    pub fn features(&self) -> usize {
        self.features
    }

    /// Rows that each tree holds now: all learned ones up to the sample size.
    #[must_use]
    pub fn rows_held(&self) -> usize {
        self.trees.first().map_or(0, SampleTree::rows)
    }

    /// Bytes of all trees once their samples are full, however long the stream; growing vectors may hold up to twice
    /// as many. Per tree about `sample_size` × (24 · `features` + 68), `features` rounded up to a multiple of four.
    #[must_use]
    pub fn most_bytes(&self) -> usize {
        self.trees.len().saturating_mul(SampleTree::most_bytes(self.features, self.sample_size))
    }

    fn check(&self, row: &[f64]) -> Result<(), IsolationForestError> {
        if row.len() != self.features {
            return Err(IsolationForestError::Features { expected: self.features, got: row.len() });
        }
        if let Some(feature) = row.iter().position(|value| !value.is_finite()) {
            let row = usize::try_from(self.learned).unwrap_or(usize::MAX);
            return Err(IsolationForestError::NotFinite { row, feature });
        }
        Ok(())
    }
}

/// Hands a row on in quads, filled up with zeros, its values no larger than [`MOST`]. Up to two quads need no memory.
fn in_quads<T>(row: &[f64], then: impl FnOnce(&[Quad]) -> T) -> T {
    let (mut few, mut many) = ([Quad::default(); 2], Vec::new());
    let quads = row.len().div_ceil(LANES);
    let filled = match few.get_mut(..quads) {
        Some(few) => few,
        None => {
            many.resize(quads, Quad::default());
            &mut many
        }
    };
    for (to, value) in filled.as_flattened_mut().iter_mut().zip(row) {
        *to = value.clamp(-MOST, MOST);
    }
    then(filled)
}
