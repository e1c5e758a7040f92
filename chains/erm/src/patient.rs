//! A patient becomes known to the network.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Chain, Digest, Domain, KeyPair, PublicKey, Signature, WrapPublicKey};
use rand_core::{CryptoRng, RngCore};

use crate::Id;

/// A provider registers a patient, who signs too: the agreement of both.
///
/// The patient is a key and a salted commitment to identifiers: who that is, the provider knows and can open.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PatientRegistration {
    /// The patient's key, which signs consents and opens the personal chain.
    pub patient: PublicKey,
    /// Data keys for the patient are wrapped for it.
    pub wrap: WrapPublicKey,
    /// Salted commitment to the identifiers.
    pub identity: Digest,
    /// The patient's signature over [`PatientRegistration::digest`].
    pub signature: Signature,
}

impl PatientRegistration {
    /// What the patient signs: `digest(Consent, (patient, wrap, identity, provider's id))`.
    pub fn digest(network: &Digest, patient: &PublicKey, wrap: &WrapPublicKey, identity: &Digest, by: &Id) -> Digest {
        Chain::record(*network).digest_of(Domain::Consent, &(patient, wrap, identity, by))
    }

    /// Signs as the patient, for one provider.
    pub fn sign(
        network: &Digest,
        patient: &KeyPair,
        wrap: WrapPublicKey,
        identity: Digest,
        by: &Id,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Self {
        let digest = Self::digest(network, &patient.public(), &wrap, &identity, by);
        Self { patient: patient.public(), wrap, identity, signature: patient.sign(&digest, rng) }
    }
}

/// A patient in the state.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PatientRecord {
    /// Data keys for the patient are wrapped for it.
    pub wrap: WrapPublicKey,
    /// Salted commitment to the identifiers.
    pub identity: Digest,
    /// The provider that registered the patient.
    pub by: Id,
    /// Height of the block.
    pub height: u64,
    /// Time of the block.
    pub time_ms: i64,
}
