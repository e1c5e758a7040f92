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

    /// The digest of what was taken in and these bytes: as many blocks at a time as fit, since each call has its price.
    pub(crate) fn digest(&self, bytes: &[u8]) -> Digest {
        const AT_ONCE: usize = 6;
        let length = self.filled + bytes.len();
        let count = (length + 9).div_ceil(BLOCK_BYTES);
        if count > AT_ONCE {
            return self.and(bytes).finish();
        }
        let mut blocks = [Block::default(); AT_ONCE];
        blocks[0] = self.block;
        let (first, rest) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.filled));
        blocks[0][self.filled..self.filled + first.len()].copy_from_slice(first);
        blocks[0][self.filled + first.len()..].fill(0);
        for (block, part) in blocks[1..].iter_mut().zip(rest.chunks(BLOCK_BYTES)) {
            match <&[u8; BLOCK_BYTES]>::try_from(part) {
                Ok(whole) => *block = Block::from(*whole),
                Err(_) => block[..part.len()].copy_from_slice(part),
            }
        }
        blocks[length / BLOCK_BYTES][length % BLOCK_BYTES] = 0x80;
        let bits = self.bytes.wrapping_add(bytes.len() as u64).wrapping_mul(8);
        blocks[count - 1][BLOCK_BYTES - 8..].copy_from_slice(&bits.to_be_bytes());
        let mut state = self.state;
        compress256(&mut state, &blocks[..count]);
        digest_of(state)
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
        digest_of(self.state)
    }
}

/// SHA-256 of a byte and two digests, an inner node of a tree: two blocks, and where everything stands in them is known.
pub(crate) fn digest_of_pair(first: u8, left: &Digest, right: &Digest) -> Digest {
    let mut blocks = [Block::default(); 2];
    blocks[0][0] = first;
    blocks[0][1..33].copy_from_slice(&left.0);
    blocks[0][33..].copy_from_slice(&right.0[..31]);
    blocks[1][0] = right.0[31];
    blocks[1][1] = 0x80;
    blocks[1][BLOCK_BYTES - 8..].copy_from_slice(&(65 * 8_u64).to_be_bytes());
    let mut state = START;
    compress256(&mut state, &blocks);
    digest_of(state)
}

/// SHA-256 of a byte and a digest, a leaf that is a commitment: one block.
pub(crate) fn digest_of_one(first: u8, leaf: &[u8; 32]) -> Digest {
    let mut block = Block::default();
    block[0] = first;
    block[1..33].copy_from_slice(leaf);
    block[33] = 0x80;
    block[BLOCK_BYTES - 8..].copy_from_slice(&(33 * 8_u64).to_be_bytes());
    let mut state = START;
    compress256(&mut state, std::slice::from_ref(&block));
    digest_of(state)
}

fn digest_of(state: [u32; 8]) -> Digest {
    let mut digest = [0; 32];
    for (place, word) in digest.chunks_exact_mut(4).zip(state) {
        place.copy_from_slice(&word.to_be_bytes());
    }
    Digest(digest)
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
            let (first, rest) = parts.concat().split_at_checked(30).map_or((vec![], parts.concat()), |(a, b)| (a.into(), b.into()));
            prop_assert_eq!(Begun::with(&first).digest(&rest), crate::sha256(&parts.concat()));
        }

        #[test]
        fn nodes_and_leaves_are_sha_256_too(first: u8, left: [u8; 32], right: [u8; 32]) {
            let pair = [&[first][..], &left, &right].concat();
            prop_assert_eq!(digest_of_pair(first, &Digest(left), &Digest(right)), crate::sha256(&pair));
            prop_assert_eq!(digest_of_one(first, &left), crate::sha256(&pair[..33]));
        }
    }

    #[test]
    fn every_length_around_a_block_is_padded_as_it_should() {
        for length in 0..600_usize {
            let bytes: Vec<u8> = (0..length).map(|at| at.to_le_bytes()[0]).collect();
            assert_eq!(Begun::with(&bytes).finish(), crate::sha256(&bytes), "{length} bytes");
            for from in [0, 1, 36, 63, 64, 68, 130].into_iter().filter(|from| *from <= bytes.len()) {
                let (first, rest) = bytes.split_at(from);
                assert_eq!(Begun::with(first).digest(rest), crate::sha256(&bytes), "{from} of {length} bytes");
            }
        }
    }
}
