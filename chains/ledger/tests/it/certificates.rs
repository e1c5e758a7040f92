use ledger::{CommitCertificate, Digest, Error, KeyPair, ValidatorSet, Vote, VoteKind, is_quorum};
use proptest::prelude::*;

use super::rng;

const NETWORK: Digest = Digest([3; 32]);

/// The demo's weights: any one may be lost.
fn validators() -> (Vec<KeyPair>, ValidatorSet) {
    let mut rng = rng();
    let mut keys: Vec<KeyPair> = (0..4).map(|_| KeyPair::generate(&mut rng)).collect();
    keys.sort_by_key(KeyPair::public);
    let weights = [30, 28, 22, 20];
    let set = ValidatorSet::new(keys.iter().map(KeyPair::public).zip(weights).collect()).unwrap();
    (keys, set)
}

fn certificate(keys: &[&KeyPair]) -> CommitCertificate {
    let mut rng = rng();
    let (height, round, block) = (5, 0, Digest([4; 32]));
    let signatures = keys
        .iter()
        .map(|key| {
            let vote = Vote { kind: VoteKind::Precommit, height, round, block: Some(block), validator: key.public() };
            (key.public(), key.sign(&vote.digest(&NETWORK), &mut rng))
        })
        .collect();
    CommitCertificate { height, round, block, signatures }
}

/// D8: final only with more than two thirds of the weight.
#[test]
fn any_three_of_four_commit_and_no_two_do() {
    let (keys, set) = validators();
    for out in 0..4 {
        let three: Vec<_> = keys.iter().enumerate().filter(|(i, _)| *i != out).map(|(_, k)| k).collect();
        certificate(&three).verify(&NETWORK, &set).unwrap();
    }
    let two = certificate(&[&keys[0], &keys[1]]);
    assert_eq!(two.verify(&NETWORK, &set), Err(Error::NoQuorum { weight: 58, total: 100 }));
}

#[test]
fn every_defect_of_a_certificate_is_refused() {
    let (keys, set) = validators();
    let all: Vec<_> = keys.iter().collect();
    let good = certificate(&all);
    good.verify(&NETWORK, &set).unwrap();

    let changed = |what: &str, change: &dyn Fn(&mut CommitCertificate)| {
        let mut bad = good.clone();
        change(&mut bad);
        assert!(bad.verify(&NETWORK, &set).is_err(), "{what} was accepted");
    };
    changed("another height", &|c| c.height += 1);
    changed("another round", &|c| c.round += 1);
    changed("another block", &|c| c.block.0[0] ^= 1);
    changed("a signer twice", &|c| c.signatures[1] = c.signatures[0]);
    changed("signers out of order", &|c| c.signatures.swap(0, 1));
    changed("one bad signature beyond a quorum", &|c| c.signatures[3].1.0[0] ^= 1);
    let mut rng = rng_other();
    let stranger = KeyPair::generate(&mut rng).public();
    changed("a foreign validator", &|c| {
        c.signatures[3].0 = stranger;
        c.signatures.sort_by_key(|s| s.0);
    });
    assert!(good.verify(&Digest([9; 32]), &set).is_err(), "another network");
}

fn rng_other() -> ledger::SeededRng {
    ledger::rng_from_seed([8; 32])
}

#[test]
fn a_prevote_is_no_precommit() {
    let (keys, set) = validators();
    let mut rng = rng();
    let mut bad = certificate(&keys.iter().collect::<Vec<_>>());
    let prevote = Vote {
        kind: VoteKind::Prevote,
        height: bad.height,
        round: bad.round,
        block: Some(bad.block),
        validator: keys[0].public(),
    };
    bad.signatures[0].1 = keys[0].sign(&prevote.digest(&NETWORK), &mut rng);
    assert_eq!(bad.verify(&NETWORK, &set), Err(Error::InvalidInBatch { positions: vec![0] }));
}

#[test]
fn unusable_validator_sets_are_refused() {
    let (keys, _) = validators();
    let key = |i: usize| keys[i].public();
    assert!(ValidatorSet::new(vec![]).is_err(), "empty");
    assert!(ValidatorSet::new(vec![(key(0), 0)]).is_err(), "no weight");
    assert!(ValidatorSet::new(vec![(key(0), 1), (key(0), 2)]).is_err(), "a key twice");
    assert!(ValidatorSet::new(vec![(key(0), u64::MAX), (key(1), 1)]).is_err(), "overflow");
}

proptest! {
    #[test]
    fn a_quorum_is_strictly_more_than_two_thirds(total in 1u64.., weight in any::<u64>()) {
        let weight = weight % (total.saturating_add(1)).max(1);
        prop_assert_eq!(is_quorum(weight, total), u128::from(weight) * 3 > u128::from(total) * 2);
        // Two quorums always share more than a third: there is no room for two decisions.
        if is_quorum(weight, total) {
            prop_assert!((u128::from(weight) * 2 - u128::from(total)) * 3 > u128::from(total));
        }
    }
}
