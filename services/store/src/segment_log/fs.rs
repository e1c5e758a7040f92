//! The seam between the log and the file system, so that tests can count barriers and inject faults.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::layout::UNIT_HEADER_BYTES;

/// One open file of a log.
pub trait LogFile: Send + Sync {
    /// Reads at `offset`; returns the bytes read, 0 at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes at `offset`; may write less than asked.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Forces data to disk (`fdatasync`): the barrier before an acknowledgement.
    fn sync_data(&self) -> io::Result<()>;
    /// Forces data and metadata to disk (`fsync`).
    fn sync_all(&self) -> io::Result<()>;
    /// Reserves disk space for the first `length_bytes` bytes and extends the file to them, reading as zero.
    fn allocate(&self, length_bytes: u64) -> io::Result<()>;
    /// Cuts or extends the file.
    fn set_len(&self, length_bytes: u64) -> io::Result<()>;
    /// Length of the file in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Whether the file has no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// The operations that a log needs from a file system.
pub trait FileSystem: Send + Sync + fmt::Debug {
    /// Creates a file for reading and writing; an existing one is emptied.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn LogFile>>;
    /// Opens an existing file for reading and writing.
    fn open_write(&self, path: &Path) -> io::Result<Arc<dyn LogFile>>;
    /// Opens an existing file for reading only.
    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn LogFile>>;
    /// Renames a file, replacing the target.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Forces the entries of a directory to disk.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
}

/// The operating system's own files.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsFileSystem;

struct OsFile(File);

impl LogFile for OsFile {
    #[cfg(unix)]
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.0, buffer, offset)
    }
    #[cfg(windows)]
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.0, buffer, offset)
    }
    #[cfg(unix)]
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::write_at(&self.0, bytes, offset)
    }
    #[cfg(windows)]
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_write(&self.0, bytes, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }
    fn sync_all(&self) -> io::Result<()> {
        self.0.sync_all()
    }
    fn allocate(&self, length_bytes: u64) -> io::Result<()> {
        fs4::FileExt::allocate(&self.0, length_bytes)?;
        // Where the file system cannot reserve, the length still has to be the promised one.
        if self.0.metadata()?.len() < length_bytes {
            self.0.set_len(length_bytes)?;
        }
        Ok(())
    }
    fn set_len(&self, length_bytes: u64) -> io::Result<()> {
        self.0.set_len(length_bytes)
    }
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

impl FileSystem for OsFileSystem {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn LogFile>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        Ok(Arc::new(OsFile(file)))
    }
    fn open_write(&self, path: &Path) -> io::Result<Arc<dyn LogFile>> {
        Ok(Arc::new(OsFile(OpenOptions::new().read(true).write(true).open(path)?)))
    }
    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn LogFile>> {
        Ok(Arc::new(OsFile(File::open(path)?)))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }
    #[cfg(unix)]
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
    #[cfg(not(unix))]
    fn sync_dir(&self, _path: &Path) -> io::Result<()> {
        Ok(()) // directories cannot be opened for syncing there
    }
}

/// Writes all of `bytes` at `offset`.
pub(super) fn write_all_at(file: &dyn LogFile, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(bytes, offset) {
            Ok(0) => return Err(io::Error::new(io::ErrorKind::WriteZero, "the file takes no more bytes")),
            Ok(written) => {
                bytes = bytes.get(written..).unwrap_or_default();
                offset = offset.saturating_add(written as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads at `offset` until `buffer` is full or the file ends; returns the bytes read.
pub(super) fn read_up_to_at(file: &dyn LogFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset.saturating_add(filled as u64)) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Zeroes what an interrupted write left in `from..to`, its header last: wherever this stops, the place still begins
/// with a torn unit, which the next attempt can tell from damage.
pub(super) fn wipe_torn(file: &dyn LogFile, from: u64, to: u64) -> io::Result<()> {
    let header_end = from.saturating_add(UNIT_HEADER_BYTES).min(to);
    write_zeros(file, header_end, to)?;
    write_zeros(file, from, header_end)
}

/// Overwrites `from..to` with zeros.
pub(super) fn write_zeros(file: &dyn LogFile, from: u64, to: u64) -> io::Result<()> {
    static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
    let mut at = from;
    while at < to {
        let chunk = usize::try_from(to - at).unwrap_or(usize::MAX).min(ZEROS.len());
        write_all_at(file, ZEROS.get(..chunk).unwrap_or_default(), at)?;
        at += chunk as u64;
    }
    Ok(())
}
