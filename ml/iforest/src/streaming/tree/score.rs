//! Scoring by virtual insertion, in many trees together.
//!
//! A way down a tree is a chain of reads, each of which says where the next is, most of them from beyond the nearest
//! cache, and it ends where no processor foresees. So all trees go down level by level side by side: their reads do
//! not wait for each other, and the list of those still on their way shrinks without a branch.

use super::super::bounds::{Quad, Sides, outside};
use super::{CutTree, Inner, LEAF, NONE};
use crate::average_path_length;

/// Trees that go side by side.
pub(in super::super) const TOGETHER: usize = 64;

/// A tree on its way, and the node that it has come to.
#[derive(Clone, Copy, Default)]
struct Way {
    node: u32,
    tree: u32,
}

/// What is known of a tree.
#[derive(Clone, Copy)]
struct Course {
    /// The last inner node on the way down.
    parent: u32,
    leaf: u32,
    /// Of the node on the way up.
    level: f64,
    expected: f64,
}

/// What is read of a tree.
#[derive(Clone, Copy)]
struct Parts<'a> {
    inner: &'a [Inner],
    sides: &'a [Sides],
}

/// Per tree, at most [`TOGETHER`] of them: the expected reciprocal of the level, 1 at the root, at which a random
/// insertion of `row` comes to rest; below equal rows the level that c(rows) more cuts would give. Their sum, in order.
///
/// At a node whose box is left by `e` in all (summed over the dimensions) and has sides of `R` in all, a random cut of
/// the widened box separates the row with probability e / (R + e); otherwise the node's own cut holds. Taken from
/// below that is one step a node: expected += e / (R + e) × (1 / level − expected). Boxes lie within each other, so
/// the first one that holds the row ends the way up.
pub(in super::super) fn reciprocal_levels<const QUADS: usize, T: AsRef<CutTree>>(trees: &[T], row: &[Quad]) -> f64 {
    let row = if QUADS == 0 { row } else { &row[..QUADS] };
    let mut courses = [Course { parent: NONE, leaf: NONE, level: 1.0, expected: 0.0 }; TOGETHER];
    let mut parts = [Parts { inner: &[], sides: &[] }; TOGETHER];
    for ((parts, course), tree) in parts.iter_mut().zip(&mut courses).zip(trees) {
        let tree = tree.as_ref();
        *parts = Parts { inner: &tree.inner, sides: &tree.sides };
        course.leaf = tree.root;
    }
    down(&parts, &mut courses, row, trees.len());
    up(&parts, &mut courses, row, trees);
    courses.iter().take(trees.len()).map(|course| course.expected).sum()
}

/// All trees from their roots to their leaves.
#[inline(always)]
fn down(parts: &[Parts<'_>; TOGETHER], courses: &mut [Course; TOGETHER], row: &[Quad], trees: usize) {
    let (mut from, mut to) = (&mut [Way::default(); TOGETHER], &mut [Way::default(); TOGETHER]);
    let mut on_way = 0_usize;
    for (tree, course) in (0..).zip(courses.iter().take(trees)) {
        from[on_way % TOGETHER] = Way { node: course.leaf, tree };
        on_way += usize::from(course.leaf & LEAF == 0);
    }
    let mut level = 1.0;
    while on_way > 0 {
        level += 1.0;
        let mut still = 0_usize;
        for Way { node, tree } in from.iter().take(on_way).copied() {
            let number = tree as usize % TOGETHER;
            let inner = &parts[number].inner[node as usize];
            let value = row.as_flattened()[inner.feature as usize];
            let next = if value <= inner.cut { inner.left } else { inner.right };
            let course = &mut courses[number];
            (course.parent, course.leaf, course.level) = (node, next, level);
            to[still % TOGETHER] = Way { node: next, tree };
            still = still.wrapping_add(usize::from(next & LEAF == 0));
        }
        on_way = still;
        (from, to) = (to, from);
    }
}

/// All trees from their leaves as far as the row lies outside the boxes.
#[inline(always)]
fn up<T: AsRef<CutTree>>(parts: &[Parts<'_>; TOGETHER], courses: &mut [Course; TOGETHER], row: &[Quad], trees: &[T]) {
    let (mut from, mut to) = (&mut [Way::default(); TOGETHER], &mut [Way::default(); TOGETHER]);
    let mut on_way = 0_usize;
    for ((number, tree), course) in (0..).zip(trees).zip(courses.iter_mut()) {
        course.expected = 1.0 / course.level;
        from[on_way % TOGETHER] = Way { node: course.parent, tree: number };
        on_way += usize::from(course.parent != NONE);
        if course.parent == NONE {
            course.expected = tree.as_ref().at_leaf(row, course.leaf, course.level);
        }
    }
    let mut lowest = true;
    while on_way > 0 {
        let mut still = 0_usize;
        for Way { node, tree } in from.iter().take(on_way).copied() {
            let number = tree as usize % TOGETHER;
            let Parts { inner, sides } = parts[number];
            let inner = &inner[node as usize];
            let start = node as usize * row.len();
            let outside = outside(row, &sides[start..start + row.len()]);
            let course = &mut courses[number];
            // Only here can the row be equal to the leaf's.
            if lowest
                && outside <= 0.0
                && let Some(tree) = trees.get(number)
            {
                course.expected = tree.as_ref().at_leaf(row, course.leaf, course.level);
            }
            course.level -= 1.0;
            course.expected += outside / (inner.range + outside) * (1.0 / course.level - course.expected);
            to[still % TOGETHER] = Way { node: inner.parent, tree };
            still = still.wrapping_add(usize::from((outside > 0.0) & (inner.parent != NONE)));
        }
        on_way = still;
        (from, to) = (to, from);
        lowest = false;
    }
}

impl CutTree {
    /// The reciprocal of the level of a leaf, lower by the cuts that equal rows would need.
    #[cold]
    fn at_leaf(&self, row: &[Quad], leaf: u32, level: f64) -> f64 {
        if leaf == NONE {
            return 0.0;
        }
        let rows = if self.point(leaf) == row { self.leaves[(leaf & !LEAF) as usize].rows } else { 1 };
        1.0 / (level + average_path_length(rows as usize))
    }
}
