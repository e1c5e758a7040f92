//! Growing one isolation tree from its sub-sample.

use crate::random;
use crate::trees::{Node, Trees};
use linfa::Float;
use rand_xoshiro::Xoshiro256Plus;

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

/// Grows one tree in preorder onto the end of `trees`.
///
/// The feature is drawn uniformly among those that are not constant in the node, the cut uniformly in
/// its range. A node with one row, with equal rows only, or at the height limit is a leaf.
pub(crate) fn grow<F: Float>(
    sample: &Sample<'_, F>,
    height_limit: u32,
    rng: &mut Xoshiro256Plus,
    scratch: &mut Scratch,
    trees: &mut Trees<F>,
) {
    let Scratch { order, candidates, stack } = scratch;
    order.clear();
    order.extend((0_u32..).take(sample.rows));
    stack.clear();
    stack.push(Open { from: 0, to: sample.rows, depth: 0, parent: None });
    while let Some(Open { from, to, depth, parent }) = stack.pop() {
        let at = trees.nodes.len();
        if let Some((parent, node)) = parent.and_then(|parent| Some((parent, trees.nodes.get_mut(parent)?))) {
            node.skip = index(at - parent);
        }
        let rows = order.get_mut(from..to).unwrap_or_default();
        trees.sizes.push(index(rows.len()));
        let cut = if depth < height_limit && rows.len() > 1 { choose_cut(sample, rows, rng, candidates) } else { None };
        let Some((feature, threshold)) = cut else {
            trees.nodes.push(Node::leaf());
            continue;
        };
        trees.nodes.push(Node::cut(index(feature), threshold));
        let column = sample.column(feature);
        let middle = from + partition(rows, |row| column.get(row as usize).is_some_and(|v| *v <= threshold));
        stack.push(Open { from: middle, to, depth: depth + 1, parent: Some(at) });
        stack.push(Open { from, to: middle, depth: depth + 1, parent: None });
    }
    trees.close();
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
    // Nearly always the first feature drawn will do: no list is made for it.
    let first = random::below(rng, sample.features);
    if let Some((low, high)) = range(sample.column(first), rows) {
        return Some((first, cut_between(low, high, random::unit(rng))));
    }
    candidates.clear();
    candidates.extend((0_u32..).take(sample.features));
    candidates.swap_remove(first);
    while !candidates.is_empty() {
        let feature = candidates.swap_remove(random::below(rng, candidates.len())) as usize;
        if let Some((low, high)) = range(sample.column(feature), rows) {
            return Some((feature, cut_between(low, high, random::unit(rng))));
        }
    }
    None
}

/// The least and the greatest value of `rows`, where they are not equal.
fn range<F: Float>(column: &[F], rows: &[u32]) -> Option<(F, F)> {
    let mut values = rows.iter().filter_map(|row| column.get(*row as usize).copied());
    let first = values.next()?;
    let (low, high) =
        values.fold((first, first), |(low, high), v| (if v < low { v } else { low }, if v > high { v } else { high }));
    (low < high).then_some((low, high))
}

/// The point at share `unit` of [low, high), kept inside by clamping so that `low` goes left and `high` right.
fn cut_between<F: Float>(low: F, high: F, unit: f64) -> F {
    let (a, b) = (low.to_f64().unwrap_or(0.0), high.to_f64().unwrap_or(0.0));
    // A sum of two products, not a + u (b − a), which overflows for huge ranges.
    let cut = F::cast(a * (1.0 - unit) + b * unit);
    // Adding zero makes −0 a 0: which of two equal zeros stood first must not show in the bytes.
    if cut >= low && cut < high { cut + F::zero() } else { low + F::zero() }
}

/// Moves rows that go left to the front and returns how many. The order within a side makes no difference to a tree.
fn partition(rows: &mut [u32], goes_left: impl Fn(u32) -> bool) -> usize {
    let mut left = 0;
    for at in 0..rows.len() {
        // Without a branch on the data, and without waiting for the last one's side.
        let (Some(row), Some(first_right)) = (rows.get(at).copied(), rows.get(left).copied()) else { break };
        if let Some(place) = rows.get_mut(at) {
            *place = first_right;
        }
        if let Some(place) = rows.get_mut(left) {
            *place = row;
        }
        left += usize::from(goes_left(row));
    }
    left
}

/// Numbers are bounded by [`crate::MAX_SAMPLE`] and [`crate::MAX_FEATURES`].
fn index(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
