use ledger::{InclusionProof, ValidatorSet, decode, encode};
use proptest::prelude::*;

use super::rng;

fn set() -> ValidatorSet {
    let mut rng = rng();
    ValidatorSet::new((0..4).map(|i| (ledger::KeyPair::generate(&mut rng).public(), i + 1)).collect()).unwrap()
}

#[test]
fn what_is_cut_or_continued_does_not_decode() {
    let bytes = encode(&set());
    assert_eq!(decode::<ValidatorSet>("validator set", &bytes).unwrap(), set());
    for length in 0..bytes.len() {
        assert!(decode::<ValidatorSet>("validator set", &bytes[..length]).is_err(), "cut at {length}");
    }
    let mut longer = bytes;
    longer.push(0);
    let error = decode::<ValidatorSet>("validator set", &longer).unwrap_err();
    assert!(error.to_string().starts_with("validator set does not decode"), "{error}");
}

proptest! {
    #[test]
    fn garbage_never_panics_and_never_asks_for_memory_it_does_not_have(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode::<ValidatorSet>("validator set", &bytes);
        if let Ok(proof) = decode::<InclusionProof>("proof", &bytes) {
            let _ = proof.verify(b"leaf", &ledger::empty_root());
            prop_assert_eq!(encode(&proof), bytes);
        }
    }
}

#[test]
fn upper_case_hex_is_another_spelling_and_refused() {
    let digest = ledger::sha256(b"x").to_string();
    assert!(digest.parse::<ledger::Digest>().is_ok());
    assert!(digest.to_uppercase().parse::<ledger::Digest>().is_err());
    assert!(digest[1..].parse::<ledger::Digest>().is_err());
}
