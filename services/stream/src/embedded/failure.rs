//! The store's errors in this crate's words.

use std::path::{Path, PathBuf};

use store::segment_log::UnitPosition;

use crate::Error;

/// An error of an append by `writer`.
pub(super) fn from_store(error: store::Error, writer: &str, topic: Option<&str>) -> Error {
    use store::Error as Store;
    match error {
        Store::TooLarge { size_bytes, limit_bytes, .. } => Error::TooLarge {
            topic: topic.unwrap_or_default().to_owned(),
            bytes: usize::try_from(size_bytes).unwrap_or(usize::MAX),
            limit: usize::try_from(limit_bytes).unwrap_or(usize::MAX),
        },
        Store::NoSpace { .. } => Error::Unavailable { reason: error.to_string() },
        Store::Poisoned { .. } => Error::Unsettled { writer: writer.to_owned(), reason: error.to_string() },
        other => read_failure("appending to the log", other),
    }
}

/// An error of opening or reading.
pub(super) fn read_failure(doing: &str, error: store::Error) -> Error {
    use store::Error as Store;
    match error {
        Store::Locked { dir } => Error::InUse { path: dir },
        Store::Corrupt { file, offset, reason } => Error::Corrupt { path: file, position: offset, reason },
        Store::Closed { .. } => Error::Closed,
        other => Error::Storage { doing: doing.to_owned(), reason: other.to_string() },
    }
}

/// Damage within a unit: its file and place.
pub(super) fn corrupt(dir: &Path, at: UnitPosition, reason: String) -> Error {
    Error::Corrupt { path: segment_file(dir, at), position: at.offset, reason }
}

/// The file in which a unit lies, as the segment log names its files.
pub(super) fn segment_file(dir: &Path, at: UnitPosition) -> PathBuf {
    dir.join(format!("{:020}.segment", at.segment))
}
