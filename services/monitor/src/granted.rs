//! What a monitor may read, and with which keys.

use std::sync::{Arc, Weak};

use ledger::Chain;
use phc::messages::ACCESS_REQUESTS;
use phc::{AccessRequest, ChainState, PatientKeys, ReadingBatch, Scope, may_append, open_topic_value};

use crate::Result;
use crate::shared::Shared;

/// Whether the patient's grant to this monitor lasts at an instant.
pub(crate) fn lasts(shared: &Shared, head: &ChainState, now_ms: i64) -> bool {
    may_append(&head.writers, &shared.own, now_ms)
}

/// Keys that were found to allow everything that a monitor does. They are not held: who gave them may drop them.
#[derive(Default)]
pub(crate) struct Allowed {
    keys: Weak<PatientKeys>,
    /// The source's version before it was asked for them.
    version: Option<u64>,
}

impl Allowed {
    pub(crate) fn remember(&mut self, keys: &Arc<PatientKeys>, version: Option<u64>) {
        if !self.are(keys) {
            self.keys = Arc::downgrade(keys);
        }
        self.version = version;
    }

    fn are(&self, keys: &Arc<PatientKeys>) -> bool {
        std::ptr::eq(Arc::as_ptr(keys), self.keys.as_ptr())
    }

    /// The keys, where nothing has changed at their source since it gave them.
    fn still(&self, shared: &Shared) -> Option<Arc<PatientKeys>> {
        let version = shared.keys.version()?;
        if self.version == Some(version) { self.keys.upgrade() } else { None }
    }
}

/// The patient's keys, where they allow everything that a monitor does.
pub(crate) async fn keys(shared: &Shared, chain: &Chain, allowed: &Allowed) -> Result<Option<Arc<PatientKeys>>> {
    if let Some(keys) = allowed.still(shared) {
        return Ok(Some(keys));
    }
    let keys = match shared.keys.keys_now(chain) {
        Some(keys) => keys?,
        None => shared.keys.keys(chain).await?,
    };
    Ok(keys.filter(|keys| allowed.are(keys) || suffice(chain, keys)))
}

fn suffice(chain: &Chain, keys: &PatientKeys) -> bool {
    let own = [phc::CATEGORY_ANOMALIES, phc::CATEGORY_ACCESS, phc::CATEGORY_SCORES];
    let categories = vitals::Category::ALL.map(vitals::Category::id);
    let needed = categories.into_iter().chain(own).map(Scope::Category).chain([Scope::Stream]);
    needed.into_iter().all(|scope| keys.get(chain, scope).is_ok())
}

/// Opens a value of `readings` and checks its bounds.
pub(crate) fn open_batch(
    room: &mut Vec<u8>,
    chain: &Chain,
    keys: &PatientKeys,
    value: &[u8],
) -> Result<ReadingBatch, phc::Error> {
    ReadingBatch::open_in(room, keys.stream(chain)?, chain, value)
}

/// Opens a value of `access.requests`.
pub(crate) fn open_request(chain: &Chain, keys: &PatientKeys, value: &[u8]) -> Result<AccessRequest, phc::Error> {
    open_topic_value(keys.stream(chain)?, chain, ACCESS_REQUESTS, "request for access", value)
}
