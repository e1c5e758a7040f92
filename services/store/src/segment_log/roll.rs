//! The writer's rare steps: sealing a segment, beginning the next, closing, giving up old ones.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::frame::{Footer, Header};
use super::fs::{FileSystem, LogFile, write_all_at, write_zeros};
use super::layout::{FOOTER_BYTES, HEADER_BYTES, SEGMENT_TEMPORARY_NAME, segment_path};
use super::manifest::{Manifest, StoreFailure};
use super::view::SegmentView;
use super::writer::{Active, Writer, clean};
use crate::error::{Error, Result};

impl Writer {
    /// Ends the active segment with a footer and cuts the file to what it uses.
    pub(super) fn seal(&mut self) -> Result<()> {
        let Some(active) = self.active.as_mut() else { return Ok(()) };
        clean(active)?;
        let footer = Footer {
            first_sequence: active.first_sequence,
            units: active.units,
            next_sequence: self.next_sequence,
            units_end: active.tail,
            units_checksum: active.checksum,
        };
        let end = active.tail + FOOTER_BYTES;
        active.dirty_until = end; // should a smaller unit come first after a failure here, it must not meet a footer
        write_all_at(&*active.file, &footer.encode(self.view.seed), active.tail)
            .map_err(|error| Error::io("write", &active.path, error))?;
        // The footer is on disk before the file is cut: a file shorter than promised always ends in one.
        if let Err(error) = active.file.sync_data() {
            let error = Error::io("sync", &active.path, error);
            return Err(self.poison(&error));
        }
        active.file.set_len(end).map_err(|error| Error::io("cut", &active.path, error))?;
        if let Err(error) = active.file.sync_all() {
            let error = Error::io("sync", &active.path, error);
            return Err(self.poison(&error));
        }
        self.previous_checksum = footer.units_checksum;
        self.active = None;
        Ok(())
    }

    /// Begins the next segment: the file first, complete and durable under its name, then the manifest.
    pub(super) fn begin(&mut self, unit_bytes: u64) -> Result<()> {
        let header = Header {
            id: self.manifest.id,
            index: self.manifest.next_segment,
            first_sequence: self.next_sequence,
            file_bytes: self.settings.segment_bytes.max(HEADER_BYTES + unit_bytes + FOOTER_BYTES),
            previous_checksum: self.previous_checksum,
        };
        let temporary = self.dir.join(SEGMENT_TEMPORARY_NAME);
        let path = segment_path(&self.dir, header.index);
        let file = match create_segment(&*self.fs, &self.dir, &temporary, &path, &header, self.settings.zero_fill) {
            Ok(file) => file,
            Err(failure) => {
                // Give the reserved space back; what stays behind is removed when the log is opened.
                self.fs.remove(&temporary).ok();
                return Err(self.settle(failure));
            }
        };
        let manifest = Manifest {
            closed: false,
            next_segment: header.index + 1,
            boundary_sequence: header.first_sequence,
            ..self.manifest
        };
        if let Err(failure) = manifest.store(&*self.fs, &self.dir) {
            if let Err(error) = self.fs.remove(&path) {
                tracing::warn!(%error, path = %path.display(), "an unused segment stays until the log is opened again");
            }
            return Err(self.settle(failure));
        }
        self.manifest = manifest;
        self.counters.segments_begun.fetch_add(1, Ordering::Relaxed);
        self.view.begin(SegmentView {
            index: header.index,
            first_sequence: header.first_sequence,
            next_sequence: header.first_sequence,
            units_end: HEADER_BYTES,
            file_bytes: header.file_bytes,
        });
        self.active = Some(Active {
            file,
            path,
            index: header.index,
            first_sequence: header.first_sequence,
            file_bytes: header.file_bytes,
            units: 0,
            checksum: self.view.seed,
            tail: HEADER_BYTES,
            dirty_until: HEADER_BYTES,
        });
        Ok(())
    }

    /// Seals the last segment, marks the log closed and gives up the lock. Closing twice is no error.
    pub(super) fn close(&mut self) -> Result<()> {
        if self.lock.is_none() {
            return Ok(());
        }
        self.ready()?;
        self.seal()?;
        if !self.manifest.closed {
            let manifest = Manifest { closed: true, boundary_sequence: self.next_sequence, ..self.manifest };
            if let Err(failure) = manifest.store(&*self.fs, &self.dir) {
                return Err(self.settle(failure));
            }
            self.manifest = manifest;
        }
        self.lock = None;
        Ok(())
    }

    /// Deletes whole segments whose units all come before `sequence`; the newest segment always stays.
    pub(super) fn retain_from(&mut self, sequence: u64) -> Result<u64> {
        self.ready()?;
        let segments = self.view.segments();
        let deletable = segments.iter().take(segments.len().saturating_sub(1));
        let old: Vec<_> = deletable.take_while(|segment| segment.next_sequence <= sequence).copied().collect();
        let Some(first) = segments.get(old.len()).filter(|_| !old.is_empty()) else {
            return Ok(0);
        };
        // The marker is durable before the first file goes: a crash in between leaves files that the next open removes.
        let manifest = Manifest { first_segment: first.index, first_sequence: first.first_sequence, ..self.manifest };
        if let Err(failure) = manifest.store(&*self.fs, &self.dir) {
            return Err(self.settle(failure));
        }
        self.manifest = manifest;
        self.view.retire_before(first.index);
        for segment in &old {
            let path = segment_path(&self.dir, segment.index);
            self.fs.remove(&path).map_err(|error| Error::io("remove", &path, error))?;
        }
        self.fs.sync_dir(&self.dir).map_err(|error| Error::io("sync", &self.dir, error))?;
        Ok(old.len() as u64)
    }
}

fn create_segment(
    fs: &dyn FileSystem,
    dir: &Path,
    temporary: &Path,
    path: &Path,
    header: &Header,
    zero_fill: bool,
) -> std::result::Result<Arc<dyn LogFile>, StoreFailure> {
    let plain = |action, path: &Path, error| StoreFailure::Write(Error::io(action, path, error));
    let barrier = |action, path: &Path, error| StoreFailure::Barrier(Error::io(action, path, error));
    let file = fs.create(temporary).map_err(|error| plain("create", temporary, error))?;
    file.allocate(header.file_bytes).map_err(|error| plain("allocate", temporary, error))?;
    if zero_fill {
        write_zeros(&*file, HEADER_BYTES, header.file_bytes).map_err(|error| plain("write", temporary, error))?;
    }
    write_all_at(&*file, &header.encode(), 0).map_err(|error| plain("write", temporary, error))?;
    file.sync_all().map_err(|error| barrier("sync", temporary, error))?;
    fs.rename(temporary, path).map_err(|error| plain("rename", temporary, error))?;
    fs.sync_dir(dir).map_err(|error| barrier("sync", dir, error))?;
    Ok(file)
}
