//! Entries that are applied together with the marker.

use std::collections::BTreeMap;

use super::guard::{Damage, guarded};
use super::marker::{MARKER_KEY, Marker};

/// First byte of a caller's key as it is stored: the marker lies outside of all of them.
const ENTRY: u8 = 1;

pub(super) fn stored_key(key: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(key.len() + 1);
    stored.push(ENTRY);
    stored.extend_from_slice(key);
    stored
}

pub(super) fn callers_key(stored: &[u8]) -> &[u8] {
    stored.get(1..).unwrap_or_default()
}

/// What a unit changes in the index. Nothing is visible to readers before it is applied as a whole.
#[derive(Debug)]
pub struct IndexBatch<'a> {
    db: &'a sled::Db,
    changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    damage: Option<Damage>,
}

impl<'a> IndexBatch<'a> {
    pub(super) fn new(db: &'a sled::Db) -> Self {
        Self { db, changes: BTreeMap::new(), damage: None }
    }

    /// Sets a key.
    pub fn insert(&mut self, key: &[u8], value: &[u8]) {
        self.changes.insert(stored_key(key), Some(value.to_vec()));
    }

    /// Removes a key; one that is not there stays away.
    pub fn remove(&mut self, key: &[u8]) {
        self.changes.insert(stored_key(key), None);
    }

    /// The value of a key as it is after every earlier unit and the changes made so far. When sled cannot answer, it is
    /// `None`, and the whole batch is thrown away and the index rebuilt.
    #[must_use]
    pub fn get(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        let key = stored_key(key);
        if let Some(change) = self.changes.get(&key) {
            return change.clone();
        }
        match guarded(|| self.db.get(&key)) {
            Ok(value) => value.map(|value| value.to_vec()),
            Err(damage) => {
                self.damage.get_or_insert(damage);
                None
            }
        }
    }

    /// Number of keys that change.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(super) fn take_damage(&mut self) -> Option<Damage> {
        self.damage.take()
    }

    /// Applies the changes and the marker atomically, and empties the batch.
    pub(super) fn commit(&mut self, marker: &Marker) -> Result<(), Damage> {
        let mut batch = sled::Batch::default();
        for (key, change) in std::mem::take(&mut self.changes) {
            match change {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        batch.insert(MARKER_KEY, marker.encode());
        guarded(|| self.db.apply_batch(batch))
    }
}
