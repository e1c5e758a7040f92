//! What a lagging node asks and is answered, and certificates, the engine's and ours.

use arc_malachitebft_app_channel::app::types::PeerId;
use arc_malachitebft_app_channel::app::types::codec::{Codec, HasEncodedLen};
use arc_malachitebft_app_channel::app::types::core::{ExtendedCommitCertificate, ExtendedCommitSignature, Round};
use arc_malachitebft_app_channel::app::types::sync::{RawDecidedValue, Request, Response, Status};
use arc_malachitebft_sync::{ValueRequest, ValueResponse};
use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use ledger::{CommitCertificate, VALIDATORS_MAX};

use super::super::context::Erm;
use super::super::signing::Sig;
use super::super::types::{Address, Height};
use super::{BorshCodec, CodecError, bounded, defined, read, write};

/// Most blocks in one sync response.
const SYNC_BLOCKS: usize = 256;

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
