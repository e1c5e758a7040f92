use erm::{Act, Checkpoint, CheckpointValidator, Error, Header, Operator, SetChange, TrustRoot, verify_header};
use ledger::{CommitCertificate, KeyPair, Signature, sha256};

use crate::fixture::{Chain, certificate, founding, id, validator};

const OPERATORS: [&str; 4] = ["hospital", "doctors", "services", "insurer"];

fn signers(names: &[&str]) -> Vec<KeyPair> {
    names.iter().map(|name| validator(name)).collect()
}

fn checked(header: &Header, proof: &CommitCertificate) -> Result<(), Error> {
    verify_header(TrustRoot::Genesis(&founding()), &[], header, proof).map(|_| ())
}

/// A chain of five blocks whose validators change at heights 2 and 4, with everybody's signatures.
fn changing() -> (Chain, Vec<CommitCertificate>, Vec<SetChange>) {
    let mut chain = Chain::new();
    let mut keys = signers(&OPERATORS);
    let mut certificates = Vec::new();
    let mut changes = Vec::new();
    for height in 1..=5 {
        let transactions = if height % 2 == 0 {
            let name = format!("doctors {height}");
            vec![
                chain.decide(vec![Act::Operator(Operator { id: id("doctors"), validator: validator(&name).public() })]),
            ]
        } else {
            vec![]
        };
        chain.commit(&transactions).unwrap();
        let header = chain.headers.last().unwrap().clone();
        let by = certificate(&chain.network, &header, 1, &keys);
        if height % 2 == 0 {
            let next = chain.state.validators().clone();
            changes.push(SetChange { header, certificate: by.clone(), next });
            keys[1] = validator(&format!("doctors {height}"));
        }
        certificates.push(by);
    }
    (chain, certificates, changes)
}

/// D8, D17: final only with more than two thirds of the weight.
#[test]
fn a_bare_quorum_suffices_and_anything_less_does_not() {
    let mut chain = Chain::new();
    chain.commit(&[]).unwrap();
    let header = chain.headers[0].clone();
    let by = |names: &[&str]| certificate(&chain.network, &header, 3, &signers(names));
    checked(&header, &by(&["hospital", "doctors", "insurer"])).unwrap(); // 78
    checked(&header, &by(&["doctors", "services", "insurer"])).unwrap(); // 70
    checked(&header, &by(&OPERATORS)).unwrap();
    for few in [&["hospital", "doctors"][..], &["hospital"], &[]] {
        let error = checked(&header, &by(few)).unwrap_err().to_string();
        assert!(error.contains("two thirds"), "{error}");
    }
    // 66 of 99 is exactly two thirds; a weight of one more suffices.
    let sets = [(33, false), (34, true)];
    for (last, suffices) in sets {
        let checkpoint = Checkpoint {
            network: chain.network,
            height: 0,
            block: chain.network,
            next_validators: {
                let weights = [("hospital", 33), ("doctors", last), ("services", 33)];
                let mut set: Vec<_> = weights
                    .map(|(name, weight)| CheckpointValidator { key: validator(name).public(), weight })
                    .to_vec();
                set.sort_by_key(|entry| entry.key);
                set
            },
        };
        let mut header = header.clone();
        let set = checkpoint.next_validators.iter().map(|entry| (entry.key, entry.weight)).collect();
        header.validators = ledger::ValidatorSet::new(set).unwrap().digest(&chain.network);
        let proof = certificate(&chain.network, &header, 0, &signers(&["hospital", "doctors"]));
        let result = verify_header(TrustRoot::Checkpoint(&checkpoint), &[], &header, &proof);
        assert_eq!(result.is_ok(), suffices);
    }
}

#[test]
fn a_certificate_with_anything_wrong_in_it_is_refused() {
    let mut chain = Chain::new();
    chain.commit(&[]).unwrap();
    let header = chain.headers[0].clone();
    let good = certificate(&chain.network, &header, 0, &signers(&OPERATORS));
    checked(&header, &good).unwrap();
    type Change = fn(&mut CommitCertificate);
    let changes: Vec<(&str, Change)> = vec![
        ("another height", |proof| proof.height += 1),
        ("another block", |proof| proof.block = sha256(b"another")),
        ("do not verify", |proof| proof.round += 1),
        ("stands twice", |proof| proof.signatures[1] = proof.signatures[0]),
        ("stands twice", |proof| proof.signatures.push(proof.signatures[3])),
        ("ascending", |proof| proof.signatures.swap(0, 1)),
        // The other three would suffice: one bad signature refuses all the same.
        ("do not verify", |proof| proof.signatures[2].1 = proof.signatures[1].1),
        ("do not verify", |proof| proof.signatures[2].1 = Signature([0; 64])),
    ];
    for (reason, change) in changes {
        let mut proof = good.clone();
        change(&mut proof);
        let error = checked(&header, &proof).unwrap_err().to_string();
        assert!(error.contains(reason), "{reason}: {error}");
    }
    let mut names = OPERATORS.to_vec();
    names.push("stranger");
    let foreign = certificate(&chain.network, &header, 0, &signers(&names));
    assert!(checked(&header, &foreign).unwrap_err().to_string().contains("is no validator"));
    let strangers = certificate(&chain.network, &header, 0, &signers(&["a", "b", "c", "d"]));
    assert!(checked(&header, &strangers).is_err());
    let elsewhere = certificate(&sha256(b"another network"), &header, 0, &signers(&OPERATORS));
    assert!(checked(&header, &elsewhere).is_err());
}

#[test]
fn every_changed_header_field_breaks_the_certificate() {
    let mut chain = Chain::new();
    chain.commit(&[]).unwrap();
    let header = chain.headers[0].clone();
    let good = certificate(&chain.network, &header, 0, &signers(&OPERATORS));
    type Change = fn(&mut Header);
    let changes: [Change; 7] = [
        |header| header.height += 1,
        |header| header.parent = sha256(b"x"),
        |header| header.time_ms += 1,
        |header| header.transactions_root = sha256(b"x"),
        |header| header.state_root = sha256(b"x"),
        |header| header.validators = sha256(b"x"),
        |header| header.next_validators = sha256(b"x"),
    ];
    for change in changes {
        let mut changed = header.clone();
        change(&mut changed);
        assert!(checked(&changed, &good).is_err(), "{changed:?}");
    }
}

/// Through a history of validators from the genesis; compact where nothing changed.
#[test]
fn a_header_is_verified_through_every_change_of_validators() {
    let (chain, certificates, changes) = changing();
    let genesis = founding();
    let trust = TrustRoot::Genesis(&genesis);
    for (position, (header, proof)) in chain.headers.iter().zip(&certificates).enumerate() {
        let needed = changes.iter().filter(|change| change.header.height < header.height).count();
        let decided = verify_header(trust, &changes[..needed], header, proof).unwrap();
        assert_eq!(decided.digest(&chain.network), header.validators, "height {}", position + 1);
        // One step too few.
        if needed > 0 {
            assert!(verify_header(trust, &changes[..needed - 1], header, proof).is_err());
        }
    }
}

#[test]
fn a_history_with_anything_wrong_in_it_is_refused() {
    let (chain, certificates, changes) = changing();
    let genesis = founding();
    let (header, proof) = (&chain.headers[4], &certificates[4]);
    type Change = fn(&mut Vec<SetChange>);
    let tampers: Vec<Change> = vec![
        |history| history.swap(0, 1),
        |history| {
            history.remove(0);
        },
        |history| history.push(history[1].clone()),
        |history| history[0].next = history[1].next.clone(),
        |history| history[0].certificate.signatures.truncate(2),
        |history| history[0].header.time_ms += 1,
        |history| history[1].certificate = history[0].certificate.clone(),
    ];
    for (position, tamper) in tampers.into_iter().enumerate() {
        let mut history = changes.clone();
        tamper(&mut history);
        let result = verify_header(TrustRoot::Genesis(&genesis), &history, header, proof);
        assert!(matches!(result, Err(Error::Header { .. })), "tamper {position}: {result:?}");
    }
    // A block that changed nothing does not belong into the history.
    let idle = SetChange {
        header: chain.headers[0].clone(),
        certificate: certificates[0].clone(),
        next: genesis.validators().unwrap(),
    };
    let mut history = vec![idle];
    history.extend(changes);
    let error = verify_header(TrustRoot::Genesis(&genesis), &history, header, proof).unwrap_err().to_string();
    assert!(error.contains("changes no validators"), "{error}");
}

#[test]
fn departed_validators_cannot_decide_later_blocks() {
    let (chain, _, changes) = changing();
    let genesis = founding();
    let departed = certificate(&chain.network, &chain.headers[4], 0, &signers(&OPERATORS));
    let result = verify_header(TrustRoot::Genesis(&genesis), &changes, &chain.headers[4], &departed);
    assert!(result.is_err());
}

/// Weak subjectivity: from a checkpoint on, what departed keys could sign before it does not count.
#[test]
fn a_checkpoint_is_a_trust_root() {
    let (chain, certificates, changes) = changing();
    let next_validators =
        changes[0].next.iter().map(|(key, weight)| CheckpointValidator { key: *key, weight: *weight }).collect();
    let checkpoint =
        Checkpoint { network: chain.network, height: 2, block: chain.headers[1].hash(&chain.network), next_validators };
    let text = serde_json::to_string(&checkpoint).unwrap();
    let checkpoint: Checkpoint = serde_json::from_str(&text).unwrap();
    let trust = TrustRoot::Checkpoint(&checkpoint);
    verify_header(trust, &[], &chain.headers[2], &certificates[2]).unwrap();
    verify_header(trust, &changes[1..], &chain.headers[4], &certificates[4]).unwrap();
    assert!(verify_header(trust, &changes, &chain.headers[4], &certificates[4]).is_err(), "history before the root");
    let error = verify_header(trust, &[], &chain.headers[1], &certificates[1]).unwrap_err().to_string();
    assert!(error.contains("not above the trust root"), "{error}");

    let mut other = checkpoint.clone();
    other.next_validators[0].weight += 1;
    assert!(verify_header(TrustRoot::Checkpoint(&other), &[], &chain.headers[2], &certificates[2]).is_err());
}
