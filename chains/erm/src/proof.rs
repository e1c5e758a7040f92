//! Proofs that the state holds a value under a key, or nothing.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Digest, sha256};

use crate::{Error, Key};

/// Most siblings: one per bit of a key.
pub const SIBLINGS_MAX: usize = 256;

const LEAF_TAG: &[u8] = b"JMT::LeafNode";
const NODE_TAG: &[u8] = b"JMT::IntrnalNode";
/// Hash of a subtree without leaves.
const EMPTY: Digest = Digest(*b"SPARSE_MERKLE_PLACEHOLDER_HASH__");

/// Shows what stands under one key of the state.
///
/// The tree is a binary one over the 256 bits of the keys' digests, most significant bit first, in which a subtree
/// with one leaf is that leaf and one without is a constant (Gao, Hu, Wu: Jellyfish Merkle Tree, 2021).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct StateProof {
    /// The leaf at the end of the key's path: the key's own where the value is present, another key's or none where
    /// it is absent.
    pub leaf: Option<ProofLeaf>,
    /// Hashes beside the path, from the leaf up.
    pub siblings: Vec<Digest>,
}

/// A leaf of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ProofLeaf {
    /// [`Key::digest`].
    pub key: Digest,
    /// SHA-256 of the value.
    pub value: Digest,
}

impl StateProof {
    /// Checks that the state of `root` holds `value` under `key`, or nothing where `value` is none.
    pub fn verify(&self, network: &Digest, root: &Digest, key: &Key, value: Option<&[u8]>) -> Result<(), Error> {
        self.verify_digest(root, &key.digest(network), value)
    }

    /// As [`verify`](Self::verify), for the digest of a key.
    pub fn verify_digest(&self, root: &Digest, key: &Digest, value: Option<&[u8]>) -> Result<(), Error> {
        let depth = self.siblings.len();
        if depth > SIBLINGS_MAX {
            return Err(Error::Proof("more siblings than a key has bits"));
        }
        match (value, &self.leaf) {
            (Some(value), Some(leaf)) => {
                if leaf.key != *key {
                    return Err(Error::Proof("it is for another key"));
                }
                if leaf.value != sha256(value) {
                    return Err(Error::Proof("it is for another value"));
                }
            }
            (Some(_), None) => return Err(Error::Proof("it shows absence, not presence")),
            (None, Some(leaf)) => {
                if leaf.key == *key {
                    return Err(Error::Proof("it shows presence, not absence"));
                }
                if (0..depth).any(|position| bit(&leaf.key, position) != bit(key, position)) {
                    return Err(Error::Proof("the other leaf is not on the key's path"));
                }
            }
            (None, None) => {}
        }
        let mut hash = self.leaf.as_ref().map_or(EMPTY, ProofLeaf::hash);
        for (position, sibling) in (0..depth).rev().zip(&self.siblings) {
            hash = if bit(key, position) { node_hash(sibling, &hash) } else { node_hash(&hash, sibling) };
        }
        if hash != *root {
            return Err(Error::Proof("it does not lead to the state root"));
        }
        Ok(())
    }

    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        ledger::encode(self)
    }

    /// Decodes the one canonical encoding, of bounded size.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let too_long = Error::Proof("more siblings than a key has bits");
        if bytes.len() > 1 + 64 + 4 + 32 * SIBLINGS_MAX {
            return Err(too_long);
        }
        let proof: Self = ledger::decode("state proof", bytes)?;
        if proof.siblings.len() > SIBLINGS_MAX { Err(too_long) } else { Ok(proof) }
    }

    /// From the borsh bytes of jmt's `SparseMerkleProof`, whose siblings are nodes: only their hashes are needed.
    pub(crate) fn from_jmt(bytes: &[u8]) -> Result<Self, Error> {
        #[derive(BorshDeserialize)]
        enum Sibling {
            Empty,
            Node(Digest, Digest),
            Leaf(ProofLeaf),
        }
        let unreadable = |error: std::io::Error| Error::Store(format!("the tree's proof: {error}"));
        let (leaf, siblings): (Option<ProofLeaf>, Vec<Sibling>) = borsh::from_slice(bytes).map_err(unreadable)?;
        let hashes = siblings.iter().map(|sibling| match sibling {
            Sibling::Empty => EMPTY,
            Sibling::Node(left, right) => node_hash(left, right),
            Sibling::Leaf(leaf) => leaf.hash(),
        });
        Ok(Self { leaf, siblings: hashes.collect() })
    }
}

impl ProofLeaf {
    fn hash(&self) -> Digest {
        hash_parts(LEAF_TAG, &self.key, &self.value)
    }
}

fn node_hash(left: &Digest, right: &Digest) -> Digest {
    hash_parts(NODE_TAG, left, right)
}

fn hash_parts(tag: &[u8], first: &Digest, second: &Digest) -> Digest {
    let mut bytes = Vec::with_capacity(tag.len() + 64);
    bytes.extend_from_slice(tag);
    bytes.extend_from_slice(&first.0);
    bytes.extend_from_slice(&second.0);
    sha256(&bytes)
}

/// Bit of a key, the most significant first. Positions are below 256.
fn bit(key: &Digest, position: usize) -> bool {
    key.0.get(position / 8).is_some_and(|byte| byte >> (7 - position % 8) & 1 == 1)
}
