//! Bearer tokens, signed by the network (formats section 5.6).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use borsh::{BorshDeserialize, BorshSerialize};
use erm::Id;
use ledger::{Chain, Digest, Domain, KeyPair, PublicKey, SIGNATURE_BYTES, Signature};
use rand_core::{CryptoRng, RngCore};

/// Longest token on the wire, in characters; a longer one is refused before anything is decoded.
pub const TOKEN_CHARS_MAX: usize = 1_024;
/// How far ahead of the portal's clock a token may have been issued, milliseconds.
const CLOCKS_APART_MS: i64 = 300_000;

/// Who holds a token.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Holder {
    /// A member of the network.
    Party(Id) = 0,
    /// A patient.
    Patient(PublicKey) = 1,
    /// A device, which may only send its own readings.
    Device {
        /// The patient's personal chain.
        chain: Digest,
        /// The device.
        device: String,
    } = 2,
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Token {
    /// Version of this format: 1.
    pub version: u8,
    /// The portal that it is for.
    pub audience: String,
    /// Who holds it.
    pub holder: Holder,
    /// When it was issued, milliseconds since 1970-01-01 UTC.
    pub issued_ms: i64,
    /// From then on it is refused, milliseconds since 1970-01-01 UTC.
    pub expires_ms: i64,
    /// Random.
    pub nonce: [u8; 16],
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// Send `Authorization: Bearer …`.
    #[error("no bearer token was sent; send one in the Authorization header")]
    Missing,
    /// It does not decode.
    #[error("the bearer token is not one of this system")]
    Malformed,
    /// Nobody whom the network names signed it.
    #[error("the bearer token is not signed by this network")]
    Signature,
    /// It is for another portal.
    #[error("the bearer token is for another audience")]
    Audience,
    /// Its time is over.
    #[error("the bearer token has expired; ask for a new one")]
    Expired,
    /// Its time has not begun.
    #[error("the bearer token is not valid yet; check the clocks")]
    NotYet,
}

impl TokenRefusal {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "token-missing",
            Self::Malformed => "token-malformed",
            Self::Signature => "token-signature",
            Self::Audience => "token-audience",
            Self::Expired => "token-expired",
            Self::NotYet => "token-not-yet",
        }
    }
}

impl Token {
    /// A token with a random nonce.
    pub fn new(
        audience: &str,
        holder: Holder,
        issued_ms: i64,
        expires_ms: i64,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Self {
        let mut nonce = [0; 16];
        rng.fill_bytes(&mut nonce);
        Self { version: 1, audience: audience.into(), holder, issued_ms, expires_ms, nonce }
    }

    /// Signs as the network; gives the text for the Authorization header.
    pub fn sign(&self, network: &Digest, key: &KeyPair, rng: &mut (impl CryptoRng + RngCore)) -> String {
        let digest = Chain::record(*network).digest_of(Domain::Token, self);
        let mut bytes = ledger::encode(self);
        bytes.extend_from_slice(&key.sign(&digest, rng).0);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads and checks a token from its text.
    pub fn verify(
        text: &str,
        network: &Digest,
        issuers: &[PublicKey],
        audience: &str,
        now_ms: i64,
    ) -> Result<Self, TokenRefusal> {
        if text.len() > TOKEN_CHARS_MAX {
            return Err(TokenRefusal::Malformed);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenRefusal::Malformed)?;
        let at = bytes.len().checked_sub(SIGNATURE_BYTES).ok_or(TokenRefusal::Malformed)?;
        let (body, signature) = bytes.split_at(at);
        let signature = Signature(signature.try_into().map_err(|_| TokenRefusal::Malformed)?);
        let token: Self = ledger::decode("token", body).map_err(|_| TokenRefusal::Malformed)?;
        if token.version != 1 {
            return Err(TokenRefusal::Malformed);
        }
        let digest = Chain::record(*network).digest_of(Domain::Token, &token);
        if !issuers.iter().any(|issuer| issuer.verify(&digest, &signature).is_ok()) {
            return Err(TokenRefusal::Signature);
        }
        if token.audience != audience {
            return Err(TokenRefusal::Audience);
        }
        if now_ms >= token.expires_ms {
            return Err(TokenRefusal::Expired);
        }
        if token.issued_ms > now_ms.saturating_add(CLOCKS_APART_MS) {
            return Err(TokenRefusal::NotYet);
        }
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use ledger::rng_from_seed;

    const NETWORK: Digest = Digest([1; 32]);

    #[test]
    fn a_token_is_good_for_its_audience_network_and_time_only() {
        let mut rng = rng_from_seed([1; 32]);
        let key = KeyPair::from_seed(&[2; 32]);
        let holder = Holder::Party(Id::new("insurer-a").unwrap());
        let token = Token::new("portal", holder, 1_000, 2_000, &mut rng);
        let text = token.sign(&NETWORK, &key, &mut rng);
        let verify = |text: &str, network, issuer: &KeyPair, audience, now_ms| {
            Token::verify(text, &network, &[issuer.public()], audience, now_ms)
        };
        assert_eq!(verify(&text, NETWORK, &key, "portal", 1_500), Ok(token));
        assert_eq!(verify(&text, NETWORK, &key, "portal", 2_000), Err(TokenRefusal::Expired));
        assert_eq!(verify(&text, NETWORK, &key, "portal", 1_000 - 300_001), Err(TokenRefusal::NotYet));
        assert_eq!(verify(&text, NETWORK, &key, "other", 1_500), Err(TokenRefusal::Audience));
        assert_eq!(verify(&text, Digest([2; 32]), &key, "portal", 1_500), Err(TokenRefusal::Signature));
        assert_eq!(
            verify(&text, NETWORK, &KeyPair::from_seed(&[3; 32]), "portal", 1_500),
            Err(TokenRefusal::Signature)
        );
        for cut in 0..text.len() {
            assert!(verify(&text[..cut], NETWORK, &key, "portal", 1_500).is_err(), "cut at {cut}");
        }
        let swap = |at: usize| if text.as_bytes()[at] == b'A' { "B" } else { "A" };
        for at in 0..text.len() - 1 {
            let altered = format!("{}{}{}", &text[..at], swap(at), &text[at + 1..]);
            assert!(verify(&altered, NETWORK, &key, "portal", 1_500).is_err(), "altered at {at}");
        }
        assert_eq!(verify(&"A".repeat(1_025), NETWORK, &key, "portal", 1_500), Err(TokenRefusal::Malformed));
    }
}
