use ledger::{Digest, Domain, Error, KeyPair, OneTimeKey, PublicKey, Signature, VrfKeyPair, verify_batch};
use proptest::prelude::*;

use super::{chain, rng};

fn signed(count: usize) -> Vec<(PublicKey, Digest, Signature)> {
    let mut rng = rng();
    (0..count)
        .map(|i| {
            let key = KeyPair::generate(&mut rng);
            let message = chain().digest(Domain::Transaction, &i.to_le_bytes());
            (key.public(), message, key.sign(&message, &mut rng))
        })
        .collect()
}

#[test]
fn a_signature_is_good_for_its_message_key_and_domain_only() {
    let items = signed(2);
    let (key, message, signature) = items[0];
    key.verify(&message, &signature).unwrap();
    assert!(items[1].0.verify(&message, &signature).is_err(), "another key");
    assert!(key.verify(&items[1].1, &signature).is_err(), "another message");
    let same_body = chain().digest(Domain::Vote, &0usize.to_le_bytes());
    assert!(key.verify(&same_body, &signature).is_err(), "another domain");
    for byte in 0..64 {
        let mut altered = signature;
        altered.0[byte] ^= 1;
        assert!(key.verify(&message, &altered).is_err(), "byte {byte} altered");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_batch_names_exactly_the_bad_signatures(count in 1usize..40, bad in prop::collection::btree_set(0usize..40, 0..5)) {
        let mut items = signed(count);
        let bad: Vec<usize> = bad.into_iter().filter(|position| *position < count).collect();
        for (turn, position) in bad.iter().enumerate() {
            match turn % 3 {
                0 => items[*position].1.0[5] ^= 1,
                1 => items[*position].2.0[7] ^= 1,
                _ => items[*position].0 = PublicKey([0xff; 32]),
            }
        }
        let expected = if bad.is_empty() { Ok(()) } else { Err(Error::InvalidInBatch { positions: bad }) };
        prop_assert_eq!(verify_batch(&items), expected);
    }
}

/// E18: a key for one use verifies by itself; only the secret links it to its owner.
#[test]
fn a_one_time_key_is_linked_to_its_owner_only_by_the_secret() {
    let mut rng = rng();
    let owner = KeyPair::generate(&mut rng);
    let secret = [9; 32];
    let once = owner.one_time(&chain(), &secret);
    let message = chain().digest(Domain::Visit, b"visit");
    let signature = once.sign(&message, &mut rng);
    once.public().verify(&message, &signature).unwrap();
    assert_ne!(once.public(), owner.public());
    assert_eq!(OneTimeKey::derive(&owner.public(), &chain(), &secret).unwrap(), once.public());
    assert_ne!(OneTimeKey::derive(&owner.public(), &chain(), &[8; 32]).unwrap(), once.public());
    let stranger = KeyPair::generate(&mut rng).public();
    assert_ne!(OneTimeKey::derive(&stranger, &chain(), &secret).unwrap(), once.public());
}

#[test]
fn a_vrf_proof_shows_the_one_output_of_an_input() {
    let mut rng = rng();
    let key = VrfKeyPair::generate(&mut rng);
    let input = chain().digest(Domain::EventKey, b"patient, day, kind, 0");
    let (output, proof) = key.prove(&input, &mut rng);
    assert_eq!(key.output(&input), output);
    assert_eq!(key.public().verify(&input, &proof).unwrap(), output);

    let other_input = chain().digest(Domain::EventKey, b"patient, day, kind, 1");
    assert_ne!(key.output(&other_input), output);
    assert!(key.public().verify(&other_input, &proof).is_err());
    assert!(VrfKeyPair::generate(&mut rng).public().verify(&input, &proof).is_err());
    for byte in 0..64 {
        let mut altered = proof;
        altered.dleq[byte] ^= 1;
        assert!(key.public().verify(&input, &altered).is_err(), "byte {byte} altered");
    }
    let (_, other_proof) = key.prove(&other_input, &mut rng);
    let swapped = ledger::VrfProof { preout: other_proof.preout, dleq: proof.dleq };
    assert!(key.public().verify(&input, &swapped).is_err());
}
