//! What travels on the stream channel.

use arc_malachitebft_app_channel::app::engine::util::streaming::StreamContent;
use arc_malachitebft_app_channel::app::types::codec::Codec;
use arc_malachitebft_app_channel::app::types::core::ValidatorProof;
use arc_malachitebft_app_channel::app::types::streaming::{StreamId, StreamMessage};
use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use ledger::{CommitCertificate, Signature, VALIDATORS_MAX};

use super::super::context::Erm;
use super::super::signing::Sig;
use super::super::types::{Opening, OpeningContent, Part};
use super::{BorshCodec, CHUNK_BYTES, CodecError, GOSSIP_TRANSACTIONS, MESSAGE_BYTES, bounded, read, refuse, write};

/// Most bytes of a stream's id.
const STREAM_ID_BYTES: usize = 64;

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
