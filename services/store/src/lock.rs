//! The lock of a directory: one writer, or any number of readers that change nothing.

use std::fs::File;
use std::path::Path;

use crate::error::{Error, Result};

const NAME: &str = "lock";

/// Holds a directory until it is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct DirectoryLock(File);

impl DirectoryLock {
    /// For the one who writes; makes the lock file where it is missing.
    pub(crate) fn exclusive(dir: &Path) -> Result<Self> {
        let path = dir.join(NAME);
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|error| Error::io("open", &path, error))?;
        let taken = fs4::FileExt::try_lock(&file);
        Self::held(file, taken, dir)
    }

    /// For one who only reads; `None` where nobody has ever written, because a reader makes no files.
    pub(crate) fn shared(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join(NAME);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("open", &path, error)),
        };
        let taken = fs4::FileExt::try_lock_shared(&file);
        Self::held(file, taken, dir).map(Some)
    }

    fn held(file: File, taken: std::result::Result<(), fs4::TryLockError>, dir: &Path) -> Result<Self> {
        match taken {
            Ok(()) => Ok(Self(file)),
            Err(fs4::TryLockError::WouldBlock) => Err(Error::Locked { dir: dir.to_owned() }),
            Err(fs4::TryLockError::Error(error)) => Err(Error::io("lock", &dir.join(NAME), error)),
        }
    }
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // Closing is not enough: a child process that was forked a moment ago holds the same open file until it execs.
        if let Err(error) = fs4::FileExt::unlock(&self.0) {
            tracing::warn!(%error, "a directory stays locked until this process ends");
        }
    }
}
