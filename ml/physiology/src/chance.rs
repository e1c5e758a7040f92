//! Random draws of our own on xoshiro256+: the same seed gives the same person on every machine.

use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256Plus;

pub(crate) struct Chance(Xoshiro256Plus);

impl Chance {
    /// A stream of its own for each (seed, purpose, number).
    pub(crate) fn new(seed: u64, purpose: u64, number: u64) -> Self {
        let mixed = seed.rotate_left(24) ^ number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self(Xoshiro256Plus::seed_from_u64(mixed ^ purpose.wrapping_mul(0xD1B5_4A32_D192_ED03)))
    }

    /// Uniform in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are exact in an f64")]
        let bits = (self.0.next_u64() >> 11) as f64;
        bits * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Uniform in [low, high).
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True with a probability.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// About normal with standard deviation 1: four uniform 16-bit numbers from one draw (Irwin–Hall), within ± 3.5.
    pub(crate) fn normal(&mut self) -> f64 {
        let draw = self.0.next_u64();
        let sum: u64 = [0, 16, 32, 48].into_iter().map(|shift| draw >> shift & 0xffff).sum();
        #[expect(clippy::cast_precision_loss, reason = "below 2^18")]
        let centred = sum as f64 - 131_070.0;
        // The variance of four uniforms on 0..=65535 is 4 × (65536² − 1) / 12.
        centred / 37_837.227
    }
}
