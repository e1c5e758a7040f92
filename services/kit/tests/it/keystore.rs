use std::os::unix::fs::PermissionsExt;

use kit::keystore::{Cost, Keystore};
use kit::{Error, Passphrase};

const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text).unwrap()
}

fn rng() -> impl rand_core::CryptoRng + rand_core::RngCore {
    ledger::rng_from_seed([3; 32])
}

#[test]
fn seeds_come_back_under_their_names_and_nothing_of_them_is_readable() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys");
    let mut store = Keystore::create(&path, &passphrase("open sesame"), CHEAP, &mut rng()).unwrap();
    store.insert("validator", [7; 32]).unwrap();
    let fresh = *store.get_or_generate("patient/1", &mut rng()).unwrap();
    store.save(&mut rng()).unwrap();

    let again = Keystore::open(&path, &passphrase("open sesame")).unwrap();
    assert_eq!(again.names().collect::<Vec<_>>(), ["patient/1", "validator"]);
    assert_eq!(again.require("validator").unwrap(), &[7; 32]);
    assert_eq!(again.get("patient/1"), Some(&fresh));
    let bytes = std::fs::read(&path).unwrap();
    assert!(!bytes.windows(32).any(|w| w == [7; 32]) && !bytes.windows(9).any(|w| w == b"validator"));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_wrong_passphrase_is_said_to_be_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys");
    Keystore::create(&path, &passphrase("right"), CHEAP, &mut rng()).unwrap();
    let Err(error) = Keystore::open(&path, &passphrase("wrong")) else { panic!("opened") };
    assert!(matches!(error, Error::WrongPassphrase { .. }), "{error}");
    assert!(error.to_string().contains("wrong passphrase"));
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn a_changed_passphrase_locks_out_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys");
    let mut store = Keystore::create(&path, &passphrase("old"), CHEAP, &mut rng()).unwrap();
    store.insert("a", [1; 32]).unwrap();
    store.change_passphrase(&passphrase("new"), CHEAP, &mut rng()).unwrap();
    assert!(matches!(Keystore::open(&path, &passphrase("old")), Err(Error::WrongPassphrase { .. })));
    assert_eq!(Keystore::open(&path, &passphrase("new")).unwrap().get("a"), Some(&[1; 32]));
}

#[test]
fn every_flipped_byte_and_every_cut_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys");
    let mut store = Keystore::create(&path, &passphrase("p"), CHEAP, &mut rng()).unwrap();
    store.insert("a", [1; 32]).unwrap();
    store.save(&mut rng()).unwrap();
    let good = std::fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(&path, &bad).unwrap();
        assert!(Keystore::open(&path, &passphrase("p")).is_err(), "flipped byte {at}");
        std::fs::write(&path, &good[..at]).unwrap();
        assert!(Keystore::open(&path, &passphrase("p")).is_err(), "cut at {at}");
    }
    std::fs::write(&path, &good).unwrap();
    assert!(Keystore::open(&path, &passphrase("p")).is_ok());
}

#[test]
fn a_file_that_asks_for_too_much_memory_is_refused_before_it_gets_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys");
    Keystore::create(&path, &passphrase("p"), CHEAP, &mut rng()).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[10..14].copy_from_slice(&u32::MAX.to_le_bytes());
    std::fs::write(&path, &bytes).unwrap();
    let Err(error) = Keystore::open(&path, &passphrase("p")) else { panic!("opened") };
    assert!(error.to_string().contains("more than is allowed"), "{error}");
}

#[test]
fn nothing_that_exists_is_overwritten_and_what_is_missing_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys");
    let mut store = Keystore::create(&path, &passphrase("p"), CHEAP, &mut rng()).unwrap();
    assert!(matches!(Keystore::create(&path, &passphrase("p"), CHEAP, &mut rng()), Err(Error::Exists(_))));
    store.insert("a", [1; 32]).unwrap();
    assert!(matches!(store.insert("a", [2; 32]), Err(Error::Exists(_))));
    assert_eq!(store.get("a"), Some(&[1; 32]));
    let error = store.require("b").unwrap_err().to_string();
    assert!(error.contains("\"b\"") && error.contains("holds a"), "{error}");
    assert!(store.remove("a") && !store.remove("a"));
    assert!(store.insert("", [0; 32]).is_err() && store.insert(&"x".repeat(257), [0; 32]).is_err());
}

/// The bytes of a file under version 1 with fixed randomness: what was written once must open for ever.
#[test]
fn the_bytes_of_version_1_stand_and_open() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys");
    let mut rng = rng();
    let mut store = Keystore::create(&path, &passphrase("golden"), CHEAP, &mut rng).unwrap();
    store.insert("a", [9; 32]).unwrap();
    store.save(&mut rng).unwrap();
    let digest = ledger::sha256(&std::fs::read(&path).unwrap()).to_string();
    assert_eq!(digest, "8cc0c676d254421bb22dbece34b700624b393305afd51dbd9882adb03711394c");
    assert_eq!(Keystore::open(&path, &passphrase("golden")).unwrap().get("a"), Some(&[9; 32]));
}
