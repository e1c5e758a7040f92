//! Which features made a score: the change of the expected path length at each cut on the way down.

use crate::path::score_of;
use crate::{IsolationForest, IsolationForestError};
use linfa::Float;
use std::f64::consts::LN_2;

/// A score and what it is measured against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Explanation {
    /// The row's score.
    pub score: f64,
    /// The score of the mean path length over the sub-samples: what a row is expected to score.
    pub expected: f64,
}

impl<F: Float> IsolationForest<F> {
    /// Writes one contribution per feature to `contributions`; they add up to `score − expected`, up to rounding.
    ///
    /// At every cut on the way down a tree, the expected path length changes from the node's mean to the
    /// child's; that change belongs to the feature that is cut (path attribution as in Saabas 2014).
    /// The sums per feature are scaled from path length to score. O(trees × height), no allocation.
    ///
    /// # Errors
    /// [`IsolationForestError::Features`] where the row or `contributions` has another length, or
    /// [`IsolationForestError::NotFinite`].
    pub fn contributions(&self, row: &[F], contributions: &mut [f64]) -> Result<Explanation, IsolationForestError> {
        self.check_row(row)?;
        if contributions.len() != self.features {
            return Err(IsolationForestError::Features { expected: self.features, got: contributions.len() });
        }
        contributions.fill(0.0);
        let (mut path, mut root) = (0.0, 0.0);
        for tree in self.trees.iter() {
            let value = |at: usize| tree.values.get(at).copied().unwrap_or(0.0);
            root += value(0);
            let mut at = 0;
            while let Some(node) = tree.nodes.get(at).filter(|node| !node.is_leaf()) {
                let feature = node.feature as usize;
                let left = row.get(feature).is_some_and(|v| *v <= node.threshold);
                let child = at + if left { 1 } else { node.skip as usize };
                if let Some(share) = contributions.get_mut(feature) {
                    *share += value(child) - value(at);
                }
                at = child;
            }
            path += value(at);
        }
        let score = score_of(path, self.divisor(), self.normaliser);
        let expected = score_of(root, self.divisor(), self.normaliser);
        // score = expected · e^(−rate · (path − root)), so the mean slope between the two is
        // −rate · expected · (e^x − 1) / x, which stays exact where the two are close, or equal.
        let rate = LN_2 / (self.divisor() * self.normaliser);
        let x = -rate * (path - root);
        let growth = if x == 0.0 { 1.0 } else { libm::expm1(x) / x };
        let slope = -rate * expected * growth;
        contributions.iter_mut().for_each(|share| *share *= slope);
        Ok(Explanation { score, expected })
    }
}
