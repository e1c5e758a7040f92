//! Patients' data keys as a service sees them: opened from the key rings with the service's own key.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use async_trait::async_trait;
use ledger::{Chain, DataKey, Digest, WrapSecretKey};
use phc::{KeyRing, PatientKeys};

use crate::network::lock;

/// The key rings of a folder, for one grantee.
pub(crate) struct Rings {
    /// Folder that holds `keys/<chain id>`.
    dir: PathBuf,
    network: Digest,
    grantee: WrapSecretKey,
    opened: Mutex<HashMap<Digest, Opened>>,
}

/// A ring that was opened, as of a state of its file.
struct Opened {
    modified: SystemTime,
    keys: Arc<PatientKeys>,
}

impl Rings {
    pub(crate) fn new(dir: impl Into<PathBuf>, network: Digest, grantee: WrapSecretKey) -> Self {
        Self { dir: dir.into(), network, grantee, opened: Mutex::default() }
    }

    /// The keys that the ring grants; none where it grants none, or was deleted.
    ///
    /// The file is looked at every time: a deleted ring closes the patient's data at once, whatever was opened before.
    pub(crate) fn keys(&self, chain: &Digest) -> Result<Option<Arc<PatientKeys>>, String> {
        let path = self.dir.join(KeyRing::object_name(chain));
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let modified = match std::fs::metadata(&path).and_then(|metadata| metadata.modified()) {
            Ok(modified) => modified,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                lock(&self.opened).remove(chain);
                return Ok(None);
            }
            Err(error) => return Err(failed(&error)),
        };
        if let Some(opened) = lock(&self.opened).get(chain).filter(|opened| opened.modified == modified) {
            return Ok(Some(opened.keys.clone()));
        }
        let bytes = std::fs::read(&path).map_err(|error| failed(&error))?;
        let ring = KeyRing::decode(&bytes).map_err(|error| failed(&error))?;
        let chain_of_ring = Chain { network: self.network, id: *chain };
        let keys = Arc::new(ring.open(&chain_of_ring, &self.grantee).map_err(|error| failed(&error))?);
        if keys.scopes().next().is_none() {
            return Ok(None);
        }
        lock(&self.opened).insert(*chain, Opened { modified, keys: keys.clone() });
        Ok(Some(keys))
    }
}

#[async_trait]
impl notify::Keys for Rings {
    async fn stream_key(&self, chain: &Digest) -> notify::Result<Option<DataKey>> {
        let keys = self.keys(chain).map_err(notify::Error::Keys)?;
        let of = Chain { network: self.network, id: *chain };
        Ok(keys.and_then(|keys| keys.stream(&of).ok().cloned()))
    }
}

#[async_trait]
impl monitor::KeySource for Rings {
    async fn keys(&self, chain: &Chain) -> monitor::Result<Option<Arc<PatientKeys>>> {
        self.keys(&chain.id).map_err(|reason| monitor::Error::Keys { chain: chain.id, reason })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use phc::Scope;

    use super::*;

    /// Deleting keys is erasure: it must reach a service that has opened them before.
    #[test]
    fn a_deleted_ring_closes_the_patients_data_at_once() {
        let mut rng = ledger::rng_from_seed([3; 32]);
        let dir = tempfile::tempdir().unwrap();
        let chain = Chain { network: Digest([1; 32]), id: Digest([2; 32]) };
        let (service, other) = (WrapSecretKey::generate(&mut rng), WrapSecretKey::generate(&mut rng));
        let mut ring = KeyRing::new(&chain);
        ring.grant_all(&chain, &PatientKeys::generate([1], &mut rng), &service.public(), &mut rng).unwrap();
        let path = dir.path().join(KeyRing::object_name(&chain.id));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, ring.encode()).unwrap();

        let granted = Rings::new(dir.path(), chain.network, service);
        assert!(granted.keys(&chain.id).unwrap().unwrap().get(&chain, Scope::Stream).is_ok());
        let not_granted = Rings::new(dir.path(), chain.network, other);
        assert!(not_granted.keys(&chain.id).unwrap().is_none());

        std::fs::remove_file(&path).unwrap();
        assert!(granted.keys(&chain.id).unwrap().is_none());
        std::fs::write(&path, b"garbage").unwrap();
        assert!(granted.keys(&chain.id).is_err());
    }
}
