//! Blocks that were proposed and not decided yet, on disk before anyone votes on them.
//!
//! The engine's write-ahead log holds votes and hashes only. A node that voted for a block must be able to
//! commit it after a crash, and one that proposed must propose the same again for the same (height, round).

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use ledger::{Digest, PublicKey, Signature};

use crate::Error;

/// The file is emptied once it is longer than this and nothing in it is needed.
const EMPTY_BYTES: u64 = 8 << 20;
/// The file is written anew with what is needed once it is longer than this.
const REWRITE_BYTES: u64 = 64 << 20;
/// A block that was proposed more often than this at one height is not kept again.
const PER_HEIGHT: usize = 64;
/// Before a record: its length and its digest.
pub(crate) const FRAME_BYTES: usize = 4 + 32;
/// The file below a node's data directory.
pub(crate) const UNDECIDED_FILE: &str = "undecided";

/// A proposed block, with what its proposer signed about the stream.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Undecided {
    pub(crate) height: u64,
    pub(crate) round: u32,
    pub(crate) hash: Digest,
    pub(crate) proposer: PublicKey,
    pub(crate) signature: Signature,
    pub(crate) block: Vec<u8>,
}

/// See the module.
pub(crate) struct UndecidedStore {
    path: PathBuf,
    file: File,
    bytes: u64,
    limits: (u64, u64),
    kept: BTreeMap<(u64, u32, Digest), Undecided>,
}

impl UndecidedStore {
    /// Opens or creates the file; what a crash cut off at its end is dropped: it was not answered for.
    pub(crate) fn open(path: &Path, decided: u64) -> Result<Self, Error> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(Error::io(path))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(Error::io(path))?;
        let mut kept = BTreeMap::new();
        let mut at = 0;
        while let Some((record, next)) = record_at(&bytes, at) {
            if record.height > decided {
                kept.insert((record.height, record.round, record.hash), record);
            }
            at = next;
        }
        file.set_len(at as u64).map_err(Error::io(path))?;
        file.seek(SeekFrom::End(0)).map_err(Error::io(path))?;
        Ok(Self { path: path.to_owned(), file, bytes: at as u64, limits: (EMPTY_BYTES, REWRITE_BYTES), kept })
    }

    /// Keeps a block; it is on disk when this returns.
    pub(crate) fn insert(&mut self, record: Undecided) -> Result<(), Error> {
        let key = (record.height, record.round, record.hash);
        if self.kept.contains_key(&key) || self.of_height(record.height).count() >= PER_HEIGHT {
            return Ok(());
        }
        let framed = framed(&record);
        self.file.write_all(&framed).and_then(|()| self.file.sync_data()).map_err(Error::io(&self.path))?;
        self.bytes += framed.len() as u64;
        self.kept.insert(key, record);
        Ok(())
    }

    /// All of one height.
    pub(crate) fn of_height(&self, height: u64) -> impl Iterator<Item = &Undecided> {
        self.kept
            .range((height, 0, Digest::ZERO)..)
            .take_while(move |((at, ..), _)| *at == height)
            .map(|(_, record)| record)
    }

    /// What one validator proposed in one round.
    pub(crate) fn of_proposer(&self, height: u64, round: u32, proposer: &PublicKey) -> Option<&Undecided> {
        self.of_height(height).find(|record| record.round == round && record.proposer == *proposer)
    }

    /// One block's record, whichever round it came in.
    pub(crate) fn find(&self, height: u64, hash: &Digest) -> Option<&Undecided> {
        self.of_height(height).find(|record| record.hash == *hash)
    }

    /// Forgets what is decided.
    pub(crate) fn prune(&mut self, decided: u64) -> Result<(), Error> {
        self.kept.retain(|(height, ..), _| *height > decided);
        if self.kept.is_empty() && self.bytes > self.limits.0 {
            // No barrier: if this is lost, records of decided heights come back and are passed over.
            self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0))).map_err(Error::io(&self.path))?;
            self.bytes = 0;
        } else if self.bytes > self.limits.1 {
            self.rewrite()?;
        }
        Ok(())
    }

    /// Puts a file in place that holds what is needed and nothing else; a crash leaves the one or the other.
    fn rewrite(&mut self) -> Result<(), Error> {
        let fresh = self.path.with_extension("new");
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&fresh)
            .map_err(Error::io(&fresh))?;
        let mut bytes = 0;
        for record in self.kept.values() {
            let framed = framed(record);
            file.write_all(&framed).map_err(Error::io(&fresh))?;
            bytes += framed.len() as u64;
        }
        file.sync_all().and_then(|()| std::fs::rename(&fresh, &self.path)).map_err(Error::io(&fresh))?;
        if let Some(dir) = self.path.parent() {
            File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::io(dir))?;
        }
        (self.file, self.bytes) = (file, bytes);
        Ok(())
    }
}

fn framed(record: &Undecided) -> Vec<u8> {
    let body = ledger::encode(record);
    let mut framed = Vec::with_capacity(body.len() + FRAME_BYTES);
    framed.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
    framed.extend_from_slice(ledger::sha256(&body).as_bytes());
    framed.extend_from_slice(&body);
    framed
}

impl Undecided {
    pub(crate) fn bytes(&self) -> Bytes {
        Bytes::from(self.block.clone())
    }
}

fn record_at(bytes: &[u8], at: usize) -> Option<(Undecided, usize)> {
    let length = bytes.get(at..at.checked_add(4)?)?;
    let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
    let start = at.checked_add(FRAME_BYTES)?;
    let end = start.checked_add(length)?;
    let body = bytes.get(start..end)?;
    if bytes.get(at + 4..start)? != ledger::sha256(body).as_bytes() {
        return None;
    }
    Some((ledger::decode("undecided block", body).ok()?, end))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn record(height: u64, round: u32, byte: u8) -> Undecided {
        Undecided {
            height,
            round,
            hash: Digest([byte; 32]),
            proposer: PublicKey([1; 32]),
            signature: Signature([0; 64]),
            block: vec![byte; 100],
        }
    }

    #[test]
    fn what_was_kept_is_found_after_reopening_and_what_is_decided_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("undecided");
        let mut store = UndecidedStore::open(&path, 0).unwrap();
        for one in [record(1, 0, 1), record(2, 0, 2), record(2, 1, 3)] {
            store.insert(one).unwrap();
        }
        drop(store);
        let store = UndecidedStore::open(&path, 1).unwrap();
        assert_eq!(store.find(1, &Digest([1; 32])), None);
        assert_eq!(store.of_proposer(2, 1, &PublicKey([1; 32])), Some(&record(2, 1, 3)));
        assert_eq!(store.of_height(2).count(), 2);
    }

    #[test]
    fn a_record_cut_off_at_any_byte_is_dropped_and_the_file_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("undecided");
        let mut store = UndecidedStore::open(&path, 0).unwrap();
        store.insert(record(1, 0, 1)).unwrap();
        let whole = std::fs::metadata(&path).unwrap().len();
        store.insert(record(1, 1, 2)).unwrap();
        drop(store);
        let bytes = std::fs::read(&path).unwrap();
        for cut in whole..bytes.len() as u64 {
            std::fs::write(&path, &bytes[..usize::try_from(cut).unwrap()]).unwrap();
            let mut store = UndecidedStore::open(&path, 0).unwrap();
            assert_eq!(store.of_height(1).count(), 1);
            store.insert(record(1, 2, 3)).unwrap();
            drop(store);
            assert_eq!(UndecidedStore::open(&path, 0).unwrap().of_height(1).count(), 2);
        }
    }

    #[test]
    fn a_height_with_too_many_proposals_does_not_grow_further() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = UndecidedStore::open(&dir.path().join("undecided"), 0).unwrap();
        for round in 0..100 {
            store.insert(record(5, round, 1)).unwrap();
        }
        assert_eq!(store.of_height(5).count(), PER_HEIGHT);
    }

    #[test]
    fn the_file_does_not_grow_for_ever_and_keeps_what_is_needed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("undecided");
        let mut store = UndecidedStore::open(&path, 0).unwrap();
        store.limits = (500, 1_000);
        let bytes = || std::fs::metadata(&path).unwrap().len();
        for height in 1..50 {
            store.insert(record(height, 0, 1)).unwrap();
            // The next height's is there already, so the file is never free of what is needed.
            store.insert(record(height + 1, 0, 1)).unwrap();
            store.prune(height).unwrap();
            assert!(bytes() < 1_500, "{}", bytes());
        }
        drop(store);
        let mut store = UndecidedStore::open(&path, 49).unwrap();
        assert_eq!(store.of_height(50).count(), 1);
        store.limits = (1, 1_000);
        store.prune(50).unwrap();
        assert_eq!(bytes(), 0);
        store.insert(record(51, 0, 1)).unwrap();
        assert_eq!(UndecidedStore::open(&path, 50).unwrap().of_height(51).count(), 1);
    }
}
