//! Reading what a node keeps on disk while the node is not running: for checks, which repair nothing.

mod proposals;
mod votes;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use ledger::{CommitCertificate, Digest};
use store::segment_log::{Problem, ProblemKind, ReadOnlyLog, Reader};

use crate::Error;
use crate::blocks::{BLOCKS_DIR, contents};
use crate::undecided::UNDECIDED_FILE;

/// The engine's write-ahead log below a node's data directory.
const VOTES_FILE: &str = "votes.wal";

/// Where what an interrupted write left begins, if anything is; or the place of what is wrong, and the reason.
type Walked = Result<Option<usize>, (usize, String)>;

/// Checks the votes and the proposed blocks that a node keeps beside its blocks: checksums, encodings, signatures under the
/// network, and heights against `decided`, the height of the node's last block. A file that is not there holds nothing.
///
/// Like [`store::segment_log::check`] it reads only, and tells what is wrong in problems: [`ProblemKind::TornTail`] is what
/// an interrupted write left at the end of a file, which the node drops when it starts.
///
/// # Errors
/// [`Error::Io`] where a file cannot be read.
pub fn check_votes_and_proposals(data_dir: &Path, network: &Digest, decided: u64) -> Result<Vec<Problem>, Error> {
    let mut problems = Vec::new();
    let votes: &dyn Fn(&[u8]) -> Walked = &|bytes| votes::walk(bytes, network, decided);
    let proposals: &dyn Fn(&[u8]) -> Walked = &|bytes| proposals::walk(bytes, network);
    for (name, walk) in [(VOTES_FILE, votes), (UNDECIDED_FILE, proposals)] {
        let file = data_dir.join(name);
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::io(file)(error)),
        };
        let (kind, offset, reason) = match walk(&bytes) {
            Ok(None) => continue,
            Ok(Some(at)) => (ProblemKind::TornTail, at, "an interrupted write begins here".into()),
            Err((at, reason)) => (ProblemKind::Corrupt, at, reason),
        };
        problems.push(Problem { kind, file, offset: offset as u64, reason });
    }
    Ok(problems)
}

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
