//! The databases of an index, one beside the other.

use std::path::{Path, PathBuf};

use super::guard;
use crate::error::{Error, Result};

const PREFIX: &str = "generation-";

/// One sled database: a rebuild makes a new one beside the old, so that it never waits for sled to let go of a file.
#[derive(Clone)]
pub(super) struct Generation {
    pub(super) number: u64,
    pub(super) db: sled::Db,
}

pub(super) fn path_of(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{PREFIX}{number:020}"))
}

pub(super) fn begin(dir: &Path, number: u64) -> Result<Generation> {
    let path = path_of(dir, number);
    if path.exists() {
        std::fs::remove_dir_all(&path).map_err(|error| Error::io("remove", &path, error))?;
    }
    let db = guard::open(&path).map_err(|damage| damage.into_error(&path))?;
    Ok(Generation { number, db })
}

fn numbers(dir: &Path) -> Result<Vec<u64>> {
    let io = |error| Error::io("list", dir, error);
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io)? {
        let name = entry.map_err(io)?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse::<u64>().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Keeps the newest generation; returns its number.
pub(super) fn keep_newest(dir: &Path) -> Result<Option<u64>> {
    let newest = numbers(dir)?.last().copied();
    if let Some(newest) = newest {
        remove_all_but(dir, newest)?;
    }
    Ok(newest)
}

pub(super) fn remove_all_but(dir: &Path, kept: u64) -> Result<()> {
    for number in numbers(dir)?.into_iter().filter(|number| *number != kept) {
        let path = path_of(dir, number);
        if let Err(error) = std::fs::remove_dir_all(&path) {
            // Only space is lost, until the next open.
            tracing::warn!(path = %path.display(), %error, "an old index could not be removed");
        }
    }
    Ok(())
}
