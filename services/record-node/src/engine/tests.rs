//! What the engine accepts and refuses, held against our own verifier; and that no bytes break the codecs.

#![allow(clippy::unwrap_used)]

use arc_malachitebft_app_channel::app::consensus::{LivenessMsg, SignedConsensusMsg};
use arc_malachitebft_app_channel::app::types::ProposedValue;
use arc_malachitebft_app_channel::app::types::codec::{Codec, HasEncodedLen as _};
use arc_malachitebft_app_channel::app::types::core::{
    Context as _, NilOrVal, PolkaCertificate, PolkaSignature, Round, SignedMessage, ThresholdParams, Validity,
};
use arc_malachitebft_app_channel::app::types::streaming::StreamMessage;
use arc_malachitebft_app_channel::app::types::sync::{RawDecidedValue, Request, Response};
use arc_malachitebft_app_channel::{Signer as _, Verifier as _, VerifierExt as _};
use arc_malachitebft_sync::{ValueRequest, ValueResponse};
use bytes::Bytes;
use ledger::{CommitCertificate, Digest, KeyPair, PublicKey, Signature, ValidatorSet, VoteKind};
use proptest::prelude::*;

use super::codec::{BorshCodec, CHUNK_BYTES, certificate_in, certificate_out};
use super::context::Erm;
use super::signing::{Sig, Sr25519Signer, Sr25519Verifier, opening_verifies};
use super::types::{Address, BlockHash, Height, OpeningContent, Part, Proposal, Validators, Vote};

const NETWORK: Digest = Digest([42; 32]);
const BLOCK: Digest = Digest([7; 32]);

fn key(index: u8) -> KeyPair {
    KeyPair::from_seed(&[index + 1; 32])
}

/// Ascending by key, as sets and certificates are; 30, 28, 22, 20 by index.
fn validators() -> ValidatorSet {
    ValidatorSet::new(
        [30, 28, 22, 20].into_iter().zip(0u8..).map(|(weight, index)| (key(index).public(), weight)).collect(),
    )
    .unwrap()
}

fn vote(index: u8, kind: VoteKind, block: Option<Digest>) -> ledger::Vote {
    ledger::Vote { kind, height: 5, round: 1, block, validator: key(index).public() }
}

fn sign(index: u8, network: Digest, vote: &ledger::Vote) -> Signature {
    key(index).sign(&vote.digest(&network), &mut ledger::rng_from_seed([index; 32]))
}

fn certificate(signers: &[u8]) -> CommitCertificate {
    let signatures = signers.iter().map(|index| {
        let vote = vote(*index, VoteKind::Precommit, Some(BLOCK));
        (vote.validator, sign(*index, NETWORK, &vote))
    });
    let mut signatures: Vec<_> = signatures.collect();
    signatures.sort_by_key(|(key, _)| *key);
    CommitCertificate { height: 5, round: 1, block: BLOCK, signatures }
}

async fn engine_accepts(certificate: &CommitCertificate) -> bool {
    let (context, verifier) = (Erm { network: NETWORK }, Sr25519Verifier { network: NETWORK });
    let set = Validators::new(validators());
    let extended = certificate_in(certificate);
    let plain = extended.trim_vote_extensions();
    let thresholds = ThresholdParams::default();
    let accepted = verifier.verify_commit_certificate(&context, &plain, &set, thresholds).await.is_ok();
    let policy = arc_malachitebft_app_channel::app::types::core::VoteExtensionPolicy::Disabled;
    let synced =
        verifier.verify_extended_commit_certificate(&context, &extended, &set, thresholds, policy).await.is_ok();
    assert_eq!(accepted, synced);
    accepted
}

/// D8: more than two thirds of the weight, each signature over exactly this network, height, round, kind and block.
#[tokio::test]
async fn the_engine_and_our_verifier_agree_on_every_certificate_good_and_bad() {
    let both = async |what: &str, certificate: &CommitCertificate, good: bool| {
        assert_eq!(certificate.verify(&NETWORK, &validators()).is_ok(), good, "ours: {what}");
        assert_eq!(engine_accepts(certificate).await, good, "the engine: {what}");
    };
    both("all four", &certificate(&[0, 1, 2, 3]), true).await;
    both("70 of 100: without the first", &certificate(&[1, 2, 3]), true).await;
    both("72", &certificate(&[0, 2, 3]), true).await;
    both("58: two", &certificate(&[0, 1]), false).await;
    both("nobody", &certificate(&[]), false).await;
    let mut foreign = certificate(&[0, 1, 2]);
    let stranger = ledger::Vote { validator: key(9).public(), ..vote(0, VoteKind::Precommit, Some(BLOCK)) };
    foreign.signatures.push((key(9).public(), sign(9, NETWORK, &stranger)));
    foreign.signatures.sort_by_key(|(key, _)| *key);
    both("a signer that is no validator, though the others suffice", &foreign, false).await;
    let mut doubled = certificate(&[0, 1]);
    let again = doubled.signatures[0];
    doubled.signatures.insert(0, again);
    both("one signer twice", &doubled, false).await;
    let replaced = |network, make: fn(u8) -> ledger::Vote| {
        let mut certificate = certificate(&[0, 1, 2]);
        for index in 0..3 {
            let slot = certificate.signatures.iter_mut().find(|(signer, _)| *signer == key(index).public()).unwrap();
            slot.1 = sign(index, network, &make(index));
        }
        certificate
    };
    let precommit = |index| vote(index, VoteKind::Precommit, Some(BLOCK));
    both("signed as it should be", &replaced(NETWORK, precommit), true).await;
    both("another network's", &replaced(Digest([43; 32]), precommit), false).await;
    both("prevotes", &replaced(NETWORK, |index| vote(index, VoteKind::Prevote, Some(BLOCK))), false).await;
    both("votes for nothing", &replaced(NETWORK, |index| vote(index, VoteKind::Precommit, None)), false).await;
    both(
        "another height's",
        &replaced(NETWORK, |index| ledger::Vote { height: 6, ..vote(index, VoteKind::Precommit, Some(BLOCK)) }),
        false,
    )
    .await;
    both(
        "another round's",
        &replaced(NETWORK, |index| ledger::Vote { round: 2, ..vote(index, VoteKind::Precommit, Some(BLOCK)) }),
        false,
    )
    .await;
    for flipped in 0..3 {
        let mut tampered = certificate(&[0, 1, 2, 3]);
        tampered.signatures[flipped].1.0[5] ^= 1;
        both("one bad signature among enough good ones", &tampered, false).await;
    }
    let other = CommitCertificate { block: Digest([8; 32]), ..certificate(&[0, 1, 2, 3]) };
    both("another block's", &other, false).await;
}

/// The one quorum rule against the engine's, at the edge where it matters.
#[test]
fn the_engines_quorum_is_ours() {
    let quorum = ThresholdParams::default().quorum;
    for total in 1..400u64 {
        for weight in 0..=total {
            assert_eq!(quorum.is_met(weight, total), ledger::is_quorum(weight, total), "{weight} of {total}");
        }
    }
}

#[tokio::test]
async fn votes_and_proposals_verify_only_as_signed() {
    let (signer, verifier) = (Sr25519Signer::new(NETWORK, key(0)), Sr25519Verifier { network: NETWORK });
    let elsewhere = Sr25519Verifier { network: Digest([43; 32]) };
    let vote = Vote::from_content(&vote(0, VoteKind::Prevote, Some(BLOCK)));
    let signed = signer.sign_vote(vote.clone()).await.unwrap();
    let verifies = async |verifier: &Sr25519Verifier, vote: &Vote, by: u8| {
        verifier.verify_signed_vote(vote, &signed.signature, &key(by).public()).await.unwrap().is_valid()
    };
    assert!(verifies(&verifier, &vote, 0).await);
    assert!(!verifies(&elsewhere, &vote, 0).await, "another network");
    assert!(!verifies(&verifier, &vote, 1).await, "another validator's key");
    assert!(
        !verifies(&verifier, &Vote { validator: Address(key(1).public()), ..vote.clone() }, 0).await,
        "in another's name"
    );
    assert!(!verifies(&verifier, &Vote { value: NilOrVal::Nil, ..vote.clone() }, 0).await, "for nothing");
    assert!(!verifies(&verifier, &Vote { height: Height(6), ..vote.clone() }, 0).await, "another height");
    assert!(!verifies(&verifier, &Vote { round: Round::Nil, ..vote.clone() }, 0).await, "no round");

    let proposal = Proposal {
        height: Height(5),
        round: Round::new(1),
        block: BlockHash(BLOCK),
        valid_round: Round::new(0),
        proposer: Address(key(0).public()),
    };
    let signed = signer.sign_proposal(proposal.clone()).await.unwrap();
    let verifies = async |verifier: &Sr25519Verifier, proposal: &Proposal| {
        verifier.verify_signed_proposal(proposal, &signed.signature, &key(0).public()).await.unwrap().is_valid()
    };
    assert!(verifies(&verifier, &proposal).await);
    assert!(!verifies(&elsewhere, &proposal).await, "another network");
    assert!(!verifies(&verifier, &Proposal { valid_round: Round::Nil, ..proposal.clone() }).await, "another lock");
    assert!(
        !verifies(&verifier, &Proposal { block: BlockHash(Digest([8; 32])), ..proposal.clone() }).await,
        "another block"
    );

    let content = OpeningContent { height: 5, round: 1, block: BLOCK, block_bytes: 10, proposer: key(0).public() };
    let opening = signer.sign_opening(content);
    assert!(opening_verifies(&NETWORK, &opening));
    assert!(!opening_verifies(&Digest([43; 32]), &opening));
    let mut longer = opening.clone();
    longer.content.block_bytes = 11;
    assert!(!opening_verifies(&NETWORK, &longer));

    let proof = signer.sign_validator_proof(key(0).public().0.to_vec(), vec![1, 2, 3]).await.unwrap();
    assert!(verifier.verify_validator_proof(&proof).await.unwrap().is_valid());
    assert!(elsewhere.verify_validator_proof(&proof).await.unwrap().is_invalid(), "another network");
    let stolen = arc_malachitebft_app_channel::app::types::core::ValidatorProof::new(
        proof.public_key,
        vec![3, 2, 1],
        proof.signature,
    );
    assert!(verifier.verify_validator_proof(&stolen).await.unwrap().is_invalid(), "another connection");
}

fn there_and_back<T>(value: &T) -> T
where
    BorshCodec: Codec<T>,
    <BorshCodec as Codec<T>>::Error: std::fmt::Debug,
{
    let bytes = BorshCodec.encode(value).unwrap();
    let mut longer = bytes.to_vec();
    longer.push(0);
    assert!(Codec::<T>::decode(&BorshCodec, longer.into()).is_err(), "something after the end");
    assert!(Codec::<T>::decode(&BorshCodec, bytes.slice(..bytes.len() - 1)).is_err(), "cut short");
    BorshCodec.decode(bytes).unwrap()
}

#[test]
fn every_message_comes_back_and_is_refused_when_cut_or_prolonged() {
    let signed_vote =
        SignedMessage::<Erm, _>::new(Vote::from_content(&vote(0, VoteKind::Prevote, None)), Sig(Signature([3; 64])));
    let proposal = Proposal {
        height: Height(5),
        round: Round::new(1),
        block: BlockHash(BLOCK),
        valid_round: Round::Nil,
        proposer: Address(key(0).public()),
    };
    for message in [
        SignedConsensusMsg::Vote(signed_vote.clone()),
        SignedConsensusMsg::Proposal(SignedMessage::new(proposal, Sig(Signature([4; 64])))),
    ] {
        assert_eq!(there_and_back(&message), message);
    }
    let polka = PolkaCertificate::<Erm> {
        height: Height(5),
        round: Round::new(1),
        value_id: BLOCK,
        polka_signatures: vec![PolkaSignature::new(Address(key(0).public()), Sig(Signature([5; 64])))],
    };
    assert_eq!(there_and_back(&polka), polka);
    for message in [LivenessMsg::Vote(signed_vote), LivenessMsg::PolkaCertificate(polka)] {
        assert_eq!(there_and_back(&message), message);
    }
    let value = ProposedValue::<Erm> {
        height: Height(5),
        round: Round::new(1),
        valid_round: Round::Nil,
        proposer: Address(key(0).public()),
        value: BlockHash(BLOCK),
        validity: Validity::Invalid,
    };
    assert_eq!(there_and_back(&value), value);
    for part in [
        Part::Chunk(Bytes::from(vec![1; CHUNK_BYTES])),
        Part::Transactions(vec![Bytes::from(vec![2; 10]); 3]),
        Part::Tip(Box::new(certificate(&[0, 1]))),
    ] {
        assert_eq!(there_and_back(&part), part);
    }
    let request = Request::<Erm>::ValueRequest(ValueRequest::new(Height(1)..=Height(9)));
    assert_eq!(there_and_back(&request), request);
    let value = RawDecidedValue::new(Bytes::from(vec![9; 1000]), certificate_in(&certificate(&[0, 1, 2])));
    let response = Response::<Erm>::ValueResponse(ValueResponse::new(Height(5), vec![value]));
    assert_eq!(there_and_back(&response), response);
    assert_eq!(BorshCodec.encoded_len(&response).unwrap(), BorshCodec.encode(&response).unwrap().len());
}

#[test]
fn what_is_beyond_the_bounds_does_not_decode() {
    let chunk = BorshCodec.encode(&Part::Chunk(Bytes::from(vec![1; CHUNK_BYTES + 1]))).unwrap();
    assert!(Codec::<Part>::decode(&BorshCodec, chunk).is_err());
    let many = BorshCodec.encode(&Part::Transactions(vec![Bytes::new(); 1025])).unwrap();
    assert!(Codec::<Part>::decode(&BorshCodec, many).is_err());
    let signature = PolkaSignature::<Erm>::new(Address(PublicKey([1; 32])), Sig(Signature([0; 64])));
    let polka = PolkaCertificate {
        height: Height(1),
        round: Round::new(0),
        value_id: BLOCK,
        polka_signatures: vec![signature; 257],
    };
    let polka = BorshCodec.encode(&polka).unwrap();
    assert!(Codec::<PolkaCertificate<Erm>>::decode(&BorshCodec, polka).is_err());
}

proptest! {
    #[test]
    fn no_bytes_break_a_codec(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let bytes = Bytes::from(bytes);
        let _ = Codec::<SignedConsensusMsg<Erm>>::decode(&BorshCodec, bytes.clone());
        let _ = Codec::<LivenessMsg<Erm>>::decode(&BorshCodec, bytes.clone());
        let _ = Codec::<StreamMessage<Part>>::decode(&BorshCodec, bytes.clone());
        let _ = Codec::<Response<Erm>>::decode(&BorshCodec, bytes.clone());
        let _ = Codec::<ProposedValue<Erm>>::decode(&BorshCodec, bytes);
    }
}

#[test]
fn the_engines_certificate_becomes_ours_sorted_and_back() {
    let ours = certificate(&[3, 0, 2]);
    let mut extended = certificate_in(&ours);
    extended.commit_signatures.reverse();
    assert_eq!(certificate_out(&extended).unwrap(), ours);
    let context = Erm { network: NETWORK };
    let proposer = context.select_proposer(&Validators::new(validators()), Height(5), Round::new(1)).address.0;
    assert!(validators().weight(&proposer).is_some());
}
