//! SHA-256 with its beginning done once: for the many short inputs of a batch that all begin alike. The compression
//! function is sha2's; what is written here is the padding of FIPS 180-4, section 5.1.1, without a hasher's bookkeeping.

use sha2::compress256;
use sha2::digest::generic_array::GenericArray;
use sha2::digest::generic_array::typenum::U64;

use crate::Digest;

type Block = GenericArray<u8, U64>;

const BLOCK_BYTES: usize = 64;
/// FIPS 180-4, section 5.3.3.
const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The state of a hash that has taken in some bytes.
#[derive(Clone, Copy)]
pub(crate) struct Begun {
    state: [u32; 8],
    block: Block,
    /// Bytes of `block` that are taken; fewer than 64.
    filled: usize,
    bytes: u64,
}

impl Begun {
    /// A hash that begins with these bytes.
    pub(crate) fn with(prefix: &[u8]) -> Self {
        let mut begun = Self { state: START, block: Block::default(), filled: 0, bytes: 0 };
        begun.take(prefix);
        begun
    }

    /// The same, and these bytes.
    pub(crate) fn and(mut self, bytes: &[u8]) -> Self {
        self.take(bytes);
        self
    }

    fn take(&mut self, mut bytes: &[u8]) {
        self.bytes = self.bytes.wrapping_add(bytes.len() as u64);
        while let Some((now, later)) = bytes.split_at_checked(BLOCK_BYTES - self.filled) {
            self.block[self.filled..].copy_from_slice(now);
            compress256(&mut self.state, std::slice::from_ref(&self.block));
            (self.filled, bytes) = (0, later);
        }
        self.block[self.filled..self.filled + bytes.len()].copy_from_slice(bytes);
        self.filled += bytes.len();
    }

    /// The digest.
    pub(crate) fn finish(mut self) -> Digest {
        self.block[self.filled] = 0x80;
        self.block[self.filled + 1..].fill(0);
        if self.filled + 1 > BLOCK_BYTES - 8 {
            compress256(&mut self.state, std::slice::from_ref(&self.block));
            self.block.fill(0);
        }
        self.block[BLOCK_BYTES - 8..].copy_from_slice(&self.bytes.wrapping_mul(8).to_be_bytes());
        compress256(&mut self.state, std::slice::from_ref(&self.block));
        let mut digest = [0; 32];
        for (place, word) in digest.chunks_exact_mut(4).zip(self.state) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        Digest(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_sha_256_however_the_bytes_are_parted(
            parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..140), 0..5)
        ) {
            let begun = parts.iter().fold(Begun::with(&[]), |begun, part| begun.and(part));
            prop_assert_eq!(begun.finish(), crate::sha256(&parts.concat()));
        }
    }

    #[test]
    fn every_length_around_a_block_is_padded_as_it_should() {
        for length in 0..200 {
            let bytes: Vec<u8> = (0..length).collect();
            assert_eq!(Begun::with(&bytes).finish(), crate::sha256(&bytes), "{length} bytes");
        }
    }
}
