//! sr25519 signatures (schnorrkel) over 32-byte digests.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use rand_core::{CryptoRng, RngCore};
use schnorrkel::context::{attach_rng, signing_context};
use schnorrkel::derive::{ChainCode, Derivation};
use schnorrkel::{ExpansionMode, MiniSecretKey};

use crate::digest::{hex_array, serde_as_text};
use crate::{Chain, Digest, Domain, Error};

/// Length of a public key.
pub const PUBLIC_KEY_BYTES: usize = 32;
/// Length of a signature.
pub const SIGNATURE_BYTES: usize = 64;
/// Label of the signing context; the domain is already inside the digest that is signed.
const CONTEXT: &[u8] = b"caduceus";

/// A public key: a compressed Ristretto point. Whether it is a point is checked when it is used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct PublicKey(pub [u8; PUBLIC_KEY_BYTES]);

/// A signature. Signing is randomised, so nothing that must be reproducible covers one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Signature(pub [u8; SIGNATURE_BYTES]);

/// A secret key with its public half. It has no `Debug` and is wiped when dropped.
#[derive(Clone)]
pub struct KeyPair(schnorrkel::Keypair);

impl KeyPair {
    /// A fresh key.
    pub fn generate(rng: &mut (impl CryptoRng + RngCore)) -> Self {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        Self::from_seed(&seed)
    }

    /// The key of a 32-byte seed, which is how keys are stored.
    #[expect(clippy::expect_used, reason = "the length is fixed by the type")]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let secret = MiniSecretKey::from_bytes(seed).expect("32 bytes");
        Self(secret.expand_to_keypair(ExpansionMode::Ed25519))
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.public.to_bytes())
    }

    /// Signs a digest that was made with the domain of its purpose.
    pub fn sign(&self, message: &Digest, rng: &mut (impl CryptoRng + RngCore)) -> Signature {
        let transcript = attach_rng(transcript(message), rng);
        Signature(self.0.sign(transcript).to_bytes())
    }

    /// A key for one use whose link to this one only the holder of `secret` can show.
    pub fn one_time(&self, chain: &Chain, secret: &[u8; 32]) -> Self {
        let path = chain.preamble(Domain::OneTimeKey);
        Self(self.0.derived_key_simple(ChainCode(*secret), path).0)
    }
}

/// The public side of [`KeyPair::one_time`]: opens the link between a one-time key and its owner.
pub struct OneTimeKey;

impl OneTimeKey {
    /// The one-time public key of `owner` under `secret`.
    pub fn derive(owner: &PublicKey, chain: &Chain, secret: &[u8; 32]) -> Result<PublicKey, Error> {
        let path = chain.preamble(Domain::OneTimeKey);
        let derived = owner.point()?.derived_key_simple(ChainCode(*secret), path).0;
        Ok(PublicKey(derived.to_bytes()))
    }
}

impl PublicKey {
    fn point(&self) -> Result<schnorrkel::PublicKey, Error> {
        schnorrkel::PublicKey::from_bytes(&self.0).map_err(|_| Error::Invalid { what: "public key" })
    }

    /// Checks one signature.
    pub fn verify(&self, message: &Digest, signature: &Signature) -> Result<(), Error> {
        let invalid = Error::Invalid { what: "signature" };
        let decoded = schnorrkel::Signature::from_bytes(&signature.0).map_err(|_| invalid.clone())?;
        self.point()?.verify(transcript(message), &decoded).map_err(|_| invalid)
    }
}

fn transcript(message: &Digest) -> merlin::Transcript {
    signing_context(CONTEXT).bytes(&message.0)
}

/// Checks many signatures at once; 2 to 3 times cheaper per signature from some 64 on.
///
/// Where the batch fails, halves are tried to name the bad ones: at most
/// `bad × log2(n) + 1` further batches, so a sender of one bad signature cannot make the work quadratic.
pub fn verify_batch(items: &[(PublicKey, Digest, Signature)]) -> Result<(), Error> {
    let mut positions = Vec::new();
    let mut decoded = Vec::with_capacity(items.len());
    for (position, (key, message, signature)) in items.iter().enumerate() {
        match (key.point(), schnorrkel::Signature::from_bytes(&signature.0)) {
            (Ok(key), Ok(signature)) => decoded.push((position, key, *message, signature)),
            _ => positions.push(position),
        }
    }
    bisect(&decoded, &mut positions);
    if positions.is_empty() {
        return Ok(());
    }
    positions.sort_unstable();
    Err(Error::InvalidInBatch { positions })
}

type Decoded = (usize, schnorrkel::PublicKey, Digest, schnorrkel::Signature);

fn bisect(items: &[Decoded], bad: &mut Vec<usize>) {
    if items.is_empty() || all_verify(items) {
        return;
    }
    if let [only] = items {
        bad.push(only.0);
        return;
    }
    let (left, right) = items.split_at(items.len() / 2);
    bisect(left, bad);
    bisect(right, bad);
}

fn all_verify(items: &[Decoded]) -> bool {
    if let [(_, key, message, signature)] = items {
        return key.verify(transcript(message), signature).is_ok();
    }
    let transcripts = items.iter().map(|(_, _, message, _)| transcript(message));
    let signatures: Vec<_> = items.iter().map(|item| item.3).collect();
    let keys: Vec<_> = items.iter().map(|item| item.1).collect();
    schnorrkel::verify_batch_deterministic(transcripts, &signatures, &keys, false).is_ok()
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for PublicKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        hex_array(text, "public key").map(Self)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Signature {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        hex_array(text, "signature").map(Self)
    }
}

serde_as_text!(PublicKey);
serde_as_text!(Signature);
