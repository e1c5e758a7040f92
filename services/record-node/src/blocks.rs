//! Decided blocks with their certificates: one unit of the segment log each, on disk before the decision is acknowledged.

use std::path::Path;
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;
use ledger::CommitCertificate;
use rand_core::{OsRng, RngCore as _};
use store::{LogId, Record, SegmentLog, Settings, Unit, UnitPosition};

use crate::Error;

/// Folder of the block log below a node's data directory.
pub(crate) const BLOCKS_DIR: &str = "blocks";
const BLOCK: u16 = 1;
const CERTIFICATE: u16 = 2;

/// The chain on disk. Unit `n` of the log holds the block of height `n + 1`.
pub(crate) struct BlockStore {
    log: SegmentLog,
    /// Where each height's unit lies; rebuilt from the log when it is opened.
    positions: RwLock<Vec<UnitPosition>>,
}

impl BlockStore {
    /// Opens the log and hands every block to `each`, lowest first.
    pub(crate) fn open(
        dir: &Path,
        mut each: impl FnMut(u64, Bytes, CommitCertificate) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let mut id = [0; 16];
        OsRng.fill_bytes(&mut id);
        let log = SegmentLog::open(dir, LogId(id), Settings::default())?.log;
        let mut positions = Vec::new();
        let mut reader = log.reader();
        while let Some(unit) = reader.next_unit()? {
            positions.push(unit.position);
            let height = positions.len() as u64;
            let (block, certificate) = contents(dir, height, &unit)?;
            each(height, block, certificate)?;
        }
        Ok(Self { log, positions: RwLock::new(positions) })
    }

    /// Height of the last block.
    pub(crate) fn height(&self) -> u64 {
        self.positions.read().unwrap_or_else(PoisonError::into_inner).len() as u64
    }

    /// Appends the next height's block; on disk when this returns.
    pub(crate) fn append(&self, block: &[u8], certificate: &CommitCertificate) -> Result<(), Error> {
        let certificate = ledger::encode(certificate);
        let position = self.log.append(&[Record::new(BLOCK, block), Record::new(CERTIFICATE, &certificate)])?;
        self.positions.write().unwrap_or_else(PoisonError::into_inner).push(position);
        Ok(())
    }

    /// The block of a height with its certificate.
    pub(crate) fn read(&self, height: u64) -> Result<Option<(Bytes, CommitCertificate)>, Error> {
        let index = height.checked_sub(1).and_then(|index| usize::try_from(index).ok());
        let positions = self.positions.read().unwrap_or_else(PoisonError::into_inner);
        let Some(position) = index.and_then(|index| positions.get(index).copied()) else {
            return Ok(None);
        };
        drop(positions);
        contents(self.log.dir(), height, &self.log.read(position)?).map(Some)
    }

    /// Closes the log: its footer says that nothing is missing.
    pub(crate) fn close(&self) -> Result<(), Error> {
        Ok(self.log.close()?)
    }
}

pub(crate) fn contents(dir: &Path, height: u64, unit: &Unit) -> Result<(Bytes, CommitCertificate), Error> {
    let corrupt =
        |reason: String| Error::Corrupt { path: dir.to_owned(), reason: format!("unit of height {height}: {reason}") };
    let records: Vec<_> = unit.shared_records().collect();
    let [(BLOCK, block), (CERTIFICATE, certificate)] = records.as_slice() else {
        return Err(corrupt("it does not hold one block and one certificate".into()));
    };
    let certificate: CommitCertificate =
        ledger::decode("certificate", certificate).map_err(|error| corrupt(error.to_string()))?;
    if certificate.height != height {
        return Err(corrupt(format!("its certificate is for height {}", certificate.height)));
    }
    Ok((block.clone(), certificate))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ledger::Digest;

    fn certificate(height: u64) -> CommitCertificate {
        CommitCertificate { height, round: 0, block: Digest([1; 32]), signatures: Vec::new() }
    }

    #[test]
    fn blocks_come_back_by_height_and_in_order_after_reopening_without_a_close() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlockStore::open(dir.path(), |_, _, _| Ok(())).unwrap();
        for height in 1..=3u8 {
            store.append(&[height; 10], &certificate(height.into())).unwrap();
        }
        drop(store);
        let mut seen = Vec::new();
        let store = BlockStore::open(dir.path(), |height, block, _| {
            seen.push((height, block[0]));
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, [(1, 1), (2, 2), (3, 3)]);
        assert_eq!(store.height(), 3);
        assert_eq!(store.read(2).unwrap().unwrap().0.as_ref(), [2; 10]);
        assert!(store.read(0).unwrap().is_none());
        assert!(store.read(4).unwrap().is_none());
    }

    #[test]
    fn a_certificate_of_another_height_is_corruption() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlockStore::open(dir.path(), |_, _, _| Ok(())).unwrap();
        store.append(&[1], &certificate(7)).unwrap();
        assert!(matches!(store.read(1), Err(Error::Corrupt { .. })));
    }
}
