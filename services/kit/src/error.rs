//! What can go wrong, sorted by what the caller can do about it.

use std::path::{Path, PathBuf};

/// The result of every operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong. [`Error::exit_code`] is what a command line program ends with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is unknown, of the wrong type or not allowed: correct it.
    #[error("{place}: {reason}")]
    Configuration {
        /// The file, environment variable or section where it stands.
        place: String,
        /// What is wrong and what to write instead.
        reason: String,
    },
    /// The keystore does not open with this passphrase.
    #[error(
        "{path}: wrong passphrase, or the file was changed; try the passphrase again, then restore the file from a copy"
    )]
    WrongPassphrase {
        /// The keystore.
        path: PathBuf,
    },
    /// The file is no keystore, or a damaged one.
    #[error("{path} is not a keystore that can be read: {reason}; nothing was changed, restore it from a copy")]
    Keystore {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The keystore holds no key of this name.
    #[error("{path} holds no key named {name:?}; it holds {held}")]
    NoSuchKey {
        /// The keystore.
        path: PathBuf,
        /// The name asked for.
        name: String,
        /// The first names that there are.
        held: String,
    },
    /// Something of this name is there already, and is not overwritten.
    #[error("{0} is there already and is not overwritten; choose another name or move it away")]
    Exists(String),
    /// A passphrase could not be had or is unusable.
    #[error("passphrase: {0}")]
    Passphrase(String),
    /// Some work had not ended when the time for an orderly end was over.
    #[error("{tasks} tasks had not ended {seconds} s after the signal; they were dropped")]
    Undrained {
        /// How many.
        tasks: usize,
        /// How long was waited, in seconds.
        seconds: u64,
    },
    /// Disk, port or operating system failed.
    #[error("{doing}: {source}")]
    Environment {
        /// What was being done, and where.
        doing: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Logs or metrics could not be set up.
    #[error("telemetry: {0}")]
    Telemetry(String),
}

impl Error {
    /// 2 for wrong usage or configuration, 3 where the environment failed, 1 where a thing that was read is wrong.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Keystore { .. } => 1,
            Self::Configuration { .. }
            | Self::WrongPassphrase { .. }
            | Self::NoSuchKey { .. }
            | Self::Exists(_)
            | Self::Passphrase(_) => 2,
            Self::Undrained { .. } | Self::Environment { .. } | Self::Telemetry(_) => 3,
        }
    }

    pub(crate) fn at(doing: &str, path: &Path, source: std::io::Error) -> Self {
        Self::Environment { doing: format!("{doing} {}", path.display()), source }
    }
}
