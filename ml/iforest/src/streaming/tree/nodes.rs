//! Where a tree's nodes lie: boxes, rows, parents, and places used again.

use super::super::bounds::merge;
use super::{CutTree, Inner, LEAF, Leaf, NONE};

impl CutTree {
    /// Sets a node's box to that of its children; says whether it changed.
    pub(super) fn tighten(&mut self, at: u32) -> bool {
        let (width, corner) = (self.width, at as usize * 2 * self.width);
        let node = &mut self.inner[at as usize];
        let (before, rest) = self.boxes.split_at_mut(corner);
        let (own, after) = rest.split_at_mut(2 * width);
        let (low, high) = own.split_at_mut(width);
        let points = &self.points;
        let child = |child: u32| {
            if child & LEAF != 0 {
                let start = (child & !LEAF) as usize * width;
                let point = &points[start..start + width];
                return (point, point);
            }
            let start = child as usize * 2 * width;
            let bounds = if start < corner { &before[start..] } else { &after[start - corner - 2 * width..] };
            (&bounds[..width], &bounds[width..2 * width])
        };
        let (range, changed) = merge(child(node.left), child(node.right), low, high);
        node.range = range;
        changed
    }

    /// Lower and upper ends of a node's box; a leaf's are its row.
    #[inline]
    pub(super) fn node_box(&self, at: u32) -> (&[f64], &[f64]) {
        if at & LEAF != 0 {
            return (self.point(at), self.point(at));
        }
        let corner = at as usize * 2 * self.width;
        self.boxes[corner..corner + 2 * self.width].split_at(self.width)
    }

    #[inline]
    pub(super) fn point(&self, leaf: u32) -> &[f64] {
        let start = (leaf & !LEAF) as usize * self.width;
        &self.points[start..start + self.width]
    }

    pub(super) fn new_leaf(&mut self, row: &[f64]) -> u32 {
        let fresh = Leaf { parent: NONE, rows: 1 };
        if let Some(leaf) = self.free_leaves.pop() {
            let start = leaf as usize * self.width;
            self.points[start..start + self.width].copy_from_slice(row);
            self.leaves[leaf as usize] = fresh;
            return leaf;
        }
        self.points.extend_from_slice(row);
        self.leaves.push(fresh);
        // Samples are bounded by MAX_SAMPLE.
        u32::try_from(self.leaves.len() - 1).unwrap_or(0)
    }

    pub(super) fn new_inner(&mut self) -> u32 {
        if let Some(node) = self.free_inner.pop() {
            return node;
        }
        self.boxes.resize(self.boxes.len() + 2 * self.width, 0.0);
        self.inner.push(Inner { cut: 0.0, range: 0.0, feature: 0, left: NONE, right: NONE });
        self.inner_parents.push(NONE);
        u32::try_from(self.inner.len() - 1).unwrap_or(0)
    }

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

    pub(super) fn parent(&self, child: u32) -> u32 {
        if child & LEAF != 0 {
            self.leaves[(child & !LEAF) as usize].parent
        } else {
            self.inner_parents[child as usize]
        }
    }

    pub(super) fn set_parent(&mut self, child: u32, parent: u32) {
        if child & LEAF != 0 {
            self.leaves[(child & !LEAF) as usize].parent = parent;
        } else {
            self.inner_parents[child as usize] = parent;
        }
    }
}
