use erm::{Act, Authority, Error, Id, Key, MembershipDecision, Operator, PartyRecord, Payload, Refusal, Role, Sender};
use ledger::KeyPair;

use crate::fixture::{AUTHORITY, Chain, TODAY, bare_event, emergency, id, key, operator, party, validator, vrf, wrap};
use erm::EventKind;

fn stake(name: &str, units: u64) -> Act {
    Act::Stake { party: id(name), units }
}

fn rotate(name: &str, generation: &str) -> Act {
    let name_of = format!("{name} {generation}");
    Act::Rotate { party: id(name), signer: key(&name_of).public(), vrf: vrf(&name_of).public(), wrap: wrap(&name_of) }
}

fn record(chain: &Chain, name: &str) -> PartyRecord {
    chain.state.view().party(&id(name)).unwrap().unwrap()
}

/// E18, B3: enrolment, then suspension and reinstatement, each in force from the next block.
#[test]
fn a_member_acts_from_the_block_after_its_enrolment_and_not_while_suspended() {
    let mut chain = Chain::new();
    let event = |chain: &mut Chain, n| {
        let event = emergency(bare_event(&chain.network, "dr-clark", "anna", EventKind::Record, n));
        chain.by("dr-clark", Payload::Event(event))
    };
    let early = event(&mut chain, 0);
    assert_eq!(chain.refusal(&early), Refusal::PartyUnknown(id("dr-clark")));

    let enrol = chain.decide(vec![Act::Enrol(party("dr-clark", "doctors", Role::Doctor, 0))]);
    assert_eq!(chain.propose(&[enrol.clone(), early.clone()]).unwrap().dropped.len(), 1, "not in the same block");
    chain.commit(&[enrol]).unwrap();
    chain.commit(&[early]).unwrap();

    let suspend = chain.decide(vec![Act::Suspend(id("dr-clark"))]);
    let last = event(&mut chain, 1);
    chain.commit(&[suspend, last]).unwrap();
    let refused = event(&mut chain, 2);
    assert_eq!(chain.refusal(&refused), Refusal::PartySuspended(id("dr-clark")));

    let reinstate = chain.decide(vec![Act::Reinstate(id("dr-clark"))]);
    chain.commit(&[reinstate]).unwrap();
    chain.commit(&[refused]).unwrap();

    let spans: Vec<_> =
        record(&chain, "dr-clark").standing.iter().map(|span| (span.from_height, span.active)).collect();
    assert_eq!(spans, vec![(2, true), (4, false), (5, true)]);
}

/// E18: which key was in force when, provable from one record.
#[test]
fn rotated_keys_stay_answerable_for_what_they_signed() {
    let mut chain = Chain::new();
    let act = rotate("dr-adams", "2026");
    let rotation = chain.decide(vec![act]);
    chain.commit(&[rotation]).unwrap();

    let event = emergency(bare_event(&chain.network, "dr-adams", "anna", EventKind::Record, 0));
    let body = chain.body(Sender::Party(id("dr-adams")), Payload::Event(event));
    let old = chain.signed_by(body.clone(), &key("dr-adams"));
    assert_eq!(chain.refusal(&old), Refusal::Signature("the sender"));
    let new = chain.signed_by(body, &key("dr-adams 2026"));
    chain.commit(&[new]).unwrap();

    let (value, proof) = chain.state.view().prove(&Key::Party(id("dr-adams"))).unwrap();
    let value = value.unwrap();
    proof.verify(&chain.network, &chain.state.head().state_root, &Key::Party(id("dr-adams")), Some(&value)).unwrap();
    let record: PartyRecord = ledger::decode("party", &value).unwrap();
    assert_eq!(record.keys_at_height(0), None, "no member at genesis' own height");
    assert_eq!(record.keys_at_height(1).unwrap().signer, key("dr-adams").public());
    assert_eq!(record.keys_at_height(2).unwrap().signer, key("dr-adams 2026").public());
    let decided_ms = chain.headers[0].time_ms;
    assert_eq!(record.keys_at(decided_ms - 1).unwrap().vrf, vrf("dr-adams").public());
    assert_eq!(record.keys_at(decided_ms).unwrap().vrf, vrf("dr-adams 2026").public());
    assert_eq!(record.keys_at(0), None);
}

#[test]
fn good_standing_is_answered_per_day() {
    let mut chain = Chain::new();
    let suspend = chain.decide(vec![Act::Suspend(id("imaging-one"))]);
    chain.commit(&[suspend]).unwrap();
    let party = record(&chain, "imaging-one");
    assert!(!party.good_standing_on(TODAY - 1), "before the network was");
    assert!(party.good_standing_on(TODAY), "suspended during the day");
    assert!(!party.good_standing_on(TODAY + 1));
    assert!(!party.good_standing_on(i32::MAX) && !party.good_standing_on(i32::MIN));
    let hospital = record(&chain, "city-hospital");
    assert!(hospital.good_standing_on(TODAY + 1));
}

#[test]
fn a_decision_needs_the_policys_signatures_and_nothing_else() {
    let mut chain = Chain::new();
    let (one, two, three) = (key(AUTHORITY[0]), key(AUTHORITY[1]), key(AUTHORITY[2]));
    let acts = vec![Act::Suspend(id("imaging-one"))];
    let sign = |chain: &mut Chain, keys: &[KeyPair]| {
        let decision = chain.decision(acts.clone());
        decision.sign(&chain.network, keys, &mut chain.rng)
    };

    let mut none = sign(&mut chain, std::slice::from_ref(&one));
    let signature = none.signatures[0];
    let few = chain.membership(none.clone());
    assert_eq!(chain.refusal(&few), Refusal::Authority("fewer signatures than the policy's threshold"));

    let mut doubled = none.clone();
    doubled.signatures.push(signature);
    let doubled = chain.membership(doubled);
    assert!(matches!(chain.refusal(&doubled), Refusal::Authority(reason) if reason.contains("stands twice")));

    let foreign = sign(&mut chain, &[one.clone(), key("stranger")]);
    let foreign = chain.membership(foreign);
    assert_eq!(chain.refusal(&foreign), Refusal::Authority("a signer is not of the policy"));

    let mut swapped = sign(&mut chain, &[one.clone(), two.clone()]);
    swapped.signatures.reverse();
    let swapped = chain.membership(swapped);
    assert!(matches!(chain.refusal(&swapped), Refusal::Authority(reason) if reason.contains("ascending")));

    // Two of the policy's names, one of the signatures by another.
    let mut forged = sign(&mut chain, &[one.clone(), two.clone()]);
    forged.signatures[1].1 = sign(&mut chain, &[key("stranger")]).signatures[0].1;
    let forged = chain.membership(forged);
    assert_eq!(chain.refusal(&forged), Refusal::Signature("the authority"));

    let mut tampered = sign(&mut chain, &[one.clone(), two.clone()]);
    tampered.decision.acts = vec![Act::Suspend(id("insurer-one"))];
    let tampered = chain.membership(tampered);
    assert_eq!(chain.refusal(&tampered), Refusal::Signature("the authority"));

    let decision = chain.decision(acts.clone());
    let elsewhere = decision.sign(&ledger::sha256(b"another network"), &[one.clone(), two.clone()], &mut chain.rng);
    let elsewhere = chain.membership(elsewhere);
    assert_eq!(chain.refusal(&elsewhere), Refusal::Signature("the authority"));

    none.signatures.clear();
    let body = chain.body(Sender::Authority, Payload::Membership(none));
    let unsigned = chain.signed_by(body, &one);
    assert_eq!(chain.refusal(&unsigned), Refusal::Authority("a decision has 1 to 16 signatures"));

    // Any two of three suffice, and all three.
    for keys in [vec![one.clone(), three.clone()], vec![two.clone(), three.clone()], vec![one, two, three]] {
        let membership = sign(&mut chain, &keys);
        let signed = chain.membership(membership);
        chain.state.admit(&signed).unwrap();
    }
}

#[test]
fn a_decision_cannot_be_played_again() {
    let mut chain = Chain::new();
    let suspend = chain.decide(vec![Act::Suspend(id("imaging-one"))]);
    chain.commit(std::slice::from_ref(&suspend)).unwrap();
    let reinstate = chain.decide(vec![Act::Reinstate(id("imaging-one"))]);
    chain.commit(&[reinstate]).unwrap();
    assert_eq!(chain.refusal(&suspend), Refusal::SequenceUsed { expected: 2, found: 0 });

    // The old decision under a new transaction sequence.
    let Payload::Membership(old) = suspend.body.payload else { panic!("a decision") };
    let again = chain.membership(old);
    assert!(matches!(chain.refusal(&again), Refusal::Authority(reason) if reason.contains("another sequence")));
}

#[test]
fn acts_that_do_not_fit_the_members_are_refused_whole() {
    let mut chain = Chain::new();
    let before = chain.state.head().clone();
    let cases: Vec<(Vec<Act>, u16)> = vec![
        (vec![Act::Enrol(party("dr-adams", "doctors", Role::Doctor, 0))], 21),
        (vec![Act::Enrol(party("dr-clark", "nobody", Role::Doctor, 0))], 22),
        (vec![Act::Suspend(id("nobody"))], 4),
        (vec![Act::Reinstate(id("dr-adams"))], 23),
        (vec![stake("dr-adams", 7)], 23),
        (vec![stake("nobody", 7)], 4),
        (vec![rotate("nobody", "x")], 4),
        (vec![Act::Operator(Operator { id: id("new"), validator: validator("doctors").public() })], 25),
        (vec![Act::Authority(Authority { threshold: 3, keys: vec![key("one").public()] })], 20),
        (vec![], 3),
        (vec![stake("imaging-one", 1); 65], 3),
        // The first would do, the second does not.
        (vec![Act::Suspend(id("imaging-one")), Act::Suspend(id("imaging-one"))], 23),
    ];
    for (acts, code) in cases {
        let label = format!("{acts:?}");
        let signed = chain.decide(acts);
        assert_eq!(chain.refusal(&signed).code(), code, "{label}");
    }
    chain.commit(&[]).unwrap();
    assert!(record(&chain, "imaging-one").active());
    assert_eq!(chain.state.validators(), &before.validators);
}

/// D9: every change is held against the invariants, over all acts of a decision together.
#[test]
fn a_change_of_stake_that_breaks_an_invariant_is_refused() {
    let mut chain = Chain::new();
    for act in [
        stake("city-hospital", 40),
        stake("insurer-one", 60),
        stake("laboratory-one", 40),
        stake("insurer-one", u64::MAX),
        Act::Suspend(id("city-hospital")),
        Act::Enrol(party("own-insurer", "doctors", Role::Insurer, 0)),
    ] {
        let label = format!("{act:?}");
        let signed = chain.decide(vec![act]);
        assert_eq!(chain.refusal(&signed).code(), 25, "{label}");
    }
    // Suspending the hospital leaves too little, unless others take over in the same decision.
    let acts = vec![
        Act::Suspend(id("city-hospital")),
        Act::Operator(operator("second-hospital")),
        Act::Enrol(party("village-hospital", "second-hospital", Role::Hospital, 14)),
    ];
    let signed = chain.decide(acts);
    chain.commit(&[signed]).unwrap();
    let weights: Vec<u64> = chain.state.validators().iter().map(|(_, weight)| *weight).collect();
    assert_eq!(weights.iter().sum::<u64>(), 98);
    assert_eq!(chain.state.validators().weight(&validator("hospital").public()), None);
    assert_eq!(chain.state.validators().weight(&validator("second-hospital").public()), Some(28));
}

#[test]
fn other_validators_decide_from_the_next_height_on() {
    let mut chain = Chain::new();
    let before = chain.state.validators().digest(&chain.network);
    let acts = vec![Act::Operator(Operator { id: id("doctors"), validator: validator("doctors 2").public() })];
    let signed = chain.decide(acts);
    chain.commit(&[signed]).unwrap();
    chain.commit(&[]).unwrap();
    let after = chain.state.validators().digest(&chain.network);
    assert_ne!(before, after);
    let named: Vec<_> = chain.headers.iter().map(|header| (header.validators, header.next_validators)).collect();
    assert_eq!(named, vec![(before, after), (after, after)]);
    assert_eq!(chain.state.validators().weight(&validator("doctors 2").public()), Some(28));
    assert_eq!(
        chain.state.view().operator(&id("doctors")).unwrap().unwrap().validator,
        validator("doctors 2").public()
    );
}

#[test]
fn another_authority_policy_is_in_force_from_the_next_block() {
    let mut chain = Chain::new();
    let policy = Authority { threshold: 1, keys: vec![key(AUTHORITY[2]).public()] };
    let change = chain.decide(vec![Act::Authority(policy.clone())]);
    let same_block = chain.decide(vec![Act::Suspend(id("imaging-one"))]);
    chain.commit(&[change, same_block]).unwrap();
    assert_eq!(chain.state.authority(), &policy);

    let by_the_old = chain.decide(vec![Act::Reinstate(id("imaging-one"))]);
    assert_eq!(chain.refusal(&by_the_old), Refusal::Authority("a signer is not of the policy"));
    let decision = chain.decision(vec![Act::Reinstate(id("imaging-one"))]);
    let membership = decision.sign(&chain.network, &[key(AUTHORITY[2])], &mut chain.rng);
    let by_the_new = chain.membership(membership);
    chain.commit(&[by_the_new]).unwrap();
    assert!(record(&chain, "imaging-one").active());
}

#[test]
fn several_acts_on_one_party_add_up() {
    let mut chain = Chain::new();
    let acts = vec![
        Act::Operator(operator("eyes")),
        Act::Enrol(party("eye-clinic", "eyes", Role::Hospital, 3)),
        rotate("eye-clinic", "b"),
        stake("eye-clinic", 5),
        Act::Suspend(id("eye-clinic")),
    ];
    let signed = chain.decide(acts);
    chain.commit(&[signed]).unwrap();
    let clinic = record(&chain, "eye-clinic");
    assert_eq!((clinic.units, clinic.keys.len(), clinic.active()), (5, 2, false));
    assert_eq!(clinic.keys_at_height(2).unwrap().signer, key("eye-clinic b").public());
    assert_eq!(chain.state.validators().weight(&validator("eyes").public()), None);
    let listed = chain.state.view().operator(&id("eyes")).unwrap().unwrap();
    assert_eq!(listed.parties, vec![id("eye-clinic")]);
}

#[test]
fn an_id_is_what_the_format_says() {
    for text in ["", "A", "a b", "ä", "a_b", &"a".repeat(65)] {
        assert!(matches!(Id::new(text), Err(Error::Id(_))), "{text}");
        let bytes = borsh::to_vec(text).unwrap();
        assert!(ledger::decode::<Id>("id", &bytes).is_err(), "{text}");
    }
    assert!(Id::new("a".repeat(64)).is_ok());
    let decision = MembershipDecision { sequence: 0, acts: vec![Act::Suspend(id("a-1"))] };
    assert_eq!(ledger::decode::<MembershipDecision>("decision", &ledger::encode(&decision)).unwrap(), decision);
}

#[test]
fn a_partys_history_is_bounded() {
    let mut chain = Chain::new();
    // One span of standing from the genesis, and 255 more.
    for part in 0..5 {
        let acts: Vec<_> = (0..51)
            .map(|n| {
                let name = id("imaging-one");
                if (part * 51 + n) % 2 == 0 { Act::Suspend(name) } else { Act::Reinstate(name) }
            })
            .collect();
        let signed = chain.decide(acts);
        chain.commit(&[signed]).unwrap();
    }
    assert_eq!(record(&chain, "imaging-one").standing.len(), erm::HISTORY_MAX);
    let more = chain.decide(vec![Act::Reinstate(id("imaging-one"))]);
    assert_eq!(chain.refusal(&more), Refusal::HistoryFull(id("imaging-one")));
}
