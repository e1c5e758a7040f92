//! Patients of this custody: their keys, their chains' openings, their key rings.

use std::collections::BTreeMap;
use std::sync::Arc;

use kit::Keystore;
use ledger::{Chain, Digest, KeyPair, WrapSecretKey};
use phc::{Block, KeyRing, Opening, PatientKeys, Role, Writer};
use rand_core::OsRng;

use super::{Network, Service, lock};
use crate::failure::{Failure, OrFail as _, Outcome};

/// Longest name of a patient.
const NAME_CHARS_MAX: usize = 64;

/// A patient whose keys lie in this custody.
pub(crate) struct Patient {
    /// The name that this custody knows the patient by; it stands in the key store only.
    pub(crate) name: String,
    pub(crate) chain: Chain,
    pub(crate) signer: KeyPair,
    pub(crate) wrap: WrapSecretKey,
    /// Salts of the identifiers that the registration commits to.
    pub(crate) identity_seed: [u8; 32],
    nonce: [u8; 32],
}

/// 1 to 64 letters, digits, '-', '_' and '.'.
pub(crate) fn check_name(name: &str) -> Outcome {
    let legal = (1..=NAME_CHARS_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !legal {
        return Err(Failure::usage(format_args!(
            "patient `{name}`: 1 to {NAME_CHARS_MAX} letters, digits, '-', '_' and '.' are needed"
        )));
    }
    Ok(())
}

/// The patients that a key store holds keys of.
pub(super) fn all(keys: &Keystore, network: Digest) -> Outcome<BTreeMap<String, Arc<Patient>>> {
    let names: Vec<String> = keys
        .names()
        .filter_map(|name| name.strip_prefix("patient/")?.strip_suffix("/signer"))
        .map(str::to_owned)
        .collect();
    names.into_iter().map(|name| Ok((name.clone(), Arc::new(load(keys, &name, network)?)))).collect()
}

fn load(keys: &Keystore, name: &str, network: Digest) -> Outcome<Patient> {
    let seed = |kind: &str| {
        keys.require(&format!("patient/{name}/{kind}")).copied().or_environment("the key store lacks a key")
    };
    let signer = KeyPair::from_seed(&seed("signer")?);
    let nonce = seed("nonce")?;
    let wrap = WrapSecretKey::from_seed(&seed("wrap")?);
    // The chain's id hangs on the patient's key and the nonce alone.
    let opening = Opening { patient: signer.public(), wrap: wrap.public(), nonce, time_ms: 0, writers: Vec::new() };
    Ok(Patient {
        name: name.into(),
        chain: opening.chain(network),
        signer,
        wrap,
        identity_seed: seed("identity")?,
        nonce,
    })
}

impl Network {
    /// The patient of a name, made where there is none. The first block of the personal chain is for the caller to append.
    ///
    /// Keys are on disk before the opening exists: a chain whose keys were lost could never be read.
    pub(crate) fn enrol_patient(&self, name: &str) -> Outcome<Arc<Patient>> {
        check_name(name)?;
        let mut patients = lock(&self.patients);
        if let Some(known) = patients.get(name) {
            return Ok(known.clone());
        }
        let patient = {
            let mut keys = lock(&self.keys);
            for kind in ["signer", "wrap", "identity", "nonce"] {
                keys.get_or_generate(&format!("patient/{name}/{kind}"), &mut OsRng)
                    .or_environment("a key cannot be kept")?;
            }
            keys.save(&mut OsRng).or_environment("the key store cannot be written")?;
            Arc::new(load(&keys, name, self.id)?)
        };
        self.ring_for(&patient)?;
        patients.insert(name.to_owned(), patient.clone());
        Ok(patient)
    }

    /// The patient's data keys, opened with the patient's own key; none where the ring was deleted.
    pub(crate) fn patient_keys(&self, patient: &Patient) -> Outcome<Option<PatientKeys>> {
        let path = self.home.dir().join(KeyRing::object_name(&patient.chain.id));
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::environment(format_args!("{} cannot be read: {error}", path.display()))),
        };
        let ring = KeyRing::decode(&bytes).or_wrong(path.display())?;
        ring.open(&patient.chain, &patient.wrap).map(Some).or_wrong(path.display())
    }

    /// Makes the patient's key ring where it is missing: fresh data keys, wrapped for the patient and the writers.
    fn ring_for(&self, patient: &Patient) -> Outcome {
        let path = self.home.dir().join(KeyRing::object_name(&patient.chain.id));
        if path.exists() {
            return Ok(());
        }
        let fresh = PatientKeys::generate(vitals::Category::ALL.map(vitals::Category::id), &mut OsRng);
        let mut ring = KeyRing::new(&patient.chain);
        let mut grantees = vec![patient.wrap.public()];
        for service in [Service::Ingest, Service::Monitor, Service::Notifier] {
            grantees.push(self.service(service)?.wrap.public());
        }
        for grantee in grantees {
            ring.grant_all(&patient.chain, &fresh, &grantee, &mut OsRng).or_environment("a key cannot be wrapped")?;
        }
        kit::write_atomic(&path, &ring.encode(), 0o600)
            .or_environment(format_args!("{} cannot be written", path.display()))
    }

    /// The first block of a patient's chain, signed by the patient: it names this network's services as writers.
    pub(crate) fn opening(&self, patient: &Patient, time_ms: i64) -> Outcome<Block> {
        let writer = |role, service| -> Outcome<Writer> {
            let keys = self.service(service)?;
            Ok(Writer { role, signer: keys.signer.public(), wrap: keys.wrap.public(), until_ms: None })
        };
        let opening = Opening {
            patient: patient.signer.public(),
            wrap: patient.wrap.public(),
            nonce: patient.nonce,
            time_ms,
            writers: vec![
                writer(Role::Ingest, Service::Ingest)?,
                writer(Role::Monitor, Service::Monitor)?,
                writer(Role::Notifier, Service::Notifier)?,
            ],
        };
        Block::open(opening, self.id, &patient.signer, &mut OsRng).or_environment("the chain cannot be opened")
    }
}
