//! The bytes of a keystore file.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use crate::Passphrase;

const MAGIC: [u8; 8] = *b"CADKEYS\n";
const VERSION: u16 = 1;
const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 24;
const HEADER_BYTES: usize = 8 + 2 + 3 * 4 + SALT_BYTES;
/// A file may ask for at most this much memory (1 GiB), …
const MOST_MEMORY_KIB: u32 = 1024 * 1024;
/// … this many passes, and this many lanes: a foreign file must not be able to stop the machine.
const MOST_PASSES: u32 = 64;
const MOST_LANES: u32 = 64;

/// What a guess at the passphrase costs (Argon2id, RFC 9106 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory, KiB; at least 8 a lane, at most 1 GiB.
    pub memory_kib: u32,
    /// Passes, 1 to 64.
    pub passes: u32,
    /// Lanes, 1 to 64.
    pub lanes: u32,
}

impl Default for Cost {
    /// RFC 9106's second recommendation: 64 MiB, three passes, four lanes.
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 }
    }
}

impl Cost {
    /// As little as there is: right only for a passphrase of 256 random bits ([`Passphrase::random`]), which nobody guesses.
    pub const RANDOM_PASSPHRASE: Self = Self { memory_kib: 8, passes: 1, lanes: 1 };
}

/// All before the nonce.
pub(super) struct Header {
    cost: Cost,
    salt: [u8; SALT_BYTES],
}

impl Header {
    pub(super) fn fresh(cost: Cost, rng: &mut (impl CryptoRng + RngCore)) -> Self {
        let mut salt = [0; SALT_BYTES];
        rng.fill_bytes(&mut salt);
        Self { cost, salt }
    }

    /// The header, and the rest of the file.
    pub(super) fn split(bytes: &[u8]) -> Result<(Self, &[u8]), String> {
        let short = || format!("{} bytes are too few", bytes.len());
        let (magic, rest) = bytes.split_first_chunk::<8>().ok_or_else(short)?;
        if *magic != MAGIC {
            return Err("it does not begin with CADKEYS".into());
        }
        let (version, rest) = rest.split_first_chunk::<2>().ok_or_else(short)?;
        let version = u16::from_le_bytes(*version);
        if version != VERSION {
            return Err(format!("its format version is {version}, this program reads {VERSION}"));
        }
        let mut numbers = [0; 3];
        let mut rest = rest;
        for number in &mut numbers {
            let (bytes, after) = rest.split_first_chunk::<4>().ok_or_else(short)?;
            *number = u32::from_le_bytes(*bytes);
            rest = after;
        }
        let (salt, rest) = rest.split_first_chunk::<SALT_BYTES>().ok_or_else(short)?;
        let [memory_kib, passes, lanes] = numbers;
        Ok((Self { cost: Cost { memory_kib, passes, lanes }, salt: *salt }, rest))
    }

    fn bytes(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        let Cost { memory_kib, passes, lanes } = self.cost;
        out[..8].copy_from_slice(&MAGIC);
        out[8..10].copy_from_slice(&VERSION.to_le_bytes());
        out[10..14].copy_from_slice(&memory_kib.to_le_bytes());
        out[14..18].copy_from_slice(&passes.to_le_bytes());
        out[18..22].copy_from_slice(&lanes.to_le_bytes());
        out[22..].copy_from_slice(&self.salt);
        out
    }

    /// The key of a passphrase; slow on purpose.
    pub(super) fn derive(&self, passphrase: &Passphrase) -> Result<Zeroizing<[u8; 32]>, String> {
        let Cost { memory_kib, passes, lanes } = self.cost;
        if memory_kib > MOST_MEMORY_KIB || passes > MOST_PASSES || lanes > MOST_LANES {
            return Err(format!("it asks for {memory_kib} KiB, {passes} passes, {lanes} lanes; more than is allowed"));
        }
        let params = Params::new(memory_kib, passes, lanes, Some(32)).map_err(|error| error.to_string())?;
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), &self.salt, &mut *key)
            .map_err(|error| error.to_string())?;
        Ok(key)
    }

    /// The plain text; `None` where key, header or ciphertext are not those of one write.
    pub(super) fn open(&self, key: &[u8; 32], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, ciphertext) = sealed.split_at_checked(NONCE_BYTES)?;
        let aad = self.bytes();
        let payload = Payload { msg: ciphertext, aad: &aad };
        XChaCha20Poly1305::new(key.into()).decrypt(XNonce::from_slice(nonce), payload).ok().map(Zeroizing::new)
    }

    /// The whole file.
    #[expect(clippy::expect_used, reason = "fails only beyond 256 GiB")]
    pub(super) fn seal(&self, key: &[u8; 32], plain: &[u8], rng: &mut (impl CryptoRng + RngCore)) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        rng.fill_bytes(&mut nonce);
        let aad = self.bytes();
        let sealed = XChaCha20Poly1305::new(key.into())
            .encrypt(XNonce::from_slice(&nonce), Payload { msg: plain, aad: &aad })
            .expect("a message of bounded size seals");
        [&aad[..], &nonce, &sealed].concat()
    }
}
