//! sled, with its failures, panics over damaged files included, kept from the caller; and the folder that its databases lie in.

use std::fmt;
use std::fs::File;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Error;

/// Memory for pages that were read or written lately.
const CACHE_BYTES: u64 = 32 << 20;
const PREFIX: &str = "state-";
const LOCK: &str = "lock";
/// A file of this name says that sled could not read its files: the next start does not try again.
const DAMAGED: &str = "damaged";

/// Why sled could not do what it was asked.
#[derive(Debug)]
pub(crate) enum Damage {
    /// It gave an error.
    Refused(sled::Error),
    /// It panicked.
    Panicked,
    /// What it gave back is not what was written.
    Content(String),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::Panicked => f.write_str("sled panicked"),
            Self::Content(what) => f.write_str(what),
        }
    }
}

impl Damage {
    /// Whether the disk is at fault, which a rebuild cannot help.
    pub(super) fn is_environment(&self) -> bool {
        let kinds = [
            ErrorKind::StorageFull,
            ErrorKind::QuotaExceeded,
            ErrorKind::PermissionDenied,
            ErrorKind::ReadOnlyFilesystem,
        ];
        matches!(self, Self::Refused(sled::Error::Io(error)) if kinds.contains(&error.kind()))
    }

    pub(super) fn into_error(self, path: &Path) -> Error {
        let source = match self {
            Self::Refused(sled::Error::Io(error)) => error,
            other => std::io::Error::other(other.to_string()),
        };
        Error::Io { path: path.to_owned(), source }
    }
}

/// Runs an operation of sled.
pub(super) fn guarded<T>(operation: impl FnOnce() -> sled::Result<T>) -> Result<T, Damage> {
    match catch_unwind(AssertUnwindSafe(operation)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Damage::Refused(error)),
        Err(_) => Err(Damage::Panicked),
    }
}

/// The folder of an index, held by this process. Each rebuild makes a new database beside the old one, because sled's
/// threads may still write to files that were given up.
#[derive(Clone)]
pub(crate) struct Folder {
    dir: PathBuf,
    _lock: Arc<Lock>,
}

impl Folder {
    /// Makes the folder where it is missing, and locks it.
    pub(crate) fn hold(dir: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(dir).map_err(Error::io(dir))?;
        Ok(Self { dir: dir.to_owned(), _lock: Arc::new(Lock::take(dir)?) })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The database that counts, if any: opened, or why it cannot be.
    pub(super) fn newest(&self) -> Result<Option<Result<sled::Db, Damage>>, Error> {
        let Some(newest) = self.numbers()?.last().copied() else { return Ok(None) };
        if self.dir.join(DAMAGED).exists() {
            return Ok(Some(Err(Damage::Content("it was found damaged while it was in use".into()))));
        }
        Ok(Some(open(&self.path(newest))))
    }

    /// Begins an empty database; the ones before are removed.
    pub(super) fn begin(&self) -> Result<sled::Db, Error> {
        let old = self.numbers()?;
        let path = self.path(old.last().map_or(0, |newest| newest.saturating_add(1)));
        let db = open(&path).map_err(|damage| damage.into_error(&path))?;
        for number in old {
            let path = self.path(number);
            if let Err(error) = std::fs::remove_dir_all(&path) {
                // Only space is lost, until the next rebuild.
                tracing::warn!(path = %path.display(), %error, "an old index could not be removed");
            }
        }
        match std::fs::remove_file(self.dir.join(DAMAGED)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io(self.dir.join(DAMAGED))(error)),
            _ => Ok(db),
        }
    }

    /// Has the next start rebuild the index.
    pub(super) fn condemn(&self) {
        if let Err(error) = std::fs::write(self.dir.join(DAMAGED), b"") {
            tracing::warn!(dir = %self.dir.display(), %error, "the index is damaged: delete its folder before the next start");
        }
    }

    fn path(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{PREFIX}{number:020}"))
    }

    fn numbers(&self) -> Result<Vec<u64>, Error> {
        let mut numbers = Vec::new();
        for entry in std::fs::read_dir(&self.dir).map_err(Error::io(&self.dir))? {
            let name = entry.map_err(Error::io(&self.dir))?.file_name();
            numbers.extend(name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }
}

fn open(path: &Path) -> Result<sled::Db, Damage> {
    guarded(|| store::open_patiently(&sled::Config::new().path(path).cache_capacity(CACHE_BYTES)))
}

struct Lock(File);

impl Lock {
    fn take(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(LOCK);
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Error::io(&path))?;
        match fs4::FileExt::try_lock(&file) {
            Ok(()) => Ok(Self(file)),
            Err(fs4::TryLockError::WouldBlock) => Err(store::Error::Locked { dir: dir.to_owned() }.into()),
            Err(fs4::TryLockError::Error(error)) => Err(Error::io(&path)(error)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A child process that was forked a moment ago holds the same open file until it execs: closing is not enough.
        if let Err(error) = fs4::FileExt::unlock(&self.0) {
            tracing::warn!(%error, "an index stays locked until this process ends");
        }
    }
}
