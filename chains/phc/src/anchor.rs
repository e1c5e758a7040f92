//! Anchors: one root over the heads of many personal chains, for the record chain (capability E7).
//!
//! Patients and auditors can check that heads extend; those who see only the anchors cannot, and
//! rewriting a personal chain between two anchors is possible.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{BlobRef, Chain, DataKey, Digest, Domain, InclusionProof, MerkleTree, decode, encode, root_of};

use crate::Error;

/// The head of one chain under its blinded id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct AnchorLeaf {
    /// See [`blinded_id`].
    pub blinded: Digest,
    /// Height of the head.
    pub height: u64,
    /// Hash of the head.
    pub head: Digest,
}

/// `digest(BlindedChain, blind ‖ chain id)` on the record chain: without the patient's blinding secret
/// nobody finds a chain among an anchor's leaves.
pub fn blinded_id(chain: &Chain, blind: &DataKey) -> Digest {
    Chain::record(chain.network).digest_parts(Domain::BlindedChain, &[blind.expose(), &chain.id.0])
}

/// `digest(Anchor, previous ‖ root)`.
pub fn anchor_digest(network: Digest, previous: &Digest, root: &Digest) -> Digest {
    Chain::record(network).digest_parts(Domain::Anchor, &[&previous.0, &root.0])
}

/// The leaves of one anchor, ascending by blinded id, each once.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AnchorLeaves(Vec<AnchorLeaf>);

impl AnchorLeaves {
    /// Sorts; a chain given twice is refused.
    pub fn new(mut leaves: Vec<AnchorLeaf>) -> Result<Self, Error> {
        leaves.sort_unstable();
        Self(leaves).checked()
    }

    /// Decodes canonical bytes; leaves out of order or twice are refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        decode::<Self>("leaves of an anchor", bytes)?.checked()
    }

    fn checked(self) -> Result<Self, Error> {
        if self.0.windows(2).any(|pair| pair[0].blinded >= pair[1].blinded) {
            return Err(Error::Bounds {
                what: "anchor",
                reason: "its leaves are out of order, or a chain stands twice".into(),
            });
        }
        Ok(self)
    }

    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// The leaves.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &AnchorLeaf> {
        self.0.iter()
    }

    /// RFC 6962 root over the encoded leaves.
    pub fn root(&self) -> Digest {
        root_of(&self.encoded())
    }

    /// The leaf of a chain and the proof that it is under the root; [`None`] where it is not.
    pub fn prove(&self, blinded: &Digest) -> Option<(AnchorLeaf, InclusionProof)> {
        let at = self.0.binary_search_by_key(blinded, |leaf| leaf.blinded).ok()?;
        let proof = MerkleTree::new(&self.encoded()).prove(at as u64).ok()?;
        Some((self.0[at], proof))
    }

    fn encoded(&self) -> Vec<Vec<u8>> {
        self.0.iter().map(encode).collect()
    }
}

/// Checks that a leaf is under an anchor's root.
pub fn verify_anchored(leaf: &AnchorLeaf, proof: &InclusionProof, root: &Digest) -> Result<(), Error> {
    proof.verify(&encode(leaf), root).map_err(|_| Error::Proof("the head is not under this anchor".into()))
}

/// One anchor and where its leaves lie. Value of `phc.anchors`, not sealed: blinded ids and hashes only.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AnchorRecord {
    /// The party that submits it to the record chain.
    pub party: String,
    /// The party's anchor before; zero for the first.
    pub previous: Digest,
    /// Root over the leaves.
    pub root: Digest,
    /// Number of leaves.
    pub chains: u32,
    /// Event time, milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// The blob with the canonical bytes of [`AnchorLeaves`].
    pub leaves: BlobRef,
}

impl AnchorRecord {
    /// The anchor that the record chain holds.
    pub fn anchor(&self, network: Digest) -> Digest {
        anchor_digest(network, &self.previous, &self.root)
    }

    /// Checks the leaves against the root and the count.
    pub fn check(&self, leaves: &AnchorLeaves) -> Result<(), Error> {
        if leaves.iter().len() != self.chains as usize || leaves.root() != self.root {
            return Err(Error::Bounds {
                what: "anchor",
                reason: "its leaves are not those that its root commits to".into(),
            });
        }
        Ok(())
    }
}
