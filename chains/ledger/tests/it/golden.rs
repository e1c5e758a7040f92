//! Bytes that must never change (`docs/formats.md`, section 1). Digests, salts, roots and derived keys were computed by a
//! second implementation (Python's hashlib and hmac).

use ledger::{CommitCertificate, DataKey, PublicKey, Vote, VoteKind, WrapSecretKey};
use ledger::{Digest, Domain, KeyPair, MerkleTree, SaltSeed, Signature, ValidatorSet, VrfKeyPair, encode};

use super::{chain, rng};

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn preamble() {
    let expected = format!("01010200{}{}", "11".repeat(32), "22".repeat(32));
    assert_eq!(hex(chain().preamble(Domain::Leaf)), expected);
}

/// The numbers of `docs/formats.md`: a number that moves would make old signatures mean something else.
#[test]
fn domain_numbers() {
    let numbers = [
        (Domain::Genesis, 1),
        (Domain::Leaf, 2),
        (Domain::Salt, 3),
        (Domain::DataKey, 4),
        (Domain::Seal, 5),
        (Domain::Wrap, 6),
        (Domain::PhcChain, 16),
        (Domain::PhcOpening, 17),
        (Domain::PhcBlock, 18),
        (Domain::PhcDirective, 19),
        (Domain::ErmBlock, 32),
        (Domain::Transaction, 33),
        (Domain::Authority, 34),
        (Domain::Visit, 35),
        (Domain::Consent, 36),
        (Domain::EventKey, 37),
        (Domain::ClaimFingerprint, 38),
        (Domain::StateKey, 39),
        (Domain::BlindedChain, 40),
        (Domain::Anchor, 41),
        (Domain::OneTimeKey, 42),
        (Domain::Vote, 48),
        (Domain::Proposal, 49),
        (Domain::Peer, 50),
        (Domain::Validators, 51),
        (Domain::Claim, 64),
        (Domain::Receipt, 65),
        (Domain::Token, 66),
        (Domain::Access, 67),
        (Domain::Episode, 80),
        (Domain::Model, 81),
        (Domain::Content, 82),
    ];
    for (domain, number) in numbers {
        assert_eq!(domain as u16, number, "{domain:?}");
    }
}

#[test]
fn digests_salts_and_commitments() {
    assert_eq!(
        chain().digest(Domain::Visit, b"body").to_string(),
        "8f1f3fea9ee71259b8d3f647bf6eb37a70c4f074b6f95691adc13ca183d63fa1"
    );
    let salt = SaltSeed([3; 32]).salt(&chain(), 5);
    assert_eq!(hex(salt.0), "afb6cc3703f90abc920b534e75c3a50b6059cf08ad198b316bff0c04bfcdf832");
    assert_eq!(
        salt.commit(&chain(), b"record").to_string(),
        "ff3feee2d5d2296f49e63b225e8a264340a6f67f8c25269adbaf4613162291d9"
    );
}

#[test]
fn merkle_roots() {
    let leaves = [&b"one"[..], b"two", b"three"];
    assert_eq!(
        MerkleTree::new(&leaves).root().to_string(),
        "5aac771c899ac292e74bf1afe2e6e302f8b55883b2d1bf197b46a6bea6dabca9"
    );
    assert_eq!(ledger::empty_root().to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

#[test]
fn keys_from_seeds() {
    let key = KeyPair::from_seed(&[5; 32]);
    assert_eq!(key.public().to_string(), "460d4ea4ca925f9feed5e3c5a546cb0b0b9447c4e53468b8d17161276407830d");
    assert_eq!(
        key.one_time(&chain(), &[6; 32]).public().to_string(),
        "c863ecc08ae045594b6913b0063b3870284828f01fa277af103320b84ceda013"
    );
    let vrf = VrfKeyPair::from_seed(&[5; 32]);
    assert_eq!(vrf.public().to_string(), "34d77481f743146c6d275dfe67c9e484f2b672097a02443f3e3f03926f08742c");
    assert_eq!(
        hex(vrf.output(&Digest([7; 32])).0.0),
        "c39dc6da99b61f6b3171badd7fbbe01bd2297b06708f7c17a140f9355769ac62"
    );
    assert_eq!(
        WrapSecretKey::from_seed(&[5; 32]).public().to_string(),
        "402802aae25501861e6da002ef9f3e105b9296c3e3c90c92e600ec9a0ff52657"
    );
}

/// With the randomness given, even a signature is reproducible; without, old ones must still verify.
#[test]
fn an_old_signature_still_verifies() {
    let key = KeyPair::from_seed(&[5; 32]).public();
    let signature: Signature = "182c045978a959b5c4352ff435adca05cb19a5e21b19ee283d1d41b8415a80431f707f7e749c59f8fc4f967c0e1f8ba0d5a92f120f4084b5706e5bcc688d7a81".parse().unwrap();
    key.verify(&chain().digest(Domain::Visit, b"body"), &signature).unwrap();
}

#[test]
fn sealed_bytes_of_a_given_nonce() {
    let key = DataKey::from_bytes([1; 32]).derive(&chain(), b"path");
    assert_eq!(hex(key.expose()), "67149fa6270555a6e146f1632812f3d7cf61ff1e261581a9cc4f970df4bb4cbb");
    let sealed = key.seal(&chain(), b"context", b"plain", &mut rng());
    assert_eq!(
        hex(&sealed),
        "7c87c3b8f2da19fe841e74b9bbcbd5109643f0ff2214601b163b599ddbec362dcd494cef24e56886ec2c01513f"
    );
}

#[test]
fn votes_sets_and_certificates() {
    let vote = Vote {
        kind: VoteKind::Precommit,
        height: 7,
        round: 2,
        block: Some(Digest([4; 32])),
        validator: PublicKey([6; 32]),
    };
    assert_eq!(hex(encode(&vote)), format!("0107000000000000000200000001{}{}", "04".repeat(32), "06".repeat(32)));
    assert_eq!(
        vote.digest(&Digest([3; 32])).to_string(),
        "6f51a86eba4fdc55bee828361f55602de84d4707c4a5c5d5f07f1f81274c4534"
    );
    let set = ValidatorSet::new(vec![(PublicKey([6; 32]), 30)]).unwrap();
    assert_eq!(hex(encode(&set)), format!("01000000{}1e00000000000000", "06".repeat(32)));
    assert_eq!(
        set.digest(&Digest([3; 32])).to_string(),
        "e956b92a92d7e6daeab329117781670e2558423fef3f860ac8cad34b41e2ad7a"
    );
    let certificate = CommitCertificate {
        height: 7,
        round: 2,
        block: Digest([4; 32]),
        signatures: vec![(PublicKey([6; 32]), Signature([8; 64]))],
    };
    let expected = format!("070000000000000002000000{}01000000{}{}", "04".repeat(32), "06".repeat(32), "08".repeat(64));
    assert_eq!(hex(encode(&certificate)), expected);
}
