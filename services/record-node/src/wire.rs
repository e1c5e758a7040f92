//! What validators say to each other, as bytes: the same on the network and in `votes.wal`.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Digest, PublicKey, Signature, Vote};

/// A vote or a proposal, signed.
#[derive(BorshSerialize, BorshDeserialize)]
pub(crate) enum Consensus {
    /// The signature is of the vote's digest.
    Vote(Vote, Signature),
    /// The signature is of [`Domain::Proposal`](ledger::Domain::Proposal) over all before it.
    Proposal {
        height: u64,
        round: u32,
        block: Digest,
        valid_round: Option<u32>,
        proposer: PublicKey,
        signature: Signature,
    },
}

/// A proposal with this node's judgement of its block.
#[derive(BorshSerialize, BorshDeserialize)]
pub(crate) struct ProposedValue {
    pub(crate) height: u64,
    pub(crate) round: Option<u32>,
    pub(crate) valid_round: Option<u32>,
    pub(crate) proposer: PublicKey,
    pub(crate) block: Digest,
    pub(crate) valid: bool,
}

/// Prevotes of a quorum for one block.
#[derive(BorshSerialize, BorshDeserialize)]
pub(crate) struct Polka {
    pub(crate) height: u64,
    pub(crate) round: u32,
    pub(crate) block: Digest,
    pub(crate) signatures: Vec<(PublicKey, Signature)>,
}
