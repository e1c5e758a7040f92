//! Anchors: heads of personal chains, bound to the record chain without showing whose they are.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Chain, Digest, Domain, root_of};

use crate::{Id, Refusal};

/// The heads of the chains that a party keeps, as one root.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AnchorHeads {
    /// The party's last anchor; zero for its first.
    pub previous: Digest,
    /// RFC 6962 over the encoded [`AnchorLeaf`]s, ascending by blinded id.
    pub root: Digest,
    /// How many chains.
    pub chains: u32,
}

/// One head under an anchor's root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct AnchorLeaf {
    /// [`blinded_chain`] of the personal chain.
    pub blinded: Digest,
    /// Height of the head.
    pub height: u64,
    /// Hash of the head.
    pub head: Digest,
}

/// A party's last anchor in the state.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AnchorRecord {
    /// `digest(Anchor, previous ‖ root)`.
    pub anchor: Digest,
    /// The one before.
    pub previous: Digest,
    /// Root of the heads.
    pub root: Digest,
    /// How many chains.
    pub chains: u32,
    /// How many anchors the party has made, this one included.
    pub count: u64,
    /// Who made it.
    pub by: Id,
    /// Height of the block.
    pub height: u64,
    /// Time of the block.
    pub time_ms: i64,
}

/// `digest(BlindedChain, blind[32] ‖ chain id)`: the same chain under the same blind, unlinkable without it.
pub fn blinded_chain(network: &Digest, blind: &[u8; 32], chain: &Digest) -> Digest {
    Chain::record(*network).digest_parts(Domain::BlindedChain, &[blind, &chain.0])
}

/// Sorts the leaves by blinded id and gives the root over their encodings.
pub fn heads_root(leaves: &mut [AnchorLeaf]) -> Digest {
    leaves.sort_unstable();
    let encoded: Vec<Vec<u8>> = leaves.iter().map(ledger::encode).collect();
    root_of(&encoded)
}

impl AnchorHeads {
    /// `digest(Anchor, previous ‖ root)`: what the next anchor names as previous.
    pub fn anchor(&self, network: &Digest) -> Digest {
        Chain::record(*network).digest_parts(Domain::Anchor, &[&self.previous.0, &self.root.0])
    }

    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if self.chains == 0 {
            return Err(Refusal::Bounds("an anchor holds at least one chain"));
        }
        Ok(())
    }
}
