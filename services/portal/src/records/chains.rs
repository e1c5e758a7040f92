//! Blocks of personal chains, found through the index and read from the event log.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use ledger::{Digest, Signature};
use phc::{Block, Directive, Opening};
use stream::topics::PHC_BLOCKS;
use stream::{EventLog, partition_of};
use tokio::sync::{Mutex, MutexGuard};

use super::index::{Fault, Found, Index, Place, Slot, digest_of};
use crate::Error;

/// Records of the topic that are applied to the index at once.
const BATCH_RECORDS: usize = 256;

/// The personal chains of one network.
pub(crate) struct Chains {
    log: Arc<dyn EventLog>,
    dir: PathBuf,
    network: Digest,
    open: Mutex<Option<Open>>,
}

/// The index while it is open.
struct Open {
    index: Index,
    partitions: u32,
    /// Partitions whose marker was compared with the log, and which were applied to their end then.
    applied: BTreeSet<u32>,
    /// What was found, in the order in which it was.
    found: Vec<Found>,
}

impl Chains {
    /// Over the log; the index in `dir` is opened when it is first needed.
    pub(crate) fn new(log: Arc<dyn EventLog>, dir: PathBuf, network: Digest) -> Self {
        Self { log, dir, network, open: Mutex::new(None) }
    }

    /// A block; [`None`] where the chain had no such height when [`slots`](Self::slots) was last asked for.
    pub(super) async fn block(&self, chain: &Digest, height: u64) -> Result<Option<Block>, Error> {
        for _ in 0..2 {
            let Some(place) = self.ask(chain, false, |index| index.place(chain, height)).await? else {
                return Ok(None);
            };
            if let Some(block) = self.read(chain, height, place).await? {
                return Ok(Some(block));
            }
            self.discard("it names a place where the block is not").await?;
        }
        Err(Error::storage("read a block", "the log does not hold what it held when it was indexed"))
    }

    /// The block at a place; [`None`] where another record lies there.
    async fn read(&self, chain: &Digest, height: u64, place: Place) -> Result<Option<Block>, Error> {
        let mut scan = self.log.scan(&PHC_BLOCKS, place.partition, place.offset).await?;
        let records = scan.next(1).await?;
        let record = records.first().filter(|record| record.offset == place.offset && record.key.as_ref() == chain.0);
        let block = record.and_then(|record| Block::decode(&record.value).ok());
        Ok(block.filter(|block| block.header.height == height))
    }

    /// Blocks with a batch of the category whose events lie in `from_ms ≤ t < to_ms`, ascending by last event time and height,
    /// from `first` on, at most `most`.
    pub(super) async fn slots(
        &self,
        chain: &Digest,
        category: u8,
        (from_ms, to_ms): (i64, i64),
        first: Option<Slot>,
        most: usize,
    ) -> Result<Vec<Slot>, Error> {
        self.ask(chain, true, |index| index.slots(chain, category, from_ms, to_ms, first, most)).await
    }

    /// The patient's own word on who may write, up to the blocks below a height.
    pub(super) async fn signed_by_patient(&self, chain: &Digest, below: u64) -> Result<SignedByPatient, Error> {
        let lost = || Error::storage("read a block", "the chain's opening is not in the log");
        let opening = self.block(chain, 0).await?.and_then(|block| block.body.opening).ok_or_else(lost)?;
        let mut directives = Vec::new();
        for height in self.ask(chain, false, |index| index.directives(chain, below)).await? {
            let block = self.block(chain, height).await?.ok_or_else(lost)?;
            directives.extend(block.body.directives.into_iter().map(|directive| (height, directive)));
        }
        Ok(SignedByPatient { opening, directives })
    }

    /// Asks the index; where `latest`, once it has applied the whole partition as it is now. Where it is damaged, builds it anew and
    /// asks again.
    async fn ask<T>(
        &self,
        chain: &Digest,
        latest: bool,
        question: impl Fn(&Index) -> Result<T, Fault>,
    ) -> Result<T, Error> {
        let mut guard = self.open.lock().await;
        let mut damage = String::new();
        for _ in 0..2 {
            let open = self.opened(&mut guard).await?;
            let partition = partition_of(&chain.0, open.partitions);
            let behind = latest || !open.applied.contains(&partition);
            let caught_up = if behind { self.catch_up(open, partition).await? } else { Ok(()) };
            let answer = caught_up.and_then(|()| question(&open.index));
            match answer {
                Ok(answer) => return Ok(answer),
                Err(Fault::Disk(reason)) => return Err(Error::storage("use the index of personal chains", reason)),
                Err(Fault::Damage(reason)) => {
                    rebuild(&mut guard, Found::Damaged, &reason)?;
                    damage = reason;
                }
            }
        }
        Err(Error::storage("build the index of personal chains anew", damage))
    }

    async fn discard(&self, reason: &str) -> Result<(), Error> {
        rebuild(&mut self.open.lock().await, Found::Damaged, reason)
    }

    async fn opened<'a>(&self, guard: &'a mut MutexGuard<'_, Option<Open>>) -> Result<&'a mut Open, Error> {
        if guard.is_none() {
            let partitions = self.log.partitions(&PHC_BLOCKS).await?;
            let (dir, network) = (self.dir.clone(), self.network);
            let opening = tokio::task::spawn_blocking(move || Index::open(&dir, network, partitions));
            let failed = |error: &dyn std::fmt::Display| Error::storage("open the index of personal chains", error);
            let (index, found) = opening.await.map_err(|error| failed(&error))?.map_err(|fault| failed(&fault))?;
            **guard = Some(Open { index, partitions, applied: BTreeSet::new(), found: found.into_iter().collect() });
        }
        guard.as_mut().ok_or(Error::Ended("the index of personal chains"))
    }

    /// Applies what the partition holds beyond the marker. The outer error is the log's, the inner one the index's.
    async fn catch_up(&self, open: &mut Open, partition: u32) -> Result<Result<(), Fault>, Error> {
        let marker = match open.index.marker(partition) {
            Ok(marker) => marker,
            Err(fault) => return Ok(Err(fault)),
        };
        let mut from = marker.map_or(0, |marker| marker.through);
        if !open.applied.contains(&partition)
            && let Some(marker) = marker
        {
            let held = self.log.scan(&PHC_BLOCKS, partition, marker.last.0).await?.next(1).await?;
            let same = held.first().is_some_and(|record| (record.offset, digest_of(record)) == marker.last);
            let end = self.log.end(&PHC_BLOCKS, partition).await?;
            if !same || marker.through > end {
                if let Err(fault) = open.begin_anew() {
                    return Ok(Err(fault));
                }
                open.found.push(Found::Foreign);
                tracing::warn!(partition, "the index of personal chains is of another log and is built anew");
                from = 0;
            } else {
                open.found.push(if marker.through == end { Found::Current } else { Found::Behind(marker.through) });
            }
        }
        let mut scan = self.log.scan(&PHC_BLOCKS, partition, from).await?;
        loop {
            let records = scan.next(BATCH_RECORDS).await?;
            if records.is_empty() {
                open.applied.insert(partition);
                return Ok(Ok(()));
            }
            if let Err(fault) = open.index.apply(partition, &records) {
                return Ok(Err(fault));
            }
        }
    }

    #[cfg(test)]
    pub(super) async fn found(&self) -> Vec<Found> {
        self.open.lock().await.as_ref().map(|open| open.found.clone()).unwrap_or_default()
    }
}

impl Open {
    fn begin_anew(&mut self) -> Result<(), Fault> {
        self.applied.clear();
        self.index.begin_anew()
    }
}

fn rebuild(guard: &mut MutexGuard<'_, Option<Open>>, found: Found, reason: &str) -> Result<(), Error> {
    tracing::warn!(reason, "the index of personal chains is built anew");
    if let Some(open) = guard.as_mut() {
        open.begin_anew().map_err(|fault| Error::storage("build the index of personal chains anew", fault))?;
        open.found.push(found);
    }
    Ok(())
}

/// The opening and the directives of a chain, each with the patient's signature.
pub(super) struct SignedByPatient {
    opening: (Opening, Signature),
    /// With the heights of their blocks.
    directives: Vec<(u64, (Directive, Signature))>,
}

impl SignedByPatient {
    /// What was in force for a block.
    pub(super) fn authority(&self, height: u64) -> phc::Authority {
        let before = self.directives.iter().filter(|(carried, _)| *carried < height);
        phc::Authority {
            opening: self.opening.clone(),
            directives: before.map(|(_, directive)| directive.clone()).collect(),
        }
    }
}
