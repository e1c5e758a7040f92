//! Checks that every pack holds the bytes that its name promises.

use futures_util::TryStreamExt as _;
use ledger::Digest;
use object_store::{ObjectStore as _, ObjectStoreExt as _};
use sha2::Digest as _;

use super::{BlobStore, object_error};
use crate::error::Result;
use crate::segment_log::{Problem, ProblemKind};

/// What a check of all packs found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PackReport {
    /// Objects that were read.
    pub packs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Packs whose bytes are not those of their name, and objects that are no packs.
    pub problems: Vec<Problem>,
}

impl PackReport {
    /// No problem of any kind.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }
}

impl BlobStore {
    /// Reads every object and compares the SHA-256 of its bytes with its name. Reads only. A hash does not tell which
    /// byte differs: the offset of a problem is 0.
    ///
    /// # Errors
    /// [`crate::Error::Objects`] when the store cannot be listed or read.
    pub async fn check(&self) -> Result<PackReport> {
        let mut report = PackReport::default();
        let mut objects = self.objects.list(Some(&self.folder));
        let list_error = |error| object_error("list", self.folder.as_ref(), error);
        while let Some(object) = objects.try_next().await.map_err(list_error)? {
            let path = object.location;
            let problem = |reason: &str| Problem {
                kind: ProblemKind::Corrupt,
                file: self.shown(&path),
                offset: 0,
                reason: reason.to_owned(),
            };
            let name = path.filename().unwrap_or_default();
            let Ok(expected) = name.parse::<Digest>() else {
                report.problems.push(problem("this object is not a pack"));
                continue;
            };
            let read_error = |error| object_error("read", path.as_ref(), error);
            let mut chunks = self.objects.get(&path).await.map_err(read_error)?.into_stream();
            let mut hash = sha2::Sha256::new();
            while let Some(chunk) = chunks.try_next().await.map_err(read_error)? {
                report.bytes += chunk.len() as u64;
                hash.update(&chunk);
            }
            report.packs += 1;
            if Digest(hash.finalize().into()) != expected {
                report.problems.push(problem("the bytes of the pack are not those that its name promises"));
            }
        }
        report.problems.sort_by(|one, other| one.file.cmp(&other.file));
        Ok(report)
    }
}
