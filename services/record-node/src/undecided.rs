//! Blocks that were proposed and not decided yet, on disk before anyone votes on them.
//!
//! The engine's write-ahead log holds votes and hashes only. A node that voted for a block must be able to
//! commit it after a crash, and one that proposed must propose the same again for the same (height, round).

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
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
/// Blocks kept for one height. One more pushes out another.
const PER_HEIGHT: usize = 64;
/// From this round on the engine asks for every block that it locks on to be sent again, and so names it
/// (`HIDDEN_LOCK_ROUND`). What was proposed in earlier rounds may be locked without a word.
const LOCKS_ARE_NAMED_FROM: u32 = 10;
/// Before a record: its length and its digest.
pub(crate) const FRAME_BYTES: usize = 4 + 32;
/// Of a record's body before its block: height, round, hash, proposer, signature, length of the block.
pub(crate) const FIXED_BYTES: usize = 8 + 4 + 32 + 32 + 64 + 4;
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
    kept: BTreeMap<Key, Undecided>,
    /// The keys, in the order in which the blocks came last.
    order: VecDeque<Key>,
    /// The block that the engine last named as locked.
    locked: Option<Digest>,
}

/// Height, round, hash.
type Key = (u64, u32, Digest);

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
        let (mut kept, mut order) = (BTreeMap::new(), VecDeque::new());
        let mut at = 0;
        while let Some((record, next)) = record_at(&bytes, at) {
            if record.height > decided {
                let key = (record.height, record.round, record.hash);
                if kept.insert(key, record).is_none() {
                    order.push_back(key);
                }
            }
            at = next;
        }
        file.set_len(at as u64).map_err(Error::io(path))?;
        file.seek(SeekFrom::End(0)).map_err(Error::io(path))?;
        let (path, bytes, limits) = (path.to_owned(), at as u64, (EMPTY_BYTES, REWRITE_BYTES));
        Ok(Self { path, file, bytes, limits, kept, order, locked: None })
    }

    /// Keeps a block; where this answers true, it is on disk. Else there is no room, and nobody may vote for it here: a
    /// decision could not be carried out.
    ///
    /// Rounds that lead to nothing may go on for long (clocks that disagree), each with another block. What may be locked
    /// here stays; of the others each proposer's last. Who is locked on one of the rest sends it again before it can be
    /// decided, whenever it proposes it.
    pub(crate) fn insert(&mut self, record: Undecided) -> Result<bool, Error> {
        let key = (record.height, record.round, record.hash);
        if self.kept.contains_key(&key) {
            self.order.retain(|one| *one != key);
            self.order.push_back(key);
            return Ok(true);
        }
        while self.of_height(record.height).count() >= PER_HEIGHT {
            let Some(position) = self.to_go(&record) else { return Ok(false) };
            if let Some(gone) = self.order.remove(position) {
                self.kept.remove(&gone);
            }
        }
        let needed = self.kept.values().map(|record| FRAME_BYTES + FIXED_BYTES + record.block.len()).sum::<usize>();
        if self.bytes > self.limits.1.max(2 * needed as u64) {
            self.rewrite()?;
        }
        let framed = framed(&record);
        self.file.write_all(&framed).and_then(|()| self.file.sync_data()).map_err(Error::io(&self.path))?;
        self.bytes += framed.len() as u64;
        self.kept.insert(key, record);
        self.order.push_back(key);
        Ok(true)
    }

    /// Place in the order of what makes room for another: of whoever has the most then, the block that came longest ago.
    /// So nobody pushes out others' blocks by many of its own, be they of coming rounds or sent again and again.
    fn to_go(&self, another: &Undecided) -> Option<usize> {
        let mut of_proposer: BTreeMap<PublicKey, (usize, Reverse<usize>)> = BTreeMap::new();
        for (position, key) in self.order.iter().enumerate() {
            if let Some(record) = self.kept.get(key).filter(|one| one.height == another.height && self.may_go(key)) {
                let with_it = usize::from(record.proposer == another.proposer);
                of_proposer.entry(record.proposer).or_insert((with_it, Reverse(position))).0 += 1;
            }
        }
        of_proposer.into_values().max().map(|(_, Reverse(oldest))| oldest)
    }

    /// A locked block stays once: others may have proposed the same block in many rounds.
    fn may_go(&self, (height, round, hash): &Key) -> bool {
        *round >= LOCKS_ARE_NAMED_FROM
            && (self.locked != Some(*hash) || self.of_height(*height).filter(|record| record.hash == *hash).count() > 1)
    }

    /// The engine is locked on this block, or proposes it because others may be. A later one replaces it: more than two
    /// thirds of the weight voted for that one after this.
    pub(crate) fn lock(&mut self, hash: Digest) {
        self.locked = Some(hash);
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
        self.order.retain(|(height, ..)| *height > decided);
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
mod tests;
