//! The append-only segment log: what is acknowledged is on disk, and damage is found and named.
//!
//! A log is a directory of preallocated segment files. Every acknowledged batch is one checksummed **unit**; an append
//! returns after exactly one `fdatasync`. `docs/formats.md`, section 6, gives every byte.

mod check;
mod frame;
mod fs;
mod group;
mod layout;
mod manifest;
mod open;
mod read_only;
mod reader;
mod roll;
mod scan;
mod settings;
mod unit;
mod view;
mod window;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;

pub use check::{CheckReport, Problem, ProblemKind, check, check_in};
pub use fs::{FileSystem, LogFile, OsFileSystem};
pub use layout::LogId;
pub use read_only::ReadOnlyLog;
pub use reader::Reader;
pub use settings::Settings;
pub use unit::{Record, Unit, UnitPosition};
pub use writer::Counts;

use crate::error::{Error, Result};
use crate::lock::DirectoryLock;
use group::GroupCommit;
use layout::{FOOTER_BYTES, HEADER_BYTES};
use reader::{read, reader_from};
use scan::Ending;
use unit::PreparedUnit;
use view::View;
use writer::{Active, Counters, Writer};

/// A torn tail that was wiped when the log was opened. It was never acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// The segment file.
    pub file: PathBuf,
    /// Where the torn bytes began.
    pub offset: u64,
    /// How many bytes were zeroed.
    pub bytes: u64,
    /// Why they were no valid unit.
    pub reason: String,
}

/// A log that was opened for writing.
#[derive(Debug)]
pub struct Opened {
    /// The log.
    pub log: SegmentLog,
    /// The tail that was cut, if the last write was interrupted.
    pub repaired: Option<Repair>,
    /// There was no log before.
    pub created: bool,
    /// The log had been closed (a new one counts as closed).
    pub was_closed: bool,
}

/// An append-only log. Handles are cheap to clone and may be used from several threads.
///
/// Dropping the last handle without [`SegmentLog::close`] leaves the log as a crash would: nothing acknowledged is lost.
#[derive(Clone)]
pub struct SegmentLog {
    inner: Arc<Inner>,
}

struct Inner {
    view: Arc<View>,
    group: GroupCommit,
    counters: Arc<Counters>,
    max_unit_bytes: u32,
}

impl std::fmt::Debug for SegmentLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let end = self.inner.view.end();
        f.debug_struct("SegmentLog").field("dir", &self.inner.view.dir).field("end", &end).finish_non_exhaustive()
    }
}

impl SegmentLog {
    /// Opens the log in `dir` for writing, creating directory and log where there is none; a new log gets the identity
    /// `id_if_new`, which must be random.
    ///
    /// # Errors
    /// [`Error::Locked`] when it is open elsewhere; [`Error::Corrupt`] (nothing is changed) for any damage but an
    /// interrupted last write; [`Error::TooLarge`] when a unit exceeds the setting; [`Error::NoSpace`], [`Error::Io`].
    pub fn open(dir: &Path, id_if_new: LogId, settings: Settings) -> Result<Opened> {
        Self::open_in(Arc::new(OsFileSystem), dir, id_if_new, settings)
    }

    /// [`SegmentLog::open`] on another file system. The lock and the listing of the directory are the system's own.
    ///
    /// # Errors
    /// As [`SegmentLog::open`].
    pub fn open_in(fs: Arc<dyn FileSystem>, dir: &Path, id_if_new: LogId, settings: Settings) -> Result<Opened> {
        if settings.segment_bytes < HEADER_BYTES + FOOTER_BYTES {
            return Err(Error::Invalid { reason: format!("segment_bytes {} is too small", settings.segment_bytes) });
        }
        open::make_directory(&*fs, dir)?;
        let lock = DirectoryLock::exclusive(dir)?;
        let (survey, created) = match open::survey(&*fs, dir, &settings)? {
            Some(survey) => (survey, false),
            None => (open::create(&*fs, dir, id_if_new)?, true),
        };
        for path in &survey.leftovers {
            fs.remove(path).map_err(|error| Error::io("remove", path, error))?;
        }
        if !survey.leftovers.is_empty() {
            fs.sync_dir(dir).map_err(|error| Error::io("sync", dir, error))?;
        }
        let segments = survey.segments();
        let mut active = None;
        let mut previous_checksum = survey.previous_checksum;
        let mut repaired = None;
        if let Some((header, found)) = &survey.last {
            let (file, repair) = open::recover(&*fs, dir, header, found)?;
            repaired = repair;
            if let Ending::Sealed { footer, .. } = &found.ending {
                previous_checksum = footer.units_checksum;
            } else {
                active = Some(Active {
                    file,
                    path: layout::segment_path(dir, header.index),
                    index: header.index,
                    first_sequence: header.first_sequence,
                    file_bytes: header.file_bytes,
                    units: found.units,
                    checksum: found.checksum,
                    tail: found.units_end,
                    dirty_until: found.units_end,
                });
            }
        }
        if let Some(repair) = &repaired {
            tracing::warn!(file = %repair.file.display(), offset = repair.offset, bytes = repair.bytes,
                reason = %repair.reason, "the last write of the log was interrupted; its torn unit was cut");
        }
        let view = Arc::new(View::new(
            fs.clone(),
            dir,
            survey.manifest.id,
            u64::from(settings.max_unit_bytes),
            segments,
            survey.next_sequence,
        ));
        let counters = Arc::new(Counters::default());
        let writer = Writer {
            fs,
            dir: dir.to_owned(),
            settings,
            view: view.clone(),
            counters: counters.clone(),
            manifest: survey.manifest,
            active,
            next_sequence: survey.next_sequence,
            previous_checksum,
            poisoned: None,
            lock: Some(lock),
        };
        let group = GroupCommit::new(writer, settings.max_group_bytes);
        let inner = Inner { view, group, counters, max_unit_bytes: settings.max_unit_bytes };
        Ok(Opened { log: Self { inner: Arc::new(inner) }, repaired, created, was_closed: survey.manifest.closed })
    }

    /// Appends one batch as one unit. Returns after the `fdatasync` that covers it: exactly one for a single caller,
    /// shared by callers that wait at the same time. Blocks; see [`SegmentLog::append_async`].
    ///
    /// # Errors
    /// [`Error::Invalid`] for an empty batch, [`Error::TooLarge`], [`Error::NoSpace`] and [`Error::Io`] (nothing was
    /// appended and the log stays usable; only if the process dies before what was written could be wiped may the unit
    /// be there, like any append that was under way), [`Error::Poisoned`] (it is unknown whether the unit is on disk),
    /// [`Error::Closed`].
    pub fn append(&self, records: &[Record<'_>]) -> Result<UnitPosition> {
        self.inner.group.append(PreparedUnit::new(records, self.inner.max_unit_bytes)?)
    }

    /// [`SegmentLog::append`] for async code: the barrier is awaited on tokio's blocking threads. The append is carried
    /// out even when the future is dropped.
    ///
    /// # Errors
    /// As [`SegmentLog::append`].
    pub async fn append_async(&self, records: &[Record<'_>]) -> Result<UnitPosition> {
        let unit = PreparedUnit::new(records, self.inner.max_unit_bytes)?;
        let inner = self.inner.clone();
        match tokio::task::spawn_blocking(move || inner.group.append(unit)).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::Closed { dir: self.inner.view.dir.clone() }), // the runtime is shutting down
        }
    }

    /// Identity of the log.
    #[must_use]
    pub fn id(&self) -> LogId {
        self.inner.view.id
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.inner.view.dir
    }

    /// Position of the first unit that is held.
    #[must_use]
    pub fn start(&self) -> UnitPosition {
        self.inner.view.start()
    }

    /// Position after the last acknowledged unit; its sequence is the next unit's.
    #[must_use]
    pub fn end(&self) -> UnitPosition {
        self.inner.view.end()
    }

    /// Follows the acknowledged end: the value is the sequence of the next unit.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.inner.view.subscribe()
    }

    /// Counts of units, groups and barriers since the log was opened.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.inner.counters.read()
    }

    /// Number of batches that wait for the next barrier: how far appends run ahead of the disk.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.inner.group.waiting()
    }

    /// A reader from the first unit that is held.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(self.inner.view.clone(), self.inner.view.start())
    }

    /// A reader from a position that this log gave out.
    #[must_use]
    pub fn reader_at(&self, position: UnitPosition) -> Reader {
        Reader::new(self.inner.view.clone(), position)
    }

    /// A reader whose first unit is `sequence`, which may be the one to come. Looks at the headers of one segment.
    ///
    /// # Errors
    /// [`Error::Retired`], [`Error::NotFound`] past the end, [`Error::Corrupt`].
    pub fn reader_from(&self, sequence: u64) -> Result<Reader> {
        reader_from(&self.inner.view, sequence)
    }

    /// Reads one unit by a position that this log gave out.
    ///
    /// # Errors
    /// [`Error::NotFound`] when no acknowledged unit lies there, [`Error::Retired`], [`Error::Corrupt`],
    /// [`Error::TooLarge`].
    pub fn read(&self, position: UnitPosition) -> Result<Unit> {
        read(&self.inner.view, position)
    }

    /// Deletes whole old segments that hold only units before `sequence` and returns how many; the newest always stays.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Poisoned`], [`Error::NoSpace`], [`Error::Io`]; files that stay behind are removed when
    /// the log is opened again.
    pub fn retain_from(&self, sequence: u64) -> Result<u64> {
        self.inner.group.writer().retain_from(sequence)
    }

    /// Seals the last segment with its footer, marks the log closed and gives up the lock. Readers go on; appends are
    /// refused with [`Error::Closed`]. Closing twice is no error.
    ///
    /// # Errors
    /// [`Error::Poisoned`], [`Error::NoSpace`], [`Error::Io`]: the log then is left unclosed, and nothing is lost.
    pub fn close(&self) -> Result<()> {
        self.inner.group.writer().close()
    }
}
