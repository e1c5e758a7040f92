//! Our types under the engine's traits.

use std::fmt;

use arc_malachitebft_app_channel::app::types::core as malachite;
use bytes::Bytes;
use ledger::{Chain, CommitCertificate, Digest, Domain, PublicKey, Signature, ValidatorSet, VoteKind};
use malachite::{NilOrVal, Round, SignedExtension, ValidatorProof, VoteType};

use super::context::Erm;

/// Height of a block; the first is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Height(pub(crate) u64);

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl malachite::Height for Height {
    const ZERO: Self = Self(0);
    const INITIAL: Self = Self(1);

    fn increment_by(&self, n: u64) -> Self {
        Self(self.0.saturating_add(n))
    }

    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.checked_sub(n).map(Self)
    }

    fn as_u64(&self) -> u64 {
        self.0
    }
}

/// A validator is addressed by its public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Address(pub(crate) PublicKey);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl malachite::Address for Address {}

/// What is decided: a block's hash. The node keeps the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BlockHash(pub(crate) Digest);

impl malachite::Value for BlockHash {
    type Id = Digest;

    fn id(&self) -> Digest {
        self.0
    }
}

/// A validator with its weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Validator {
    pub(crate) address: Address,
    pub(crate) weight: u64,
}

impl malachite::Validator<Erm> for Validator {
    fn address(&self) -> &Address {
        &self.address
    }

    fn public_key(&self) -> &PublicKey {
        &self.address.0
    }

    fn voting_power(&self) -> u64 {
        self.weight
    }
}

/// The validators of a height, ascending by key as in the ledger's set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Validators {
    pub(crate) set: ValidatorSet,
    list: Vec<Validator>,
    total: u64,
}

impl Validators {
    pub(crate) fn new(set: ValidatorSet) -> Self {
        let list = set.iter().map(|(key, weight)| Validator { address: Address(*key), weight: *weight }).collect();
        let total = set.total();
        Self { set, list, total }
    }
}

impl malachite::ValidatorSet<Erm> for Validators {
    fn count(&self) -> usize {
        self.list.len()
    }

    fn total_voting_power(&self) -> u64 {
        self.total
    }

    fn get_by_address(&self, address: &Address) -> Option<&Validator> {
        let position = self.list.binary_search_by_key(&address.0, |validator| validator.address.0).ok()?;
        self.list.get(position)
    }

    fn get_by_index(&self, index: usize) -> Option<&Validator> {
        self.list.get(index)
    }
}

/// A vote; its extension is never used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vote {
    pub(crate) kind: VoteType,
    pub(crate) height: Height,
    pub(crate) round: Round,
    pub(crate) value: NilOrVal<Digest>,
    pub(crate) validator: Address,
}

impl Vote {
    /// The signed content: the ledger's vote. A vote without a round has none.
    pub(crate) fn content(&self) -> Option<ledger::Vote> {
        Some(ledger::Vote {
            kind: match self.kind {
                VoteType::Prevote => VoteKind::Prevote,
                VoteType::Precommit => VoteKind::Precommit,
            },
            height: self.height.0,
            round: self.round.as_u32()?,
            block: match self.value {
                NilOrVal::Nil => None,
                NilOrVal::Val(hash) => Some(hash),
            },
            validator: self.validator.0,
        })
    }

    /// The other way round.
    pub(crate) fn from_content(vote: &ledger::Vote) -> Self {
        Self {
            kind: match vote.kind {
                VoteKind::Prevote => VoteType::Prevote,
                VoteKind::Precommit => VoteType::Precommit,
            },
            height: Height(vote.height),
            round: Round::new(vote.round),
            value: vote.block.map_or(NilOrVal::Nil, NilOrVal::Val),
            validator: Address(vote.validator),
        }
    }
}

impl malachite::Vote<Erm> for Vote {
    fn height(&self) -> Height {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &NilOrVal<Digest> {
        &self.value
    }

    fn take_value(self) -> NilOrVal<Digest> {
        self.value
    }

    fn vote_type(&self) -> VoteType {
        self.kind
    }

    fn validator_address(&self) -> &Address {
        &self.validator
    }

    fn extension(&self) -> Option<&SignedExtension<Erm>> {
        None
    }

    fn take_extension(&mut self) -> Option<SignedExtension<Erm>> {
        None
    }

    fn extend(self, _extension: SignedExtension<Erm>) -> Self {
        self
    }
}

/// The proposal message; the block itself travels in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proposal {
    pub(crate) height: Height,
    pub(crate) round: Round,
    pub(crate) block: BlockHash,
    pub(crate) valid_round: Round,
    pub(crate) proposer: Address,
}

impl malachite::Proposal<Erm> for Proposal {
    fn height(&self) -> Height {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &BlockHash {
        &self.block
    }

    fn take_value(self) -> BlockHash {
        self.block
    }

    fn pol_round(&self) -> Round {
        self.valid_round
    }

    fn validator_address(&self) -> &Address {
        &self.proposer
    }
}

/// The first part of a block's stream; signed, so that only the round's proposer can open one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    pub(crate) content: OpeningContent,
    pub(crate) signature: Signature,
}

/// What the proposer signs about the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub(crate) struct OpeningContent {
    pub(crate) height: u64,
    pub(crate) round: u32,
    pub(crate) block: Digest,
    pub(crate) block_bytes: u32,
    pub(crate) proposer: PublicKey,
}

/// The two things signed under [`Domain::Proposal`]; the variant number keeps them apart.
#[derive(borsh::BorshSerialize)]
enum ProposalContent {
    Message { height: u64, round: u32, block: Digest, valid_round: Option<u32>, proposer: PublicKey },
    Opening(OpeningContent),
}

impl Proposal {
    /// What the proposer signs; a proposal without a round has no such bytes.
    pub(crate) fn digest(&self, network: &Digest) -> Option<Digest> {
        let content = ProposalContent::Message {
            height: self.height.0,
            round: self.round.as_u32()?,
            block: self.block.0,
            valid_round: self.valid_round.as_u32(),
            proposer: self.proposer.0,
        };
        Some(Chain::record(*network).digest_of(Domain::Proposal, &content))
    }
}

impl OpeningContent {
    pub(crate) fn digest(&self, network: &Digest) -> Digest {
        Chain::record(*network).digest_of(Domain::Proposal, &ProposalContent::Opening(*self))
    }
}

/// What travels on the engine's stream channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A block follows.
    Opening(Box<Opening>),
    /// A piece of the block; all but the last have the same size.
    Chunk(Bytes),
    /// Transactions for the mempool, checked by the sender and again by every receiver.
    Transactions(Vec<Bytes>),
    /// The certificate of the sender's last block, so that one that slept learns that it did.
    Tip(Box<CommitCertificate>),
    /// The sender's validator key, bound to its node id.
    Hello(Box<ValidatorProof<Erm>>),
}

impl malachite::ProposalPart<Erm> for Part {
    fn is_first(&self) -> bool {
        matches!(self, Self::Opening(_))
    }

    fn is_last(&self) -> bool {
        false
    }
}
