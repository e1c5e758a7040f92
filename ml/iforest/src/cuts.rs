//! The thresholds of one feature, and the rank of a value among them.

use linfa::Float;
use std::cmp::Ordering;

/// Values that are ranked, and rows that go down a tree, together.
pub(crate) const LANES: usize = 16;

/// Evaluates an expression with `$width` as the constant 2^`$depth`, for depths 0 to the last one listed.
macro_rules! with_width {
    ($depth:expr, $width:ident => $call:expr, $($listed:literal)+) => {
        match $depth {
            $($listed => { const $width: usize = 1 << $listed; $call })+
            _ => {}
        }
    };
}
pub(crate) use with_width;

/// The distinct thresholds of a feature as a perfect search tree: node 1 is the root, the children of node i are 2i and
/// 2i + 1, and what is missing is +∞, which lies below no value.
pub(crate) struct Cuts<F> {
    depth: u32,
    /// 2^`depth`, the first unused.
    nodes: Vec<F>,
}

impl<F: Float> Cuts<F> {
    /// `None` for more than `most` distinct thresholds, at most 2^19 − 1.
    pub(crate) fn new(mut thresholds: Vec<F>, most: usize) -> Option<Self> {
        thresholds.sort_unstable_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
        thresholds.dedup();
        if thresholds.len() > most {
            return None;
        }
        let width = (thresholds.len() + 1).next_power_of_two();
        let depth = width.trailing_zeros();
        let mut nodes = vec![F::infinity(); width];
        for (at, node) in nodes.iter_mut().enumerate().skip(1) {
            // Level l holds 2^l nodes; the j-th of them has (2j + 1) · 2^(depth − l − 1) − 1 nodes to its left.
            let level = at.ilog2();
            let left = (2 * (at - (1 << level)) + 1) * (1 << (depth - level - 1)) - 1;
            if let Some(threshold) = thresholds.get(left) {
                *node = *threshold;
            }
        }
        Some(Self { depth, nodes })
    }

    /// Bytes on the heap.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.nodes.len() * size_of::<F>()
    }

    /// How many thresholds lie below a value. NaN is above none.
    pub(crate) fn rank(&self, value: F) -> i32 {
        let mut at = 1;
        while let Some(node) = self.nodes.get(at) {
            at = 2 * at + usize::from(*node < value);
        }
        // Bounded by the number of thresholds.
        i32::try_from(at - self.nodes.len()).unwrap_or(i32::MAX)
    }

    /// [`Self::rank`] of sixteen values.
    pub(crate) fn ranks(&self, values: &[F; LANES]) -> [i32; LANES] {
        let mut ranks = [0; LANES];
        with_width!(
            self.depth,
            N => if let Some(nodes) = self.nodes.first_chunk::<N>() { ranks = descend(nodes, values) },
            0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19
        );
        ranks
    }
}

/// Sixteen searches at a time, without a branch that hangs on the data.
fn descend<F: Float, const N: usize>(nodes: &[F; N], values: &[F; LANES]) -> [i32; LANES] {
    let mut at = [1_u32; LANES];
    for _ in 0..N.trailing_zeros() {
        for (at, value) in at.iter_mut().zip(values) {
            // The mask changes nothing; it shows the compiler that nothing is out of bounds.
            let above = u32::from(nodes[*at as usize & (N - 1)] < *value);
            *at = at.wrapping_add(*at).wrapping_add(above);
        }
    }
    // After the last step a place is N more than its rank.
    let below_n = (1_u32 << N.trailing_zeros()) - 1;
    at.map(|at| (at & below_n).cast_signed())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_value_is_above_a_cut_exactly_where_its_rank_is_above_the_cuts_place() {
        let cuts = [-1e300, -1.0, -f64::MIN_POSITIVE, 0.0, 1.0, 1e300];
        let tree = Cuts::new(vec![1.0, -1.0, 0.0, 1e300, -0.0, -f64::MIN_POSITIVE, -1e300, 1.0], 6).unwrap();
        for value in [-f64::MAX, -1e300, -2.0, -1.0, -0.5, -f64::MIN_POSITIVE, -0.0, 0.0, 5e-324, 1.0, 2.0, f64::MAX] {
            for (place, cut) in (0..).zip(&cuts) {
                assert_eq!(tree.rank(value) > place, value > *cut, "{value} and {cut}");
            }
        }
    }

    #[test]
    fn ranks_count_the_thresholds_below_for_any_number_of_them() {
        for count in (0..70_u16).chain([255, 256, 257, 1023, 1024]) {
            let tree = Cuts::new((0..count).rev().map(f32::from).collect(), 1024).unwrap();
            for value in 0..=count {
                assert_eq!(tree.rank(f32::from(value)), i32::from(value), "{count} thresholds");
                assert_eq!(tree.rank(f32::from(value) - 0.5), i32::from(value), "{count} thresholds");
            }
            assert_eq!(tree.rank(f32::NAN), 0);
        }
        assert!(Cuts::new(vec![1.0_f64, 2.0, 3.0], 2).is_none());
    }

    #[test]
    fn sixteen_values_have_the_ranks_that_each_has_alone() {
        let tree = Cuts::new((0..37_u8).map(|cut| f64::from(cut) * 1.5).collect(), 100).unwrap();
        let values: [f64; LANES] = std::array::from_fn(|lane| lane as f64 * 4.1 - 3.0);
        assert_eq!(tree.ranks(&values), values.map(|value| tree.rank(value)));
    }
}
