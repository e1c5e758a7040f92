//! Where the blocks of personal chains lie in the event log: a sled index that can be deleted at any time.
//!
//! Only blocks that continue their chain are in it: openings signed by the patient, blocks signed by a writer whom the patient
//! named. Whatever else stands in the topic is passed over and counted. Each batch of entries is applied together with the marker of
//! its partition, which says of what network and how far.

mod generation;
mod keys;

use std::collections::BTreeMap;
use std::path::Path;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Digest, decode, encode, sha256};
use phc::{Block, ChainState};
use stream::Record;

pub(super) use generation::Fault;
use generation::Generation;

/// Version of the entries: another one is built anew.
const VERSION: u32 = 1;

/// What the index was found to be in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// It had applied everything.
    Current,
    /// It had applied what lies below this offset.
    Behind(u64),
    /// There was none.
    Missing,
    /// It is of another network, log or version, or ahead of the log: it was built anew.
    Foreign,
    /// sled could not read it, or it said what is not so: it was built anew.
    Damaged,
}

/// How far a partition was applied, and of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Marker {
    version: u32,
    network: Digest,
    /// Partitions of the topic.
    partitions: u32,
    /// The next offset.
    pub(super) through: u64,
    /// The last record that was applied: its offset, and the digest of its key and value.
    pub(super) last: (u64, Digest),
}

/// Where a block lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Place {
    pub(super) partition: u32,
    pub(super) offset: u64,
}

/// A block with a batch of the category asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    /// Its last event time.
    pub(super) to_ms: i64,
    /// Its height.
    pub(super) height: u64,
}

/// The index of one network's personal chains.
pub(super) struct Index {
    network: Digest,
    partitions: u32,
    generation: Generation,
}

/// Digest of a record, for the marker.
pub(super) fn digest_of(record: &Record) -> Digest {
    sha256(&encode(&(record.key.as_ref(), record.value.as_ref())))
}

impl Index {
    /// Opens the newest database of the folder; says what was found where it cannot be gone on with.
    pub(super) fn open(dir: &Path, network: Digest, partitions: u32) -> Result<(Self, Option<Found>), Fault> {
        let (generation, found) = Generation::newest(dir)?;
        let mut index = Self { network, partitions, generation };
        if found.is_some() {
            return Ok((index, found));
        }
        // Every marker is looked at now: one that is foreign makes the whole index so.
        let found = match index.markers() {
            Ok(true) => return Ok((index, None)),
            Ok(false) => Found::Foreign,
            Err(Fault::Damage(_)) => Found::Damaged,
            Err(fault) => return Err(fault),
        };
        index.begin_anew()?;
        Ok((index, Some(found)))
    }

    /// Begins again with nothing in it.
    pub(super) fn begin_anew(&mut self) -> Result<(), Fault> {
        self.generation = self.generation.next()?;
        Ok(())
    }

    /// Whether every marker is of this network, this count of partitions and this version.
    fn markers(&self) -> Result<bool, Fault> {
        for (_, value) in self.generation.range(&[keys::MARKER], &[keys::MARKER + 1], usize::MAX)? {
            let marker = self.read_marker(&value)?;
            if (marker.version, marker.network, marker.partitions) != (VERSION, self.network, self.partitions) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn read_marker(&self, bytes: &[u8]) -> Result<Marker, Fault> {
        decode("marker", bytes).map_err(Fault::damage)
    }

    pub(super) fn marker(&self, partition: u32) -> Result<Option<Marker>, Fault> {
        self.generation.get(&keys::marker(partition))?.map(|bytes| self.read_marker(&bytes)).transpose()
    }

    /// Applies records of a partition in order, with the marker, as one.
    pub(super) fn apply(&self, partition: u32, records: &[Record]) -> Result<(), Fault> {
        let Some(last) = records.last() else { return Ok(()) };
        let mut changes = Changes { index: self, changes: BTreeMap::new() };
        for record in records {
            changes.take(partition, record)?;
        }
        let marker = Marker {
            version: VERSION,
            network: self.network,
            partitions: self.partitions,
            through: last.offset.saturating_add(1),
            last: (last.offset, digest_of(last)),
        };
        let Changes { mut changes, .. } = changes;
        changes.insert(keys::marker(partition), encode(&marker));
        self.generation.apply(changes)
    }

    /// Where a block lies.
    pub(super) fn place(&self, chain: &Digest, height: u64) -> Result<Option<Place>, Fault> {
        let bytes = self.generation.get(&keys::place(chain, height))?;
        bytes.map(|bytes| decode("place", &bytes).map_err(Fault::damage)).transpose()
    }

    /// Blocks with a batch of the category whose events lie in `from_ms ≤ t < to_ms`, ascending by last event time and height,
    /// from `first` on, at most `most`.
    pub(super) fn slots(
        &self,
        chain: &Digest,
        category: u8,
        from_ms: i64,
        to_ms: i64,
        first: Option<Slot>,
        most: usize,
    ) -> Result<Vec<Slot>, Fault> {
        let longest = self.generation.get(&keys::longest(chain, category))?;
        let Some(longest) = longest.map(|bytes| decode::<i64>("span", &bytes).map_err(Fault::damage)).transpose()?
        else {
            return Ok(Vec::new());
        };
        let from = first.unwrap_or(Slot { to_ms: from_ms, height: 0 }).max(Slot { to_ms: from_ms, height: 0 });
        // Nothing that begins before `to_ms` ends later than by the longest block.
        let end = Slot { to_ms: to_ms.saturating_add(longest), height: u64::MAX };
        let (start, end) = (keys::slot(chain, category, from), keys::slot(chain, category, end));
        let mut found = Vec::new();
        let mut after = start;
        loop {
            const STEP: usize = 256;
            let entries = self.generation.range(&after, &end, STEP)?;
            let whole = entries.len() < STEP;
            for (key, value) in &entries {
                let slot = keys::read_slot(key).ok_or_else(|| Fault::damage("a key of another length"))?;
                if decode::<i64>("first event", value).map_err(Fault::damage)? < to_ms {
                    found.push(slot);
                    if found.len() >= most {
                        return Ok(found);
                    }
                }
            }
            let Some((last, _)) = entries.last().filter(|_| !whole) else { return Ok(found) };
            after = [last.as_slice(), &[0]].concat();
        }
    }

    /// Heights below this one whose blocks carry the patient's directives, ascending.
    pub(super) fn directives(&self, chain: &Digest, below: u64) -> Result<Vec<u64>, Fault> {
        let (from, to) = (keys::directives(chain, 0), keys::directives(chain, below));
        let entries = self.generation.range(&from, &to, usize::MAX)?;
        entries
            .iter()
            .map(|(key, _)| keys::read_height(key).ok_or_else(|| Fault::damage("a key of another length")))
            .collect()
    }
}

/// Entries that are applied together.
struct Changes<'a> {
    index: &'a Index,
    changes: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Changes<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        match self.changes.get(key) {
            Some(value) => Ok(Some(value.clone())),
            None => self.index.generation.get(key),
        }
    }

    /// One record of the topic.
    fn take(&mut self, partition: u32, record: &Record) -> Result<(), Fault> {
        let Ok(chain) = record.key.as_ref().try_into().map(Digest) else {
            return pass_over(record, "its key is no chain");
        };
        let block = match Block::decode(&record.value) {
            Ok(block) => block,
            Err(error) => return pass_over(record, error),
        };
        let state = match self.get(&keys::state(&chain))? {
            Some(bytes) => Some(decode::<ChainState>("state", &bytes).map_err(Fault::damage)?),
            None => None,
        };
        match follow(self.index.network, chain, state, &block) {
            Ok(state) => self.enter(chain, &block, Place { partition, offset: record.offset }, &state),
            Err(reason) => pass_over(record, reason),
        }
    }

    fn enter(&mut self, chain: Digest, block: &Block, place: Place, state: &ChainState) -> Result<(), Fault> {
        let header = &block.header;
        self.changes.insert(keys::state(&chain), encode(state));
        self.changes.insert(keys::place(&chain, header.height), encode(&place));
        if !block.body.directives.is_empty() {
            self.changes.insert(keys::directives(&chain, header.height), Vec::new());
        }
        let (from_ms, to_ms) = (header.events.from_ms, header.events.to_ms);
        for batch in &header.batches {
            let key = keys::longest(&chain, batch.category);
            let longest = match self.get(&key)? {
                Some(bytes) => decode::<i64>("span", &bytes).map_err(Fault::damage)?,
                None => 0,
            };
            self.changes.insert(key, encode(&longest.max(to_ms.saturating_sub(from_ms))));
            self.changes
                .insert(keys::slot(&chain, batch.category, Slot { to_ms, height: header.height }), encode(&from_ms));
        }
        Ok(())
    }
}

/// The chain's state after a block that continues it.
fn follow(network: Digest, chain: Digest, state: Option<ChainState>, block: &Block) -> Result<ChainState, String> {
    let text = |error: phc::Error| error.to_string();
    let Some(mut state) = state else {
        let (opened, state) = ChainState::open(network, block).map_err(text)?;
        return if opened.id == chain { Ok(state) } else { Err("the opening is that of another chain".into()) };
    };
    let chain = ledger::Chain { network, id: chain };
    let (writer, hash, signature) = state.advance(&chain, block).map_err(text)?;
    writer.verify(&hash, &signature).map_err(|_| "the block is not signed by its writer".to_owned())?;
    Ok(state)
}

/// What continues no chain stops nothing; it is counted.
fn pass_over(record: &Record, reason: impl std::fmt::Display) -> Result<(), Fault> {
    metrics::counter!("caduceus_portal_blocks_passed_over_total").increment(1);
    tracing::warn!(partition = record.partition, offset = record.offset, %reason, "a record of phc.blocks continues no chain");
    Ok(())
}
