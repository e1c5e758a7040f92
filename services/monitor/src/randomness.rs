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

impl RngCore for Randomness {
    fn next_u32(&mut self) -> u32 {
        match self {
            Self::System => OsRng.next_u32(),
            Self::Seeded(rng) => rng.next_u32(),
        }
    }

    fn next_u64(&mut self) -> u64 {
        match self {
            Self::System => OsRng.next_u64(),
            Self::Seeded(rng) => rng.next_u64(),
        }
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        match self {
            Self::System => OsRng.fill_bytes(dest),
            Self::Seeded(rng) => rng.fill_bytes(dest),
        }
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
        match self {
            Self::System => OsRng.try_fill_bytes(dest),
            Self::Seeded(rng) => rng.try_fill_bytes(dest),
        }
    }
}

impl CryptoRng for Randomness {}
