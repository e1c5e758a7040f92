//! A file system that fails on demand and counts barriers.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};

use store::segment_log::{FileSystem, LogFile, OsFileSystem};

/// What is to fail, and what was counted.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// Bytes that may still be written or reserved; `u64::MAX` for no limit.
    pub(crate) space_bytes: AtomicU64,
    /// Every write takes at most so many bytes; 0 for no limit.
    pub(crate) longest_write_bytes: AtomicU64,
    /// This write call fails, counted from 1 on; 0 for none.
    pub(crate) fail_write_call: AtomicU64,
    /// As does every one from this on; 0 for none.
    pub(crate) fail_writes_from: AtomicU64,
    pub(crate) write_calls: AtomicU64,
    pub(crate) fail_sync_data: AtomicBool,
    pub(crate) fail_sync_all: AtomicBool,
    pub(crate) fail_rename: AtomicBool,
    pub(crate) sync_data_calls: AtomicU64,
    pub(crate) sync_all_calls: AtomicU64,
    /// While true, `sync_data` waits: so that callers pile up behind one barrier.
    pub(crate) hold_sync: Mutex<bool>,
    pub(crate) released: Condvar,
}

#[derive(Debug, Clone)]
pub(crate) struct FaultyFileSystem(pub(crate) Arc<Faults>);

struct FaultyFile {
    file: Arc<dyn LogFile>,
    faults: Arc<Faults>,
}

impl FaultyFileSystem {
    pub(crate) fn new() -> (Arc<Self>, Arc<Faults>) {
        let faults = Arc::new(Faults { space_bytes: AtomicU64::new(u64::MAX), ..Faults::default() });
        (Arc::new(Self(faults.clone())), faults)
    }

    fn wrap(&self, file: Arc<dyn LogFile>) -> Arc<dyn LogFile> {
        Arc::new(FaultyFile { file, faults: self.0.clone() })
    }
}

impl Faults {
    /// Takes up to `wanted` bytes of the space that is left.
    fn take_space(&self, wanted: u64) -> io::Result<u64> {
        let left = self.space_bytes.load(SeqCst);
        if left == u64::MAX {
            return Ok(wanted);
        }
        if left == 0 && wanted > 0 {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        let taken = wanted.min(left);
        self.space_bytes.store(left - taken, SeqCst);
        Ok(taken)
    }

    pub(crate) fn hold(&self, held: bool) {
        *self.hold_sync.lock().unwrap() = held;
        self.released.notify_all();
    }
}

impl LogFile for FaultyFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let call = self.faults.write_calls.fetch_add(1, SeqCst) + 1;
        let from = self.faults.fail_writes_from.load(SeqCst);
        if call == self.faults.fail_write_call.load(SeqCst) || (from > 0 && call >= from) {
            return Err(io::Error::other("injected: the write failed"));
        }
        let mut length = bytes.len() as u64;
        let longest = self.faults.longest_write_bytes.load(SeqCst);
        if longest > 0 {
            length = length.min(longest);
        }
        let length = usize::try_from(self.faults.take_space(length)?).unwrap();
        self.file.write_at(&bytes[..length], offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.faults.sync_data_calls.fetch_add(1, SeqCst);
        let held = self.faults.hold_sync.lock().unwrap();
        drop(self.faults.released.wait_while(held, |held| *held).unwrap());
        if self.faults.fail_sync_data.load(SeqCst) {
            return Err(io::Error::other("injected: the disk did not confirm"));
        }
        self.file.sync_data()
    }
    fn sync_all(&self) -> io::Result<()> {
        self.faults.sync_all_calls.fetch_add(1, SeqCst);
        if self.faults.fail_sync_all.load(SeqCst) {
            return Err(io::Error::other("injected: the disk did not confirm"));
        }
        self.file.sync_all()
    }
    fn allocate(&self, length_bytes: u64) -> io::Result<()> {
        if self.faults.take_space(length_bytes)? < length_bytes {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        self.file.allocate(length_bytes)
    }
    fn set_len(&self, length_bytes: u64) -> io::Result<()> {
        self.file.set_len(length_bytes)
    }
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}

impl FileSystem for FaultyFileSystem {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn LogFile>> {
        Ok(self.wrap(OsFileSystem.create(path)?))
    }
    fn open_write(&self, path: &Path) -> io::Result<Arc<dyn LogFile>> {
        Ok(self.wrap(OsFileSystem.open_write(path)?))
    }
    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn LogFile>> {
        Ok(self.wrap(OsFileSystem.open_read(path)?))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if self.0.fail_rename.load(SeqCst) {
            return Err(io::Error::other("injected: no rename"));
        }
        OsFileSystem.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        OsFileSystem.remove(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        OsFileSystem.sync_dir(path)
    }
}
