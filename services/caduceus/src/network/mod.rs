//! The network that `demo` and `replay` run: who founds it, whose keys are where, which patients it knows.
//!
//! All keys lie in one key store on this machine: demo custody. In a real network each party holds its own.

mod founding;
mod patients;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use erm::{Genesis, Id};
use kit::{Keystore, Passphrase};
use ledger::{Chain, Digest, KeyPair, VrfKeyPair, WrapSecretKey};
use rand_core::OsRng;

pub(crate) use founding::{ANCHORING_PARTY, INSURER};
pub(crate) use patients::{Patient, check_name};

use crate::failure::{Failure, OrFail as _, Outcome};
use crate::home::Home;

/// A founded network with its keys.
pub(crate) struct Network {
    pub(crate) home: Home,
    pub(crate) genesis: Genesis,
    pub(crate) id: Digest,
    keys: Mutex<Keystore>,
    patients: Mutex<BTreeMap<String, Arc<Patient>>>,
}

/// The keys of a party or of a service.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) signer: KeyPair,
    pub(crate) vrf: VrfKeyPair,
    pub(crate) wrap: WrapSecretKey,
}

/// The services that act on patients' chains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Ingest,
    Monitor,
    Notifier,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Self::Ingest => "service/ingest",
            Self::Monitor => "service/monitor",
            Self::Notifier => "service/notifier",
        }
    }
}

impl Network {
    /// Opens the network of a data directory with the demo's own passphrase.
    pub(crate) fn open(home: &Home) -> Outcome<Self> {
        let passphrase = Passphrase::from_file(&home.passphrase()).or_environment("the key store cannot be opened")?;
        Self::open_with(home, &passphrase)
    }

    /// Opens the network of a data directory.
    pub(crate) fn open_with(home: &Home, passphrase: &Passphrase) -> Outcome<Self> {
        let genesis = read_genesis(&home.genesis())?;
        let keys = Keystore::open(&home.keystore(), passphrase).or_environment("the key store cannot be opened")?;
        Self::assemble(home, genesis, keys)
    }

    /// Opens the network, or founds it where the directory holds none.
    pub(crate) fn open_or_found(home: &Home, time_ms: i64) -> Outcome<Self> {
        if home.genesis().exists() { Self::open(home) } else { founding::found(home, time_ms) }
    }

    fn assemble(home: &Home, genesis: Genesis, keys: Keystore) -> Outcome<Self> {
        let id = genesis.network();
        let patients = patients::all(&keys, id)?;
        Ok(Self { home: home.clone(), genesis, id, keys: Mutex::new(keys), patients: Mutex::new(patients) })
    }

    /// The record chain, under which the network's own digests are made.
    pub(crate) fn record_chain(&self) -> Chain {
        Chain::record(self.id)
    }

    /// The keys of a party of the genesis.
    pub(crate) fn party(&self, id: &Id) -> Outcome<Keys> {
        self.keys_of(&format!("party/{id}"))
    }

    /// Whether the keys of a party lie here.
    pub(crate) fn holds(&self, id: &Id) -> bool {
        lock(&self.keys).get(&format!("party/{id}/signer")).is_some()
    }

    /// The keys of a service.
    pub(crate) fn service(&self, service: Service) -> Outcome<Keys> {
        self.keys_of(service.name())
    }

    /// The seed of an operator's record node.
    pub(crate) fn validator_seed(&self, operator: &Id) -> Outcome<[u8; 32]> {
        self.seed(&format!("operator/{operator}/validator"))
    }

    /// The authority's key (a 1-of-1 policy in the demo).
    pub(crate) fn authority(&self) -> Outcome<KeyPair> {
        Ok(KeyPair::from_seed(&self.seed("authority")?))
    }

    /// All patients by name.
    pub(crate) fn patients(&self) -> BTreeMap<String, Arc<Patient>> {
        lock(&self.patients).clone()
    }

    /// The first patient that matches.
    pub(crate) fn find_patient(&self, matches: impl Fn(&Patient) -> bool) -> Option<Arc<Patient>> {
        lock(&self.patients).values().find(|patient| matches(patient)).cloned()
    }

    /// The seed of the portal's own key: for answers that it keeps.
    pub(crate) fn portal_seed(&self) -> Outcome<[u8; 32]> {
        self.seed("portal/own")
    }

    fn seed(&self, name: &str) -> Outcome<[u8; 32]> {
        lock(&self.keys).require(name).copied().or_environment("the key store lacks a key")
    }

    fn keys_of(&self, name: &str) -> Outcome<Keys> {
        let seed = |kind: &str| self.seed(&format!("{name}/{kind}"));
        Ok(Keys {
            signer: KeyPair::from_seed(&seed("signer")?),
            vrf: VrfKeyPair::from_seed(&seed("vrf")?),
            wrap: WrapSecretKey::from_seed(&seed("wrap")?),
        })
    }
}

/// Reads a genesis and checks it; the message says where it is wrong.
pub(crate) fn read_genesis(path: &std::path::Path) -> Outcome<Genesis> {
    let shown = path.display();
    let bytes = std::fs::read(path).or_environment(format_args!("{shown} cannot be read"))?;
    let genesis = Genesis::from_json(&bytes).or_wrong(format_args!("{shown} is no genesis"))?;
    genesis.check().or_wrong(format_args!("{shown} is no genesis"))?;
    Ok(genesis)
}

/// New seeds for the keys of a party or service; the caller saves.
fn generate(keys: &mut Keystore, name: &str) -> Outcome<Keys> {
    let mut seed = |kind: &str| -> Outcome<[u8; 32]> {
        keys.get_or_generate(&format!("{name}/{kind}"), &mut OsRng).copied().or_environment("a key cannot be kept")
    };
    Ok(Keys {
        signer: KeyPair::from_seed(&seed("signer")?),
        vrf: VrfKeyPair::from_seed(&seed("vrf")?),
        wrap: WrapSecretKey::from_seed(&seed("wrap")?),
    })
}

/// A lock that a panicking thread left behind still guards whole values here.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A party's or operator's name that is written in this program.
pub(crate) fn id(name: &str) -> Outcome<Id> {
    Id::new(name).map_err(|error| Failure::usage(format_args!("{name}: {error}")))
}
