//! Where a monitor's keys come from.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use ledger::{Chain, Digest};
use phc::PatientKeys;

use crate::Result;

/// Hands out the keys that patients granted to this monitor. It is asked again for every block, so that keys
/// which were taken back or erased are not used any longer.
#[async_trait]
pub trait KeySource: Send + Sync {
    /// The keys of a chain; [`None`] where nothing was granted or the patient was erased.
    async fn keys(&self, chain: &Chain) -> Result<Option<Arc<PatientKeys>>>;

    /// The same where it can be said without waiting, which is cheaper; [`None`] where it cannot.
    fn keys_now(&self, _chain: &Chain) -> Option<Result<Option<Arc<PatientKeys>>>> {
        None
    }
}

/// Keys held in memory, as `demo` and `replay` do.
#[derive(Default)]
pub struct HeldKeys(RwLock<HashMap<Digest, Arc<PatientKeys>>>);

impl HeldKeys {
    /// Adds or replaces the keys of a chain.
    pub fn insert(&self, chain: &Chain, keys: Arc<PatientKeys>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(chain.id, keys);
    }

    /// Forgets the keys of a chain.
    pub fn remove(&self, chain: &Chain) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&chain.id);
    }
}

#[async_trait]
impl KeySource for HeldKeys {
    async fn keys(&self, chain: &Chain) -> Result<Option<Arc<PatientKeys>>> {
        Ok(self.0.read().unwrap_or_else(PoisonError::into_inner).get(&chain.id).cloned())
    }

    fn keys_now(&self, chain: &Chain) -> Option<Result<Option<Arc<PatientKeys>>>> {
        Some(Ok(self.0.read().unwrap_or_else(PoisonError::into_inner).get(&chain.id).cloned()))
    }
}
