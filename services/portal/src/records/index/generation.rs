//! sled's databases of the index, one beside the other: a rebuild begins a new one and never waits for sled to let go of files.
//! What sled does with damaged files, panics included, ends here.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::Found;

const PREFIX: &str = "generation-";
const CACHE_BYTES: u64 = 16 << 20;

/// Why the index could not do what it was asked.
#[derive(Debug)]
pub(in crate::records) enum Fault {
    /// The index is no use: build it anew.
    Damage(String),
    /// The disk, or another process that has it open.
    Disk(String),
}

impl Fault {
    pub(in crate::records) fn damage(reason: impl std::fmt::Display) -> Self {
        Self::Damage(reason.to_string())
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Damage(reason) | Self::Disk(reason) => f.write_str(reason),
        }
    }
}

pub(super) type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// One database.
pub(super) struct Generation {
    dir: PathBuf,
    number: u64,
    db: sled::Db,
}

impl Generation {
    /// The newest of a folder, or a fresh one with what was found instead.
    pub(super) fn newest(dir: &Path) -> Result<(Self, Option<Found>), Fault> {
        std::fs::create_dir_all(dir).map_err(|error| disk(dir, &error))?;
        let Some(number) = numbers(dir)?.pop() else {
            return Ok((Self::begin(dir, 0)?, Some(Found::Missing)));
        };
        match open(&path(dir, number)) {
            Ok(db) => {
                let generation = Self { dir: dir.to_owned(), number, db };
                generation.remove_others();
                Ok((generation, None))
            }
            Err(Fault::Damage(reason)) => {
                tracing::warn!(dir = %dir.display(), %reason, "the index of personal chains is damaged and is built anew");
                Ok((Self::begin(dir, number.saturating_add(1))?, Some(Found::Damaged)))
            }
            Err(fault) => Err(fault),
        }
    }

    fn begin(dir: &Path, number: u64) -> Result<Self, Fault> {
        let db = open(&path(dir, number)).map_err(|fault| Fault::Disk(fault.to_string()))?;
        let generation = Self { dir: dir.to_owned(), number, db };
        generation.remove_others();
        Ok(generation)
    }

    /// An empty one in place of this, which is left alone: sled may hang or panic in its destructor after it panicked once.
    pub(super) fn next(&self) -> Result<Self, Fault> {
        std::mem::forget(self.db.clone());
        Self::begin(&self.dir, self.number.saturating_add(1))
    }

    fn remove_others(&self) {
        for number in numbers(&self.dir).unwrap_or_default().into_iter().filter(|number| *number != self.number) {
            if let Err(error) = std::fs::remove_dir_all(path(&self.dir, number)) {
                // Only space is lost, until the next open.
                tracing::warn!(%error, "an old index could not be removed");
            }
        }
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        guarded(|| Ok(self.db.get(key)?.map(|value| value.to_vec())))
    }

    /// Entries of `from ≤ key < to`, ascending, at most `most`.
    pub(super) fn range(&self, from: &[u8], to: &[u8], most: usize) -> Result<Entries, Fault> {
        if from >= to {
            return Ok(Vec::new());
        }
        guarded(|| {
            let range = self.db.range::<&[u8], _>(from..to).take(most);
            range.map(|entry| entry.map(|(key, value)| (key.to_vec(), value.to_vec()))).collect()
        })
    }

    /// All or nothing.
    pub(super) fn apply(&self, changes: BTreeMap<Vec<u8>, Vec<u8>>) -> Result<(), Fault> {
        let mut batch = sled::Batch::default();
        changes.into_iter().for_each(|(key, value)| batch.insert(key, value));
        guarded(|| self.db.apply_batch(batch))
    }
}

fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{PREFIX}{number:020}"))
}

/// Numbers of the databases of a folder, ascending.
fn numbers(dir: &Path) -> Result<Vec<u64>, Fault> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|error| disk(dir, &error))? {
        let name = entry.map_err(|error| disk(dir, &error))?.file_name();
        numbers.extend(name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn open(path: &Path) -> Result<sled::Db, Fault> {
    guarded(|| store::open_patiently(&sled::Config::new().path(path).cache_capacity(CACHE_BYTES)))
}

fn disk(dir: &Path, error: &std::io::Error) -> Fault {
    Fault::Disk(format!("{}: {error}", dir.display()))
}

fn guarded<T>(operation: impl FnOnce() -> sled::Result<T>) -> Result<T, Fault> {
    match catch_unwind(AssertUnwindSafe(operation)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(sled::Error::Io(error))) => {
            let held = error.to_string().contains("lock");
            match error.kind() {
                ErrorKind::StorageFull | ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                    Err(Fault::Disk(error.to_string()))
                }
                _ if held => Err(Fault::Disk(error.to_string())),
                _ => Err(Fault::damage(error)),
            }
        }
        Ok(Err(error)) => Err(Fault::damage(error)),
        Err(_) => Err(Fault::damage("sled panicked")),
    }
}
