/// A generator for tests, simulations and anything else that must be repeatable.
///
/// SHA-256 in counter mode over the seed. Do not seed it from anything
/// guessable where the output protects something.
pub fn rng_from_seed(seed: [u8; 32]) -> SeededRng {
    SeededRng { seed, counter: 0 }
}

/// See [`rng_from_seed`].
#[derive(Clone)]
pub struct SeededRng {
    seed: [u8; 32],
    counter: u64,
}

impl rand_core::RngCore for SeededRng {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }
    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }
    fn fill_bytes(&mut self, dest: &mut [u8]) {
        use sha2::Digest as _;
        for chunk in dest.chunks_mut(32) {
            let block = sha2::Sha256::new().chain_update(self.seed).chain_update(self.counter.to_le_bytes()).finalize();
            self.counter = self.counter.wrapping_add(1);
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl rand_core::CryptoRng for SeededRng {}
