//! A hash map by digests. They are spread already, so one multiplication by a secret of this process is enough to place them: whoever
//! chooses ids to lie in one place would have to know it.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use ledger::Digest;

pub(crate) type ByDigest<V> = HashMap<Digest, V, Secret>;

/// Makes hashers of one map.
#[derive(Clone)]
pub(crate) struct Secret(u64, u64);

impl Default for Secret {
    fn default() -> Self {
        let random = RandomState::new();
        Self(random.hash_one(0), random.hash_one(1) | 1)
    }
}

impl BuildHasher for Secret {
    type Hasher = Placed;

    fn build_hasher(&self) -> Placed {
        Placed { state: self.0, factor: self.1 }
    }
}

pub(crate) struct Placed {
    state: u64,
    factor: u64,
}

impl Hasher for Placed {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        rest.iter().for_each(|byte| self.mix(u64::from(*byte)));
    }

    /// A length: that of a digest says nothing.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.state
    }
}

impl Placed {
    fn mix(&mut self, word: u64) {
        let mixed = self.state ^ word;
        let high = (u128::from(mixed) * u128::from(self.factor)) >> 64;
        self.state = mixed.wrapping_mul(self.factor) ^ u64::try_from(high).unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn digests_that_differ_in_one_bit_lie_apart_and_elsewhere_in_another_map() {
        let (here, there) = (Secret::default(), Secret::default());
        let digests = (0..256).map(|bit| {
            let mut bytes = [0; 32];
            bytes[bit / 8] = 1 << (bit % 8);
            Digest(bytes)
        });
        let digests: Vec<Digest> = digests.chain([Digest::ZERO]).collect();
        let places = |secret: &Secret| digests.iter().map(|digest| secret.hash_one(digest)).collect::<BTreeSet<u64>>();
        assert_eq!(places(&here).len(), 257);
        assert_eq!(places(&here), places(&here));
        assert!(places(&here).is_disjoint(&places(&there)));
    }
}
