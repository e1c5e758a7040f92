//! From bytes to a transaction that lacks only the check of its signatures, and that check for many at once.

use std::collections::BTreeMap;

use ledger::{Digest, sha256};

use crate::execute::Check;
use crate::{NodeStore, Refusal, Signed, State, TransactionId};

/// A transaction that may be executed once its signatures verify.
pub(crate) struct Prepared {
    pub(crate) signed: Signed,
    pub(crate) id: TransactionId,
    checks: Vec<Check>,
}

impl Prepared {
    /// Names exactly what is checked: every (key, message, signature). Under a rotated key it is another.
    pub(crate) fn checked(&self) -> Digest {
        let mut bytes = Vec::with_capacity(self.checks.len() * 128);
        for Check { item: (key, message, signature), .. } in &self.checks {
            bytes.extend_from_slice(&key.0);
            bytes.extend_from_slice(&message.0);
            bytes.extend_from_slice(&signature.0);
        }
        sha256(&bytes)
    }
}

impl<S: NodeStore> State<S> {
    pub(crate) fn within(&self, bytes: usize) -> Result<(), Refusal> {
        let limit = self.genesis.limits.transaction_bytes;
        if bytes > limit as usize {
            return Err(Refusal::TooLarge { bytes, limit });
        }
        Ok(())
    }

    /// Decodes a transaction, checks it as far as the head allows and lists the signatures to check.
    pub(crate) fn prepare(&self, bytes: &[u8]) -> Result<Prepared, Refusal> {
        self.within(bytes.len())?;
        let signed = Signed::decode(bytes)?;
        let id = signed.body.id(&self.network);
        let checks = self.authorise(&signed, &id)?;
        Ok(Prepared { signed, id, checks })
    }
}

/// Checks the signatures of many transactions in one batch, but of those that were `verified` before; positions of
/// those with a bad one, with its name.
pub(crate) fn forged<'a>(
    prepared: impl Iterator<Item = &'a Prepared>,
    verified: &dyn Fn(&Digest) -> bool,
) -> BTreeMap<usize, &'static str> {
    let mut items = Vec::new();
    let mut owners = Vec::new();
    for (position, item) in prepared.enumerate() {
        if verified(&item.checked()) {
            continue;
        }
        for check in &item.checks {
            items.push(check.item);
            owners.push((position, check.what));
        }
    }
    let bad: Vec<usize> = match ledger::verify_batch(&items) {
        Ok(()) => Vec::new(),
        Err(ledger::Error::InvalidInBatch { positions }) => positions,
        Err(_) => (0..items.len()).collect(),
    };
    let mut found = BTreeMap::new();
    for (position, what) in bad.iter().filter_map(|bad| owners.get(*bad)) {
        found.entry(*position).or_insert(*what);
    }
    found
}
