//! Where a monitor's keys come from.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use ledger::Chain;
use phc::PatientKeys;

use crate::Result;
use crate::by_digest::ByDigest;

/// Hands out the keys that patients granted to this monitor. It is asked again at every message unless its
/// [`version`](Self::version) says that nothing changed, so that keys which were taken back or erased are not used any longer.
#[async_trait]
pub trait KeySource: Send + Sync {
    /// The keys of a chain; [`None`] where nothing was granted or the patient was erased.
    async fn keys(&self, chain: &Chain) -> Result<Option<Arc<PatientKeys>>>;

    /// The same where it can be said without waiting, which is cheaper; [`None`] where it cannot.
    fn keys_now(&self, _chain: &Chain) -> Option<Result<Option<Arc<PatientKeys>>>> {
        None
    }

    /// A number that is another one after every change of anybody's keys, where the source has one: as long as it stays, keys that
    /// were handed out hold, and need not be asked for. [`None`]: ask each time.
    fn version(&self) -> Option<u64> {
        None
    }
}

/// Keys held in memory, as `demo` and `replay` do.
#[derive(Default)]
pub struct HeldKeys {
    keys: RwLock<ByDigest<Arc<PatientKeys>>>,
    /// Goes up while the keys are locked.
    version: AtomicU64,
}

impl HeldKeys {
    /// Adds or replaces the keys of a chain.
    pub fn insert(&self, chain: &Chain, keys: Arc<PatientKeys>) {
        self.change(|held| held.insert(chain.id, keys));
    }

    /// Forgets the keys of a chain.
    pub fn remove(&self, chain: &Chain) {
        self.change(|held| held.remove(&chain.id));
    }

    fn change(&self, change: impl FnOnce(&mut ByDigest<Arc<PatientKeys>>) -> Option<Arc<PatientKeys>>) {
        let mut held = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut held);
        self.version.fetch_add(1, Ordering::Release);
    }

    fn of(&self, chain: &Chain) -> Option<Arc<PatientKeys>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).get(&chain.id).cloned()
    }
}

#[async_trait]
impl KeySource for HeldKeys {
    async fn keys(&self, chain: &Chain) -> Result<Option<Arc<PatientKeys>>> {
        Ok(self.of(chain))
    }

    fn keys_now(&self, chain: &Chain) -> Option<Result<Option<Arc<PatientKeys>>>> {
        Some(Ok(self.of(chain)))
    }

    fn version(&self) -> Option<u64> {
        Some(self.version.load(Ordering::Acquire))
    }
}
