//! Votes sent again and certificates of rounds, which bring those along who missed them.

use arc_malachitebft_app_channel::app::consensus::LivenessMsg;
use arc_malachitebft_app_channel::app::types::codec::Codec;
use arc_malachitebft_app_channel::app::types::core::{
    NilOrVal, PolkaCertificate, PolkaSignature, Round, RoundCertificate, RoundCertificateType, RoundSignature, VoteType,
};
use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use ledger::{Digest, PublicKey, Signature, VALIDATORS_MAX, VoteKind};

use super::super::context::Erm;
use super::super::signing::Sig;
use super::super::types::{Address, Height};
use super::consensus::{vote_in, vote_out};
use super::{BorshCodec, CodecError, MESSAGE_BYTES, bounded, defined, read, write};
use crate::wire::Polka;

#[derive(BorshSerialize, BorshDeserialize)]
enum WireLiveness {
    Vote(ledger::Vote, Signature),
    Polka(Polka),
    Round { height: u64, round: u32, skip: bool, votes: Vec<(VoteKind, Option<Digest>, PublicKey, Signature)> },
}

fn polka_out(certificate: &PolkaCertificate<Erm>) -> Result<Polka, CodecError> {
    Ok(Polka {
        height: certificate.height.0,
        round: defined("polka certificate", certificate.round)?,
        block: certificate.value_id,
        signatures: certificate.polka_signatures.iter().map(|one| (one.address.0, one.signature.0)).collect(),
    })
}

fn polka_in(wire: Polka) -> Result<PolkaCertificate<Erm>, CodecError> {
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
