//! The folders and files of a data directory.

use std::path::{Path, PathBuf};

use erm::Id;

/// A data directory: where `demo` and `replay` keep everything, and what `check` verifies.
#[derive(Debug, Clone)]
pub(crate) struct Home(PathBuf);

impl Home {
    pub(crate) fn at(dir: impl Into<PathBuf>) -> Self {
        Self(dir.into())
    }
    pub(crate) fn dir(&self) -> &Path {
        &self.0
    }
    /// The network's founding document. Who can change it can make other people's receipts fail, not forge one.
    pub(crate) fn genesis(&self) -> PathBuf {
        self.0.join("genesis.json")
    }
    /// Encrypted seeds of every key of this demo custody.
    pub(crate) fn keystore(&self) -> PathBuf {
        self.0.join("keystore/keys")
    }
    /// Its passphrase, random, mode 0600: demo custody, labelled so.
    pub(crate) fn passphrase(&self) -> PathBuf {
        self.0.join("keystore/demo-custody.passphrase")
    }
    /// Wrapped data keys, one object a patient; not part of data backups.
    pub(crate) fn key_rings(&self) -> PathBuf {
        self.0.join("keys")
    }
    /// The embedded event log.
    pub(crate) fn log(&self) -> PathBuf {
        self.0.join("log")
    }
    /// Sealed batches and documents.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.0.join("blobs")
    }
    /// Blocks and engine state of one operator's record node.
    pub(crate) fn record(&self, operator: &str) -> PathBuf {
        self.0.join("record").join(operator)
    }
    /// sled: can be deleted at any time.
    pub(crate) fn index(&self) -> PathBuf {
        self.0.join("index")
    }
    /// The index of one operator's record node: beside its blocks where those lie elsewhere.
    pub(crate) fn index_of(&self, operator: &Id, node_dir: &Path) -> PathBuf {
        if node_dir == self.record(operator.as_str()) {
            self.index().join(operator.as_str())
        } else {
            node_dir.join("index")
        }
    }
    /// Wrapped document keys and sealed answers of the portal.
    pub(crate) fn portal(&self) -> PathBuf {
        self.0.join("portal")
    }
    pub(crate) fn mail(&self) -> PathBuf {
        self.0.join("mail")
    }
    pub(crate) fn receipts(&self) -> PathBuf {
        self.0.join("receipts")
    }
    pub(crate) fn summary(&self) -> PathBuf {
        self.0.join("summary.json")
    }
}
