//! One random cut tree over a bounded sample: rows go in and out one at a time, and the tree stays distributed as if
//! it had been grown anew on the sample (Guha, Mishra, Roy, Schrijvers, "Robust random cut forest based anomaly
//! detection on streams", ICML 2016, section 2).
//!
//! Every inner node keeps the bounding box of its rows and cuts it in one dimension, chosen in proportion to the
//! box's side, at a place uniform in that side. Equal rows share a leaf.

use super::bounds::{outside, widen};
use crate::random::unit;
use rand_xoshiro::Xoshiro256Plus;

mod nodes;
#[cfg(test)]
mod tests;

/// No node: the parent of the root, the root of an empty tree.
const NONE: u32 = u32::MAX;
/// Marks a reference to a leaf. Samples are far smaller than this.
const LEAF: u32 = 1 << 31;

/// A leaf as the caller keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LeafId(u32);

/// Half a cache line: what scoring needs. Parents lie elsewhere.
#[derive(Clone, Copy, Debug)]
struct Inner {
    /// Rows with `row[feature] <= cut` are on the left.
    cut: f64,
    /// Sum of the box's sides.
    range: f64,
    feature: u32,
    left: u32,
    right: u32,
}

#[derive(Clone, Copy, Debug)]
struct Leaf {
    parent: u32,
    /// Equal rows that share this leaf.
    rows: u32,
}

/// Where a new row would come to rest, and with which probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rest {
    /// Cut off from a node at `depth`, 0 at the root.
    CutOff {
        /// Depth of the node.
        depth: u32,
    },
    /// Equal to the `rows` rows of a leaf at `depth`.
    Equal {
        /// Depth of the leaf.
        depth: u32,
        /// Rows that share it.
        rows: u32,
    },
}

/// A tree over n rows of `width` numbers: at most n leaves with a row each, fewer inner nodes with a box each.
#[derive(Clone, Debug)]
pub(super) struct CutTree {
    width: usize,
    root: u32,
    inner: Vec<Inner>,
    inner_parents: Vec<u32>,
    /// Per inner node its box: `width` lower ends, then `width` upper ends.
    boxes: Vec<f64>,
    leaves: Vec<Leaf>,
    /// Per leaf its row.
    points: Vec<f64>,
    free_inner: Vec<u32>,
    free_leaves: Vec<u32>,
}

impl CutTree {
    pub(super) fn new(width: usize) -> Self {
        Self {
            width,
            root: NONE,
            inner: Vec::new(),
            inner_parents: Vec::new(),
            boxes: Vec::new(),
            leaves: Vec::new(),
            points: Vec::new(),
            free_inner: Vec::new(),
            free_leaves: Vec::new(),
        }
    }

    /// Bytes of a tree of `rows` rows: one leaf, one inner node and their places in the free lists for each.
    pub(super) fn most_bytes(width: usize, rows: usize) -> usize {
        let row = size_of::<Leaf>() + size_of::<Inner>() + 3 * size_of::<u32>() + 3 * width * size_of::<f64>();
        rows.saturating_mul(row)
    }

    /// Every place where a random insertion of `row` could come to rest, with its probability; they add up to one.
    ///
    /// At a node whose box is left by `e` in all (summed over the dimensions) and has sides of `R` in all, a random
    /// cut of the widened box separates the row with probability e / (R + e); otherwise the node's own cut holds.
    pub(super) fn rests(&self, row: &[f64], mut rest: impl FnMut(f64, Rest)) {
        if self.root == NONE {
            return;
        }
        let (mut at, mut depth, mut probability) = (self.root, 0, 1.0);
        while at & LEAF == 0 {
            let node = &self.inner[at as usize];
            let (low, high) = self.node_box(at);
            let outside = outside(row, low, high);
            if outside > 0.0 {
                let cut_off = outside / (node.range + outside);
                rest(probability * cut_off, Rest::CutOff { depth });
                probability *= 1.0 - cut_off;
                if probability <= 0.0 {
                    return;
                }
            }
            depth += 1;
            at = if row[node.feature as usize] <= node.cut { node.left } else { node.right };
        }
        let rows = self.leaves[(at & !LEAF) as usize].rows;
        let equal = self.point(at) == row;
        rest(probability, if equal { Rest::Equal { depth, rows } } else { Rest::CutOff { depth } });
    }

    /// Puts a row in, by random cuts.
    pub(super) fn insert(&mut self, row: &[f64], rng: &mut Xoshiro256Plus) -> LeafId {
        if self.root == NONE {
            let leaf = self.new_leaf(row);
            self.root = leaf | LEAF;
            return LeafId(leaf);
        }
        let mut at = self.root;
        loop {
            let is_leaf = at & LEAF != 0;
            let (low, high) = self.node_box(at);
            let outside = outside(row, low, high);
            if is_leaf && outside == 0.0 {
                self.leaves[(at & !LEAF) as usize].rows += 1;
                return LeafId(at & !LEAF);
            }
            let range = if is_leaf { 0.0 } else { self.inner[at as usize].range };
            let draw = unit(rng) * (range + outside);
            // A leaf always separates; the product may round up where numbers are subnormal.
            if draw < outside || is_leaf {
                return self.split(at, row, draw);
            }
            let corner = at as usize * 2 * self.width;
            let (low, high) = self.boxes[corner..corner + 2 * self.width].split_at_mut(self.width);
            let node = &mut self.inner[at as usize];
            if outside > 0.0 {
                node.range = widen(row, low, high);
            }
            at = if row[node.feature as usize] <= node.cut { node.left } else { node.right };
        }
    }

    /// Cuts `row` off from the node `at`: `draw` in [0, outside) picks dimension and place together.
    fn split(&mut self, at: u32, row: &[f64], mut draw: f64) -> LeafId {
        let (low, high) = self.node_box(at);
        let (mut feature, mut cut, mut row_left) = (0, 0.0, false);
        for (dimension, ((value, low), high)) in row.iter().zip(low).zip(high).enumerate() {
            let (from, to) = if value < low {
                (*value, *low)
            } else if value > high {
                (*high, *value)
            } else {
                continue;
            };
            let gap = to - from;
            (feature, row_left) = (dimension, value < low);
            cut = from + draw.min(gap);
            // The cut lies below the upper end, so that both sides hold something also where adding rounds up.
            if cut >= to {
                cut = from;
            }
            if draw < gap {
                break;
            }
            draw -= gap;
        }
        let leaf = self.new_leaf(row);
        let node = self.new_inner();
        let parent = self.parent(at);
        self.replace_child(parent, at, node);
        self.inner_parents[node as usize] = parent;
        let (left, right) = if row_left { (leaf | LEAF, at) } else { (at, leaf | LEAF) };
        // `feature` is below MAX_FEATURES.
        let feature = u32::try_from(feature).unwrap_or(0);
        self.inner[node as usize] = Inner { cut, range: 0.0, feature, left, right };
        self.set_parent(left, node);
        self.set_parent(right, node);
        self.tighten(node);
        LeafId(leaf)
    }

    /// Takes one row of a leaf out.
    pub(super) fn remove(&mut self, leaf: LeafId) {
        let LeafId(leaf) = leaf;
        let place = &mut self.leaves[leaf as usize];
        place.rows -= 1;
        if place.rows > 0 {
            return;
        }
        let parent = place.parent;
        self.free_leaves.push(leaf);
        if parent == NONE {
            self.root = NONE;
            return;
        }
        let node = self.inner[parent as usize];
        let sibling = if node.left == leaf | LEAF { node.right } else { node.left };
        let mut at = self.inner_parents[parent as usize];
        self.replace_child(at, parent, sibling);
        self.free_inner.push(parent);
        // Above a box that the row did not support, no box changes.
        while at != NONE && self.tighten(at) {
            at = self.inner_parents[at as usize];
        }
    }
}
