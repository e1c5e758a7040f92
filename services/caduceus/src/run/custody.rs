//! The portal's custody, which learns of patients that `caduceus enrol` adds while it runs.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use claims::Identifier;
use kit::Configuration;
use ledger::{DataKey, Digest, PublicKey};
use phc::PatientKeys;
use portal::{Custody, FacilityKeys, Patient};

use super::process::open_network;
use crate::custody::DemoCustody;
use crate::failure::Outcome;
use crate::network::{Network, lock};

/// A custody that is opened again when its key store has changed.
pub(super) struct ReloadedCustody {
    keystore: PathBuf,
    config: Configuration,
    held: Mutex<Held>,
}

struct Held {
    modified: Option<SystemTime>,
    custody: Arc<DemoCustody>,
}

impl ReloadedCustody {
    pub(super) fn open(network: Arc<Network>, config: &Configuration) -> Outcome<Self> {
        let keystore = network.home.keystore();
        let held = Held { modified: modified(&keystore), custody: Arc::new(DemoCustody::new(network)?) };
        Ok(Self { keystore, config: config.clone(), held: Mutex::new(held) })
    }

    fn now(&self) -> Arc<DemoCustody> {
        let mut held = lock(&self.held);
        let modified = modified(&self.keystore);
        if modified.is_some() && modified != held.modified {
            match open_network(&self.config).and_then(|network| DemoCustody::new(Arc::new(network))) {
                Ok(custody) => *held = Held { modified, custody: Arc::new(custody) },
                // What was read before is still true.
                Err(error) => tracing::warn!(%error, "the key store has changed and cannot be read"),
            }
        }
        held.custody.clone()
    }
}

fn modified(path: &std::path::Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

impl Custody for ReloadedCustody {
    fn facility(&self, party: &str) -> Option<Arc<FacilityKeys>> {
        self.now().facility(party)
    }

    fn patient(&self, identifier: &Identifier) -> Option<Patient> {
        self.now().patient(identifier)
    }

    fn patient_of_key(&self, key: &PublicKey) -> Option<Patient> {
        self.now().patient_of_key(key)
    }

    fn patient_of_chain(&self, chain: &Digest) -> Option<Patient> {
        self.now().patient_of_chain(chain)
    }

    fn keys(&self, chain: &Digest) -> Option<PatientKeys> {
        self.now().keys(chain)
    }

    fn own_key(&self) -> DataKey {
        self.now().own_key()
    }
}
