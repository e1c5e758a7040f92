//! The engine's view of the record chain.

use arc_malachitebft_app_channel::app::types::core as malachite;
use ledger::Digest;
use malachite::{LinearTimeouts, NilOrVal, Round, VoteType};

use super::proposer;
use super::signing::Sr25519;
use super::types::{Address, BlockHash, Height, Part, Proposal, Validator, Validators, Vote};

/// The record chain, to the engine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Erm {
    pub(crate) network: Digest,
}

impl malachite::Context for Erm {
    type Address = Address;
    type Height = Height;
    type ProposalPart = Part;
    type Proposal = Proposal;
    type Validator = Validator;
    type ValidatorSet = Validators;
    type Timeouts = LinearTimeouts;
    type Value = BlockHash;
    type Vote = Vote;
    type Extension = ();
    type SigningScheme = Sr25519;

    #[expect(clippy::expect_used, reason = "the engine refuses empty sets, and the index is one of the set's")]
    fn select_proposer<'a>(&self, validators: &'a Validators, height: Height, round: Round) -> &'a Validator {
        use malachite::ValidatorSet as _;
        let index = proposer::index(&validators.set, &self.network, height.0, round.as_u32().unwrap_or(0));
        validators.get_by_index(index).expect("an index into a set that is not empty")
    }

    fn new_proposal(
        &self,
        height: Height,
        round: Round,
        block: BlockHash,
        valid_round: Round,
        proposer: Address,
    ) -> Proposal {
        Proposal { height, round, block, valid_round, proposer }
    }

    fn new_prevote(&self, height: Height, round: Round, value: NilOrVal<Digest>, validator: Address) -> Vote {
        Vote { kind: VoteType::Prevote, height, round, value, validator }
    }

    fn new_precommit(&self, height: Height, round: Round, value: NilOrVal<Digest>, validator: Address) -> Vote {
        Vote { kind: VoteType::Precommit, height, round, value, validator }
    }
}
