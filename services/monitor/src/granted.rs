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

/// The patient's keys, where they allow everything that a monitor does. `allowed`: the ones that were found to.
pub(crate) async fn keys(
    shared: &Shared,
    chain: &Chain,
    allowed: &Weak<PatientKeys>,
) -> Result<Option<Arc<PatientKeys>>> {
    let same = |keys: &Arc<PatientKeys>| std::ptr::eq(Arc::as_ptr(keys), allowed.as_ptr());
    let keys = match shared.keys.keys_now(chain) {
        Some(keys) => keys?,
        None => shared.keys.keys(chain).await?,
    };
    Ok(keys.filter(|keys| same(keys) || suffice(chain, keys)))
}

fn suffice(chain: &Chain, keys: &PatientKeys) -> bool {
    let own = [phc::CATEGORY_ANOMALIES, phc::CATEGORY_ACCESS, phc::CATEGORY_SCORES];
    let categories = vitals::Category::ALL.map(vitals::Category::id);
    let needed = categories.into_iter().chain(own).map(Scope::Category).chain([Scope::Stream]);
    needed.into_iter().all(|scope| keys.get(chain, scope).is_ok())
}

/// Opens a value of `readings` and checks its bounds.
pub(crate) fn open_batch(chain: &Chain, keys: &PatientKeys, value: &[u8]) -> Result<ReadingBatch, phc::Error> {
    ReadingBatch::open(keys.stream(chain)?, chain, value)
}

/// Opens a value of `access.requests`.
pub(crate) fn open_request(chain: &Chain, keys: &PatientKeys, value: &[u8]) -> Result<AccessRequest, phc::Error> {
    open_topic_value(keys.stream(chain)?, chain, ACCESS_REQUESTS, "request for access", value)
}
