//! Whose keys are held here, and who a patient is. Passed in: the portal makes and keeps no key of its own.

use std::sync::Arc;

use claims::{Identifier, Identity};
use ledger::{DataKey, Digest, KeyPair, PublicKey, VrfKeyPair, WrapSecretKey};
use phc::PatientKeys;

/// A facility whose standing policy lets this portal act for it.
pub struct FacilityKeys {
    /// Signs its transactions.
    pub signer: KeyPair,
    /// Names its events.
    pub vrf: VrfKeyPair,
    /// Opens the data keys of its documents.
    pub wrap: WrapSecretKey,
}

/// A registered patient, as the index of patients knows them.
#[derive(Clone)]
pub struct Patient {
    /// The patient's key.
    pub key: PublicKey,
    /// The patient's personal chain.
    pub chain: Digest,
    /// Identifiers and the salts under which the registration commits to them.
    pub identity: Identity,
}

/// Keys and the index of patients. Calls are short and do not block.
pub trait Custody: Send + Sync {
    /// The keys of a party; `None` where this portal does not act for it.
    fn facility(&self, party: &str) -> Option<Arc<FacilityKeys>>;
    /// Who has this identifier.
    fn patient(&self, identifier: &Identifier) -> Option<Patient>;
    /// Whose key this is.
    fn patient_of_key(&self, key: &PublicKey) -> Option<Patient>;
    /// Whose personal chain this is.
    fn patient_of_chain(&self, chain: &Digest) -> Option<Patient>;
    /// A patient's data keys, as far as they are wrapped for this portal; `None` where the patient has erased them or
    /// named no writer here.
    fn keys(&self, chain: &Digest) -> Option<PatientKeys>;
    /// The portal's own key: for answers that are kept, and requests about nobody known.
    fn own_key(&self) -> DataKey;
}

/// The key of a patient's topic values.
pub(crate) fn stream_key(custody: &dyn Custody, chain: &ledger::Chain) -> Option<DataKey> {
    custody.keys(&chain.id).and_then(|keys| keys.stream(chain).ok().cloned())
}
