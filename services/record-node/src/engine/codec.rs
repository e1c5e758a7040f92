//! The engine's messages as bytes: borsh, every count bounded, nothing after the end.

use arc_malachitebft_app_channel::app::consensus::{LivenessMsg, SignedConsensusMsg};
use arc_malachitebft_app_channel::app::engine::util::streaming::StreamContent;
use arc_malachitebft_app_channel::app::types::codec::{Codec, HasEncodedLen};
use arc_malachitebft_app_channel::app::types::core as malachite;
use arc_malachitebft_app_channel::app::types::streaming::{StreamId, StreamMessage};
use arc_malachitebft_app_channel::app::types::sync::{RawDecidedValue, Request, Response, Status};
use arc_malachitebft_app_channel::app::types::{PeerId, ProposedValue};
use arc_malachitebft_sync::{ValueRequest, ValueResponse};
use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use ledger::{CommitCertificate, Digest, PublicKey, Signature, VALIDATORS_MAX, VoteKind};
use malachite::{
    ExtendedCommitCertificate, ExtendedCommitSignature, NilOrVal, PolkaCertificate, PolkaSignature, Round,
    RoundCertificate, RoundCertificateType, RoundSignature, SignedMessage, ValidatorProof, Validity, VoteType,
};

use super::context::Erm;
use super::signing::Sig;
use super::types::{Address, BlockHash, Height, Opening, OpeningContent, Part, Proposal, Vote};

/// Size of every piece of a block but the last.
pub(crate) const CHUNK_BYTES: usize = 128 * 1024;
/// Most bytes of transactions in one gossip message.
pub(crate) const GOSSIP_BYTES: usize = 128 * 1024;
/// Most transactions in one gossip message.
pub(crate) const GOSSIP_TRANSACTIONS: usize = 1024;
/// Most bytes of a stream's id.
const STREAM_ID_BYTES: usize = 64;
/// Most blocks in one sync response.
const SYNC_BLOCKS: usize = 256;
/// Most bytes of a message other than a sync response: a gossip message with its lengths.
const MESSAGE_BYTES: usize = GOSSIP_BYTES + 8 * GOSSIP_TRANSACTIONS + 4096;

/// The one codec, for network, write-ahead log and sync.
#[derive(Clone, Copy)]
pub(crate) struct BorshCodec;

/// Bytes that are no message of this version: they are dropped.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {reason}")]
pub(crate) struct CodecError {
    what: &'static str,
    reason: String,
}

fn refuse<T>(what: &'static str, reason: impl Into<String>) -> Result<T, CodecError> {
    Err(CodecError { what, reason: reason.into() })
}

fn read<T: BorshDeserialize>(what: &'static str, bytes: &[u8], max_bytes: usize) -> Result<T, CodecError> {
    if bytes.len() > max_bytes {
        return refuse(what, format!("{} bytes, at most {max_bytes}", bytes.len()));
    }
    borsh::from_slice(bytes).map_err(|error| CodecError { what, reason: error.to_string() })
}

fn write<T: BorshSerialize>(what: &'static str, value: &T) -> Result<Bytes, CodecError> {
    borsh::to_vec(value).map(Bytes::from).map_err(|error| CodecError { what, reason: error.to_string() })
}

fn defined(what: &'static str, round: Round) -> Result<u32, CodecError> {
    round.as_u32().map_or_else(|| refuse(what, "no round"), Ok)
}

fn bounded<T>(what: &'static str, items: Vec<T>, max: usize) -> Result<Vec<T>, CodecError> {
    if items.len() > max { refuse(what, format!("{} items, at most {max}", items.len())) } else { Ok(items) }
}

#[derive(BorshSerialize, BorshDeserialize)]
enum WireConsensus {
    Vote(ledger::Vote, Signature),
    Proposal {
        height: u64,
        round: u32,
        block: Digest,
        valid_round: Option<u32>,
        proposer: PublicKey,
        signature: Signature,
    },
}

fn vote_out(what: &'static str, signed: &SignedMessage<Erm, Vote>) -> Result<(ledger::Vote, Signature), CodecError> {
    let vote = signed.message.content().map_or_else(|| refuse(what, "a vote without a round"), Ok)?;
    Ok((vote, signed.signature.0))
}

fn vote_in(vote: &ledger::Vote, signature: Signature) -> SignedMessage<Erm, Vote> {
    SignedMessage::new(Vote::from_content(vote), Sig(signature))
}

impl Codec<SignedConsensusMsg<Erm>> for BorshCodec {
    type Error = CodecError;

    fn encode(&self, message: &SignedConsensusMsg<Erm>) -> Result<Bytes, CodecError> {
        let what = "consensus message";
        let wire = match message {
            SignedConsensusMsg::Vote(vote) => {
                let (vote, signature) = vote_out(what, vote)?;
                WireConsensus::Vote(vote, signature)
            }
            SignedConsensusMsg::Proposal(proposal) => WireConsensus::Proposal {
                height: proposal.message.height.0,
                round: defined(what, proposal.message.round)?,
                block: proposal.message.block.0,
                valid_round: proposal.message.valid_round.as_u32(),
                proposer: proposal.message.proposer.0,
                signature: proposal.signature.0,
            },
        };
        write(what, &wire)
    }

    fn decode(&self, bytes: Bytes) -> Result<SignedConsensusMsg<Erm>, CodecError> {
        Ok(match read("consensus message", &bytes, 4096)? {
            WireConsensus::Vote(vote, signature) => SignedConsensusMsg::Vote(vote_in(&vote, signature)),
            WireConsensus::Proposal { height, round, block, valid_round, proposer, signature } => {
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

#[derive(BorshSerialize, BorshDeserialize)]
enum WireLiveness {
    Vote(ledger::Vote, Signature),
    Polka(WirePolka),
    Round { height: u64, round: u32, skip: bool, votes: Vec<(VoteKind, Option<Digest>, PublicKey, Signature)> },
}

#[derive(BorshSerialize, BorshDeserialize)]
struct WirePolka {
    height: u64,
    round: u32,
    block: Digest,
    signatures: Vec<(PublicKey, Signature)>,
}

fn polka_out(certificate: &PolkaCertificate<Erm>) -> Result<WirePolka, CodecError> {
    Ok(WirePolka {
        height: certificate.height.0,
        round: defined("polka certificate", certificate.round)?,
        block: certificate.value_id,
        signatures: certificate.polka_signatures.iter().map(|one| (one.address.0, one.signature.0)).collect(),
    })
}

fn polka_in(wire: WirePolka) -> Result<PolkaCertificate<Erm>, CodecError> {
    let signatures = bounded("polka certificate", wire.signatures, VALIDATORS_MAX)?;
    Ok(PolkaCertificate {
        height: Height(wire.height),
        round: Round::new(wire.round),
        value_id: wire.block,
        polka_signatures: signatures
            .into_iter()
            .map(|(key, signature)| PolkaSignature::new(Address(key), Sig(signature)))
            .collect(),
    })
}

impl Codec<PolkaCertificate<Erm>> for BorshCodec {
    type Error = CodecError;

    fn encode(&self, certificate: &PolkaCertificate<Erm>) -> Result<Bytes, CodecError> {
        write("polka certificate", &polka_out(certificate)?)
    }

    fn decode(&self, bytes: Bytes) -> Result<PolkaCertificate<Erm>, CodecError> {
        polka_in(read("polka certificate", &bytes, MESSAGE_BYTES)?)
    }
}

impl Codec<LivenessMsg<Erm>> for BorshCodec {
    type Error = CodecError;

    fn encode(&self, message: &LivenessMsg<Erm>) -> Result<Bytes, CodecError> {
        let what = "liveness message";
        let wire = match message {
            LivenessMsg::Vote(vote) => {
                let (vote, signature) = vote_out(what, vote)?;
                WireLiveness::Vote(vote, signature)
            }
            LivenessMsg::PolkaCertificate(certificate) => WireLiveness::Polka(polka_out(certificate)?),
            LivenessMsg::SkipRoundCertificate(certificate) => WireLiveness::Round {
                height: certificate.height.0,
                round: defined(what, certificate.round)?,
                skip: certificate.cert_type == RoundCertificateType::Skip,
                votes: certificate
                    .round_signatures
                    .iter()
                    .map(|one| {
                        let kind =
                            if one.vote_type == VoteType::Prevote { VoteKind::Prevote } else { VoteKind::Precommit };
                        let block = if let NilOrVal::Val(hash) = one.value_id { Some(hash) } else { None };
                        (kind, block, one.address.0, one.signature.0)
                    })
                    .collect(),
            },
        };
        write(what, &wire)
    }

    fn decode(&self, bytes: Bytes) -> Result<LivenessMsg<Erm>, CodecError> {
        let what = "liveness message";
        Ok(match read(what, &bytes, MESSAGE_BYTES)? {
            WireLiveness::Vote(vote, signature) => LivenessMsg::Vote(vote_in(&vote, signature)),
            WireLiveness::Polka(polka) => LivenessMsg::PolkaCertificate(polka_in(polka)?),
            WireLiveness::Round { height, round, skip, votes } => {
                let votes = bounded(what, votes, 2 * VALIDATORS_MAX)?;
                LivenessMsg::SkipRoundCertificate(RoundCertificate {
                    height: Height(height),
                    round: Round::new(round),
                    cert_type: if skip { RoundCertificateType::Skip } else { RoundCertificateType::Precommit },
                    round_signatures: votes
                        .into_iter()
                        .map(|(kind, block, key, signature)| {
                            let kind = if kind == VoteKind::Prevote { VoteType::Prevote } else { VoteType::Precommit };
                            RoundSignature::new(
                                kind,
                                block.map_or(NilOrVal::Nil, NilOrVal::Val),
                                Address(key),
                                Sig(signature),
                            )
                        })
                        .collect(),
                })
            }
        })
    }
}

#[derive(BorshSerialize, BorshDeserialize)]
struct WireProposedValue {
    height: u64,
    round: Option<u32>,
    valid_round: Option<u32>,
    proposer: PublicKey,
    block: Digest,
    valid: bool,
}

impl Codec<ProposedValue<Erm>> for BorshCodec {
    type Error = CodecError;

    fn encode(&self, value: &ProposedValue<Erm>) -> Result<Bytes, CodecError> {
        let wire = WireProposedValue {
            height: value.height.0,
            round: value.round.as_u32(),
            valid_round: value.valid_round.as_u32(),
            proposer: value.proposer.0,
            block: value.value.0,
            valid: value.validity == Validity::Valid,
        };
        write("proposed value", &wire)
    }

    fn decode(&self, bytes: Bytes) -> Result<ProposedValue<Erm>, CodecError> {
        let wire: WireProposedValue = read("proposed value", &bytes, 4096)?;
        Ok(ProposedValue {
            height: Height(wire.height),
            round: Round::from(wire.round),
            valid_round: Round::from(wire.valid_round),
            proposer: Address(wire.proposer),
            value: BlockHash(wire.block),
            validity: Validity::from_bool(wire.valid),
        })
    }
}

#[derive(BorshSerialize, BorshDeserialize)]
enum WirePart {
    Opening(OpeningContent, Signature),
    Chunk(Vec<u8>),
    Transactions(Vec<Vec<u8>>),
    Tip(CommitCertificate),
    Hello(Vec<u8>, Vec<u8>, Signature),
}

fn part_out(part: &Part) -> WirePart {
    match part {
        Part::Opening(opening) => WirePart::Opening(opening.content, opening.signature),
        Part::Chunk(bytes) => WirePart::Chunk(bytes.to_vec()),
        Part::Transactions(transactions) => {
            WirePart::Transactions(transactions.iter().map(|one| one.to_vec()).collect())
        }
        Part::Tip(certificate) => WirePart::Tip(certificate.as_ref().clone()),
        Part::Hello(proof) => WirePart::Hello(proof.public_key.clone(), proof.peer_id.clone(), proof.signature.0),
    }
}

fn part_in(wire: WirePart) -> Result<Part, CodecError> {
    let what = "part";
    Ok(match wire {
        WirePart::Opening(content, signature) => Part::Opening(Box::new(Opening { content, signature })),
        WirePart::Chunk(bytes) if bytes.len() > CHUNK_BYTES => {
            return refuse(what, format!("a chunk of {} bytes", bytes.len()));
        }
        WirePart::Chunk(bytes) => Part::Chunk(bytes.into()),
        WirePart::Transactions(transactions) => {
            let transactions = bounded(what, transactions, GOSSIP_TRANSACTIONS)?;
            Part::Transactions(transactions.into_iter().map(Bytes::from).collect())
        }
        WirePart::Tip(certificate) if certificate.signatures.len() > VALIDATORS_MAX => {
            return refuse(what, "too many signatures");
        }
        WirePart::Tip(certificate) => Part::Tip(Box::new(certificate)),
        WirePart::Hello(key, peer, signature) => Part::Hello(Box::new(ValidatorProof::new(key, peer, Sig(signature)))),
    })
}

impl Codec<Part> for BorshCodec {
    type Error = CodecError;

    fn encode(&self, part: &Part) -> Result<Bytes, CodecError> {
        write("part", &part_out(part))
    }

    fn decode(&self, bytes: Bytes) -> Result<Part, CodecError> {
        part_in(read("part", &bytes, MESSAGE_BYTES)?)
    }
}

#[derive(BorshSerialize, BorshDeserialize)]
struct WireStream {
    id: Vec<u8>,
    sequence: u64,
    /// None is the end of the stream.
    part: Option<WirePart>,
}

impl Codec<StreamMessage<Part>> for BorshCodec {
    type Error = CodecError;

    fn encode(&self, message: &StreamMessage<Part>) -> Result<Bytes, CodecError> {
        let wire = WireStream {
            id: message.stream_id.to_bytes().to_vec(),
            sequence: message.sequence,
            part: message.content.as_data().map(part_out),
        };
        write("stream message", &wire)
    }

    fn decode(&self, bytes: Bytes) -> Result<StreamMessage<Part>, CodecError> {
        let wire: WireStream = read("stream message", &bytes, MESSAGE_BYTES)?;
        let id = bounded("stream id", wire.id, STREAM_ID_BYTES)?;
        let content = wire.part.map(part_in).transpose()?.map_or(StreamContent::Fin, StreamContent::Data);
        Ok(StreamMessage::new(StreamId::new(id.into()), wire.sequence, content))
    }
}

impl Codec<ValidatorProof<Erm>> for BorshCodec {
    type Error = CodecError;

    fn encode(&self, proof: &ValidatorProof<Erm>) -> Result<Bytes, CodecError> {
        write("validator proof", &(&proof.public_key, &proof.peer_id, proof.signature.0))
    }

    fn decode(&self, bytes: Bytes) -> Result<ValidatorProof<Erm>, CodecError> {
        let (key, peer, signature): (Vec<u8>, Vec<u8>, Signature) = read("validator proof", &bytes, 1024)?;
        Ok(ValidatorProof::new(key, peer, Sig(signature)))
    }
}

#[derive(BorshSerialize, BorshDeserialize)]
struct WireStatus {
    peer: Vec<u8>,
    tip: u64,
    history_min: u64,
}

impl Codec<Status<Erm>> for BorshCodec {
    type Error = CodecError;

    fn encode(&self, status: &Status<Erm>) -> Result<Bytes, CodecError> {
        let wire = WireStatus {
            peer: status.peer_id.to_bytes(),
            tip: status.tip_height.0,
            history_min: status.history_min_height.0,
        };
        write("status", &wire)
    }

    fn decode(&self, bytes: Bytes) -> Result<Status<Erm>, CodecError> {
        let wire: WireStatus = read("status", &bytes, 1024)?;
        let peer_id =
            PeerId::from_bytes(&wire.peer).map_err(|error| CodecError { what: "status", reason: error.to_string() })?;
        Ok(Status { peer_id, tip_height: Height(wire.tip), history_min_height: Height(wire.history_min) })
    }
}

impl Codec<Request<Erm>> for BorshCodec {
    type Error = CodecError;

    fn encode(&self, request: &Request<Erm>) -> Result<Bytes, CodecError> {
        let Request::ValueRequest(request) = request;
        write("sync request", &(request.range.start().0, request.range.end().0))
    }

    fn decode(&self, bytes: Bytes) -> Result<Request<Erm>, CodecError> {
        let (start, end): (u64, u64) = read("sync request", &bytes, 16)?;
        Ok(Request::ValueRequest(ValueRequest::new(Height(start)..=Height(end))))
    }
}

#[derive(BorshSerialize, BorshDeserialize)]
struct WireResponse {
    start: u64,
    values: Vec<(Vec<u8>, CommitCertificate)>,
}

impl Codec<Response<Erm>> for BorshCodec {
    type Error = CodecError;

    fn encode(&self, response: &Response<Erm>) -> Result<Bytes, CodecError> {
        let Response::ValueResponse(response) = response;
        let values =
            response.values.iter().map(|value| Ok((value.value_bytes.to_vec(), certificate_out(&value.certificate)?)));
        let wire = WireResponse { start: response.start_height.0, values: values.collect::<Result<_, CodecError>>()? };
        write("sync response", &wire)
    }

    fn decode(&self, bytes: Bytes) -> Result<Response<Erm>, CodecError> {
        let what = "sync response";
        let wire: WireResponse = read(what, &bytes, usize::MAX)?;
        let values = bounded(what, wire.values, SYNC_BLOCKS)?;
        let values = values.into_iter().map(|(block, certificate)| {
            bounded(what, certificate.signatures.clone(), VALIDATORS_MAX)?;
            Ok(RawDecidedValue::new(block.into(), certificate_in(&certificate)))
        });
        Ok(Response::ValueResponse(ValueResponse::new(Height(wire.start), values.collect::<Result<_, CodecError>>()?)))
    }
}

impl HasEncodedLen<Response<Erm>> for BorshCodec {
    fn encoded_len(&self, response: &Response<Erm>) -> Result<usize, CodecError> {
        let Response::ValueResponse(response) = response;
        let values = response
            .values
            .iter()
            .map(|value| 4 + value.value_bytes.len() + 48 + 96 * value.certificate.commit_signatures.len());
        Ok(12 + values.sum::<usize>())
    }
}

/// The engine's certificate as ours: ascending by key.
pub(crate) fn certificate_out(certificate: &ExtendedCommitCertificate<Erm>) -> Result<CommitCertificate, CodecError> {
    let mut signatures: Vec<_> =
        certificate.commit_signatures.iter().map(|one| (one.address.0, one.signature.0)).collect();
    signatures.sort_unstable_by_key(|(key, _)| *key);
    Ok(CommitCertificate {
        height: certificate.height.0,
        round: defined("certificate", certificate.round)?,
        block: certificate.value_id,
        signatures,
    })
}

/// Our certificate as the engine's.
pub(crate) fn certificate_in(certificate: &CommitCertificate) -> ExtendedCommitCertificate<Erm> {
    let signatures = certificate
        .signatures
        .iter()
        .map(|(key, signature)| ExtendedCommitSignature::new(Address(*key), Sig(*signature), None));
    ExtendedCommitCertificate {
        height: Height(certificate.height),
        round: Round::new(certificate.round),
        value_id: certificate.block,
        commit_signatures: signatures.collect(),
    }
}
