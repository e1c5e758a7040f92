//! What readers may see: the segments of the log and how far it is acknowledged.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::watch;

use super::fs::{FileSystem, LogFile};
use super::layout::{HEADER_BYTES, LogId, segment_path};
use super::unit::UnitPosition;
use crate::error::{Error, Result};

const OPEN_FILES: usize = 16;

/// One segment as readers see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentView {
    pub(super) index: u64,
    pub(super) first_sequence: u64,
    pub(super) next_sequence: u64,
    /// End of the acknowledged units.
    pub(super) units_end: u64,
    /// Preallocated length in the header.
    pub(super) file_bytes: u64,
}

/// A segment by its index.
pub(super) enum Lookup {
    /// It is there; `last` when no later segment is.
    Found { segment: SegmentView, last: bool },
    /// Retention deleted it.
    Retired { first_sequence: u64 },
    /// It was not begun yet.
    Future,
}

#[derive(Debug, Default)]
struct State {
    segments: VecDeque<SegmentView>,
}

/// Shared by the writer and every reader of a log.
pub(super) struct View {
    pub(super) id: LogId,
    pub(super) seed: u32,
    pub(super) dir: PathBuf,
    pub(super) max_unit_bytes: u64,
    fs: Arc<dyn FileSystem>,
    state: RwLock<State>,
    files: Mutex<VecDeque<(u64, Arc<dyn LogFile>)>>,
    next_sequence: watch::Sender<u64>,
}

impl View {
    pub(super) fn new(
        fs: Arc<dyn FileSystem>,
        dir: &Path,
        id: LogId,
        max_unit_bytes: u64,
        segments: Vec<SegmentView>,
        next_sequence: u64,
    ) -> Self {
        Self {
            id,
            seed: id.seed(),
            dir: dir.to_owned(),
            max_unit_bytes,
            fs,
            state: RwLock::new(State { segments: segments.into() }),
            files: Mutex::default(),
            next_sequence: watch::Sender::new(next_sequence),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The writer began a segment.
    pub(super) fn begin(&self, segment: SegmentView) {
        self.write().segments.push_back(segment);
    }

    /// The writer's barrier succeeded: units of the last segment up to here are acknowledged.
    pub(super) fn acknowledge(&self, units_end: u64, next_sequence: u64) {
        if let Some(last) = self.write().segments.back_mut() {
            last.units_end = units_end;
            last.next_sequence = next_sequence;
        }
        self.next_sequence.send_replace(next_sequence);
    }

    /// Retention gave up every segment before `index`.
    pub(super) fn retire_before(&self, index: u64) {
        self.write().segments.retain(|segment| segment.index >= index);
        self.files.lock().unwrap_or_else(PoisonError::into_inner).retain(|(held, _)| *held >= index);
    }

    pub(super) fn lookup(&self, index: u64) -> Lookup {
        let state = self.read();
        let Some(first) = state.segments.front() else { return Lookup::Future };
        let Some(place) = index.checked_sub(first.index) else {
            return Lookup::Retired { first_sequence: first.first_sequence };
        };
        match usize::try_from(place).ok().and_then(|place| state.segments.get(place)) {
            Some(segment) => {
                let last = state.segments.back().is_none_or(|last| last.index == index);
                Lookup::Found { segment: *segment, last }
            }
            None => Lookup::Future,
        }
    }

    /// The segment that holds `sequence`; `None` at or past the end.
    pub(super) fn segment_of(&self, sequence: u64) -> Result<Option<SegmentView>> {
        let state = self.read();
        let first_retained = state.segments.front().map_or(0, |first| first.first_sequence);
        if sequence < first_retained {
            return Err(Error::Retired { sequence, first_retained });
        }
        let after = state.segments.partition_point(|segment| segment.first_sequence <= sequence);
        // An empty segment shares its first sequence with the next one, hence the last of those at or below.
        let found = after.checked_sub(1).and_then(|place| state.segments.get(place)).copied();
        Ok(found.filter(|segment| sequence < segment.next_sequence))
    }

    pub(super) fn segments(&self) -> Vec<SegmentView> {
        self.read().segments.iter().copied().collect()
    }

    /// Position of the first retained unit, or the end where there is none.
    pub(super) fn start(&self) -> UnitPosition {
        let first = self.read().segments.front().copied();
        first.map_or(UnitPosition { sequence: 0, segment: 0, offset: HEADER_BYTES }, |first| UnitPosition {
            sequence: first.first_sequence,
            segment: first.index,
            offset: HEADER_BYTES,
        })
    }

    /// Position after the last acknowledged unit.
    pub(super) fn end(&self) -> UnitPosition {
        let last = self.read().segments.back().copied();
        last.map_or(UnitPosition { sequence: 0, segment: 0, offset: HEADER_BYTES }, |last| UnitPosition {
            sequence: last.next_sequence,
            segment: last.index,
            offset: last.units_end,
        })
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.next_sequence.subscribe()
    }

    /// A segment's file for reading, from a small cache of open ones.
    pub(super) fn file(&self, index: u64) -> Result<Arc<dyn LogFile>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = files.iter().position(|(held, _)| *held == index)
            && let Some(found) = files.remove(place)
        {
            files.push_back(found.clone());
            return Ok(found.1);
        }
        let path = segment_path(&self.dir, index);
        let file = self.fs.open_read(&path).map_err(|error| Error::io("open", &path, error))?;
        if files.len() >= OPEN_FILES {
            files.pop_front();
        }
        files.push_back((index, file.clone()));
        Ok(file)
    }

    pub(super) fn path(&self, index: u64) -> PathBuf {
        segment_path(&self.dir, index)
    }
}
