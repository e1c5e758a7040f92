//! Sealing: XChaCha20-Poly1305 under keys derived with HKDF-SHA256. ChaCha20-Poly1305 itself is ring's: readings are short,
//! and its set-up is.

use borsh::{BorshDeserialize, BorshSerialize};
use chacha20::cipher::consts::U10;
use rand_core::{CryptoRng, RngCore};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{Chain, Domain, Error, PREAMBLE_BYTES};

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
        let mut out = Vec::with_capacity(NONCE_BYTES + plain.len() + TAG_BYTES);
        out.resize(NONCE_BYTES, 0);
        out.extend_from_slice(plain);
        let (nonce, content) = out.split_at_mut(NONCE_BYTES);
        rng.fill_bytes(nonce);
        let (key, short) = self.under(nonce).expect("a nonce of 24 bytes");
        let tag = key
            .seal_in_place_separate_tag(short, Aad::from(associated_data(chain, context)), content)
            .expect("a message of bounded size seals");
        out.extend_from_slice(tag.as_ref());
        out
    }

    /// Opens what [`seal`](Self::seal) made for the same chain and context.
    pub fn open(&self, chain: &Chain, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let mut plain = Vec::new();
        self.open_into(chain, context, sealed, &mut plain)?;
        Ok(plain)
    }

    /// The same into room that is there: whatever it held is replaced, and after an error it is empty.
    pub fn open_into(&self, chain: &Chain, context: &[u8], sealed: &[u8], plain: &mut Vec<u8>) -> Result<(), Error> {
        let invalid = || Error::Invalid { what: "sealed data" };
        plain.clear();
        let (nonce, ciphertext) = sealed.split_at_checked(NONCE_BYTES).ok_or_else(invalid)?;
        let (key, short) = self.under(nonce).ok_or_else(invalid)?;
        plain.extend_from_slice(ciphertext);
        let aad = Aad::from(associated_data(chain, context));
        let length = key.open_in_place(short, aad, plain.as_mut_slice()).map(|opened| opened.len());
        plain.truncate(length.unwrap_or(0));
        length.map(|_| ()).map_err(|_| invalid())
    }

    /// XChaCha20 (draft-irtf-cfrg-xchacha, section 2.3): the first 16 bytes of the nonce make a key below this one, the
    /// other 8 are the nonce under it.
    fn under(&self, nonce: &[u8]) -> Option<(LessSafeKey, Nonce)> {
        let (first, last) = nonce.split_first_chunk::<16>()?;
        let last: &[u8; 8] = last.try_into().ok()?;
        let mut below = chacha20::hchacha::<U10>((&self.0).into(), first.into());
        let key = UnboundKey::new(&CHACHA20_POLY1305, &below).ok();
        below.as_mut_slice().zeroize();
        let mut short = [0; 12];
        short[4..].copy_from_slice(last);
        Some((LessSafeKey::new(key?), Nonce::assume_unique_for_key(short)))
    }
}

/// `preamble(Seal) ‖ context`; contexts are short, and then nothing is allocated for it.
struct Associated {
    short: [u8; SHORT_BYTES],
    length: usize,
    long: Vec<u8>,
}

const SHORT_BYTES: usize = 128;

fn associated_data(chain: &Chain, context: &[u8]) -> Associated {
    let preamble = chain.preamble(Domain::Seal);
    let mut data = Associated { short: [0; SHORT_BYTES], length: PREAMBLE_BYTES + context.len(), long: Vec::new() };
    let (first, rest) = data.short.split_at_mut(PREAMBLE_BYTES);
    first.copy_from_slice(&preamble);
    match rest.get_mut(..context.len()) {
        Some(place) => place.copy_from_slice(context),
        None => data.long = [&preamble, context].concat(),
    }
    data
}

impl AsRef<[u8]> for Associated {
    fn as_ref(&self) -> &[u8] {
        self.short.get(..self.length).unwrap_or(&self.long)
    }
}
