//! What can go wrong, by what the caller can do.

use std::path::PathBuf;

/// Errors of this crate. A bad cell or row is none: see [`crate::Row`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is no recording, or breaks off: mend the file.
    #[error("{}, line {line}: {what}", .file.display())]
    Undecodable {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        what: String,
    },
    /// A column that was asked for is not there, or there twice: ask for another.
    #[error("{}, line {line}: {count} columns are named `{column}`; there are: {header}", .file.display())]
    NoSuchColumn {
        /// The file.
        file: PathBuf,
        /// The header's line.
        line: u64,
        /// What was asked for.
        column: String,
        /// How many have that name.
        count: usize,
        /// The header's names.
        header: String,
    },
    /// The disk does not give the file: look at its name, its place and its permissions.
    #[error("{}{} cannot be read: {source}", .file.display(), .line.map(|line| format!(", line {line},")).unwrap_or_default())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The line that was to be read, where it came so far.
        line: Option<u64>,
        /// Why.
        source: std::io::Error,
    },
}
