//! The portal's view of this custody: facilities' keys, the index of patients, patients' data keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use claims::{Identifier, Identity};
use ledger::{DataKey, Digest, PublicKey, SaltSeed};
use phc::PatientKeys;
use portal::{FacilityKeys, Patient as Known};

use crate::failure::Outcome;
use crate::network::{Network, Patient, Service};
use crate::rings::Rings;

/// System of the identifiers that the demo's index of patients gives out.
pub(crate) const PATIENT_SYSTEM: &str = "urn:caduceus:demo:patient";

/// The portal acts for the parties whose keys lie in the key store: in demo custody for all, in an institution's own for itself.
pub(crate) struct DemoCustody {
    network: Arc<Network>,
    facilities: BTreeMap<String, Arc<FacilityKeys>>,
    rings: Rings,
    own: DataKey,
}

impl DemoCustody {
    pub(crate) fn new(network: Arc<Network>) -> Outcome<Self> {
        let mut facilities = BTreeMap::new();
        for party in network.genesis.parties.iter().filter(|party| network.holds(&party.id)) {
            let keys = network.party(&party.id)?;
            facilities.insert(
                party.id.to_string(),
                Arc::new(FacilityKeys { signer: keys.signer, vrf: keys.vrf, wrap: keys.wrap }),
            );
        }
        let rings = Rings::new(network.home.dir(), network.id, network.service(Service::Ingest)?.wrap);
        let own = DataKey::from_bytes(network.portal_seed()?);
        Ok(Self { network, facilities, rings, own })
    }

    fn find(&self, matches: impl Fn(&Patient) -> bool) -> Option<Known> {
        self.network.find_patient(matches).map(|patient| known(&patient))
    }
}

/// A patient's identity at the index: the name under the index's own system, salted under the patient's seed.
pub(crate) fn identity(patient: &Patient) -> Identity {
    let identifier = Identifier { system: PATIENT_SYSTEM.into(), value: patient.name.clone() };
    Identity::new(SaltSeed(patient.identity_seed), vec![identifier])
}

fn known(patient: &Patient) -> Known {
    Known { key: patient.signer.public(), chain: patient.chain.id, identity: identity(patient) }
}

impl portal::Custody for DemoCustody {
    fn facility(&self, party: &str) -> Option<Arc<FacilityKeys>> {
        self.facilities.get(party).cloned()
    }

    fn patient(&self, identifier: &Identifier) -> Option<Known> {
        (identifier.system == PATIENT_SYSTEM).then(|| self.find(|patient| patient.name == identifier.value)).flatten()
    }

    fn patient_of_key(&self, key: &PublicKey) -> Option<Known> {
        self.find(|patient| patient.signer.public() == *key)
    }

    fn patient_of_chain(&self, chain: &Digest) -> Option<Known> {
        self.find(|patient| patient.chain.id == *chain)
    }

    fn keys(&self, chain: &Digest) -> Option<PatientKeys> {
        match self.rings.keys(chain) {
            Ok(keys) => keys.map(|keys| (*keys).clone()),
            Err(error) => {
                tracing::warn!(%error, "a key ring cannot be read; nothing is written for its patient");
                None
            }
        }
    }

    fn own_key(&self) -> DataKey {
        self.own.clone()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use kit::{Keystore, Passphrase};
    use portal::Custody as _;
    use rand_core::OsRng;

    use super::*;
    use crate::home::Home;

    /// An institution runs its portal with its own keys and nobody else's.
    #[test]
    fn a_custody_acts_for_the_parties_whose_keys_it_holds_and_for_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        drop(Network::open_or_found(&home, 0).unwrap());
        let mut keys = Keystore::open(&home.keystore(), &Passphrase::from_file(&home.passphrase()).unwrap()).unwrap();
        let foreign: Vec<String> = keys
            .names()
            .filter(|name| name.starts_with("party/") && !name.starts_with("party/mutual-insurer/"))
            .map(str::to_owned)
            .collect();
        assert!(!foreign.is_empty());
        assert!(foreign.iter().all(|name| keys.remove(name)));
        assert!(keys.remove("authority"));
        keys.save(&mut OsRng).unwrap();

        let custody = DemoCustody::new(Arc::new(Network::open(&home).unwrap())).unwrap();
        assert!(custody.facility("mutual-insurer").is_some());
        for other in ["general-hospital", "dr-hale", "nobody"] {
            assert!(custody.facility(other).is_none(), "{other}");
        }
    }
}
