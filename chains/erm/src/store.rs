//! Where the nodes and values of the state lie.

use std::collections::{BTreeMap, HashMap};

use ledger::Digest;

use crate::Error;

/// Storage of the authenticated state: an index that can be rebuilt from the blocks.
///
/// Keys of nodes and all contents are opaque. Failures are [`Error::Store`]; a node whose store fails must not vote.
pub trait NodeStore {
    /// The node of this key.
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;
    /// The value of a key at a version: the one written last at or before it.
    fn value(&self, key: &Digest, version: u64) -> Result<Option<Vec<u8>>, Error>;
    /// The head that was written last; none where nothing was.
    fn head(&self) -> Result<Option<Vec<u8>>, Error>;
    /// The oldest version whose nodes and values are all kept; older ones cannot be read.
    fn oldest(&self) -> Result<u64, Error> {
        Ok(0)
    }
    /// Keeps the writes, all or none.
    fn commit(&mut self, writes: &Writes) -> Result<(), Error>;
}

/// What one block changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writes {
    /// Version = height of the block.
    pub version: u64,
    /// New nodes: key and content.
    pub nodes: Vec<(Vec<u8>, Vec<u8>)>,
    /// New values of this version.
    pub values: Vec<(Digest, Vec<u8>)>,
    /// Keys of nodes that versions before this one need, and later ones do not.
    pub stale: Vec<Vec<u8>>,
    /// The new head.
    pub head: Vec<u8>,
}

/// In memory, with all versions until they are [pruned](MemoryStore::prune).
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    nodes: HashMap<Vec<u8>, Vec<u8>>,
    values: HashMap<Digest, Vec<(u64, Vec<u8>)>>,
    stale: BTreeMap<u64, Vec<Vec<u8>>>,
    head: Option<Vec<u8>>,
    oldest: u64,
}

impl MemoryStore {
    /// Forgets what only versions before `oldest` need; `oldest` and later ones stay provable.
    pub fn prune(&mut self, oldest: u64) {
        let kept = self.stale.split_off(&oldest.saturating_add(1));
        for key in std::mem::replace(&mut self.stale, kept).into_values().flatten() {
            self.nodes.remove(&key);
        }
        for versions in self.values.values_mut() {
            let first = versions.partition_point(|(version, _)| *version <= oldest).saturating_sub(1);
            versions.drain(..first);
        }
        self.oldest = self.oldest.max(oldest);
    }

    /// Nodes that are kept.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }
}

impl NodeStore for MemoryStore {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.nodes.get(key).cloned())
    }

    fn value(&self, key: &Digest, version: u64) -> Result<Option<Vec<u8>>, Error> {
        let Some(versions) = self.values.get(key) else { return Ok(None) };
        let after = versions.partition_point(|(written, _)| *written <= version);
        Ok(after.checked_sub(1).and_then(|position| versions.get(position)).map(|(_, value)| value.clone()))
    }

    fn head(&self) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.head.clone())
    }

    fn oldest(&self) -> Result<u64, Error> {
        Ok(self.oldest)
    }

    fn commit(&mut self, writes: &Writes) -> Result<(), Error> {
        self.nodes.extend(writes.nodes.iter().cloned());
        for (key, value) in &writes.values {
            self.values.entry(*key).or_default().push((writes.version, value.clone()));
        }
        if !writes.stale.is_empty() {
            self.stale.insert(writes.version, writes.stale.clone());
        }
        self.head = Some(writes.head.clone());
        Ok(())
    }
}

/// Borrowed stores are stores, so that a state can be read over one.
impl<S: NodeStore> NodeStore for &mut S {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        (**self).node(key)
    }
    fn value(&self, key: &Digest, version: u64) -> Result<Option<Vec<u8>>, Error> {
        (**self).value(key, version)
    }
    fn head(&self) -> Result<Option<Vec<u8>>, Error> {
        (**self).head()
    }
    fn oldest(&self) -> Result<u64, Error> {
        (**self).oldest()
    }
    fn commit(&mut self, writes: &Writes) -> Result<(), Error> {
        (**self).commit(writes)
    }
}
