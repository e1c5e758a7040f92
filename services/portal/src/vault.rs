//! Small objects that can be replaced and deleted: wrapped keys of documents, sealed answers. One file each.

use std::path::{Path, PathBuf};

use ledger::Digest;

use crate::Error;

/// A folder of files named by digests.
#[derive(Clone)]
pub(crate) struct Vault(PathBuf);

impl Vault {
    /// The folder, made where it is not there.
    pub(crate) fn open(dir: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(dir).map_err(|error| Error::storage(format!("make {}", dir.display()), error))?;
        Ok(Self(dir.to_owned()))
    }

    /// Writes an object; durable when this returns.
    pub(crate) async fn put(&self, name: Digest, bytes: Vec<u8>) -> Result<(), Error> {
        let path = self.0.join(name.to_string());
        let write = move || kit::write_atomic(&path, &bytes, 0o600);
        match tokio::task::spawn_blocking(write).await {
            Ok(written) => written.map_err(|error| Error::storage("write an object", error)),
            Err(error) => Err(Error::storage("write an object", error)),
        }
    }

    /// Reads an object; `None` where there is none.
    pub(crate) async fn get(&self, name: Digest) -> Result<Option<Vec<u8>>, Error> {
        match tokio::fs::read(self.0.join(name.to_string())).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::storage("read an object", error)),
        }
    }
}
