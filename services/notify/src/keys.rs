//! Where the notifier gets the keys that open what it reads.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use async_trait::async_trait;
use ledger::{DataKey, Digest};

use crate::Result;

/// Finds patients' stream keys.
#[async_trait]
pub trait Keys: Send + Sync {
    /// The stream key of a personal chain; `None` where it was deleted or is not granted to this notifier.
    ///
    /// # Errors
    /// [`Error::Keys`](crate::Error::Keys) where that cannot be known now.
    async fn stream_key(&self, chain: &Digest) -> Result<Option<DataKey>>;
}

/// Keys held in memory.
#[derive(Default)]
pub struct HeldKeys(RwLock<BTreeMap<Digest, DataKey>>);

impl HeldKeys {
    /// Holds a chain's stream key.
    pub fn insert(&self, chain: Digest, key: DataKey) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(chain, key);
    }

    /// Forgets it.
    pub fn remove(&self, chain: &Digest) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(chain);
    }
}

#[async_trait]
impl Keys for HeldKeys {
    async fn stream_key(&self, chain: &Digest) -> Result<Option<DataKey>> {
        Ok(self.0.read().unwrap_or_else(PoisonError::into_inner).get(chain).cloned())
    }
}
