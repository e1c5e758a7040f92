//! Salted commitments: what a chain shows of a record until somebody is entitled to see it.

use borsh::{BorshDeserialize, BorshSerialize};
use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroize;

use crate::begun::Begun;
use crate::{Chain, Digest, Domain};

/// Length of a salt.
pub const SALT_BYTES: usize = 32;

/// The salt of one record. Whoever holds it and the record can show that a commitment is theirs.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Salt(pub [u8; SALT_BYTES]);

impl Salt {
    /// A fresh salt.
    pub fn generate(rng: &mut (impl CryptoRng + RngCore)) -> Self {
        let mut bytes = [0; SALT_BYTES];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// `SHA-256(preamble(Leaf) ‖ salt ‖ record)`.
    pub fn commit(&self, chain: &Chain, record: &[u8]) -> Digest {
        chain.digest_parts(Domain::Leaf, &[&self.0, record])
    }
}

/// From one random seed, an own salt for each record of a batch: `SHA-256(preamble(Salt) ‖ seed ‖ index u64)`.
///
/// A salt tells nothing of the seed nor of its neighbours, so one record can be opened alone;
/// deleting the seed makes all commitments of the batch unopenable.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SaltSeed(pub [u8; 32]);

impl SaltSeed {
    /// A fresh seed.
    pub fn generate(rng: &mut (impl CryptoRng + RngCore)) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The salt of the record at `index` (from 0) of the batch.
    pub fn salt(&self, chain: &Chain, index: u64) -> Salt {
        Salt(chain.digest_parts(Domain::Salt, &[&self.0, &index.to_le_bytes()]).0)
    }
}

/// Commits to the records of one batch: the same as [`SaltSeed::salt`] and [`Salt::commit`] one after the other, with the
/// hash states of what all of them begin with kept.
pub struct BatchCommitments {
    salt: Begun,
    leaf: Begun,
}

impl BatchCommitments {
    /// For the records of the batch with this seed.
    pub fn new(chain: &Chain, seed: &SaltSeed) -> Self {
        let begin = |domain| Begun::with(&chain.preamble(domain));
        Self { salt: begin(Domain::Salt).and(&seed.0), leaf: begin(Domain::Leaf) }
    }

    /// The commitment to the record at `index` (from 0).
    pub fn commit(&self, index: u64, record: &[u8]) -> Digest {
        let salt = self.salt.digest(&index.to_le_bytes());
        self.leaf.and(&salt.0).digest(record)
    }
}

impl Drop for SaltSeed {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
