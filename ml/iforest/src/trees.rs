//! The trees of a forest as flat arrays, every tree in preorder, and the descent of one row.

use crate::path::average_path_length;
use linfa::Float;
use std::hint::select_unpredictable;

/// Trees that one row goes down at a time: enough to hide a node's way from the cache.
const AT_ONCE: usize = 8;

/// A node. The left child of an inner node is the next node, the right child lies `skip` nodes on.
///
/// A leaf sends every finite value `skip` = 0 nodes to the right, that is, nowhere: so a descent needs no test
/// for a leaf, and takes the same number of steps in every tree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Node<F> {
    /// Rows with `row[feature] <= threshold` go left; −∞ in a leaf.
    pub(crate) threshold: F,
    /// Feature that is cut; 0 in a leaf.
    pub(crate) feature: u32,
    /// How far away the right child is; 0 in a leaf.
    pub(crate) skip: u32,
}

impl<F: Float> Node<F> {
    pub(crate) fn cut(feature: u32, threshold: F) -> Self {
        // The right child is not known yet.
        Self { threshold, feature, skip: 0 }
    }

    pub(crate) fn leaf() -> Self {
        Self { threshold: F::neg_infinity(), feature: 0, skip: 0 }
    }

    pub(crate) fn is_leaf(&self) -> bool {
        self.skip == 0
    }
}

/// All trees, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trees<F> {
    /// Where each tree begins, and the end.
    pub(crate) starts: Vec<usize>,
    pub(crate) nodes: Vec<Node<F>>,
    /// Rows of the sub-sample in each node.
    pub(crate) sizes: Vec<u32>,
    /// At a leaf its depth + c(size); at an inner node the mean of that over its rows.
    pub(crate) values: Vec<f64>,
    /// Depth of the deepest leaf.
    pub(crate) depth: u32,
}

/// One tree.
#[derive(Clone, Copy)]
pub(crate) struct Tree<'a, F> {
    pub(crate) nodes: &'a [Node<F>],
    pub(crate) sizes: &'a [u32],
    pub(crate) values: &'a [f64],
}

impl<F: Float> Trees<F> {
    pub(crate) fn new() -> Self {
        Self { starts: vec![0], nodes: Vec::new(), sizes: Vec::new(), values: Vec::new(), depth: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Tree<'_, F>> {
        self.starts.iter().zip(self.starts.iter().skip(1)).map(|(from, to)| Tree {
            nodes: self.nodes.get(*from..*to).unwrap_or_default(),
            sizes: self.sizes.get(*from..*to).unwrap_or_default(),
            values: self.values.get(*from..*to).unwrap_or_default(),
        })
    }

    /// Ends the tree whose nodes were pushed since the last one: sums up its sizes and path lengths.
    /// `sizes` holds the leaves' sizes; the inner nodes' are overwritten.
    pub(crate) fn close(&mut self) {
        let from = self.starts.last().copied().unwrap_or(0);
        let nodes = self.nodes.get(from..).unwrap_or_default();
        let mut depths = vec![0_u32; nodes.len()];
        for (at, node) in nodes.iter().enumerate().filter(|(_, node)| !node.is_leaf()) {
            let below = depths.get(at).copied().unwrap_or(0) + 1;
            for child in [at + 1, at + node.skip as usize] {
                if let Some(depth) = depths.get_mut(child) {
                    *depth = below;
                }
            }
        }
        self.depth = depths.iter().copied().fold(self.depth, u32::max);
        self.values.resize(self.nodes.len(), 0.0);
        let (Some(sizes), Some(values)) = (self.sizes.get_mut(from..), self.values.get_mut(from..)) else { return };
        // In preorder both children come after their parent.
        for (at, node) in nodes.iter().enumerate().rev() {
            let of = |child: usize| (sizes.get(child).copied().unwrap_or(0), values.get(child).copied().unwrap_or(0.0));
            let (size, value) = if node.is_leaf() {
                let size = of(at).0;
                (size, f64::from(depths.get(at).copied().unwrap_or(0)) + average_path_length(size as usize))
            } else {
                let ((left, left_value), (right, right_value)) = (of(at + 1), of(at + node.skip as usize));
                let total = left.saturating_add(right);
                let sum = f64::from(left) * left_value + f64::from(right) * right_value;
                (total, sum / f64::from(total.max(1)))
            };
            if let (Some(s), Some(v)) = (sizes.get_mut(at), values.get_mut(at)) {
                (*s, *v) = (size, value);
            }
        }
        self.starts.push(self.nodes.len());
    }

    /// Sum of a row's path lengths, in the order of the trees. The row is finite and has every feature.
    pub(crate) fn path_sum(&self, row: &[F]) -> f64 {
        let roots = self.starts.get(..self.len()).unwrap_or_default();
        let mut sum = 0.0;
        for roots in roots.chunks(AT_ONCE) {
            let mut at = [0_usize; AT_ONCE];
            at.iter_mut().zip(roots).for_each(|(at, root)| *at = *root);
            for _ in 0..self.depth {
                at.iter_mut().for_each(|at| *at = self.step(*at, row));
            }
            for at in at.iter().take(roots.len()) {
                sum += self.values.get(*at).copied().unwrap_or(0.0);
            }
        }
        sum
    }

    /// The node below `at` on the row's way, or `at` itself where it is a leaf.
    #[inline]
    fn step(&self, at: usize, row: &[F]) -> usize {
        let Some(node) = self.nodes.get(at) else { return at };
        let Some(value) = row.get(node.feature as usize) else { return at };
        at.wrapping_add(select_unpredictable(*value <= node.threshold, 1, node.skip as usize))
    }
}
