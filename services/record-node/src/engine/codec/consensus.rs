//! Votes, proposals and judged blocks, for network and write-ahead log.

use arc_malachitebft_app_channel::app::consensus::SignedConsensusMsg;
use arc_malachitebft_app_channel::app::types::ProposedValue;
use arc_malachitebft_app_channel::app::types::codec::Codec;
use arc_malachitebft_app_channel::app::types::core::{Round, SignedMessage, Validity};
use bytes::Bytes;
use ledger::Signature;

use super::super::context::Erm;
use super::super::signing::Sig;
use super::super::types::{Address, BlockHash, Height, Proposal, Vote};
use super::{BorshCodec, CodecError, defined, read, refuse, write};
use crate::wire;

pub(super) fn vote_out(
    what: &'static str,
    signed: &SignedMessage<Erm, Vote>,
) -> Result<(ledger::Vote, Signature), CodecError> {
    let vote = signed.message.content().map_or_else(|| refuse(what, "a vote without a round"), Ok)?;
    Ok((vote, signed.signature.0))
}

pub(super) fn vote_in(vote: &ledger::Vote, signature: Signature) -> SignedMessage<Erm, Vote> {
    SignedMessage::new(Vote::from_content(vote), Sig(signature))
}

impl Codec<SignedConsensusMsg<Erm>> for BorshCodec {
    type Error = CodecError;

    fn encode(&self, message: &SignedConsensusMsg<Erm>) -> Result<Bytes, CodecError> {
        let what = "consensus message";
        let said = match message {
            SignedConsensusMsg::Vote(vote) => {
                let (vote, signature) = vote_out(what, vote)?;
                wire::Consensus::Vote(vote, signature)
            }
            SignedConsensusMsg::Proposal(proposal) => wire::Consensus::Proposal {
                height: proposal.message.height.0,
                round: defined(what, proposal.message.round)?,
                block: proposal.message.block.0,
                valid_round: proposal.message.valid_round.as_u32(),
                proposer: proposal.message.proposer.0,
                signature: proposal.signature.0,
            },
        };
        write(what, &said)
    }

    fn decode(&self, bytes: Bytes) -> Result<SignedConsensusMsg<Erm>, CodecError> {
        Ok(match read("consensus message", &bytes, 4096)? {
            wire::Consensus::Vote(vote, signature) => SignedConsensusMsg::Vote(vote_in(&vote, signature)),
            wire::Consensus::Proposal { height, round, block, valid_round, proposer, signature } => {
                let proposal = Proposal {
                    height: Height(height),
                    round: Round::new(round),
                    block: BlockHash(block),
                    valid_round: Round::from(valid_round),
                    proposer: Address(proposer),
                };
                SignedConsensusMsg::Proposal(SignedMessage::new(proposal, Sig(signature)))
            }
        })
    }
}

impl Codec<ProposedValue<Erm>> for BorshCodec {
    type Error = CodecError;

    fn encode(&self, value: &ProposedValue<Erm>) -> Result<Bytes, CodecError> {
        let judged = wire::ProposedValue {
            height: value.height.0,
            round: value.round.as_u32(),
            valid_round: value.valid_round.as_u32(),
            proposer: value.proposer.0,
            block: value.value.0,
            valid: value.validity == Validity::Valid,
        };
        write("proposed value", &judged)
    }

    fn decode(&self, bytes: Bytes) -> Result<ProposedValue<Erm>, CodecError> {
        let judged: wire::ProposedValue = read("proposed value", &bytes, 4096)?;
        Ok(ProposedValue {
            height: Height(judged.height),
            round: Round::from(judged.round),
            valid_round: Round::from(judged.valid_round),
            proposer: Address(judged.proposer),
            value: BlockHash(judged.block),
            validity: Validity::from_bool(judged.valid),
        })
    }
}
