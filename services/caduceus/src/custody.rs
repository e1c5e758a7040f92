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

/// Every key of the network lies here: demo custody. A portal of one institution holds that institution's only.
pub(crate) struct DemoCustody {
    network: Arc<Network>,
    facilities: BTreeMap<String, Arc<FacilityKeys>>,
    rings: Rings,
    own: DataKey,
}

impl DemoCustody {
    pub(crate) fn new(network: Arc<Network>) -> Outcome<Self> {
        let mut facilities = BTreeMap::new();
        for party in &network.genesis.parties {
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
