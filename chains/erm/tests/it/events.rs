use erm::{BreakGlass, ClinicalEvent, EventKind, EventRecord, Key, Payload, Refusal, Signed, Visit, event_input};
use ledger::{OneTimeKey, sha256};

use crate::fixture::{Chain, TODAY, bare_event, certificate, emergency, founding, id, key, rng, validator, vrf};

const PRODUCERS: [(EventKind, &str); 5] = [
    (EventKind::Record, "city-hospital"),
    (EventKind::PharmacyBill, "pharmacy-one"),
    (EventKind::TestReport, "laboratory-one"),
    (EventKind::Prescription, "dr-adams"),
    (EventKind::Image, "imaging-one"),
];

/// D7, B5: the five kinds, each with the patient's signature, the facility, commitments and the document's digest.
#[test]
fn the_five_kinds_are_recorded_with_what_was_sent() {
    let mut chain = Chain::new();
    let events = PRODUCERS.map(|(kind, by)| chain.visit(by, "anna", kind, 0));
    let signed: Vec<_> =
        PRODUCERS.iter().zip(&events).map(|((_, by), event)| chain.by(by, Payload::Event(event.clone()))).collect();
    chain.commit(&signed).unwrap();
    for (((kind, by), event), signed) in PRODUCERS.into_iter().zip(events).zip(signed) {
        let record = chain.state.view().event(&event.key).unwrap().unwrap();
        assert_eq!((record.facility, record.event.kind, record.height), (id(by), kind, 1));
        assert_eq!(record.signer, key(by).public());
        assert_eq!(record.transaction, signed.body.id(&chain.network));
        assert_eq!(record.event, event);
    }
}

/// D7: other kinds are refused, and so is anything else that is not one canonical encoding.
#[test]
fn an_unknown_kind_or_number_does_not_decode() {
    let mut chain = Chain::new();
    let event = bare_event(&chain.network, "pharmacy-one", "anna", EventKind::PharmacyBill, 0);
    let signed = chain.by("pharmacy-one", Payload::Event(event.clone()));
    let bytes = signed.encode();
    // sender 1 + 4 + 12, sequence 8, expiry 8, payload 1, VRF output 32.
    let kind_at = 17 + 8 + 8 + 1 + 32;
    assert_eq!(bytes[kind_at], 1);
    for (offset, number) in [(kind_at, 5), (0, 3), (33, 7)] {
        let mut changed = bytes.clone();
        changed[offset] = number;
        assert_eq!(Signed::decode(&changed).unwrap_err().code(), 1, "byte {offset}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(Signed::decode(&longer).unwrap_err().code(), 1);
    for length in 0..bytes.len() {
        assert!(Signed::decode(&bytes[..length]).is_err(), "{length} bytes");
    }
}

/// B4: unsigned is refused for a visit's record; break-glass is taken in and flagged for good.
#[test]
fn a_record_needs_the_patient_or_the_broken_glass() {
    let mut chain = Chain::new();
    let bare = bare_event(&chain.network, "city-hospital", "anna", EventKind::Record, 0);
    let unsigned = chain.by("city-hospital", Payload::Event(bare.clone()));
    assert_eq!(chain.refusal(&unsigned), Refusal::VisitUnsigned);

    let broken = chain.by("city-hospital", Payload::Event(emergency(bare.clone())));
    chain.commit(&[broken]).unwrap();
    let record = chain.state.view().event(&bare.key).unwrap().unwrap();
    assert_eq!(record.event.visit, Visit::BreakGlass { reason: BreakGlass::Emergency });

    // Bills, reports, prescriptions and images come without a visit.
    let bill = bare_event(&chain.network, "pharmacy-one", "anna", EventKind::PharmacyBill, 0);
    let bill = chain.by("pharmacy-one", Payload::Event(bill));
    chain.commit(&[bill]).unwrap();
}

/// B4, E21: the visit's signature covers everything that the event says, at this facility and network.
#[test]
fn a_visits_signature_covers_every_part_of_the_event() {
    let mut chain = Chain::new();
    let good = chain.visit("city-hospital", "anna", EventKind::Record, 0);
    type Change = fn(&mut ClinicalEvent);
    let changes: [(&str, Change); 6] = [
        ("key", |event| event.key = vrf("x").output(&sha256(b"x"))),
        ("kind", |event| event.kind = EventKind::Image),
        ("fields", |event| event.fields[0].1 = sha256(b"another date")),
        ("document", |event| event.document = sha256(b"another document")),
        ("length", |event| event.document_bytes += 1),
        ("signature", |event| {
            if let Visit::Patient { one_time, .. } = &mut event.visit {
                *one_time = key("somebody else").public();
            }
        }),
    ];
    for (what, change) in changes {
        let mut event = good.clone();
        change(&mut event);
        let signed = chain.by("city-hospital", Payload::Event(event));
        assert_eq!(chain.refusal(&signed), Refusal::Signature("the visit"), "{what}");
    }
    // Another facility hands in the same visit.
    let stolen = chain.by("dr-adams", Payload::Event(good.clone()));
    assert_eq!(chain.refusal(&stolen), Refusal::Signature("the visit"));

    let mut elsewhere = bare_event(&chain.network, "city-hospital", "anna", EventKind::Record, 0);
    elsewhere = elsewhere.sign_visit(&sha256(b"another network"), &id("city-hospital"), &key("anna"), &mut rng());
    let elsewhere = chain.by("city-hospital", Payload::Event(elsewhere));
    assert_eq!(chain.refusal(&elsewhere), Refusal::Signature("the visit"));

    let signed = chain.by("city-hospital", Payload::Event(good));
    chain.commit(&[signed]).unwrap();
}

/// B4: whoever is given the secret sees that the one-time key is the patient's; the chain shows no link.
#[test]
fn the_one_time_key_opens_to_the_patient_with_its_secret_only() {
    let mut chain = Chain::new();
    let event = chain.visit("city-hospital", "anna", EventKind::Record, 0);
    let Visit::Patient { one_time, .. } = event.visit else { panic!("signed by the patient") };
    let record_chain = ledger::Chain::record(chain.network);
    let owner = key("anna").public();
    let secret = sha256(b"anna 0").0;
    assert_eq!(OneTimeKey::derive(&owner, &record_chain, &secret).unwrap(), one_time);
    assert_ne!(OneTimeKey::derive(&owner, &record_chain, &[0; 32]).unwrap(), one_time);
}

#[test]
fn a_key_is_used_once() {
    let mut chain = Chain::new();
    let event = chain.visit("city-hospital", "anna", EventKind::Record, 0);
    let first = chain.by("city-hospital", Payload::Event(event.clone()));
    let second = chain.by("city-hospital", Payload::Event(event.clone()));
    let proposal = chain.propose(&[first.clone(), second]).unwrap();
    assert_eq!(proposal.dropped, vec![(1, Refusal::EventKnown)], "within a block");
    chain.commit(&[first]).unwrap();
    let again = chain.by("city-hospital", Payload::Event(event));
    assert_eq!(chain.refusal(&again), Refusal::EventKnown);
}

#[test]
fn fields_are_bounded_ascending_and_each_once() {
    let mut chain = Chain::new();
    let good = bare_event(&chain.network, "pharmacy-one", "anna", EventKind::PharmacyBill, 0);
    let field = |number| (number, sha256(b"content"));
    for fields in [vec![], (0..65).map(field).collect(), vec![field(2), field(1)], vec![field(1), field(1)]] {
        let event = ClinicalEvent { fields, ..good.clone() };
        let signed = chain.by("pharmacy-one", Payload::Event(event));
        assert_eq!(chain.refusal(&signed).code(), 3);
    }
    let event = ClinicalEvent { fields: (0..64).map(field).collect(), ..good };
    let signed = chain.by("pharmacy-one", Payload::Event(event));
    chain.commit(&[signed]).unwrap();
}

/// The first absent n proves that the ones before were all.
#[test]
fn presence_and_absence_of_a_patients_events_are_proved_by_their_vrf_keys() {
    let mut chain = Chain::new();
    for n in 0..2 {
        let event = chain.visit("city-hospital", "anna", EventKind::Record, n);
        let signed = chain.by("city-hospital", Payload::Event(event));
        chain.commit(&[signed]).unwrap();
    }
    let root = chain.state.head().state_root;
    let facility = chain.state.view().party(&id("city-hospital")).unwrap().unwrap();
    for (n, present) in [(0, true), (1, true), (2, false)] {
        let input = event_input(&chain.network, &key("anna").public(), TODAY, EventKind::Record, n);
        let (_, vrf_proof) = vrf("city-hospital").prove(&input, &mut rng());
        // What a verifier does: the key from the proof, then the state proof.
        let output = facility.keys_at_height(1).unwrap().vrf.verify(&input, &vrf_proof).unwrap();
        let (value, proof) = chain.state.view().prove(&Key::Event(output)).unwrap();
        assert_eq!(value.is_some(), present);
        proof.verify(&chain.network, &root, &Key::Event(output), value.as_deref()).unwrap();
    }
}

/// D17: with header and certificate, a record shows its signer and that more than two thirds agreed, offline.
#[test]
fn a_record_is_verifiable_offline_down_to_the_genesis() {
    let mut chain = Chain::new();
    let event = chain.visit("city-hospital", "anna", EventKind::Record, 0);
    let signed = chain.by("city-hospital", Payload::Event(event.clone()));
    chain.commit(&[signed]).unwrap();
    let (value, proof) = chain.state.view().prove(&Key::Event(event.key)).unwrap();
    let header = chain.headers[0].clone();
    let signers = ["hospital", "doctors", "services"].map(validator);
    let final_by = certificate(&chain.network, &header, 0, &signers);

    let genesis = founding();
    erm::verify_header(erm::TrustRoot::Genesis(&genesis), &[], &header, &final_by).unwrap();
    let value = value.unwrap();
    proof.verify(&genesis.network(), &header.state_root, &Key::Event(event.key), Some(&value)).unwrap();
    let record: EventRecord = ledger::decode("event", &value).unwrap();
    assert_eq!(record.signer, key("city-hospital").public());
}

/// B7, B9: a patient is registered once, by a provider and with the patient's own signature.
#[test]
fn a_patient_is_registered_with_both_signatures() {
    let mut chain = Chain::new();
    let payload = chain.registration("anna", "city-hospital");
    // Signed for the hospital: another provider cannot hand it in.
    let stolen = chain.by("dr-adams", payload.clone());
    assert_eq!(chain.refusal(&stolen), Refusal::Signature("the patient"));
    let Payload::Patient(good) = payload.clone() else { panic!("a registration") };
    for change in 0..3 {
        let mut changed = good.clone();
        match change {
            0 => changed.identity = sha256(b"somebody else"),
            1 => changed.wrap = crate::fixture::wrap("somebody else"),
            _ => changed.patient = key("somebody else").public(),
        }
        let signed = chain.by("city-hospital", Payload::Patient(changed));
        assert_eq!(chain.refusal(&signed), Refusal::Signature("the patient"), "change {change}");
    }
    let signed = chain.by("city-hospital", payload);
    chain.commit(&[signed]).unwrap();
    let record = chain.state.view().patient(&key("anna").public()).unwrap().unwrap();
    assert_eq!((record.by, record.identity), (id("city-hospital"), sha256(b"anna")));

    let again = chain.registration("anna", "dr-adams");
    let again = chain.by("dr-adams", again);
    assert_eq!(chain.refusal(&again), Refusal::PatientKnown);
}
