//! The manifest: which segments belong to the log, and whether it was closed.
//!
//! It is replaced whole (temporary file, sync, rename, sync of the directory), so that a crash leaves the old one or the
//! new one. It is written when a segment is added, when old ones are given up and on clean close: never on an append.

use std::path::Path;

use super::fs::{FileSystem, read_up_to_at, write_all_at};
use super::layout::{LogId, MANIFEST_NAME, MANIFEST_TEMPORARY_NAME, VERSION, array_at, u32_at, u64_at};
use crate::error::{Error, Result};

const MAGIC: [u8; 8] = *b"CADULOGM";
pub(super) const MANIFEST_BYTES: usize = 68;

/// What the manifest says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) id: LogId,
    /// Every segment is sealed and `boundary_sequence` is the sequence that comes next.
    pub(super) closed: bool,
    /// First segment that is retained.
    pub(super) first_segment: u64,
    /// Sequence of its first unit.
    pub(super) first_sequence: u64,
    /// One past the last segment.
    pub(super) next_segment: u64,
    /// Closed: the next sequence of the log. Open: the first sequence of the last segment.
    pub(super) boundary_sequence: u64,
}

impl Manifest {
    pub(super) fn new(id: LogId) -> Self {
        Self { id, closed: true, first_segment: 0, first_sequence: 0, next_segment: 0, boundary_sequence: 0 }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(MANIFEST_BYTES);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&u32::from(self.closed).to_le_bytes());
        out.extend_from_slice(&self.id.0);
        for field in [self.first_segment, self.first_sequence, self.next_segment, self.boundary_sequence] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        let checksum = crc32c::crc32c(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }

    fn decode(bytes: &[u8], path: &Path) -> Result<Self> {
        let fail = |offset, reason: String| Err(Error::corrupt(path, offset, reason));
        if bytes.len() != MANIFEST_BYTES {
            return fail(0, format!("the manifest has {MANIFEST_BYTES} bytes, not {}", bytes.len()));
        }
        if array_at(bytes, 0) != MAGIC {
            return fail(0, "not a manifest of a segment log".to_owned());
        }
        if u32_at(bytes, 64) != crc32c::crc32c(bytes.get(..64).unwrap_or_default()) {
            return fail(0, "the checksum of the manifest does not match".to_owned());
        }
        if u32_at(bytes, 8) != VERSION {
            return fail(8, format!("format version {} is not known, this program reads {VERSION}", u32_at(bytes, 8)));
        }
        let closed = match u32_at(bytes, 12) {
            0 => false,
            1 => true,
            state => return fail(12, format!("unknown state {state}")),
        };
        let manifest = Self {
            id: LogId(array_at(bytes, 16)),
            closed,
            first_segment: u64_at(bytes, 32),
            first_sequence: u64_at(bytes, 40),
            next_segment: u64_at(bytes, 48),
            boundary_sequence: u64_at(bytes, 56),
        };
        if manifest.first_segment > manifest.next_segment || manifest.next_segment == u64::MAX {
            return fail(32, "the span of segments makes no sense".to_owned());
        }
        Ok(manifest)
    }

    /// Reads the manifest of a log; `None` when there is no such file.
    pub(super) fn load(fs: &dyn FileSystem, dir: &Path) -> Result<Option<Self>> {
        let path = dir.join(MANIFEST_NAME);
        let file = match fs.open_read(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("open", &path, error)),
        };
        let mut bytes = [0; MANIFEST_BYTES + 1]; // one more, so that a longer file is noticed
        let read = read_up_to_at(&*file, &mut bytes, 0).map_err(|error| Error::io("read", &path, error))?;
        Self::decode(bytes.get(..read).unwrap_or_default(), &path).map(Some)
    }

    /// Replaces the manifest on disk. [`StoreFailure::Barrier`] means that a sync failed.
    pub(super) fn store(&self, fs: &dyn FileSystem, dir: &Path) -> std::result::Result<(), StoreFailure> {
        let temporary = dir.join(MANIFEST_TEMPORARY_NAME);
        let path = dir.join(MANIFEST_NAME);
        let plain = |action, path: &Path, error| StoreFailure::Write(Error::io(action, path, error));
        let barrier = |action, path: &Path, error| StoreFailure::Barrier(Error::io(action, path, error));
        let file = fs.create(&temporary).map_err(|error| plain("create", &temporary, error))?;
        write_all_at(&*file, &self.encode(), 0).map_err(|error| plain("write", &temporary, error))?;
        file.sync_all().map_err(|error| barrier("sync", &temporary, error))?;
        fs.rename(&temporary, &path).map_err(|error| plain("replace", &path, error))?;
        fs.sync_dir(dir).map_err(|error| barrier("sync", dir, error))
    }
}

/// How a step of several writes and barriers failed.
#[derive(Debug)]
pub(super) enum StoreFailure {
    /// Before anything took effect: may be tried again.
    Write(Error),
    /// In a barrier: what is on disk is unknown.
    Barrier(Error),
}

impl StoreFailure {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Write(error) | Self::Barrier(error) => error,
        }
    }
}
