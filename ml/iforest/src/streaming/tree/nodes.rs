//! Where a tree's nodes lie: boxes, rows, parents, and places used again.

use super::super::bounds::{LANES, Quad, Sides, merge, sum};
use super::{CutTree, Inner, LEAF, Leaf, NONE};

impl CutTree {
    /// Sets a node's box to that of its children; says whether it changed.
    pub(super) fn tighten<const QUADS: usize>(&mut self, at: u32) -> bool {
        let quads = self.quads::<QUADS>();
        let Inner { left, right, .. } = self.inner[at as usize];
        let (mut ranges, mut changed) = (Quad::default(), false);
        for quad in 0..quads {
            let (left, right) = (self.four_sides::<QUADS>(left, quad), self.four_sides::<QUADS>(right, quad));
            changed |= merge(&mut self.sides[at as usize * quads + quad], &left, &right, &mut ranges);
        }
        self.inner[at as usize].range = sum(ranges);
        changed
    }

    /// Quads of a row: `QUADS`, or where that is 0 what the tree was made for.
    #[inline]
    pub(super) fn quads<const QUADS: usize>(&self) -> usize {
        if QUADS == 0 { self.quads } else { QUADS }
    }

    /// The box of an inner node.
    #[inline]
    pub(super) fn sides<const QUADS: usize>(&self, at: u32) -> &[Sides] {
        let quads = self.quads::<QUADS>();
        let start = at as usize * quads;
        &self.sides[start..start + quads]
    }

    #[inline]
    pub(super) fn sides_mut<const QUADS: usize>(&mut self, at: u32) -> &mut [Sides] {
        let quads = self.quads::<QUADS>();
        let start = at as usize * quads;
        &mut self.sides[start..start + quads]
    }

    /// Four sides of a node's box; a leaf's is its row.
    #[inline]
    fn four_sides<const QUADS: usize>(&self, at: u32, quad: usize) -> Sides {
        let quads = self.quads::<QUADS>();
        if at & LEAF != 0 {
            Sides::of(self.points[(at & !LEAF) as usize * quads + quad])
        } else {
            self.sides[at as usize * quads + quad]
        }
    }

    /// Lower and upper end of a node's box in one dimension.
    #[inline]
    pub(super) fn side<const QUADS: usize>(&self, at: u32, dimension: u32) -> (f64, f64) {
        let dimension = dimension as usize;
        let Sides { low, high } = self.four_sides::<QUADS>(at, dimension / LANES);
        (low[dimension % LANES], high[dimension % LANES])
    }

    #[inline]
    pub(super) fn point(&self, leaf: u32) -> &[Quad] {
        let start = (leaf & !LEAF) as usize * self.quads;
        &self.points[start..start + self.quads]
    }

    #[inline]
    pub(super) fn new_leaf(&mut self, row: &[Quad]) -> u32 {
        let fresh = Leaf { parent: NONE, rows: 1 };
        if let Some(leaf) = self.free_leaves.pop() {
            let start = leaf as usize * self.quads;
            self.points[start..start + self.quads].copy_from_slice(row);
            self.leaves[leaf as usize] = fresh;
            return leaf;
        }
        self.points.extend_from_slice(row);
        self.leaves.push(fresh);
        // Samples are bounded by MAX_SAMPLE.
        u32::try_from(self.leaves.len() - 1).unwrap_or(0)
    }

    #[inline]
    pub(super) fn new_inner(&mut self) -> u32 {
        if let Some(node) = self.free_inner.pop() {
            return node;
        }
        self.sides.resize(self.sides.len() + self.quads, Sides::of(Quad::default()));
        self.inner.push(Inner { cut: 0.0, range: 0.0, feature: 0, left: NONE, right: NONE, parent: NONE });
        u32::try_from(self.inner.len() - 1).unwrap_or(0)
    }

    #[inline]
    pub(super) fn replace_child(&mut self, parent: u32, old: u32, new: u32) {
        if parent == NONE {
            self.root = new;
        } else {
            let node = &mut self.inner[parent as usize];
            let child = if node.left == old { &mut node.left } else { &mut node.right };
            *child = new;
        }
        self.set_parent(new, parent);
    }

    #[inline]
    pub(super) fn parent(&self, child: u32) -> u32 {
        if child & LEAF != 0 { self.leaves[(child & !LEAF) as usize].parent } else { self.inner[child as usize].parent }
    }

    #[inline]
    pub(super) fn set_parent(&mut self, child: u32, parent: u32) {
        if child & LEAF != 0 {
            self.leaves[(child & !LEAF) as usize].parent = parent;
        } else {
            self.inner[child as usize].parent = parent;
        }
    }
}
