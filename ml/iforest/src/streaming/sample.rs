//! One tree with the sample of the past that it holds.

use super::bounds::{LANES, Quad};
use super::tree::{CutTree, LeafId};
use crate::random::{below, of_tree};
use rand_xoshiro::Xoshiro256Plus;

/// A random cut tree over a reservoir sample of the stream.
#[derive(Clone, Debug)]
pub(super) struct SampleTree {
    tree: CutTree,
    /// Where each row of the sample lies.
    places: Vec<LeafId>,
    rng: Xoshiro256Plus,
}

impl SampleTree {
    pub(super) fn new(features: usize, seed: u64, number: usize) -> Self {
        Self { tree: CutTree::new(features.div_ceil(LANES)), places: Vec::new(), rng: of_tree(seed, number) }
    }

    /// Offers row number `row_number` (from 1) to the sample.
    ///
    /// Vitter's algorithm R, with the count of rows held at `memory_rows`: up to there the sample is uniform; after
    /// it every row enters with probability sample / memory and puts out a random one, so that the past fades.
    #[inline]
    pub(super) fn learn<const QUADS: usize>(
        &mut self,
        row: &[Quad],
        row_number: u64,
        sample_size: usize,
        memory_rows: u64,
    ) {
        if self.places.len() < sample_size {
            self.places.push(self.tree.insert::<QUADS>(row, &mut self.rng));
            return;
        }
        let rows = usize::try_from(row_number.min(memory_rows)).unwrap_or(usize::MAX);
        let drawn = below(&mut self.rng, rows.max(sample_size));
        if drawn < sample_size {
            self.exchange::<QUADS>(row, drawn);
        }
    }

    /// Puts a row in where another was. Apart, since few rows get here.
    #[inline(never)]
    fn exchange<const QUADS: usize>(&mut self, row: &[Quad], drawn: usize) {
        if let Some(place) = self.places.get_mut(drawn) {
            self.tree.remove::<QUADS>(*place);
            *place = self.tree.insert::<QUADS>(row, &mut self.rng);
        }
    }

    /// Rows held.
    pub(super) fn rows(&self) -> usize {
        self.places.len()
    }

    /// Bytes that the tree may address at most with these settings.
    pub(super) fn most_bytes(features: usize, sample_size: usize) -> usize {
        CutTree::most_bytes(features.div_ceil(LANES), sample_size)
            .saturating_add(sample_size.saturating_mul(size_of::<LeafId>()))
    }
}

impl AsRef<CutTree> for SampleTree {
    fn as_ref(&self) -> &CutTree {
        &self.tree
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::cast_precision_loss)]
    use super::*;

    fn holds(tree: &SampleTree, value: f64) -> bool {
        tree.tree.holds(&[[value, 0.0, 0.0, 0.0]])
    }

    #[test]
    fn the_sample_is_uniform_over_the_memory_and_then_fades_by_its_reciprocal() {
        let (size, memory, forests) = (4, 16, 4_000);
        let mut held = [[0_u32; 40]; 2];
        for seed in 0..forests {
            let mut tree = SampleTree::new(1, seed, 0);
            for number in 1..=40_u32 {
                tree.learn::<1>(&[[f64::from(number), 0.0, 0.0, 0.0]], u64::from(number), size, memory);
                let counts = match number {
                    16 => &mut held[0],
                    40 => &mut held[1],
                    _ => continue,
                };
                for (row, count) in (1..).zip(counts.iter_mut()) {
                    *count += u32::from(holds(&tree, f64::from(row)));
                }
            }
            assert_eq!(tree.rows(), size);
        }
        for (at, rows) in [(0, 16), (1, 40)] {
            for row in 1..=40_i32 {
                let entered = if row <= rows { 0.25 } else { 0.0 };
                // Later rows than the 16th each put it out with probability 1/16.
                let expected = entered * (1.0 - 1.0 / 16.0_f64).powi((rows - row.max(16)).max(0));
                let share = f64::from(held[at][row as usize - 1]) / forests as f64;
                let sd = (expected * (1.0 - expected) / forests as f64).sqrt();
                assert!((share - expected).abs() <= 5.0 * sd, "row {row} of {rows}: {share} against {expected}");
            }
        }
    }
}
