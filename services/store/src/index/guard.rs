//! Keeps sled's failures, panics on damaged files included, from reaching a caller.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::Error;

const CACHE_BYTES: u64 = 64 << 20;
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Why sled could not do what it was asked.
#[derive(Debug)]
pub(super) enum Damage {
    Refused(sled::Error),
    Panicked,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::Panicked => f.write_str("sled panicked"),
        }
    }
}

impl Damage {
    /// The failure as one of the disk, which a rebuild cannot help.
    pub(super) fn environment(&self, dir: &Path) -> Option<Error> {
        match self {
            Self::Refused(sled::Error::Io(error)) if error.kind() == std::io::ErrorKind::StorageFull => {
                Some(Error::NoSpace { path: dir.to_owned() })
            }
            _ => None,
        }
    }

    pub(super) fn into_error(self, dir: &Path) -> Error {
        let source = match self {
            Self::Refused(sled::Error::Io(error)) => error,
            other => std::io::Error::other(other.to_string()),
        };
        Error::io("write the index", dir, source)
    }

    /// Lets go of a database: one that panicked may hang or panic again in its destructor, so it is left alone.
    pub(super) fn let_go(&self, db: sled::Db) {
        if matches!(self, Self::Panicked) {
            std::mem::forget(db);
        }
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

/// Opens or creates a database.
pub(super) fn open(path: &Path) -> Result<sled::Db, Damage> {
    guarded(|| open_patiently(&sled::Config::new().path(path).cache_capacity(CACHE_BYTES)))
}

/// Opens a sled database, waiting a little for whoever let it go a moment ago.
///
/// The last handle is gone before sled's threads are, and before a child process that was forked meanwhile has begun its
/// own program: both still hold the lock on the files. For folders that nobody else may use at this time.
///
/// # Errors
/// Those of sled; [`sled::Error::Io`] that speaks of the lock where it is held for longer than five seconds.
pub fn open_patiently(config: &sled::Config) -> sled::Result<sled::Db> {
    let start = Instant::now();
    loop {
        match config.open() {
            // sled has no kind of its own for it.
            Err(sled::Error::Io(error)) if error.to_string().contains("lock") && start.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(LOCK_PAUSE);
            }
            other => return other,
        }
    }
}
