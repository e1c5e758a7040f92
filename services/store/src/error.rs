//! What can go wrong in the store, named by what the caller can do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An error of the store.
///
/// It is cheap to clone, because one failed barrier answers every caller of a commit group.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process (or another handle of this one) has the directory open for writing.
    #[error("{} is in use by another process: stop that process, or choose another directory", dir.display())]
    Locked {
        /// The directory of the log.
        dir: PathBuf,
    },
    /// Bytes on disk are not what was written. Nothing was changed; restore the file from a copy.
    #[error("{} is damaged at byte {offset}: {reason}; nothing was changed, restore the file from a copy", file.display())]
    Corrupt {
        /// The damaged file.
        file: PathBuf,
        /// Offset of the first damaged byte or of the structure that holds it.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// The disk is full. Nothing was acknowledged; free space and try again.
    #[error("no space left while writing {}: free space and try again; nothing acknowledged was lost", path.display())]
    NoSpace {
        /// The file that could not be written.
        path: PathBuf,
    },
    /// A barrier failed earlier, so it is unknown what is on disk. Reopen the log.
    #[error("the log {} takes no more appends after a failed write barrier ({reason}): check the disk, then reopen the log", dir.display())]
    Poisoned {
        /// The directory of the log.
        dir: PathBuf,
        /// The failure that poisoned the log.
        reason: String,
    },
    /// The log was closed by its owner.
    #[error("the log {} is closed: reopen it to append", dir.display())]
    Closed {
        /// The directory of the log.
        dir: PathBuf,
    },
    /// Something is larger than the configured limit.
    #[error("{what} has {size_bytes} bytes, the limit is {limit_bytes}: split it, or raise the limit")]
    TooLarge {
        /// What is too large, with its place where it is on disk.
        what: String,
        /// Its size.
        size_bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// The position lies before the retained part of the log.
    #[error("unit {sequence} was deleted by retention: read from unit {first_retained} on")]
    Retired {
        /// The sequence asked for.
        sequence: u64,
        /// The first sequence that is still held.
        first_retained: u64,
    },
    /// What was asked for is not there.
    #[error("{what} does not exist")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// The caller's argument makes no sense.
    #[error("invalid argument: {reason}")]
    Invalid {
        /// What is wrong with it.
        reason: String,
    },
    /// The operating system refused an operation.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: Arc<io::Error>,
    },
    /// The object store refused an operation.
    #[error("cannot {action} object {object}: {source}")]
    Objects {
        /// What was tried.
        action: &'static str,
        /// On which object.
        object: String,
        /// The store's answer.
        #[source]
        source: Arc<object_store::Error>,
    },
}

/// The result of a store operation.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Wraps an I/O error; a full disk or quota becomes [`Error::NoSpace`].
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace { path: path.to_owned() },
            _ => Self::Io { action, path: path.to_owned(), source: Arc::new(source) },
        }
    }

    pub(crate) fn corrupt(file: &Path, offset: u64, reason: impl Into<String>) -> Self {
        Self::Corrupt { file: file.to_owned(), offset, reason: reason.into() }
    }
}
