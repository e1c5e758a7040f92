//! Reading a node's blocks on disk while the node is not running: for checks, which repair nothing.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use ledger::CommitCertificate;
use store::segment_log::{ReadOnlyLog, Reader};

use crate::Error;
use crate::blocks::{BLOCKS_DIR, contents};

/// A decided block on disk, and where it lies.
pub struct StoredBlock {
    /// Height.
    pub height: u64,
    /// The block's bytes.
    pub block: Bytes,
    /// The certificate that it was decided by.
    pub certificate: CommitCertificate,
    /// The segment file.
    pub file: PathBuf,
    /// Offset of its unit in the segment, in bytes.
    pub position: u64,
}

/// The blocks of one node, lowest first.
pub struct StoredBlocks {
    dir: PathBuf,
    reader: Reader,
    height: u64,
}

impl StoredBlocks {
    /// Opens the blocks below a node's data directory for reading only.
    ///
    /// # Errors
    /// [`Error::Store`] where there are none, where a node has them open, or where the log is damaged.
    pub fn open(data_dir: &Path) -> Result<Self, Error> {
        let dir = Self::dir(data_dir);
        let reader = ReadOnlyLog::open(&dir, store::Settings::default())?.reader();
        Ok(Self { dir, reader, height: 0 })
    }

    /// The folder of the block log below a node's data directory.
    pub fn dir(data_dir: &Path) -> PathBuf {
        data_dir.join(BLOCKS_DIR)
    }

    fn read_next(&mut self) -> Result<Option<StoredBlock>, Error> {
        let Some(unit) = self.reader.next_unit()? else { return Ok(None) };
        self.height += 1;
        let (block, certificate) = contents(&self.dir, self.height, &unit)?;
        let file = self.dir.join(format!("{:020}.segment", unit.position.segment));
        Ok(Some(StoredBlock { height: self.height, block, certificate, file, position: unit.position.offset }))
    }
}

impl Iterator for StoredBlocks {
    type Item = Result<StoredBlock, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read_next().transpose()
    }
}
