//! Content-addressed blobs, packed: an object is named by the SHA-256 of its bytes, a reference names pack, place, length
//! and the SHA-256 of the blob itself.
//!
//! Blobs are ciphertexts when they come here. A pack is on disk before [`BlobStore::put_pack`] returns, so that a reference
//! is only ever written to the log when what it refers to is durable. What is never referred to after all (a crash in
//! between) is an orphan, listed by [`BlobStore::orphans`] for collection after a grace period.

mod check;
mod orphans;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use ledger::{BlobRef, Digest, sha256};
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload};

pub use check::PackReport;
pub use orphans::Orphan;

use crate::error::{Error, Result};

const FOLDER: &str = "packs";
/// Largest pack that is written; also the largest blob.
pub const PACK_BYTES_MAX: u64 = 256 << 20;

/// A store of packs: a local folder, or any other object store.
#[derive(Debug, Clone)]
pub struct BlobStore {
    objects: Arc<dyn ObjectStore>,
    folder: object_store::path::Path,
    /// Where the objects lie when they lie in a local folder; for messages and leftovers of interrupted uploads.
    local: Option<PathBuf>,
}

impl BlobStore {
    /// Packs in `dir/packs`, each synced before it is referred to.
    ///
    /// `object_store` leaves syncing off unless it is told; with it (0.14.2) it syncs the file before it renames it into
    /// place and the directory after, and every directory that it made itself up to the first that was there. It does
    /// not sync a directory that someone else has just made. So the folder is made and synced here, before any pack.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::NoSpace`] when the folder cannot be made.
    pub fn local(dir: &Path) -> Result<Self> {
        let packs = dir.join(FOLDER);
        std::fs::create_dir_all(&packs).map_err(|error| Error::io("create", &packs, error))?;
        for made in [Some(packs.as_path()), Some(dir), dir.parent()].into_iter().flatten() {
            sync_directory(made)?;
        }
        let objects = LocalFileSystem::new_with_prefix(dir).map_err(|error| object_error("open", FOLDER, error))?;
        Ok(Self {
            objects: Arc::new(objects.with_fsync(true)),
            folder: object_store::path::Path::from(FOLDER),
            local: Some(packs),
        })
    }

    /// Packs under `prefix` in any object store; one that acknowledges a write before it is durable breaks the promise.
    #[must_use]
    pub fn new(objects: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        Self { objects, folder: object_store::path::Path::from(prefix).join(FOLDER), local: None }
    }

    /// Writes `blobs` as one object and returns a reference to each, in order, once the object is durable. The same
    /// blobs in the same order give the same object: writing it again is harmless and renews its age.
    ///
    /// # Errors
    /// [`Error::TooLarge`] above [`PACK_BYTES_MAX`], [`Error::NoSpace`], [`Error::Objects`].
    pub async fn put_pack(&self, blobs: Vec<Bytes>) -> Result<Vec<BlobRef>> {
        if blobs.is_empty() {
            return Ok(Vec::new());
        }
        let total = blobs.iter().fold(0_u64, |sum, blob| sum.saturating_add(blob.len() as u64));
        let too_large =
            || Error::TooLarge { what: "the pack".to_owned(), size_bytes: total, limit_bytes: PACK_BYTES_MAX };
        if total > PACK_BYTES_MAX {
            return Err(too_large());
        }
        let mut bytes = BytesMut::with_capacity(usize::try_from(total).map_err(|_| too_large())?);
        let mut references = Vec::with_capacity(blobs.len());
        for blob in &blobs {
            let (offset, length) = (bytes.len() as u64, u32::try_from(blob.len()).map_err(|_| too_large())?);
            references.push(BlobRef { pack: Digest::ZERO, offset, length, digest: sha256(blob) });
            bytes.extend_from_slice(blob);
        }
        let bytes = bytes.freeze();
        let pack = sha256(&bytes);
        for reference in &mut references {
            reference.pack = pack;
        }
        let path = self.path(&pack);
        let put = self.objects.put(&path, PutPayload::from_bytes(bytes)).await;
        put.map_err(|error| object_error("write", path.as_ref(), error))?;
        Ok(references)
    }

    /// Reads one blob, its length and digest verified.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the pack is not there, [`Error::Corrupt`] when it holds other bytes,
    /// [`Error::TooLarge`], [`Error::Objects`].
    pub async fn get(&self, reference: &BlobRef) -> Result<Bytes> {
        let path = self.path(&reference.pack);
        if u64::from(reference.length) > PACK_BYTES_MAX {
            return Err(Error::TooLarge {
                what: format!("the blob {}", reference.digest),
                size_bytes: u64::from(reference.length),
                limit_bytes: PACK_BYTES_MAX,
            });
        }
        let corrupt = |reason: &str| Error::corrupt(&self.shown(&path), reference.offset, reason);
        let end = reference
            .offset
            .checked_add(u64::from(reference.length))
            .ok_or_else(|| corrupt("the reference runs past every file"))?;
        let size = match self.objects.head(&path).await {
            Ok(found) => found.size,
            Err(object_store::Error::NotFound { .. }) => {
                return Err(Error::NotFound { what: format!("the pack {}", self.shown(&path).display()) });
            }
            Err(error) => return Err(object_error("inspect", path.as_ref(), error)),
        };
        if end > size {
            return Err(corrupt("the pack ends before the end of the blob"));
        }
        let bytes = if reference.length == 0 {
            Bytes::new() // an empty range is refused by some stores
        } else {
            let range = self.objects.get_range(&path, reference.offset..end).await;
            range.map_err(|error| object_error("read", path.as_ref(), error))?
        };
        if bytes.len() as u64 != u64::from(reference.length) {
            return Err(corrupt("the pack ends before the end of the blob"));
        }
        if sha256(&bytes) != reference.digest {
            return Err(corrupt("the blob has another digest than its reference says"));
        }
        Ok(bytes)
    }

    /// Deletes a pack; one that is not there is no error.
    ///
    /// # Errors
    /// [`Error::Objects`].
    pub async fn delete_pack(&self, pack: &Digest) -> Result<()> {
        let path = self.path(pack);
        match self.objects.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(object_error("delete", path.as_ref(), error)),
        }
    }

    fn path(&self, pack: &Digest) -> object_store::path::Path {
        self.folder.clone().join(pack.to_string())
    }

    /// An object as a reader of messages finds it.
    fn shown(&self, path: &object_store::path::Path) -> PathBuf {
        match (&self.local, path.filename()) {
            (Some(local), Some(name)) => local.join(name),
            _ => PathBuf::from(path.as_ref()),
        }
    }
}

#[cfg(unix)]
fn sync_directory(dir: &Path) -> Result<()> {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let synced = std::fs::File::open(dir).and_then(|file| file.sync_all());
    synced.map_err(|error| Error::io("sync", dir, error))
}

#[cfg(not(unix))]
fn sync_directory(_dir: &Path) -> Result<()> {
    Ok(()) // directories cannot be opened for syncing there
}

/// Wraps an error of the object store; a full disk is told apart wherever it hides in the chain of causes.
fn object_error(action: &'static str, object: &str, error: object_store::Error) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(current) = cause {
        let full = |error: &std::io::Error| error.kind() == std::io::ErrorKind::StorageFull;
        if current.downcast_ref::<std::io::Error>().is_some_and(full) {
            return Error::NoSpace { path: PathBuf::from(object) };
        }
        cause = current.source();
    }
    Error::Objects { action, object: object.to_owned(), source: Arc::new(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart_however_deep_it_hides() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let wrapped = object_store::Error::Generic { store: "LocalFileSystem", source: Box::new(full) };
        assert!(matches!(object_error("write", "packs/ab", wrapped), Error::NoSpace { .. }));
        let other = std::io::Error::other("the cable is out");
        let wrapped = object_store::Error::Generic { store: "LocalFileSystem", source: Box::new(other) };
        assert!(matches!(object_error("write", "packs/ab", wrapped), Error::Objects { .. }));
    }
}
