//! Packs that nothing refers to.

use std::time::{Duration, UNIX_EPOCH};

use futures_util::TryStreamExt as _;
use ledger::Digest;
use object_store::ObjectStore as _;

use super::{BlobStore, object_error};
use crate::error::{Error, Result};

/// A pack that nothing refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orphan {
    /// Name of the pack.
    pub pack: Digest,
    /// Its size.
    pub bytes: u64,
    /// When it was last written, by the store's clock.
    pub modified_unix_ms: i64,
}

impl BlobStore {
    /// Packs for which `is_referenced` is false and that were last written before `modified_before_unix_ms`.
    ///
    /// The grace period is the caller's: it has to be longer than the longest time between writing a pack and the
    /// acknowledgement of the record that refers to it, or a pack is collected that is about to be needed.
    ///
    /// # Errors
    /// [`Error::Objects`] when the store cannot be listed.
    pub async fn orphans(
        &self,
        is_referenced: impl Fn(&Digest) -> bool,
        modified_before_unix_ms: i64,
    ) -> Result<Vec<Orphan>> {
        let mut orphans = Vec::new();
        let mut objects = self.objects.list(Some(&self.folder));
        let list_error = |error| object_error("list", self.folder.as_ref(), error);
        while let Some(object) = objects.try_next().await.map_err(list_error)? {
            let Some(pack) = object.location.filename().and_then(|name| name.parse::<Digest>().ok()) else {
                continue; // not a pack: named by the check, never deleted
            };
            let modified_unix_ms = object.last_modified.timestamp_millis();
            if modified_unix_ms < modified_before_unix_ms && !is_referenced(&pack) {
                orphans.push(Orphan { pack, bytes: object.size, modified_unix_ms });
            }
        }
        orphans.sort_by_key(|orphan| orphan.pack);
        Ok(orphans)
    }

    /// Removes what uploads that a crash cut short left in a local folder (`NAME#N`), when last written before
    /// `modified_before_unix_ms`; returns how many. Such files are no objects: no listing shows them.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn remove_interrupted_uploads(&self, modified_before_unix_ms: i64) -> Result<u64> {
        let Some(folder) = &self.local else { return Ok(0) };
        let Ok(before_ms) = u64::try_from(modified_before_unix_ms) else { return Ok(0) };
        let before = UNIX_EPOCH + Duration::from_millis(before_ms);
        let mut removed = 0;
        for entry in std::fs::read_dir(folder).map_err(|error| Error::io("list", folder, error))? {
            let entry = entry.map_err(|error| Error::io("list", folder, error))?;
            let name = entry.file_name();
            let staged = name.to_str().and_then(|name| name.split_once('#')).is_some_and(|(pack, number)| {
                pack.parse::<Digest>().is_ok() && number.bytes().all(|byte| byte.is_ascii_digit())
            });
            let old = || entry.metadata().and_then(|data| data.modified()).is_ok_and(|modified| modified < before);
            if staged && old() {
                let path = entry.path();
                std::fs::remove_file(&path).map_err(|error| Error::io("remove", &path, error))?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}
