use borsh::{BorshDeserialize, BorshSerialize};
use sha2::Digest as _;

use crate::{Digest, Error};

/// Version of every format in `docs/formats.md`.
pub const VERSION: u8 = 1;
/// SHA-256, sr25519 (schnorrkel), its VRF, HPKE X25519-HKDF-SHA256 + ChaCha20-Poly1305, XChaCha20-Poly1305.
pub const SUITE: u8 = 1;
/// Bytes before every body that is hashed or signed.
pub const PREAMBLE_BYTES: usize = 68;

/// What bytes are for. The numbers are part of the format and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Domain {
    /// The genesis document; its digest is the network id.
    Genesis = 1,
    /// A salted commitment to a record.
    Leaf = 2,
    /// Derivation of a record's salt from its batch's seed.
    Salt = 3,
    /// Derivation of a data key.
    DataKey = 4,
    /// Associated data of sealed bytes.
    Seal = 5,
    /// HPKE `info` of a wrapped key.
    Wrap = 6,
    /// The id of a personal chain.
    PhcChain = 16,
    /// The opening of a personal chain, signed by the patient.
    PhcOpening = 17,
    /// The header of a personal chain's block; its digest is the block's hash and what the writer signs.
    PhcBlock = 18,
    /// A patient's later instruction to the own chain (writers, grants).
    PhcDirective = 19,
    /// The header of a record chain block.
    ErmBlock = 32,
    /// A record chain transaction's body, signed by its sender.
    Transaction = 33,
    /// A membership decision, signed by the network's authority policy.
    Authority = 34,
    /// A visit, signed by the patient's one-time key.
    Visit = 35,
    /// A consent decision, signed by the patient.
    Consent = 36,
    /// VRF input: the key of a clinical event in the authenticated state.
    EventKey = 37,
    /// VRF input: the blinded fingerprint of a claim line.
    ClaimFingerprint = 38,
    /// A key in the authenticated state.
    StateKey = 39,
    /// The blinded id of a personal chain under an anchor.
    BlindedChain = 40,
    /// An anchor of personal chain heads.
    Anchor = 41,
    /// Path to a patient's one-time key.
    OneTimeKey = 42,
    /// A consensus vote.
    Vote = 48,
    /// A consensus proposal.
    Proposal = 49,
    /// A hello between validators.
    Peer = 50,
    /// A validator set.
    Validators = 51,
    /// A claim or a response, for its commitment.
    Claim = 64,
    /// A receipt, signed by the portal's member.
    Receipt = 65,
    /// An access token, signed by the network.
    Token = 66,
    /// An access event on a personal chain.
    Access = 67,
    /// The id of an alert episode.
    Episode = 80,
    /// A detection model's bytes.
    Model = 81,
    /// A digest of contents, independent of keys, salts and block boundaries (`check`).
    Content = 82,
}

/// The network and the chain within it that bytes belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Chain {
    /// Digest of the genesis; [`Digest::ZERO`] only while hashing the genesis itself.
    pub network: Digest,
    /// The personal chain's id; [`Digest::ZERO`] for the record chain and the network itself.
    pub id: Digest,
}

impl Chain {
    /// The record chain of a network.
    pub fn record(network: Digest) -> Self {
        Self { network, id: Digest::ZERO }
    }

    /// Version, suite, domain, network, chain: the 68 bytes before every body.
    pub fn preamble(&self, domain: Domain) -> [u8; PREAMBLE_BYTES] {
        let mut bytes = [0; PREAMBLE_BYTES];
        bytes[0] = VERSION;
        bytes[1] = SUITE;
        bytes[2..4].copy_from_slice(&(domain as u16).to_le_bytes());
        bytes[4..36].copy_from_slice(&self.network.0);
        bytes[36..68].copy_from_slice(&self.id.0);
        bytes
    }

    /// SHA-256 over the preamble and the body.
    pub fn digest(&self, domain: Domain, body: &[u8]) -> Digest {
        self.digest_parts(domain, &[body])
    }

    /// SHA-256 over the preamble and the parts, end to end. The parts' lengths must be fixed by the domain.
    pub fn digest_parts(&self, domain: Domain, parts: &[&[u8]]) -> Digest {
        let mut hash = sha2::Sha256::new_with_prefix(self.preamble(domain));
        for part in parts {
            hash.update(part);
        }
        Digest(hash.finalize().into())
    }

    /// SHA-256 over the preamble and the borsh encoding of a value.
    pub fn digest_of<T: BorshSerialize>(&self, domain: Domain, value: &T) -> Digest {
        self.digest(domain, &encode(value))
    }
}

/// The canonical encoding: borsh.
///
/// # Panics
/// Never for this project's types: borsh fails only on NaN and on more than 2³² items.
#[expect(clippy::expect_used, reason = "writing to memory; our types hold neither NaN nor 2^32 items")]
pub fn encode<T: BorshSerialize>(value: &T) -> Vec<u8> {
    borsh::to_vec(value).expect("a value without NaN and of bounded size encodes")
}

/// The same as [`decode`] in half the time, for types of which borsh has one encoding each, so that there is nothing to compare:
/// structures, enums, `Option`, `Vec`, arrays, strings and integers that derive their encoding, all the way down. Not for
/// floats, sets and maps, nor where an encoding was written by hand.
pub fn decode_of_one_encoding<T: BorshDeserialize>(what: &'static str, bytes: &[u8]) -> Result<T, Error> {
    T::try_from_slice(bytes).map_err(|error| Error::Malformed { what, reason: error.to_string() })
}

/// Decodes the canonical encoding; trailing bytes, and bytes that encode again to something else, are refused.
pub fn decode<T: BorshSerialize + BorshDeserialize>(what: &'static str, bytes: &[u8]) -> Result<T, Error> {
    let malformed = |reason: String| Error::Malformed { what, reason };
    let value = T::try_from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
    let again = borsh::to_vec(&value).map_err(|error| malformed(error.to_string()))?;
    if again != bytes {
        return Err(malformed("not the canonical encoding".into()));
    }
    Ok(value)
}
