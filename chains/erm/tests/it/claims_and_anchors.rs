use erm::{AnchorHeads, EventKind, Key, Payload, RecordClaim, Refusal, fingerprint_input};
use ledger::{Digest, VrfOutput, sha256};

use crate::fixture::{Chain, TODAY, id, key, vrf};

fn fingerprint(chain: &Chain, n: u32) -> VrfOutput {
    let patient = key("anna").public();
    let input = fingerprint_input(&chain.network, &patient, TODAY, EventKind::Record, "99213", n);
    vrf("city-hospital").output(&input)
}

fn claim(name: &str, mut fingerprints: Vec<VrfOutput>) -> Payload {
    fingerprints.sort_unstable();
    let commitment = |what: &str| sha256(format!("{name} {what}").as_bytes());
    Payload::Claim(RecordClaim { claim: commitment("claim"), response: commitment("response"), fingerprints })
}

/// E17: claim and response are on the chain, and a line's fingerprint shows that it was used up, and by what.
#[test]
fn a_line_that_was_claimed_cannot_be_claimed_again() {
    let mut chain = Chain::new();
    let (first, second) = (fingerprint(&chain, 0), fingerprint(&chain, 1));
    let payload = claim("a", vec![first, second]);
    let signed = chain.by("insurer-one", payload);
    chain.commit(&[signed]).unwrap();

    let record = chain.state.view().claim(&sha256(b"a claim")).unwrap().unwrap();
    assert_eq!((record.by, record.response), (id("insurer-one"), sha256(b"a response")));
    assert_eq!(chain.state.view().fingerprint(&second).unwrap().unwrap().claim, sha256(b"a claim"));
    let (value, proof) = chain.state.view().prove(&Key::Fingerprint(fingerprint(&chain, 2))).unwrap();
    assert_eq!(value, None);
    let root = chain.state.head().state_root;
    proof.verify(&chain.network, &root, &Key::Fingerprint(fingerprint(&chain, 2)), None).unwrap();

    // One known line among new ones refuses the whole claim, and leaves nothing behind.
    let payload = claim("b", vec![fingerprint(&chain, 2), second]);
    let signed = chain.by("city-hospital", payload);
    assert_eq!(chain.refusal(&signed), Refusal::FingerprintKnown(second.0));
    assert_eq!(chain.state.view().claim(&sha256(b"b claim")).unwrap(), None);
    // Without fingerprints, the duplicate's answer is recorded.
    let signed = chain.by("city-hospital", claim("b", vec![]));
    chain.commit(&[signed]).unwrap();
    let again = chain.by("city-hospital", claim("b", vec![]));
    assert_eq!(chain.refusal(&again), Refusal::ClaimKnown);
}

#[test]
fn two_claims_of_one_line_in_one_block_are_one() {
    let mut chain = Chain::new();
    let line = vec![fingerprint(&chain, 0)];
    let signed =
        [chain.by("insurer-one", claim("a", line.clone())), chain.by("city-hospital", claim("b", line.clone()))];
    let proposal = chain.propose(&signed).unwrap();
    assert_eq!(proposal.dropped, vec![(1, Refusal::FingerprintKnown(line[0].0))]);
}

#[test]
fn fingerprints_are_bounded_and_each_once() {
    let mut chain = Chain::new();
    let line = fingerprint(&chain, 0);
    let outputs = (0..257u32).map(|n| VrfOutput(sha256(&n.to_le_bytes()))).collect();
    for payload in [claim("a", vec![line, line]), claim("a", outputs)] {
        let signed = chain.by("insurer-one", payload);
        assert_eq!(chain.refusal(&signed).code(), 3);
    }
}

/// E7: heads of personal chains are on the record chain, each anchor naming the one before.
#[test]
fn an_anchor_follows_the_partys_last_one() {
    let mut chain = Chain::new();
    let network = chain.network;
    let anchor = |previous, root: &[u8]| AnchorHeads { previous, root: sha256(root), chains: 3 };
    let first = anchor(Digest::ZERO, b"one");
    let second = anchor(first.anchor(&network), b"two");

    let early = chain.by("city-hospital", Payload::Anchor(second.clone()));
    let refusal = Refusal::AnchorPrevious { expected: Digest::ZERO, found: first.anchor(&network) };
    assert_eq!(chain.refusal(&early), refusal);

    let both = [Payload::Anchor(first.clone()), Payload::Anchor(second.clone())]
        .map(|payload| chain.by("city-hospital", payload));
    chain.commit(&both).unwrap();
    let record = chain.state.view().anchor(&id("city-hospital")).unwrap().unwrap();
    assert_eq!((record.anchor, record.count), (second.anchor(&network), 2));

    let fork = chain.by("city-hospital", Payload::Anchor(second));
    assert_eq!(chain.refusal(&fork).code(), 70);
    // Another party has its own line of anchors.
    let other = chain.by("dr-adams", Payload::Anchor(first));
    chain.commit(&[other]).unwrap();
    let empty = chain.by("dr-adams", Payload::Anchor(AnchorHeads { chains: 0, ..anchor(Digest::ZERO, b"x") }));
    assert_eq!(chain.refusal(&empty).code(), 3);
}
