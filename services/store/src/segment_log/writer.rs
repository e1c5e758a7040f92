//! The one writer: places units and passes the barrier.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Settings;
use super::fs::{FileSystem, LogFile, wipe_torn, write_all_at};
use super::layout::FOOTER_BYTES;
use super::manifest::{Manifest, StoreFailure};
use super::unit::{PreparedUnit, UnitPosition};
use super::view::View;
use crate::error::{Error, Result};
use crate::lock::DirectoryLock;

/// How often the log did what; all counts are since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Units acknowledged.
    pub units: u64,
    /// Groups of units acknowledged together.
    pub groups: u64,
    /// `fdatasync` calls that succeeded and acknowledged a group: equal to `groups`.
    pub barriers: u64,
    /// Segments begun or sealed, with their own syncs.
    pub segments_begun: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    units: AtomicU64,
    groups: AtomicU64,
    barriers: AtomicU64,
    pub(super) segments_begun: AtomicU64,
}

impl Counters {
    pub(super) fn read(&self) -> Counts {
        Counts {
            units: self.units.load(Ordering::Relaxed),
            groups: self.groups.load(Ordering::Relaxed),
            barriers: self.barriers.load(Ordering::Relaxed),
            segments_begun: self.segments_begun.load(Ordering::Relaxed),
        }
    }
}

/// The segment that takes appends.
pub(super) struct Active {
    pub(super) file: Arc<dyn LogFile>,
    pub(super) path: PathBuf,
    pub(super) index: u64,
    pub(super) first_sequence: u64,
    pub(super) file_bytes: u64,
    pub(super) units: u64,
    pub(super) checksum: u32,
    pub(super) tail: u64,
    /// End of bytes that a failed write may have left after `tail`; they are zeroed before anything else is written.
    pub(super) dirty_until: u64,
}

pub(super) struct Writer {
    pub(super) fs: Arc<dyn FileSystem>,
    pub(super) dir: PathBuf,
    pub(super) settings: Settings,
    pub(super) view: Arc<View>,
    pub(super) counters: Arc<Counters>,
    pub(super) manifest: Manifest,
    pub(super) active: Option<Active>,
    pub(super) next_sequence: u64,
    /// `units_checksum` of the last sealed segment.
    pub(super) previous_checksum: u32,
    pub(super) poisoned: Option<String>,
    /// Held while the log is open; dropped on close.
    pub(super) lock: Option<DirectoryLock>,
}

impl Writer {
    /// Writes units in order; those that fit one segment share one barrier. One answer per unit.
    pub(super) fn write(&mut self, units: &mut [PreparedUnit]) -> Vec<Result<UnitPosition>> {
        let mut answers = Vec::with_capacity(units.len());
        let mut rest = units;
        while let Some(first) = rest.first() {
            let room = match self.ready().and_then(|()| self.make_room(first.bytes.len() as u64)) {
                Ok(room) => room,
                Err(error) => {
                    answers.extend(rest.iter().map(|_| Err(error.clone())));
                    return answers;
                }
            };
            let mut taken = 0;
            let mut used = 0_u64;
            while let Some(unit) = rest.get(taken).filter(|unit| used + unit.bytes.len() as u64 <= room) {
                used += unit.bytes.len() as u64;
                taken += 1;
            }
            let (group, later) = rest.split_at_mut(taken);
            match self.commit(group) {
                Ok(positions) => answers.extend(positions.into_iter().map(Ok)),
                Err(error) => answers.extend(group.iter().map(|_| Err(error.clone()))),
            }
            rest = later;
        }
        answers
    }

    pub(super) fn ready(&self) -> Result<()> {
        if let Some(reason) = &self.poisoned {
            return Err(Error::Poisoned { dir: self.dir.clone(), reason: reason.clone() });
        }
        if self.lock.is_none() {
            return Err(Error::Closed { dir: self.dir.clone() });
        }
        Ok(())
    }

    /// After a failed barrier the kernel may have dropped the dirty pages and call the next one a success: nothing may
    /// be acknowledged any more.
    pub(super) fn poison(&mut self, error: &Error) -> Error {
        let reason = error.to_string();
        tracing::error!(dir = %self.dir.display(), %reason, "the log is poisoned: no append will be acknowledged");
        self.poisoned = Some(reason.clone());
        Error::Poisoned { dir: self.dir.clone(), reason }
    }

    pub(super) fn settle(&mut self, failure: StoreFailure) -> Error {
        match failure {
            StoreFailure::Write(error) => error,
            StoreFailure::Barrier(error) => self.poison(&error),
        }
    }

    /// Bytes free for units in the active segment, at least `wanted`; begins a new segment when needed.
    fn make_room(&mut self, wanted: u64) -> Result<u64> {
        let free = |active: &Active| active.file_bytes.saturating_sub(FOOTER_BYTES).saturating_sub(active.tail);
        if let Some(free) = self.active.as_ref().map(free).filter(|free| wanted <= *free) {
            return Ok(free);
        }
        self.seal()?;
        self.begin(wanted)?;
        Ok(self.active.as_ref().map_or(0, free))
    }

    /// Writes a group and passes one barrier.
    fn commit(&mut self, group: &mut [PreparedUnit]) -> Result<Vec<UnitPosition>> {
        let seed = self.view.seed;
        let Some(active) = self.active.as_mut() else {
            return Err(Error::Closed { dir: self.dir.clone() });
        };
        clean(active)?;
        let mut positions = Vec::with_capacity(group.len());
        let mut offset = active.tail;
        let mut checksum = active.checksum;
        for ((unit, sequence), group_offset) in group.iter_mut().zip(self.next_sequence..).zip(0..) {
            unit.number(seed, sequence, group_offset);
            checksum = unit.extend_checksum(checksum);
            positions.push(UnitPosition { sequence, segment: active.index, offset });
            offset += unit.bytes.len() as u64;
        }
        active.dirty_until = offset;
        for (unit, position) in group.iter().zip(&positions) {
            if let Err(error) = write_all_at(&*active.file, &unit.bytes, position.offset) {
                let error = Error::io("write", &active.path, error);
                if let Err(second) = clean(active) {
                    tracing::warn!(%second, "a failed append could not be wiped yet; it will be before the next one");
                }
                return Err(error);
            }
        }
        if let Err(error) = active.file.sync_data() {
            let error = Error::io("sync", &active.path, error);
            return Err(self.poison(&error));
        }
        active.tail = offset;
        active.dirty_until = offset;
        active.checksum = checksum;
        active.units += group.len() as u64;
        self.next_sequence += group.len() as u64;
        self.counters.barriers.fetch_add(1, Ordering::Relaxed);
        self.counters.groups.fetch_add(1, Ordering::Relaxed);
        self.counters.units.fetch_add(group.len() as u64, Ordering::Relaxed);
        self.view.acknowledge(offset, self.next_sequence);
        Ok(positions)
    }
}

/// Zeroes what a failed write left after the tail. The next barrier makes it durable together with what is written then.
pub(super) fn clean(active: &mut Active) -> Result<()> {
    if active.dirty_until > active.tail {
        wipe_torn(&*active.file, active.tail, active.dirty_until)
            .map_err(|error| Error::io("write", &active.path, error))?;
        active.dirty_until = active.tail;
    }
    Ok(())
}
