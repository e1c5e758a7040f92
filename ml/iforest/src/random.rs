//! Integer and interval sampling of our own, so that results do not hang on another crate's version.

use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256Plus;

/// The generator of tree `tree`: every tree has its own, so that any tree can be grown alone.
pub(crate) fn of_tree(seed: u64, tree: usize) -> Xoshiro256Plus {
    // The golden-ratio step of SplitMix64 keeps seeds of neighbouring trees and forests apart.
    let stream = (tree as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    Xoshiro256Plus::seed_from_u64(seed.rotate_left(32) ^ stream)
}

/// Uniform in `0..bound` by multiplication with rejection (Lemire 2019); 0 where `bound` is 0.
pub(crate) fn below(rng: &mut Xoshiro256Plus, bound: usize) -> usize {
    let bound = bound as u64;
    if bound == 0 {
        return 0;
    }
    loop {
        let product = u128::from(rng.next_u64()) * u128::from(bound);
        #[expect(clippy::cast_possible_truncation, reason = "the low and the high half of the product")]
        let (low, high) = (product as u64, (product >> 64) as u64);
        // The remainder is below the bound: it need seldom be known.
        if low >= bound || low >= bound.wrapping_neg() % bound {
            #[expect(clippy::cast_possible_truncation, reason = "high < bound, which was a usize")]
            return high as usize;
        }
    }
}

/// Uniform in [0, 1) with 53 bits; the upper bits are xoshiro256+'s good ones.
pub(crate) fn unit(rng: &mut Xoshiro256Plus) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact in an f64")]
    let bits = (rng.next_u64() >> 11) as f64;
    bits * (1.0 / 9_007_199_254_740_992.0)
}

/// Leaves out so many draws.
pub(crate) fn skip(rng: &mut Xoshiro256Plus, draws: usize) {
    for _ in 0..draws {
        rng.next_u64();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_residue_is_drawn_about_equally_often() {
        let mut rng = of_tree(7, 0);
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[below(&mut rng, 7)] += 1;
        }
        // Binomial sd is 92.6; six of them.
        assert!(counts.iter().all(|c| c.abs_diff(10_000) < 556), "{counts:?}");
        assert_eq!(below(&mut rng, 1), 0);
        assert_eq!(below(&mut rng, 0), 0);
    }

    #[test]
    fn trees_and_seeds_have_different_streams() {
        let first = |seed, tree| of_tree(seed, tree).next_u64();
        assert_ne!(first(1, 0), first(1, 1));
        assert_ne!(first(1, 0), first(2, 0));
        let mut rng = of_tree(1, 0);
        assert!((0..10_000).map(|_| unit(&mut rng)).all(|u| (0.0..1.0).contains(&u)));
    }
}
