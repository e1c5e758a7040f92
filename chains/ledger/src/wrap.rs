//! Wrapping a data key for one grantee: HPKE base mode (RFC 9180), X25519-HKDF-SHA256, HKDF-SHA256,
//! ChaCha20-Poly1305.

use borsh::{BorshDeserialize, BorshSerialize};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroize;

use crate::{Chain, DataKey, Domain, Error};

type Suite = X25519HkdfSha256;

/// The public key that data keys are wrapped for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct WrapPublicKey(pub [u8; 32]);

/// The key that opens what was wrapped. It has no `Debug`.
#[derive(Clone)]
pub struct WrapSecretKey(<Suite as Kem>::PrivateKey);

/// A data key that only one grantee can open.
#[derive(Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct WrappedKey {
    /// HPKE's encapsulated key.
    pub encapsulated: [u8; 32],
    /// 32 bytes of key and the tag.
    pub ciphertext: [u8; 48],
}

impl WrapSecretKey {
    /// A fresh key.
    pub fn generate(rng: &mut (impl CryptoRng + RngCore)) -> Self {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        let key = Self::from_seed(&seed);
        seed.zeroize();
        key
    }

    /// The key of a 32-byte seed (RFC 9180 `DeriveKeyPair`).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Suite::derive_keypair(seed).0)
    }

    /// The public half.
    pub fn public(&self) -> WrapPublicKey {
        WrapPublicKey(Suite::sk_to_pk(&self.0).to_bytes().into())
    }

    /// Opens a wrapped key made for this key, chain and scope.
    pub fn unwrap(&self, chain: &Chain, scope: &[u8], wrapped: &WrappedKey) -> Result<DataKey, Error> {
        let invalid = Error::Invalid { what: "wrapped key" };
        let encapsulated =
            <Suite as Kem>::EncappedKey::from_bytes(&wrapped.encapsulated).map_err(|_| invalid.clone())?;
        let mut plain = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, Suite>(
            &OpModeR::Base,
            &self.0,
            &encapsulated,
            &info(chain, scope),
            &wrapped.ciphertext,
            &[],
        )
        .map_err(|_| invalid.clone())?;
        let bytes: Result<[u8; 32], _> = plain.as_slice().try_into();
        plain.zeroize();
        bytes.map(DataKey::from_bytes).map_err(|_| invalid)
    }
}

impl WrapPublicKey {
    /// Wraps a key; `scope` says which key it is and binds the wrap to it.
    pub fn wrap(
        &self,
        chain: &Chain,
        scope: &[u8],
        key: &DataKey,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Result<WrappedKey, Error> {
        let invalid = Error::Invalid { what: "grantee's key" };
        let recipient = <Suite as Kem>::PublicKey::from_bytes(&self.0).map_err(|_| invalid.clone())?;
        let (encapsulated, ciphertext) = hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, Suite, _>(
            &OpModeS::Base,
            &recipient,
            &info(chain, scope),
            key.expose(),
            &[],
            rng,
        )
        .map_err(|_| invalid.clone())?;
        let ciphertext: [u8; 48] = ciphertext.try_into().map_err(|_| invalid)?;
        Ok(WrappedKey { encapsulated: encapsulated.to_bytes().into(), ciphertext })
    }
}

fn info(chain: &Chain, scope: &[u8]) -> Vec<u8> {
    let mut info = chain.preamble(Domain::Wrap).to_vec();
    info.extend_from_slice(scope);
    info
}

impl std::fmt::Display for WrapPublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for WrapPublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for WrapPublicKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        crate::digest::hex_array(text, "wrap public key").map(Self)
    }
}

crate::digest::serde_as_text!(WrapPublicKey);
