//! The record chain's state on sled: an index over the blocks, never the record.
//!
//! sled 0.34 forces nothing to disk, so after a crash the index may be behind; it is never half a block ahead, because
//! each block is one batch with the head. What it lacks comes from the block log ([`ErmMachine::on_disk`](crate::ErmMachine::on_disk)).

mod database;
mod layout;

use erm::{Error as ErmError, Head, NodeStore, Writes};
use ledger::{Digest, ValidatorSet};

use database::{Damage, guarded};
use layout::Superseded;

pub(crate) use database::Folder;

/// Heights behind the head whose state can be read and proved.
pub const KEPT_HEIGHTS: u64 = 1_000;
/// Heights that one commit forgets at most: more than one, so that a lowered setting is reached, and few, so that no commit is slow.
const FORGOTTEN_PER_COMMIT: u64 = 16;

/// Nodes and values of the state in one sled tree.
pub struct SledStore {
    db: sled::Db,
    folder: Folder,
    kept_heights: u64,
    oldest: u64,
    head: Option<Vec<u8>>,
    validators: Option<ValidatorSet>,
}

impl SledStore {
    /// The store in a folder, if there is one: it holds this network in this layout, or the damage says why not.
    pub(crate) fn existing(
        folder: &Folder,
        network: &Digest,
        kept_heights: u64,
    ) -> Result<Option<Result<Self, Damage>>, crate::Error> {
        let Some(opened) = folder.newest()? else { return Ok(None) };
        let found = opened.and_then(|db| Self::over(db, folder, network, kept_heights));
        match found {
            Err(damage) if damage.is_environment() => Err(damage.into_error(folder.dir())),
            other => Ok(Some(other)),
        }
    }

    /// An empty store in place of whatever lies in the folder.
    pub(crate) fn fresh(folder: &Folder, network: &Digest, kept_heights: u64) -> Result<Self, crate::Error> {
        let db = folder.begin()?;
        guarded(|| db.insert(layout::OWNER, layout::owner(network)))
            .map_err(|damage| damage.into_error(folder.dir()))?;
        Ok(Self { db, folder: folder.clone(), kept_heights, oldest: 0, head: None, validators: None })
    }

    fn over(db: sled::Db, folder: &Folder, network: &Digest, kept_heights: u64) -> Result<Self, Damage> {
        let mut store = Self { db, folder: folder.clone(), kept_heights, oldest: 0, head: None, validators: None };
        let owner = store.guard(|db| db.get(layout::OWNER))?;
        match owner {
            Some(owner) if *owner == *layout::owner(network) => {}
            Some(_) => return Err(Damage::Content("it is of another network, or in another layout".into())),
            None => return Err(Damage::Content("it does not say what it is of".into())),
        }
        if let Some(value) = store.guard(|db| db.get(layout::HEAD))? {
            let undecodable = || Damage::Content("its head does not decode".into());
            let (oldest, bytes) = layout::split_head(&value).ok_or_else(undecodable)?;
            let head: Head = ledger::decode("head", bytes).map_err(|_| undecodable())?;
            if oldest > head.height {
                return Err(undecodable());
            }
            (store.oldest, store.head, store.validators) = (oldest, Some(bytes.to_vec()), Some(head.validators));
        }
        Ok(store)
    }

    /// Blocks that changed who decides the next one, up to a height: their heights and the sets after them, lowest first.
    ///
    /// # Errors
    /// [`erm::Error::Store`] where sled cannot answer.
    pub fn validator_changes(&self, through: u64) -> Result<Vec<(u64, ValidatorSet)>, ErmError> {
        let found = self.guard(|db| {
            db.range(layout::validators(1)..=layout::validators(through)).collect::<sled::Result<Vec<_>>>()
        });
        let mut changes = Vec::new();
        for (key, value) in found.map_err(|damage| self.told(damage))? {
            let set = ledger::decode("validators", &value).map_err(|error| error.to_string());
            let height = layout::height_of(&key).ok_or_else(|| "a key does not decode".to_owned());
            let change = height.and_then(|height| Ok((height, set?)));
            changes.push(change.map_err(|why| self.told(Damage::Content(why)))?);
        }
        Ok(changes)
    }

    /// Entries in the index, of every kind; reads all of them.
    pub fn entries(&self) -> usize {
        self.guard(|db| Ok(db.len())).unwrap_or(0)
    }

    fn guard<T>(&self, operation: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, Damage> {
        guarded(|| operation(&self.db)).inspect_err(|damage| {
            if !damage.is_environment() {
                // It may hang or panic in its destructor: a handle that is never dropped keeps that from running.
                std::mem::forget(self.db.clone());
            }
        })
    }

    /// The damage in the state machine's words. Where the files are at fault, the next start rebuilds them.
    fn told(&self, damage: Damage) -> ErmError {
        if damage.is_environment() {
            return ErmError::Store(format!(
                "{}: {damage}: free the disk or mend its permissions",
                self.folder.dir().display()
            ));
        }
        self.folder.condemn();
        ErmError::Store(format!(
            "{}: {damage}; it is rebuilt from the blocks at the next start",
            self.folder.dir().display()
        ))
    }

    /// Adds to a batch what heights before the ones that are kept need; the oldest height that is left.
    fn forget(&self, batch: &mut sled::Batch, height: u64) -> Result<u64, Damage> {
        let target = height.saturating_sub(self.kept_heights).min(self.oldest.saturating_add(FORGOTTEN_PER_COMMIT));
        for forgotten in self.oldest.saturating_add(1)..=target {
            let key = layout::superseded(forgotten);
            let Some(bytes) = self.guard(|db| db.get(&key))? else { continue };
            let Superseded { nodes, values } =
                ledger::decode("superseded", &bytes).map_err(|error| Damage::Content(error.to_string()))?;
            for node in nodes {
                batch.remove(layout::node(&node));
            }
            for value in values {
                let earlier = layout::value(&value, 0)..layout::value(&value, forgotten);
                for key in self.guard(|db| db.range(earlier).keys().collect::<sled::Result<Vec<_>>>())? {
                    batch.remove(key);
                }
            }
            batch.remove(key);
        }
        Ok(target.max(self.oldest))
    }
}

impl NodeStore for SledStore {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ErmError> {
        let found = self.guard(|db| db.get(layout::node(key))).map_err(|damage| self.told(damage))?;
        if found.is_none() && self.head.is_some() {
            // A founded tree asks only for nodes that it wrote and still needs.
            return Err(self.told(Damage::Content("a node of the tree is missing".into())));
        }
        Ok(found.map(|node| node.to_vec()))
    }

    fn value(&self, key: &Digest, version: u64) -> Result<Option<Vec<u8>>, ErmError> {
        let written = layout::value(key, 0)..=layout::value(key, version);
        let found = self.guard(|db| db.range(written).next_back().transpose()).map_err(|damage| self.told(damage))?;
        Ok(found.map(|(_, value)| value.to_vec()))
    }

    fn head(&self) -> Result<Option<Vec<u8>>, ErmError> {
        Ok(self.head.clone())
    }

    fn oldest(&self) -> Result<u64, ErmError> {
        Ok(self.oldest)
    }

    fn commit(&mut self, writes: &Writes) -> Result<(), ErmError> {
        let head: Head = ledger::decode("head", &writes.head).map_err(|error| ErmError::Store(error.to_string()))?;
        let mut batch = sled::Batch::default();
        for (key, node) in &writes.nodes {
            batch.insert(layout::node(key), node.as_slice());
        }
        for (key, value) in &writes.values {
            batch.insert(layout::value(key, writes.version), value.as_slice());
        }
        let superseded =
            Superseded { nodes: writes.stale.clone(), values: writes.values.iter().map(|(key, _)| *key).collect() };
        batch.insert(layout::superseded(writes.version), ledger::encode(&superseded));
        if self.validators.as_ref().is_some_and(|before| *before != head.validators) {
            batch.insert(layout::validators(writes.version), ledger::encode(&head.validators));
        }
        let oldest = self.forget(&mut batch, writes.version).map_err(|damage| self.told(damage))?;
        batch.insert(layout::HEAD, layout::head(oldest, &writes.head));
        self.guard(|db| db.apply_batch(batch)).map_err(|damage| self.told(damage))?;
        (self.oldest, self.head, self.validators) = (oldest, Some(writes.head.clone()), Some(head.validators));
        Ok(())
    }
}
