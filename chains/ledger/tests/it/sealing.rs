use ledger::{Chain, DataKey, Digest, Salt, SaltSeed, WrapSecretKey};
use proptest::prelude::*;

use super::{chain, rng};

proptest! {
    #[test]
    fn sealed_bytes_open_only_whole_and_in_their_place(plain in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut rng = rng();
        let key = DataKey::generate(&mut rng);
        let sealed = key.seal(&chain(), b"readings", &plain, &mut rng);
        prop_assert_eq!(&key.open(&chain(), b"readings", &sealed).unwrap(), &plain);

        let mut altered = sealed.clone();
        altered[at.index(sealed.len())] ^= 1 << bit;
        prop_assert!(key.open(&chain(), b"readings", &altered).is_err());
        prop_assert!(key.open(&chain(), b"readings", &sealed[..sealed.len() - 1]).is_err());
        prop_assert!(key.open(&chain(), b"alerts", &sealed).is_err(), "another context");
        let elsewhere = Chain { id: Digest([5; 32]), ..chain() };
        prop_assert!(key.open(&elsewhere, b"readings", &sealed).is_err(), "another chain");
        prop_assert!(DataKey::generate(&mut rng).open(&chain(), b"readings", &sealed).is_err(), "another key");
    }
}

#[test]
fn nothing_of_the_plain_text_shows() {
    let mut rng = rng();
    let plain = b"a canary that must not be seen".repeat(8);
    let sealed = DataKey::generate(&mut rng).seal(&chain(), b"", &plain, &mut rng);
    assert!(!sealed.windows(8).any(|window| plain.windows(8).any(|p| p == window)));
}

#[test]
fn a_wrapped_key_opens_for_its_grantee_chain_and_scope_only() {
    let mut rng = rng();
    let grantee = WrapSecretKey::generate(&mut rng);
    let key = DataKey::generate(&mut rng);
    let wrapped = grantee.public().wrap(&chain(), b"stream", &key, &mut rng).unwrap();
    assert!(grantee.unwrap(&chain(), b"stream", &wrapped).is_ok_and(|opened| opened == key));
    assert!(grantee.unwrap(&chain(), b"category 1", &wrapped).is_err(), "another scope");
    let elsewhere = Chain { id: Digest([5; 32]), ..chain() };
    assert!(grantee.unwrap(&elsewhere, b"stream", &wrapped).is_err(), "another chain");
    assert!(WrapSecretKey::generate(&mut rng).unwrap(&chain(), b"stream", &wrapped).is_err(), "another grantee");
    let mut altered = wrapped.clone();
    altered.ciphertext[3] ^= 1;
    assert!(grantee.unwrap(&chain(), b"stream", &altered).is_err(), "altered");
}

#[test]
fn a_batch_commits_as_its_salts_do_one_by_one() {
    let seed = SaltSeed([9; 32]);
    let batch = ledger::BatchCommitments::new(&chain(), &seed);
    for (index, length) in (0..300).zip((0_usize..).step_by(7)) {
        let record = vec![7; length % 260];
        assert_eq!(batch.commit(index, &record), seed.salt(&chain(), index).commit(&chain(), &record), "{index}");
    }
}

#[test]
fn the_same_record_under_two_salts_cannot_be_recognised() {
    let seed = SaltSeed([1; 32]);
    let (first, second) = (seed.salt(&chain(), 0), seed.salt(&chain(), 1));
    assert_ne!(first.commit(&chain(), b"72"), second.commit(&chain(), b"72"));
    assert_eq!(first.commit(&chain(), b"72"), Salt(first.0).commit(&chain(), b"72"));
}

proptest! {
    #[test]
    fn sealed_bytes_are_those_of_another_implementation(key: [u8; 32], plain: Vec<u8>, context: Vec<u8>) {
        use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
        let own = DataKey::from_bytes(key);
        let sealed = own.seal(&chain(), &context, &plain, &mut rng());
        let mut aad = chain().preamble(ledger::Domain::Seal).to_vec();
        aad.extend_from_slice(&context);
        let (nonce, ciphertext) = sealed.split_at(ledger::NONCE_BYTES);
        let other = chacha20poly1305::XChaCha20Poly1305::new((&key).into());
        let expected = other.encrypt(nonce.into(), Payload { msg: &plain, aad: &aad }).unwrap();
        prop_assert_eq!(ciphertext, expected.as_slice());
        prop_assert_eq!(own.open(&chain(), &context, &sealed).unwrap(), plain);
    }
}
