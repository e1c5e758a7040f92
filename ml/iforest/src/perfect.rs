//! The layout for batches: perfect trees over ranks.
//!
//! Every tree is filled up to the depth D of the forest: 2^D − 1 inner nodes in breadth-first order, so that the
//! children of node i are 2i and 2i + 1 and nothing points anywhere, and 2^D path lengths below. A leaf further up
//! becomes nodes that send every row left, above its path length.
//!
//! Values are compared by their rank among the forest's thresholds of the same feature: with t₀ < t₁ < … and
//! rank(v) the number of thresholds below v, v > tₖ exactly where rank(v) > k. So rows go where they go in the plain
//! trees, whatever the float type, and a node is one integer. Ranks are looked up once a value and serve all trees.
//!
//! Rows are taken sixteen at a time down one tree, and a block of rows down one tree before the next: no branch hangs
//! on the data, sixteen descents hide each other's way from the cache, and the tree stays in the first cache.
//!
//! The arithmetic of a step is written such that compilers find vector instructions for it (SSE2 will do): a comparison
//! is the sign of a difference, and a place is 32 bits wide.

use crate::cuts::{Cuts, LANES, with_width};
use crate::trees::{Tree, Trees};
use linfa::Float;
use ndarray::ArrayView2;

/// A node is `k << RANK_SHIFT | feature * LANES`, a value's rank is `rank << RANK_SHIFT`: then a value lies above the
/// node's threshold exactly where it is the greater number. Neither is negative, so no difference overflows.
const RANK_SHIFT: u32 = 12;
const PLACE_MASK: usize = (1 << RANK_SHIFT) - 1;
/// What a node can reach of a group's ranks. The ranks' buffer is longer by this much than it need be, so that every
/// group has as many behind it, and no place is out of bounds.
const REACH: usize = (1 << RANK_SHIFT) + LANES;
/// No rank is above it.
const ALWAYS_LEFT: i32 = i32::MAX >> RANK_SHIFT << RANK_SHIFT;

const MAX_FEATURES: usize = (1 << RANK_SHIFT) / LANES;
/// Ranks are 0 to the number of cuts, and all below [`ALWAYS_LEFT`].
const MAX_CUTS: usize = (ALWAYS_LEFT >> RANK_SHIFT) as usize - 1;
const MAX_DEPTH: u32 = 12;
const MAX_BYTES: usize = 256 << 20;
const BYTES_PER_LEAF: usize = size_of::<i32>() + size_of::<f64>();

/// A forest as perfect trees.
pub(crate) struct Perfect<F> {
    /// Thresholds of every feature.
    cuts: Vec<Cuts<F>>,
    depth: u32,
    /// 2^`depth` a tree, the first unused.
    nodes: Vec<i32>,
    /// Path lengths, 2^`depth` a tree.
    leaves: Vec<f64>,
}

/// Room that is used again from block to block.
#[derive(Default)]
pub(crate) struct Workspace {
    /// Group by group, feature by feature, lane by lane; and [`REACH`] more.
    ranks: Vec<i32>,
    sums: Vec<[f64; LANES]>,
    /// Which rows are not finite.
    refused: Vec<[bool; LANES]>,
}

impl<F: Float> Perfect<F> {
    /// `None` where the forest is too large for it: see [`crate::IsolationForest::prepare_batch`].
    pub(crate) fn new(trees: &Trees<F>, features: usize) -> Option<Self> {
        if !fits(trees.len(), trees.depth, features) {
            return None;
        }
        let mut thresholds: Vec<Vec<F>> = vec![Vec::new(); features];
        for node in trees.nodes.iter().filter(|node| !node.is_leaf()) {
            thresholds.get_mut(node.feature as usize)?.push(node.threshold);
        }
        let cuts: Vec<Cuts<F>> = thresholds.into_iter().map(|list| Cuts::new(list, MAX_CUTS)).collect::<Option<_>>()?;
        let width = 1_usize << trees.depth;
        let mut nodes = vec![ALWAYS_LEFT; trees.len() * width];
        let mut leaves = vec![0.0; trees.len() * width];
        let mut open = Vec::new();
        for ((tree, nodes), leaves) in
            trees.iter().zip(nodes.chunks_exact_mut(width)).zip(leaves.chunks_exact_mut(width))
        {
            lay_out(tree, &cuts, &mut open, nodes, leaves)?;
        }
        Some(Self { cuts, depth: trees.depth, nodes, leaves })
    }

    /// Bytes on the heap.
    pub(crate) fn bytes(&self) -> usize {
        self.cuts.iter().map(Cuts::bytes).sum::<usize>() + self.leaves.len() * BYTES_PER_LEAF
    }

    /// Writes the sum of each row's path lengths in the order of the trees, NaN for a row that is not finite.
    pub(crate) fn path_sums(&self, rows: ArrayView2<'_, F>, work: &mut Workspace, sums: &mut [f64]) {
        self.rank(rows, work);
        with_width!(self.depth, N => self.descend::<N>(work), 0 1 2 3 4 5 6 7 8 9 10 11 12);
        let found = work.sums.as_flattened().iter().zip(work.refused.as_flattened());
        for (sum, (found, refused)) in sums.iter_mut().zip(found) {
            *sum = if *refused { f64::NAN } else { *found };
        }
    }

    /// Ranks of a block of rows.
    fn rank(&self, rows: ArrayView2<'_, F>, work: &mut Workspace) {
        let groups = rows.nrows().div_ceil(LANES);
        let stride = self.cuts.len() * LANES;
        work.ranks.resize(groups * stride + REACH, 0);
        work.sums.clear();
        work.sums.resize(groups, [0.0; LANES]);
        work.refused.clear();
        work.refused.resize(groups, [false; LANES]);
        for ((feature, column), cuts) in rows.columns().into_iter().enumerate().zip(&self.cuts) {
            let mut column = column.iter();
            let places = work.ranks.chunks_mut(stride).filter_map(|group| group.get_mut(feature * LANES..));
            for (refused, place) in work.refused.iter_mut().zip(places) {
                let mut values = [F::zero(); LANES];
                values.iter_mut().zip(&mut column).for_each(|(value, given)| *value = *given);
                refused.iter_mut().zip(&values).for_each(|(refused, value)| *refused |= !value.is_finite());
                let ranks = cuts.ranks(&values);
                place.iter_mut().zip(ranks).for_each(|(place, rank)| *place = rank << RANK_SHIFT);
            }
        }
    }

    /// Takes the ranked rows down all trees, which have `N` leaves each.
    fn descend<const N: usize>(&self, work: &mut Workspace) {
        let stride = self.cuts.len() * LANES;
        let (trees, _) = self.nodes.as_chunks::<N>();
        let (leaves, _) = self.leaves.as_chunks::<N>();
        for (nodes, leaves) in trees.iter().zip(leaves) {
            for (group, sums) in work.sums.iter_mut().enumerate() {
                let ranks = work.ranks.get(group * stride..).and_then(<[i32]>::first_chunk::<REACH>);
                if let Some(ranks) = ranks {
                    descend_together(nodes, leaves, ranks, sums);
                }
            }
        }
    }
}

/// Adds the path lengths of a group of rows in one tree.
#[inline]
fn descend_together<const N: usize>(
    nodes: &[i32; N],
    leaves: &[f64; N],
    ranks: &[i32; REACH],
    sums: &mut [f64; LANES],
) {
    // The root is 1, the children of i are 2i and 2i + 1. After the last step a place is N more than its leaf.
    let mut at = [1_u32; LANES];
    for _ in 0..N.trailing_zeros() {
        for (lane, at) in at.iter_mut().enumerate() {
            // The masks change nothing; they show the compiler that nothing is out of bounds.
            let node = nodes[*at as usize & (N - 1)];
            let rank = ranks[(node as usize & PLACE_MASK) + lane];
            let right = node.wrapping_sub(rank).cast_unsigned() >> 31;
            *at = at.wrapping_add(*at).wrapping_add(right);
        }
    }
    for (sum, at) in sums.iter_mut().zip(at) {
        *sum += leaves[at as usize & (N - 1)];
    }
}

/// Whether a forest of such a size has a batch layout.
fn fits(trees: usize, depth: u32, features: usize) -> bool {
    features <= MAX_FEATURES && depth <= MAX_DEPTH && trees.saturating_mul(BYTES_PER_LEAF << depth) <= MAX_BYTES
}

/// Writes one tree into its perfect form, which is all [`ALWAYS_LEFT`] yet.
fn lay_out<F: Float>(
    tree: Tree<'_, F>,
    cuts: &[Cuts<F>],
    open: &mut Vec<(usize, usize)>,
    nodes: &mut [i32],
    leaves: &mut [f64],
) -> Option<()> {
    let width = nodes.len();
    // Nodes of the plain tree and their places in the perfect one.
    open.push((0, 1));
    while let Some((at, place)) = open.pop() {
        let node = tree.nodes.get(at)?;
        if node.is_leaf() {
            // All the way left below its place.
            let mut leaf = place;
            while leaf < width {
                leaf *= 2;
            }
            *leaves.get_mut(leaf - width)? = *tree.values.get(at)?;
            continue;
        }
        let feature = node.feature as usize;
        let rank = cuts.get(feature)?.rank(node.threshold);
        *nodes.get_mut(place)? = rank << RANK_SHIFT | i32::try_from(feature * LANES).ok()?;
        open.push((at + node.skip as usize, 2 * place + 1));
        open.push((at + 1, 2 * place));
    }
    Some(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn forests_beyond_the_bounds_have_no_batch_layout() {
        assert!(fits(100, 8, 8) && fits(1, 12, 256) && fits(87_381, 8, 1));
        assert!(!fits(1, 13, 1), "too deep");
        assert!(!fits(1, 1, 257), "too many features for a node");
        assert!(!fits(87_382, 8, 1), "more than 256 MiB");
        assert!(!fits(usize::MAX, 12, 1));
    }

    #[test]
    fn no_rank_of_a_value_passes_the_node_that_sends_all_left() {
        let most = i32::try_from(MAX_CUTS).unwrap() << RANK_SHIFT;
        assert!(most < ALWAYS_LEFT && most > 0);
        assert_eq!(ALWAYS_LEFT as usize & PLACE_MASK, 0);
        assert_eq!((MAX_FEATURES - 1) * LANES + LANES - 1, PLACE_MASK);
    }
}
