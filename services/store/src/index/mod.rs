//! An index over a segment log, kept in sled: a cache that may be lost at any time.
//!
//! sled 0.34 forces nothing to disk by `fdatasync`, so it is never the record. Every batch of entries is applied together
//! with a marker that names the log and the unit it reaches. At open the marker says whether the index is current,
//! behind (it is replayed from there) or of another log, another version or damaged (it is rebuilt). A caller never sees
//! an error because of what sled's files hold.

mod batch;
mod generation;
mod guard;
mod marker;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

pub use batch::IndexBatch;
pub use guard::open_patiently;

use crate::error::{Error, Result};
use crate::lock::DirectoryLock;
use crate::segment_log::{Reader, SegmentLog, Unit};
use generation::Generation;
use guard::{Damage, guarded};
use marker::{MARKER_KEY, Marker};

/// Units are applied in batches of up to this many entries while the index catches up.
const BATCH_ENTRIES: usize = 4096;

/// What an index was found to be when it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IndexState {
    /// It had applied the whole log.
    Current,
    /// It had applied the log up to this unit (exclusive) and was replayed from there.
    Behind {
        /// The first unit that was missing.
        from: u64,
    },
    /// There was none: it was built.
    Missing,
    /// It was of another log, ahead of this one, or of another version: it was rebuilt.
    Foreign,
    /// sled could not read it: it was rebuilt.
    Damaged,
}

type Apply = dyn Fn(&Unit, &mut IndexBatch<'_>) -> Result<()> + Send + Sync;

/// An index over one log. Shared by reference between threads.
pub struct Index {
    dir: PathBuf,
    log: SegmentLog,
    version: u32,
    apply: Box<Apply>,
    state: IndexState,
    current: RwLock<Generation>,
    /// Where the next unit to apply is read; also keeps two callers from applying the same unit.
    reader: Mutex<Reader>,
    _lock: DirectoryLock,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("dir", &self.dir).field("version", &self.version).finish_non_exhaustive()
    }
}

impl Index {
    /// Opens the index in `dir` over `log` and brings it up to the log's end. `apply` writes a unit's entries and must
    /// depend on nothing but the unit and the entries before it. `version` names what it writes: when it changes, the
    /// index is rebuilt.
    ///
    /// # Errors
    /// [`Error::Locked`] when the index is open elsewhere, errors of reading the log, errors of `apply`,
    /// [`Error::NoSpace`], [`Error::Io`]; never because the index itself is missing, old or damaged.
    pub fn open(
        dir: &Path,
        log: &SegmentLog,
        version: u32,
        apply: impl Fn(&Unit, &mut IndexBatch<'_>) -> Result<()> + Send + Sync + 'static,
    ) -> Result<Self> {
        std::fs::create_dir_all(dir).map_err(|error| Error::io("create", dir, error))?;
        let lock = DirectoryLock::exclusive(dir)?;
        let newest = generation::keep_newest(dir)?;
        let (found, held) = newest.map_or((IndexState::Missing, None), |number| inspect(dir, number, log, version));
        let (current, reader) = match held {
            Some((generation, reader)) => (generation, reader),
            None => (generation::begin(dir, newest.map_or(0, |number| number + 1))?, log.reader()),
        };
        let mut index = Self {
            dir: dir.to_owned(),
            log: log.clone(),
            version,
            apply: Box::new(apply),
            state: found,
            current: RwLock::new(current),
            reader: Mutex::new(reader),
            _lock: lock,
        };
        if !matches!(found, IndexState::Current | IndexState::Missing) {
            tracing::info!(dir = %dir.display(), ?found, "the index is brought up to its log");
        }
        if let Err(damage) = index.try_catch_up()? {
            index.state = IndexState::Damaged;
            index.rebuild_after(&damage)?;
        }
        Ok(index)
    }

    /// What the index was found to be when it was opened.
    #[must_use]
    pub fn state_at_open(&self) -> IndexState {
        self.state
    }

    /// Applies every unit that the log has acknowledged; returns the sequence that comes next. Call it after an append
    /// to read one's own writes.
    ///
    /// # Errors
    /// As [`Index::open`].
    pub fn catch_up(&self) -> Result<u64> {
        match self.try_catch_up()? {
            Ok(next) => Ok(next),
            Err(damage) => {
                self.rebuild_after(&damage)?;
                Ok(self.applied())
            }
        }
    }

    /// Sequence of the first unit that is not applied yet.
    #[must_use]
    pub fn applied(&self) -> u64 {
        self.reader().position().sequence
    }

    /// The value of a key.
    ///
    /// # Errors
    /// Only where a rebuild of a damaged index fails: as [`Index::open`].
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let key = batch::stored_key(key);
        self.with(|db| Ok(db.get(&key)?.map(|value| value.to_vec())))
    }

    /// Up to `limit` entries whose keys begin with `prefix`, ascending, from `after` (exclusive) when it is given.
    ///
    /// # Errors
    /// As [`Index::get`].
    pub fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Entry>> {
        use std::ops::Bound;
        let prefix = batch::stored_key(prefix);
        let from = match after.map(batch::stored_key) {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix.clone()),
        };
        self.with(|db| {
            let mut entries = Vec::new();
            for entry in db.range((from.clone(), Bound::Unbounded)).take(limit) {
                let (key, value) = entry?;
                if !key.starts_with(&prefix) {
                    break;
                }
                entries.push((batch::callers_key(&key).to_vec(), value.to_vec()));
            }
            Ok(entries)
        })
    }

    /// The last entry whose key begins with `prefix`.
    ///
    /// # Errors
    /// As [`Index::get`].
    pub fn last(&self, prefix: &[u8]) -> Result<Option<Entry>> {
        let prefix = batch::stored_key(prefix);
        self.with(|db| {
            let last = db.scan_prefix(&prefix).next_back().transpose()?;
            Ok(last.map(|(key, value)| (batch::callers_key(&key).to_vec(), value.to_vec())))
        })
    }

    /// Throws the index away and builds it again from the log.
    ///
    /// # Errors
    /// As [`Index::open`].
    pub fn rebuild(&self) -> Result<()> {
        let mut reader = self.reader();
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let next = generation::begin(&self.dir, current.number + 1)?;
        let mut from = self.log.reader();
        if let Err(damage) = self.apply_from(&next.db, &mut from)? {
            return Err(damage.into_error(&self.dir)); // a fresh database failed: that is the disk, not the index
        }
        *reader = from;
        *current = next;
        let kept = current.number;
        drop(current);
        generation::remove_all_but(&self.dir, kept)
    }

    fn rebuild_after(&self, damage: &Damage) -> Result<()> {
        if let Some(error) = damage.environment(&self.dir) {
            return Err(error);
        }
        tracing::warn!(dir = %self.dir.display(), reason = %damage, "the index is damaged and is rebuilt from the log");
        damage.let_go(self.db());
        self.rebuild()
    }

    fn reader(&self) -> MutexGuard<'_, Reader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn db(&self) -> sled::Db {
        self.current.read().unwrap_or_else(PoisonError::into_inner).db.clone()
    }

    /// Runs a read; when sled cannot answer, rebuilds once and runs it again.
    fn with<T>(&self, read: impl Fn(&sled::Db) -> sled::Result<T>) -> Result<T> {
        let db = self.db();
        let damage = match guarded(|| read(&db)) {
            Ok(value) => return Ok(value),
            Err(damage) => damage,
        };
        self.rebuild_after(&damage)?;
        let db = self.db();
        guarded(|| read(&db)).map_err(|damage| damage.into_error(&self.dir))
    }

    fn try_catch_up(&self) -> Result<std::result::Result<u64, Damage>> {
        let mut reader = self.reader();
        let db = self.db();
        let resume = reader.position();
        let outcome = self.apply_from(&db, &mut reader);
        if !matches!(outcome, Ok(Ok(()))) {
            // What was read may not have been applied: the next attempt starts where the marker says.
            *reader = self.log.reader_at(self.applied_position(&db).unwrap_or(resume));
        }
        Ok(outcome?.map(|()| reader.position().sequence))
    }

    fn applied_position(&self, db: &sled::Db) -> Option<crate::UnitPosition> {
        let bytes = guarded(|| db.get(MARKER_KEY)).ok()??;
        Some(Marker::decode(&bytes)?.next)
    }

    /// Applies units from `reader` on. The outer error is the log's or the caller's, the inner one sled's.
    fn apply_from(&self, db: &sled::Db, reader: &mut Reader) -> Result<std::result::Result<(), Damage>> {
        let mut batch = IndexBatch::new(db);
        let mut last = None;
        loop {
            let unit = reader.next_unit()?;
            if let Some(unit) = &unit {
                (self.apply)(unit, &mut batch)?;
                if let Some(damage) = batch.take_damage() {
                    return Ok(Err(damage));
                }
                last = Some((unit.position, unit.checksum()));
                if batch.len() < BATCH_ENTRIES {
                    continue;
                }
            }
            if let Some(last) = last.take() {
                let marker = Marker { log: self.log.id(), version: self.version, next: reader.position(), last };
                if let Err(damage) = batch.commit(&marker) {
                    return Ok(Err(damage));
                }
            }
            if unit.is_none() {
                return Ok(Ok(()));
            }
        }
    }
}

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// Opens an existing generation and judges it. It is given back only when it can be continued.
fn inspect(dir: &Path, number: u64, log: &SegmentLog, version: u32) -> (IndexState, Option<(Generation, Reader)>) {
    let Ok(db) = guard::open(&generation::path_of(dir, number)) else {
        return (IndexState::Damaged, None);
    };
    let bytes = match guarded(|| db.get(MARKER_KEY)) {
        Ok(bytes) => bytes,
        Err(damage) => {
            damage.let_go(db);
            return (IndexState::Damaged, None);
        }
    };
    let Some(bytes) = bytes else {
        // Nothing was applied before it was closed; entries without a marker cannot be.
        let state =
            if guarded(|| Ok(db.is_empty())).unwrap_or(false) { IndexState::Missing } else { IndexState::Damaged };
        return (state, None);
    };
    let Some(marker) = Marker::decode(&bytes) else {
        return (IndexState::Damaged, None);
    };
    if !marker.fits(log, version) {
        return (IndexState::Foreign, None);
    }
    let from = marker.next.sequence;
    let state = if from == log.end().sequence { IndexState::Current } else { IndexState::Behind { from } };
    (state, Some((Generation { number, db }, log.reader_at(marker.next))))
}
