//! One random cut tree over a bounded sample: rows go in and out one at a time, and the tree stays distributed as if
//! it had been grown anew on the sample (Guha, Mishra, Roy, Schrijvers, "Robust random cut forest based anomaly
//! detection on streams", ICML 2016, section 2).
//!
//! Every inner node keeps the bounding box of its rows and cuts it in one dimension, chosen in proportion to the
//! box's side, at a place uniform in that side. Equal rows share a leaf.

use super::bounds::{Quad, Sides, apart, on_border, outside, widen};
use crate::random::{skip, unit};
use rand_xoshiro::Xoshiro256Plus;

mod nodes;
mod score;
pub(super) use score::{TOGETHER, reciprocal_levels};
#[cfg(test)]
mod tests;

/// No node: the parent of the root, the root of an empty tree.
const NONE: u32 = u32::MAX;
/// Marks a reference to a leaf. Samples are far smaller than this.
const LEAF: u32 = 1 << 31;

/// A leaf as the caller keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LeafId(u32);

/// Half a cache line: what the way down and up needs, but for the boxes.
#[derive(Clone, Copy, Debug)]
struct Inner {
    /// Rows with `row[feature] <= cut` are on the left.
    cut: f64,
    /// Sum of the box's sides.
    range: f64,
    feature: u32,
    left: u32,
    right: u32,
    parent: u32,
}

#[derive(Clone, Copy, Debug)]
struct Leaf {
    parent: u32,
    /// Equal rows that share this leaf.
    rows: u32,
}

/// A tree over n rows of `quads` times four numbers: at most n leaves with a row each, fewer inner nodes with a box each.
#[derive(Clone, Debug)]
pub(super) struct CutTree {
    quads: usize,
    root: u32,
    inner: Vec<Inner>,
    /// Per inner node its box, `quads` of four sides.
    sides: Vec<Sides>,
    leaves: Vec<Leaf>,
    /// Per leaf its row, `quads` of four values.
    points: Vec<Quad>,
    free_inner: Vec<u32>,
    free_leaves: Vec<u32>,
    /// Of the row that goes in: the inner nodes whose boxes it lies outside, from below, and how far.
    outside: Vec<(u32, f64)>,
}

impl CutTree {
    pub(super) fn new(quads: usize) -> Self {
        Self {
            quads,
            root: NONE,
            inner: Vec::new(),
            sides: Vec::new(),
            leaves: Vec::new(),
            points: Vec::new(),
            free_inner: Vec::new(),
            free_leaves: Vec::new(),
            outside: Vec::new(),
        }
    }

    /// Bytes of a tree of `rows` rows: one leaf, one inner node, their places in the free lists and in the list of
    /// boxes left for each.
    pub(super) fn most_bytes(quads: usize, rows: usize) -> usize {
        let row = size_of::<Leaf>() + size_of::<Inner>() + 2 * size_of::<u32>() + size_of::<(u32, f64)>();
        rows.saturating_mul(row + quads * (size_of::<Sides>() + size_of::<Quad>()))
    }

    /// Puts a row in, by random cuts. `QUADS` is the number of quads of a row, 0 where it is known at run time only.
    ///
    /// Boxes lie within each other: a row inside one is inside all above it. So they are looked at from below, as far
    /// as the row is outside.
    pub(super) fn insert<const QUADS: usize>(&mut self, row: &[Quad], rng: &mut Xoshiro256Plus) -> LeafId {
        if self.root == NONE {
            let leaf = self.new_leaf(row);
            self.root = leaf | LEAF;
            return LeafId(leaf);
        }
        let (mut at, mut parent, mut depth) = (self.root, NONE, 0);
        while at & LEAF == 0 {
            parent = at;
            at = self.inner[at as usize].child_of(row);
            depth += 1;
        }
        let leaf = at;
        if self.point(leaf) == row {
            skip(rng, depth);
            self.leaves[(leaf & !LEAF) as usize].rows += 1;
            return LeafId(leaf & !LEAF);
        }
        self.outside.clear();
        let mut above = parent;
        while above != NONE {
            let outside = outside(row, self.sides::<QUADS>(above));
            if outside <= 0.0 {
                break;
            }
            self.outside.push((above, outside));
            above = self.inner[above as usize].parent;
        }
        // Where the row is inside, no cut falls; the draw is made all the same.
        skip(rng, depth - self.outside.len());
        while let Some((at, outside)) = self.outside.pop() {
            let draw = unit(rng) * (self.inner[at as usize].range + outside);
            if draw < outside {
                return self.split::<QUADS>(at, row, draw);
            }
            self.inner[at as usize].range = widen(row, self.sides_mut::<QUADS>(at));
        }
        // A leaf always separates; the product may round up where numbers are subnormal.
        let draw = unit(rng) * apart(row, self.point(leaf));
        self.split::<QUADS>(leaf, row, draw)
    }

    /// Cuts `row` off from the node `at`: `draw` in [0, outside) picks dimension and place together.
    fn split<const QUADS: usize>(&mut self, at: u32, row: &[Quad], mut draw: f64) -> LeafId {
        let (mut feature, mut cut, mut row_left) = (0_u32, 0.0, false);
        for (dimension, value) in (0..).zip(row.as_flattened()) {
            let (low, high) = self.side::<QUADS>(at, dimension);
            let (from, to) = if *value < low {
                (*value, low)
            } else if *value > high {
                (high, *value)
            } else {
                continue;
            };
            let gap = to - from;
            (feature, row_left) = (dimension, *value < low);
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
        let (left, right) = if row_left { (leaf | LEAF, at) } else { (at, leaf | LEAF) };
        self.inner[node as usize] = Inner { cut, range: 0.0, feature, left, right, parent };
        self.set_parent(left, node);
        self.set_parent(right, node);
        self.tighten::<QUADS>(node);
        LeafId(leaf)
    }

    /// Takes one row of a leaf out.
    pub(super) fn remove<const QUADS: usize>(&mut self, leaf: LeafId) {
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
        let mut at = node.parent;
        self.replace_child(at, parent, sibling);
        self.free_inner.push(parent);
        // Above a box that the row did not support, no box changes.
        while at != NONE && on_border(self.point(leaf), self.sides::<QUADS>(at)) && self.tighten::<QUADS>(at) {
            at = self.inner[at as usize].parent;
        }
    }
}
