use ledger::{SeededRng, rng_from_seed};
use rand_core::{CryptoRng, OsRng, RngCore};

/// Where nonces, salts and signatures take their randomness.
pub enum Randomness {
    /// The operating system.
    System,
    /// A seed, for tests only: a seed that is used twice repeats nonces under the same keys.
    Seeded(SeededRng),
}

impl Randomness {
    /// For tests only.
    pub fn seeded(seed: [u8; 32]) -> Self {
        Self::Seeded(rng_from_seed(seed))
    }
}

/// Bytes that the operating system is asked for at once: asking costs more than what a nonce needs.
const POOL_BYTES: usize = 2_048;

/// Randomness as a monitor draws it, a few bytes at a time. What was drawn is not kept.
pub(crate) struct Drawing {
    from: Randomness,
    pool: Box<[u8; POOL_BYTES]>,
    /// Bytes at the pool's beginning that nobody has drawn.
    left: usize,
}

impl From<Randomness> for Drawing {
    fn from(from: Randomness) -> Self {
        Self { from, pool: Box::new([0; POOL_BYTES]), left: 0 }
    }
}

impl Drawing {
    fn draw(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
        let rng = match &mut self.from {
            Randomness::Seeded(rng) => return rng.try_fill_bytes(dest),
            Randomness::System => &mut OsRng,
        };
        if dest.len() > POOL_BYTES {
            return rng.try_fill_bytes(dest);
        }
        if dest.len() > self.left {
            rng.try_fill_bytes(self.pool.as_mut_slice())?;
            self.left = POOL_BYTES;
        }
        let from = self.left - dest.len();
        let drawn = &mut self.pool[from..self.left];
        dest.copy_from_slice(drawn);
        drawn.fill(0);
        self.left = from;
        Ok(())
    }
}

impl RngCore for Drawing {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    /// # Panics
    /// Where the operating system has no randomness, as [`OsRng`] does: nothing may be sealed then.
    #[expect(clippy::panic, reason = "this form of the call cannot say it otherwise")]
    fn fill_bytes(&mut self, dest: &mut [u8]) {
        if let Err(error) = self.draw(dest) {
            panic!("no randomness: {error}");
        }
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
        self.draw(dest)
    }
}

impl CryptoRng for Drawing {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn nothing_is_drawn_twice_whatever_is_asked_for() {
        let mut drawing = Drawing::from(Randomness::System);
        let mut seen = std::collections::BTreeSet::new();
        for length in (8..200).chain([POOL_BYTES - 1, POOL_BYTES, POOL_BYTES + 1]) {
            let mut bytes = vec![0; length];
            drawing.fill_bytes(&mut bytes);
            assert!(bytes.chunks_exact(8).all(|word| seen.insert(word.to_vec())), "{length} bytes");
            assert!(drawing.pool[drawing.left..].iter().all(|byte| *byte == 0));
        }
    }

    #[test]
    fn a_seed_gives_what_its_generator_gives() {
        let mut drawing = Drawing::from(Randomness::seeded([7; 32]));
        let (mut ours, mut its) = ([0; 45], [0; 45]);
        drawing.try_fill_bytes(&mut ours).unwrap();
        rng_from_seed([7; 32]).fill_bytes(&mut its);
        assert_eq!(ours, its);
    }
}
