//! Anchors: heads of personal chains, bound to the record chain without showing whose they are.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Chain, Digest, Domain};

use crate::{Id, Refusal};

/// The heads of the chains that a party keeps, as one root.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AnchorHeads {
    /// The party's last anchor; zero for its first.
    pub previous: Digest,
    /// RFC 6962 over the heads' leaves, ascending by blinded id; the leaves are the personal chains' own.
    pub root: Digest,
    /// How many chains.
    pub chains: u32,
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
