//! Sealing: XChaCha20-Poly1305 under keys derived with HKDF-SHA256.

use borsh::{BorshDeserialize, BorshSerialize};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand_core::{CryptoRng, RngCore};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{Chain, Domain, Error};

/// Length of the random nonce before the ciphertext. 24 random bytes never repeat in practice, which
/// matters where a writer that died and its successor both seal a block of one height.
pub const NONCE_BYTES: usize = 24;
/// Length of the authentication tag after the ciphertext.
pub const TAG_BYTES: usize = 16;

/// A symmetric key. It has no `Debug` and is wiped when dropped.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Zeroize, ZeroizeOnDrop)]
pub struct DataKey([u8; 32]);

impl DataKey {
    /// A fresh key.
    pub fn generate(rng: &mut (impl CryptoRng + RngCore)) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The key of these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for wrapping.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// A key below this one: `HKDF-SHA256(ikm = key, salt = none, info = preamble(DataKey) ‖ path)`.
    ///
    /// The key of one batch can be handed out without the key above it.
    #[expect(clippy::expect_used, reason = "32 bytes are within HKDF's bound of 255 blocks")]
    pub fn derive(&self, chain: &Chain, path: &[u8]) -> Self {
        let hkdf = hkdf::Hkdf::<sha2::Sha256>::new(None, &self.0);
        let mut bytes = [0; 32];
        hkdf.expand_multi_info(&[&chain.preamble(Domain::DataKey), path], &mut bytes).expect("32 bytes");
        Self(bytes)
    }

    /// `nonce ‖ ciphertext ‖ tag`, with `preamble(Seal) ‖ context` as associated data.
    #[expect(clippy::expect_used, reason = "fails only beyond 256 GiB")]
    pub fn seal(&self, chain: &Chain, context: &[u8], plain: &[u8], rng: &mut (impl CryptoRng + RngCore)) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        rng.fill_bytes(&mut nonce);
        let aad = associated_data(chain, context);
        let sealed = XChaCha20Poly1305::new((&self.0).into())
            .encrypt(XNonce::from_slice(&nonce), Payload { msg: plain, aad: &aad })
            .expect("a message of bounded size seals");
        let mut out = Vec::with_capacity(NONCE_BYTES + sealed.len());
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        out
    }

    /// Opens what [`seal`](Self::seal) made for the same chain and context.
    pub fn open(&self, chain: &Chain, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let invalid = Error::Invalid { what: "sealed data" };
        let (nonce, ciphertext) = sealed.split_at_checked(NONCE_BYTES).ok_or(invalid.clone())?;
        let aad = associated_data(chain, context);
        XChaCha20Poly1305::new((&self.0).into())
            .decrypt(XNonce::from_slice(nonce), Payload { msg: ciphertext, aad: &aad })
            .map_err(|_| invalid)
    }
}

fn associated_data(chain: &Chain, context: &[u8]) -> Vec<u8> {
    let mut aad = chain.preamble(Domain::Seal).to_vec();
    aad.extend_from_slice(context);
    aad
}
