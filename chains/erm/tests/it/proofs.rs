use std::collections::BTreeMap;

use erm::{Error, Key, Limits, MemoryStore, Payload, Sender, State, StateProof};
use ledger::{Digest, sha256};
use proptest::prelude::*;

use crate::fixture::{Chain, bare_event, founding, id};

fn filled() -> Chain {
    let mut chain = Chain::new();
    let signed: Vec<_> = (0..200)
        .map(|n| {
            let event = bare_event(&chain.network, "pharmacy-one", "anna", erm::EventKind::PharmacyBill, n);
            chain.by("pharmacy-one", Payload::Event(event))
        })
        .collect();
    chain.commit(&signed).unwrap();
    chain
}

fn keys(chain: &Chain) -> Vec<Key> {
    let mut keys: Vec<Key> = founding().parties.into_iter().map(|party| Key::Party(party.id)).collect();
    keys.push(Key::Sequence(Sender::Party(id("pharmacy-one"))));
    keys.push(Key::Meta(erm::Meta::Clock));
    for n in 0..210 {
        keys.push(Key::Event(bare_event(&chain.network, "pharmacy-one", "anna", erm::EventKind::PharmacyBill, n).key));
    }
    keys
}

#[test]
fn every_key_is_proved_present_or_absent_at_the_head_and_at_an_older_height() {
    let mut chain = filled();
    let before = chain.state.head().clone();
    let event = bare_event(&chain.network, "pharmacy-one", "anna", erm::EventKind::PharmacyBill, 200);
    let signed = chain.by("pharmacy-one", Payload::Event(event.clone()));
    chain.commit(&[signed]).unwrap();
    for (height, root, present) in [(1, before.state_root, 200), (2, chain.state.head().state_root, 201)] {
        let view = chain.state.at(height).unwrap();
        assert_eq!(view.root().unwrap(), root);
        let mut found = 0;
        for key in keys(&chain) {
            let (value, proof) = view.prove(&key).unwrap();
            assert_eq!(value, view.get(&key).unwrap());
            proof.verify(&chain.network, &root, &key, value.as_deref()).unwrap();
            found += usize::from(matches!(key, Key::Event(_)) && value.is_some());
        }
        assert_eq!(found, present);
    }
    // What is not so is not shown.
    let key = Key::Event(event.key);
    let (value, present) = chain.state.view().prove(&key).unwrap();
    let (nothing, absent) = chain.state.at(1).unwrap().prove(&key).unwrap();
    assert_eq!(nothing, None);
    let (old, new) = (before.state_root, chain.state.head().state_root);
    assert!(present.verify(&chain.network, &old, &key, value.as_deref()).is_err());
    assert!(absent.verify(&chain.network, &new, &key, None).is_err());
    assert!(present.verify(&chain.network, &new, &key, None).is_err());
    assert!(absent.verify(&chain.network, &old, &key, value.as_deref()).is_err());
    assert!(present.verify(&sha256(b"another network"), &new, &key, value.as_deref()).is_err());
}

#[test]
fn a_proof_for_one_key_shows_nothing_of_another() {
    let chain = filled();
    let root = chain.state.head().state_root;
    let keys = keys(&chain);
    let proved: Vec<_> = keys.iter().map(|key| chain.state.view().prove(key).unwrap()).collect();
    for (position, key) in keys.iter().enumerate() {
        let other = (position + 7) % keys.len();
        let (value, _) = &proved[position];
        let (other_value, other_proof) = &proved[other];
        if value.is_some() {
            assert!(other_proof.verify(&chain.network, &root, key, value.as_deref()).is_err());
            assert!(other_proof.verify(&chain.network, &root, key, None).is_err());
        }
        if other_value.is_some() {
            assert!(other_proof.verify(&chain.network, &root, key, other_value.as_deref()).is_err());
        }
    }
}

#[test]
fn every_changed_byte_of_a_proof_is_refused() {
    let chain = filled();
    let root = chain.state.head().state_root;
    for n in [3, 205] {
        let event = bare_event(&chain.network, "pharmacy-one", "anna", erm::EventKind::PharmacyBill, n);
        let key = Key::Event(event.key);
        let (value, proof) = chain.state.view().prove(&key).unwrap();
        let bytes = proof.encode();
        assert_eq!(StateProof::decode(&bytes).unwrap(), proof);
        for offset in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[offset] ^= 1 << bit;
                let refused = StateProof::decode(&changed)
                    .and_then(|proof| proof.verify(&chain.network, &root, &key, value.as_deref()));
                assert!(refused.is_err(), "bit {bit} of byte {offset}");
            }
        }
        for length in 0..bytes.len() {
            assert!(StateProof::decode(&bytes[..length]).is_err());
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(StateProof::decode(&longer).is_err());
    }
    let long = StateProof { leaf: None, siblings: vec![Digest::ZERO; 257] };
    assert!(matches!(StateProof::decode(&long.encode()), Err(Error::Proof(_))));
    assert!(long.verify(&chain.network, &root, &Key::Meta(erm::Meta::Clock), None).is_err());
}

#[test]
fn a_pruned_store_proves_what_it_kept_and_says_so_of_the_rest() {
    let mut chain = filled();
    for _ in 0..5 {
        chain.commit(&[]).unwrap();
    }
    let all = chain.state.store().nodes();
    chain.state.store_mut().prune(4);
    assert!(chain.state.store().nodes() < all);
    for height in 4..=6 {
        let view = chain.state.at(height).unwrap();
        for key in keys(&chain) {
            let (value, proof) = view.prove(&key).unwrap();
            let root = chain.headers[usize::try_from(height).unwrap() - 1].state_root;
            proof.verify(&chain.network, &root, &key, value.as_deref()).unwrap();
        }
    }
    let error = chain.state.at(3).unwrap_err().to_string();
    assert!(error.contains("oldest that is kept is 4"), "{error}");
    assert!(chain.state.at(7).is_err());
    chain.commit(&[]).unwrap();
}

/// The tree's definition, written down without any storage: what a proof must agree with.
fn reference_root(leaves: &BTreeMap<Digest, Vec<u8>>, depth: usize) -> Digest {
    let bit = |key: &Digest| key.0[depth / 8] >> (7 - depth % 8) & 1 == 1;
    match leaves.len() {
        0 => Digest(*b"SPARSE_MERKLE_PLACEHOLDER_HASH__"),
        1 => {
            let (key, value) = leaves.iter().next().unwrap();
            sha256(&[b"JMT::LeafNode".as_slice(), &key.0, &sha256(value).0].concat())
        }
        _ => {
            let side = |right: bool| -> BTreeMap<_, _> {
                leaves.iter().filter(|(key, _)| bit(key) == right).map(|(key, value)| (*key, value.clone())).collect()
            };
            let (left, right) = (reference_root(&side(false), depth + 1), reference_root(&side(true), depth + 1));
            sha256(&[b"JMT::IntrnalNode".as_slice(), &left.0, &right.0].concat())
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The root is a function of what the state holds, whatever order and blocks it came in.
    #[test]
    fn the_root_is_that_of_the_trees_definition(blocks in prop::collection::vec(0usize..12, 1..6)) {
        let mut chain = Chain::new();
        let mut n = 0;
        let mut written: BTreeMap<Digest, Vec<u8>> = BTreeMap::new();
        let mut all = keys(&chain);
        all.extend(founding().operators.into_iter().map(|operator| Key::Operator(operator.id)));
        all.extend([Key::Meta(erm::Meta::Authority), Key::Meta(erm::Meta::Operators)]);
        for count in blocks {
            let signed: Vec<_> = (0..count).map(|_| {
                let event = bare_event(&chain.network, "pharmacy-one", "anna", erm::EventKind::PharmacyBill, n);
                n += 1;
                chain.by("pharmacy-one", Payload::Event(event))
            }).collect();
            chain.commit(&signed).unwrap();
            for key in &all {
                if let Some(value) = chain.state.view().get(key).unwrap() {
                    written.insert(key.digest(&chain.network), value);
                }
            }
            prop_assert_eq!(chain.state.head().state_root, reference_root(&written, 0));
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic_nor_verify(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let network = Digest::ZERO;
        let root = sha256(b"some root");
        let clock = Key::Meta(erm::Meta::Clock);
        if let Ok(proof) = StateProof::decode(&bytes) {
            prop_assert!(proof.verify(&network, &root, &clock, None).is_err());
            prop_assert!(proof.verify(&network, &root, &clock, Some(&bytes)).is_err());
        }
        let _ = erm::Signed::decode(&bytes);
        let _ = erm::Block::decode(&bytes);
    }
}

/// D17: what stands at a height stays provable against that height's header while later blocks change it.
#[test]
fn a_value_that_changed_is_proved_in_both_states() {
    let mut state = State::genesis(founding(), MemoryStore::default()).unwrap();
    let clock = Key::Meta(erm::Meta::Clock);
    let mut roots = vec![state.head().state_root];
    for n in 1..4 {
        let executed = state.propose(state.head().time_ms + n, &[], &Limits::default()).unwrap().executed;
        state.apply(executed).unwrap();
        roots.push(state.head().state_root);
    }
    for (height, root) in roots.iter().enumerate() {
        let (value, proof) = state.at(height as u64).unwrap().prove(&clock).unwrap();
        let value = value.unwrap();
        proof.verify(&state.network(), root, &clock, Some(&value)).unwrap();
        let clock: erm::ChainClock = ledger::decode("clock", &value).unwrap();
        assert_eq!(clock.height, height as u64);
    }
}
