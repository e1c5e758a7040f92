//! A log that is only read: by checks and tools, without a writer beside.

use std::path::Path;
use std::sync::Arc;

use super::fs::{FileSystem, OsFileSystem};
use super::layout::LogId;
use super::open;
use super::reader::{Reader, read, reader_from};
use super::settings::Settings;
use super::unit::{Unit, UnitPosition};
use super::view::View;
use crate::error::{Error, Result};
use crate::lock::DirectoryLock;

/// A log opened for reading only, as it was at that moment. Nothing is repaired: a torn tail is passed over.
#[derive(Clone)]
pub struct ReadOnlyLog {
    view: Arc<View>,
    _lock: Option<Arc<DirectoryLock>>,
}

impl std::fmt::Debug for ReadOnlyLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadOnlyLog").field("dir", &self.view.dir).finish_non_exhaustive()
    }
}

impl ReadOnlyLog {
    /// Opens the log in `dir` without changing anything, and keeps writers away while it is held.
    ///
    /// # Errors
    /// [`Error::Locked`] while someone writes to it, [`Error::NotFound`] when there is no log, otherwise as
    /// [`SegmentLog::open`](super::SegmentLog::open).
    pub fn open(dir: &Path, settings: Settings) -> Result<Self> {
        if !dir.is_dir() {
            return Err(Error::NotFound { what: format!("a log in {}", dir.display()) });
        }
        let lock = DirectoryLock::shared(dir)?;
        let fs: Arc<dyn FileSystem> = Arc::new(OsFileSystem);
        let survey = open::survey(&*fs, dir, &settings)?
            .ok_or_else(|| Error::NotFound { what: format!("a log in {}", dir.display()) })?;
        let (id, limit) = (survey.manifest.id, u64::from(settings.max_unit_bytes));
        let view = View::new(fs, dir, id, limit, survey.segments(), survey.next_sequence);
        Ok(Self { view: Arc::new(view), _lock: lock.map(Arc::new) })
    }

    /// Identity of the log.
    #[must_use]
    pub fn id(&self) -> LogId {
        self.view.id
    }

    /// Position of the first unit that is held.
    #[must_use]
    pub fn start(&self) -> UnitPosition {
        self.view.start()
    }

    /// Position after the last unit.
    #[must_use]
    pub fn end(&self) -> UnitPosition {
        self.view.end()
    }

    /// A reader from the first unit that is held.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(self.view.clone(), self.view.start())
    }

    /// A reader whose first unit is `sequence`.
    ///
    /// # Errors
    /// As [`SegmentLog::reader_from`](super::SegmentLog::reader_from).
    pub fn reader_from(&self, sequence: u64) -> Result<Reader> {
        reader_from(&self.view, sequence)
    }

    /// Reads one unit by its position.
    ///
    /// # Errors
    /// As [`SegmentLog::read`](super::SegmentLog::read).
    pub fn read(&self, position: UnitPosition) -> Result<Unit> {
        read(&self.view, position)
    }
}
