//! The Merkle tree of RFC 6962 section 2.1 over byte strings, with inclusion proofs (2.1.1).

use borsh::{BorshDeserialize, BorshSerialize};

use crate::begun::{Begun, digest_of_one, digest_of_pair};
use crate::{Digest, Error};

/// `SHA-256(0x00 ‖ leaf)`.
pub fn leaf_hash(leaf: &[u8]) -> Digest {
    match leaf.try_into() {
        Ok(commitment) => digest_of_one(0, commitment),
        Err(_) => Begun::with(&[0]).digest(leaf),
    }
}

/// `SHA-256(0x01 ‖ left ‖ right)`.
fn node_hash(left: &Digest, right: &Digest) -> Digest {
    digest_of_pair(1, left, right)
}

/// Root of the tree without leaves: SHA-256 of the empty string.
pub fn empty_root() -> Digest {
    crate::sha256(&[])
}

/// The root alone, without keeping the tree.
pub fn root_of<L: AsRef<[u8]>>(leaves: &[L]) -> Digest {
    let mut level: Vec<Digest> = leaves.iter().map(|leaf| leaf_hash(leaf.as_ref())).collect();
    while level.len() > 1 {
        // In place: a parent never lies behind its children.
        let half = level.len().div_ceil(2);
        for at in 0..half {
            level[at] = match level.get(2 * at + 1) {
                Some(right) => node_hash(&level[2 * at], right),
                None => level[2 * at],
            };
        }
        level.truncate(half);
    }
    level.first().copied().unwrap_or_else(empty_root)
}

/// A lone last node moves up unchanged, which yields RFC 6962's shape level by level.
fn parents(level: &[Digest]) -> Vec<Digest> {
    level
        .chunks(2)
        .map(|pair| match pair {
            [left, right] => node_hash(left, right),
            [lone] => *lone,
            _ => empty_root(),
        })
        .collect()
}

/// All levels of a tree, so that a proof is a walk and not a computation.
#[derive(Debug, Clone)]
pub struct MerkleTree {
    /// `levels[0]` are the leaf hashes, the last level is the root.
    levels: Vec<Vec<Digest>>,
}

impl MerkleTree {
    /// Builds the tree over the leaves in order.
    pub fn new<L: AsRef<[u8]>>(leaves: &[L]) -> Self {
        let mut levels = vec![leaves.iter().map(|leaf| leaf_hash(leaf.as_ref())).collect::<Vec<_>>()];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let next = parents(level);
            levels.push(next);
        }
        Self { levels }
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.levels[0].len() as u64
    }

    /// The root; [`empty_root`] where there is no leaf.
    pub fn root(&self) -> Digest {
        self.levels.last().and_then(|level| level.first()).copied().unwrap_or_else(empty_root)
    }

    /// The proof that the leaf at `index` (from 0) is in the tree: at most ⌈log2 n⌉ digests.
    pub fn prove(&self, index: u64) -> Result<InclusionProof, Error> {
        let size = self.size();
        if index >= size {
            return Err(Error::NoSuchLeaf { index, size });
        }
        let mut path = Vec::with_capacity(self.levels.len());
        let mut position = usize::try_from(index).map_err(|_| Error::NoSuchLeaf { index, size })?;
        for level in &self.levels[..self.levels.len() - 1] {
            if let Some(sibling) = level.get(position ^ 1) {
                path.push(*sibling);
            }
            position >>= 1;
        }
        Ok(InclusionProof { index, size, path })
    }
}

/// Shows that a leaf is in a tree of a known root.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct InclusionProof {
    /// Position of the leaf, from 0.
    pub index: u64,
    /// Leaves in the tree.
    pub size: u64,
    /// Siblings from the leaf up.
    pub path: Vec<Digest>,
}

impl InclusionProof {
    /// Checks the proof against a root (RFC 9162 section 2.1.3.2, the same trees).
    pub fn verify(&self, leaf: &[u8], root: &Digest) -> Result<(), Error> {
        let invalid = Error::Invalid { what: "inclusion proof" };
        if self.index >= self.size {
            return Err(Error::NoSuchLeaf { index: self.index, size: self.size });
        }
        let (mut position, mut last) = (self.index, self.size - 1);
        let mut hash = leaf_hash(leaf);
        for sibling in &self.path {
            if last == 0 {
                return Err(invalid);
            }
            if position & 1 == 1 || position == last {
                hash = node_hash(sibling, &hash);
                while position & 1 == 0 && position != 0 {
                    position >>= 1;
                    last >>= 1;
                }
            } else {
                hash = node_hash(&hash, sibling);
            }
            position >>= 1;
            last >>= 1;
        }
        if last != 0 || hash != *root {
            return Err(invalid);
        }
        Ok(())
    }
}
