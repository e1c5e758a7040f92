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

/// Where a tree's way down ended: its last inner node, [`NONE`] where there is none, and how many there were.
#[derive(Clone, Copy)]
struct End {
    inner: u32,
    depth: u32,
}

/// Of a tree on its way up: the level it has come from, and the expected reciprocal from there on down.
#[derive(Clone, Copy, Default)]
struct Course {
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
    let mut parts = [Parts { inner: &[], sides: &[] }; TOGETHER];
    for (parts, tree) in parts.iter_mut().zip(trees) {
        *parts = Parts { inner: &tree.as_ref().inner, sides: &tree.as_ref().sides };
    }
    let ends = down(&parts, row, trees);
    let courses = up(&parts, row, trees, &ends);
    courses.iter().take(trees.len()).map(|course| course.expected).sum()
}

/// All trees from their roots to their leaves.
#[inline(always)]
fn down<T: AsRef<CutTree>>(parts: &[Parts<'_>; TOGETHER], row: &[Quad], trees: &[T]) -> [End; TOGETHER] {
    let mut ends = [End { inner: NONE, depth: 0 }; TOGETHER];
    let (mut from, mut to) = (&mut [Way::default(); TOGETHER], &mut [Way::default(); TOGETHER]);
    let mut on_way = 0_usize;
    for (number, tree) in (0..).zip(trees) {
        let root = tree.as_ref().root;
        from[on_way % TOGETHER] = Way { node: root, tree: number };
        on_way += usize::from(root & LEAF == 0);
    }
    let mut depth = 0_u32;
    while on_way > 0 {
        depth += 1;
        let mut still = 0_usize;
        for Way { node, tree } in from.get(..on_way).unwrap_or_default().iter().copied() {
            let number = tree as usize % TOGETHER;
            let inner = &parts[number].inner[node as usize];
            let next = inner.child_of(row);
            ends[number] = End { inner: node, depth };
            to[still % TOGETHER] = Way { node: next, tree };
            still = still.wrapping_add(usize::from(next & LEAF == 0));
        }
        on_way = still;
        (from, to) = (to, from);
    }
    ends
}

/// All trees from their leaves as far as the row lies outside the boxes.
#[inline(always)]
fn up<T: AsRef<CutTree>>(
    parts: &[Parts<'_>; TOGETHER],
    row: &[Quad],
    trees: &[T],
    ends: &[End; TOGETHER],
) -> [Course; TOGETHER] {
    let mut courses = [Course::default(); TOGETHER];
    let (mut from, mut to) = (&mut [Way::default(); TOGETHER], &mut [Way::default(); TOGETHER]);
    let mut on_way = 0_usize;
    for (((number, tree), course), end) in (0..).zip(trees).zip(&mut courses).zip(ends) {
        let level = f64::from(end.depth) + 1.0;
        *course = Course { level, expected: 1.0 / level };
        if end.inner == NONE {
            course.expected = tree.as_ref().at_leaf(row, tree.as_ref().root, level);
        }
        from[on_way % TOGETHER] = Way { node: end.inner, tree: number };
        on_way += usize::from(end.inner != NONE);
    }
    // Only inside the lowest box can the row be equal to the leaf's.
    on_way = one_up(parts, row, from, on_way, to, &mut courses, |number, course| {
        if let (Some(tree), Some(end)) = (trees.get(number), ends.get(number)) {
            let leaf = tree.as_ref().inner[end.inner as usize].child_of(row);
            course.expected = tree.as_ref().at_leaf(row, leaf, course.level);
        }
    });
    while on_way > 0 {
        (from, to) = (to, from);
        on_way = one_up(parts, row, from, on_way, to, &mut courses, |_, _| ());
    }
    courses
}

/// All trees that are on their way one node up; says how many go on.
#[inline(always)]
fn one_up(
    parts: &[Parts<'_>; TOGETHER],
    row: &[Quad],
    from: &[Way; TOGETHER],
    on_way: usize,
    to: &mut [Way; TOGETHER],
    courses: &mut [Course; TOGETHER],
    inside: impl Fn(usize, &mut Course),
) -> usize {
    let mut still = 0_usize;
    for Way { node, tree } in from.get(..on_way).unwrap_or_default().iter().copied() {
        let number = tree as usize % TOGETHER;
        let Parts { inner, sides } = parts[number];
        let inner = &inner[node as usize];
        let start = node as usize * row.len();
        let outside = outside(row, &sides[start..start + row.len()]);
        let course = &mut courses[number];
        if outside <= 0.0 {
            inside(number, course);
        }
        course.level -= 1.0;
        course.expected += outside / (inner.range + outside) * (1.0 / course.level - course.expected);
        to[still % TOGETHER] = Way { node: inner.parent, tree };
        still = still.wrapping_add(usize::from((outside > 0.0) & (inner.parent != NONE)));
    }
    still
}

impl Inner {
    /// On whose side `row` lies.
    #[inline]
    pub(super) fn child_of(&self, row: &[Quad]) -> u32 {
        if row.as_flattened()[self.feature as usize] <= self.cut { self.left } else { self.right }
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
