//! One isolation tree: growing it, and its nodes in preorder.

use crate::path::average_path_length;
use crate::random;
use linfa::Float;
use rand_xoshiro::Xoshiro256Plus;

/// Marks a leaf in [`Node::feature`].
pub(crate) const LEAF: u32 = u32::MAX;

/// A node. The left child of an inner node is the next node of the tree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Node<F> {
    /// Rows with `row[feature] <= threshold` go left.
    pub(crate) threshold: F,
    /// Feature that is cut, or [`LEAF`].
    pub(crate) feature: u32,
    /// Inner: index of the right child within the tree. Leaf: rows of the sub-sample in it.
    pub(crate) right_or_size: u32,
}

/// Sub-sample of one tree, column by column.
pub(crate) struct Sample<'a, F> {
    pub(crate) columns: &'a [F],
    pub(crate) rows: usize,
    pub(crate) features: usize,
}

/// Room that is used again from tree to tree.
#[derive(Default)]
pub(crate) struct Scratch {
    order: Vec<u32>,
    candidates: Vec<u32>,
    stack: Vec<Open>,
}

/// A node that is still to be grown: rows `from..to` of the order.
struct Open {
    from: usize,
    to: usize,
    depth: u32,
    /// Whose right child this is.
    parent: Option<usize>,
}

/// Grows one tree in preorder onto the end of `nodes`.
///
/// The feature is drawn uniformly among those that are not constant in the node, the cut uniformly in
/// its range. A node with one row, with equal rows only, or at the height limit is a leaf.
pub(crate) fn grow<F: Float>(
    sample: &Sample<'_, F>,
    height_limit: u32,
    rng: &mut Xoshiro256Plus,
    scratch: &mut Scratch,
    nodes: &mut Vec<Node<F>>,
) {
    let root = nodes.len();
    let Scratch { order, candidates, stack } = scratch;
    order.clear();
    order.extend((0_u32..).take(sample.rows));
    stack.clear();
    stack.push(Open { from: 0, to: sample.rows, depth: 0, parent: None });
    while let Some(Open { from, to, depth, parent }) = stack.pop() {
        let at = nodes.len() - root;
        if let Some(node) = parent.and_then(|parent| nodes.get_mut(root + parent)) {
            node.right_or_size = index(at);
        }
        let rows = order.get_mut(from..to).unwrap_or_default();
        let cut = if depth < height_limit && rows.len() > 1 { choose_cut(sample, rows, rng, candidates) } else { None };
        let Some((feature, threshold)) = cut else {
            nodes.push(Node { threshold: F::zero(), feature: LEAF, right_or_size: index(rows.len()) });
            continue;
        };
        nodes.push(Node { threshold, feature: index(feature), right_or_size: 0 });
        let column = sample.column(feature);
        let middle = from + partition(rows, |row| column.get(row as usize).is_some_and(|v| *v <= threshold));
        stack.push(Open { from: middle, to, depth: depth + 1, parent: Some(at) });
        stack.push(Open { from, to: middle, depth: depth + 1, parent: None });
    }
}

impl<F> Sample<'_, F> {
    fn column(&self, feature: usize) -> &[F] {
        self.columns.get(feature * self.rows..(feature + 1) * self.rows).unwrap_or_default()
    }
}

/// A feature that is not constant in `rows`, and a cut that leaves rows on both sides; `None` where all rows are equal.
fn choose_cut<F: Float>(
    sample: &Sample<'_, F>,
    rows: &[u32],
    rng: &mut Xoshiro256Plus,
    candidates: &mut Vec<u32>,
) -> Option<(usize, F)> {
    candidates.clear();
    candidates.extend((0_u32..).take(sample.features));
    while !candidates.is_empty() {
        let feature = candidates.swap_remove(random::below(rng, candidates.len())) as usize;
        let column = sample.column(feature);
        let mut values = rows.iter().filter_map(|row| column.get(*row as usize).copied());
        let first = values.next()?;
        let (low, high) = values
            .fold((first, first), |(low, high), v| (if v < low { v } else { low }, if v > high { v } else { high }));
        if low < high {
            return Some((feature, cut_between(low, high, random::unit(rng))));
        }
    }
    None
}

/// The point at share `unit` of [low, high), kept inside by clamping so that `low` goes left and `high` right.
fn cut_between<F: Float>(low: F, high: F, unit: f64) -> F {
    let (a, b) = (low.to_f64().unwrap_or(0.0), high.to_f64().unwrap_or(0.0));
    // A sum of two products, not a + u (b − a), which overflows for huge ranges.
    let cut = F::cast(a * (1.0 - unit) + b * unit);
    if cut >= low && cut < high { cut } else { low }
}

/// Moves rows that go left to the front and returns how many; the order within a side is fixed by the input.
fn partition(rows: &mut [u32], goes_left: impl Fn(u32) -> bool) -> usize {
    let mut left = 0;
    for at in 0..rows.len() {
        if rows.get(at).is_some_and(|row| goes_left(*row)) {
            rows.swap(left, at);
            left += 1;
        }
    }
    left
}

/// Numbers are bounded by [`crate::MAX_SAMPLE`] and [`crate::MAX_FEATURES`].
fn index(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(LEAF)
}

/// For every node: at a leaf depth + c(size), at an inner node the mean of that over its rows.
pub(crate) fn path_values<F: Float>(nodes: &[Node<F>], values: &mut Vec<f64>) {
    let first = values.len();
    let mut depths = vec![0_u32; nodes.len()];
    for (at, node) in nodes.iter().enumerate() {
        if node.feature != LEAF {
            let below = depths.get(at).copied().unwrap_or(0) + 1;
            for child in [at + 1, node.right_or_size as usize] {
                if let Some(depth) = depths.get_mut(child) {
                    *depth = below;
                }
            }
        }
    }
    values.resize(first + nodes.len(), 0.0);
    let Some(own) = values.get_mut(first..) else { return };
    let mut sizes = vec![0_u32; nodes.len()];
    // In preorder both children come after their parent.
    for (at, node) in nodes.iter().enumerate().rev() {
        let (size, value) = if node.feature == LEAF {
            let depth = depths.get(at).copied().unwrap_or(0);
            (node.right_or_size, f64::from(depth) + average_path_length(node.right_or_size as usize))
        } else {
            let side = |child: usize| (sizes.get(child).copied().unwrap_or(0), own.get(child).copied().unwrap_or(0.0));
            let ((left, left_value), (right, right_value)) = (side(at + 1), side(node.right_or_size as usize));
            let total = left.saturating_add(right);
            let sum = f64::from(left) * left_value + f64::from(right) * right_value;
            (total, sum / f64::from(total.max(1)))
        };
        if let (Some(s), Some(v)) = (sizes.get_mut(at), own.get_mut(at)) {
            (*s, *v) = (size, value);
        }
    }
}
