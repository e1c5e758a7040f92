//! Golden vectors of `docs/formats.md`, section 4. A failure here is a format that changed: that needs a new version.

use erm::{
    Act, AnchorHeads, Block, Body, BreakGlass, Category, Checkpoint, CheckpointValidator, ClinicalEvent, Consent,
    ConsentAct, EventKind, Grantee, Header, Key, Membership, MembershipDecision, Meta, Mode, Operator,
    PatientRegistration, Payload, Purpose, RecordClaim, Release, Role, Sender, Signed, State, StateProof, Visit,
    event_input, fingerprint_input,
};
use ledger::{Digest, PublicKey, Signature, VrfOutput, VrfPublicKey, WrapPublicKey, sha256};

use crate::fixture::{founding, id};

fn digest(n: u8) -> Digest {
    Digest([n; 32])
}

fn event(visit: Visit) -> ClinicalEvent {
    ClinicalEvent {
        key: VrfOutput(digest(1)),
        kind: EventKind::Prescription,
        fields: vec![(1, digest(2)), (300, digest(3))],
        document: digest(4),
        document_bytes: 5,
        visit,
    }
}

fn payloads() -> Vec<(&'static str, Sender, Payload)> {
    let party = || Sender::Party(id("city-hospital"));
    let acts = vec![
        Act::Enrol(crate::fixture::party("dr-clark", "doctors", Role::Doctor, 3)),
        Act::Suspend(id("dr-adams")),
        Act::Reinstate(id("dr-adams")),
        Act::Rotate {
            party: id("dr-adams"),
            signer: PublicKey([1; 32]),
            vrf: VrfPublicKey([2; 32]),
            wrap: WrapPublicKey([3; 32]),
        },
        Act::Stake { party: id("dr-adams"), units: 9 },
        Act::Operator(Operator { id: id("new"), validator: PublicKey([4; 32]) }),
        Act::Authority(founding().authority),
    ];
    let membership = Membership {
        decision: MembershipDecision { sequence: 7, acts },
        signatures: vec![(PublicKey([1; 32]), Signature([2; 64]))],
    };
    let registration = PatientRegistration {
        patient: PublicKey([1; 32]),
        wrap: WrapPublicKey([2; 32]),
        identity: digest(3),
        signature: Signature([4; 64]),
    };
    let consent = Consent {
        grantee: Grantee::Role(Role::Insurer),
        category: Category::RECORDS,
        purpose: Purpose::Claim,
        decision: ConsentAct::Deny,
        mode: Mode::ReadWrite,
        service_from_day: Some(20_000),
        service_to_day: None,
        expires_ms: Some(1_800_000_000_000),
    };
    let signed = Visit::Patient { one_time: PublicKey([6; 32]), signature: Signature([7; 64]) };
    let claim = RecordClaim { claim: digest(1), response: digest(2), fingerprints: vec![VrfOutput(digest(3))] };
    let anchor = AnchorHeads { previous: digest(1), root: digest(2), chains: 3 };
    let release = Release { patient: PublicKey([1; 32]), category: Category::IMAGES, purpose: Purpose::Treatment };
    vec![
        ("membership", Sender::Authority, Payload::Membership(membership)),
        ("patient", party(), Payload::Patient(registration)),
        ("event, signed", party(), Payload::Event(event(signed))),
        ("event, break-glass", party(), Payload::Event(event(Visit::BreakGlass { reason: BreakGlass::LegalDuty }))),
        ("event, no visit", party(), Payload::Event(event(Visit::None))),
        ("consent", Sender::Patient(PublicKey([1; 32])), Payload::Consent(consent)),
        ("claim", party(), Payload::Claim(claim)),
        ("anchor", party(), Payload::Anchor(anchor)),
        ("release", party(), Payload::Release(release)),
    ]
}

fn vectors() -> Vec<(String, String)> {
    let network = founding().network();
    let mut vectors = Vec::new();
    let mut add = |name: &str, value: Digest| vectors.push((name.to_string(), value.to_string()));
    add("network id", network);
    add("genesis file", sha256(include_bytes!("genesis.json")));
    let state = State::genesis(founding(), erm::MemoryStore::default()).unwrap();
    add("genesis state root", state.head().state_root);
    add("genesis head", sha256(&ledger::encode(state.head())));
    add("genesis validators", state.validators().digest(&network));

    for (name, sender, payload) in payloads() {
        let body = Body { sender, sequence: 7, expiry_height: 99, payload };
        add(&format!("id of {name}"), body.id(&network));
        let signed = Signed { body, signature: Signature([9; 64]) };
        let bytes = signed.encode();
        assert_eq!(Signed::decode(&bytes).unwrap(), signed, "{name}");
        add(&format!("bytes of {name}"), sha256(&bytes));
        if let Payload::Membership(membership) = &signed.body.payload {
            add("decision", membership.decision.digest(&network));
        }
        if let Payload::Anchor(anchor) = &signed.body.payload {
            add("anchor", anchor.anchor(&network));
        }
    }
    let patient = PublicKey([1; 32]);
    let wrap = WrapPublicKey([2; 32]);
    add("registration", PatientRegistration::digest(&network, &patient, &wrap, &digest(3), &id("city-hospital")));
    add("visit", event(Visit::None).visit_digest(&network, &id("city-hospital")));
    add("event input", event_input(&network, &patient, -5, EventKind::Image, 2));
    add("fingerprint input", fingerprint_input(&network, &patient, 20_000, EventKind::Record, "99213", 1));

    let consent = Key::Consent {
        patient,
        grantee: Grantee::Party(id("dr-adams")),
        category: Category::SCORES,
        purpose: Purpose::Research,
    };
    let keys = [
        Key::Meta(Meta::Clock),
        Key::Meta(Meta::Authority),
        Key::Meta(Meta::Operators),
        Key::Party(id("dr-adams")),
        Key::Patient(patient),
        Key::Event(VrfOutput(digest(1))),
        consent,
        Key::Fingerprint(VrfOutput(digest(1))),
        Key::Anchor(id("dr-adams")),
        Key::Sequence(Sender::Party(id("dr-adams"))),
        Key::Sequence(Sender::Patient(patient)),
        Key::Sequence(Sender::Authority),
        Key::Claim(digest(1)),
        Key::Operator(id("doctors")),
    ];
    for key in &keys {
        add(&format!("key {key:?}"), key.digest(&network));
    }

    let header = Header {
        height: 1,
        parent: digest(1),
        time_ms: -2,
        transactions_root: digest(3),
        state_root: digest(4),
        validators: digest(5),
        next_validators: digest(6),
    };
    add("header", header.hash(&network));
    let block = Block { header, transactions: vec![vec![1, 2], vec![]] };
    add("block bytes", sha256(&block.encode()));
    add("transactions root", block.transactions_root());

    let (value, proof) = state.view().prove(&Key::Party(id("dr-adams"))).unwrap();
    add("party value", sha256(&value.unwrap()));
    add("proof of presence", sha256(&proof.encode()));
    let (_, proof) = state.view().prove(&Key::Party(id("nobody"))).unwrap();
    add("proof of absence", sha256(&proof.encode()));
    add("empty proof", sha256(&StateProof { leaf: None, siblings: vec![] }.encode()));
    let checkpoint = Checkpoint {
        network,
        height: 5,
        block: digest(1),
        next_validators: vec![CheckpointValidator { key: patient, weight: 3 }],
    };
    add("checkpoint", sha256(&ledger::encode(&checkpoint)));
    vectors
}

#[test]
fn every_format_has_the_bytes_that_it_had() {
    let expected: Vec<(String, String)> = include_str!("golden.txt")
        .lines()
        .map(|line| line.rsplit_once(": ").map(|(name, value)| (name.to_string(), value.to_string())).unwrap())
        .collect();
    let found = vectors();
    let shown: String = found.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    assert_eq!(found, expected, "found:\n{shown}");
}
