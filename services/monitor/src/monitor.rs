//! The loop: read, take in, commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kit::Shutdown;
use ledger::{Digest, KeyPair};
use phc::messages::{ACCESS_REQUESTS, PHC_BLOCKS, READINGS};
use store::BlobStore;
use stream::{Batch, Event, EventLog, Partition, Reader, Record, Writer};
use tokio::sync::watch;
use vitals::Detector;

use crate::commit::{Gathered, gather};
use crate::partition::PartitionWork;
use crate::patients::Slot;
use crate::restore::restore;
use crate::shared::Shared;
use crate::{Error, KeySource, Progress, Randomness, Result, Settings};

/// Records whose patients are looked at before they are taken in.
const AT_ONCE: usize = 16;
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// What a monitor works with.
pub struct Parts {
    /// The event log.
    pub log: Arc<dyn EventLog>,
    /// Where sealed batches and details go.
    pub blobs: BlobStore,
    /// Where the patients' keys come from.
    pub keys: Arc<dyn KeySource>,
    /// The detector.
    pub detector: Arc<Detector>,
    /// The key that patients name as a monitor's.
    pub signer: KeyPair,
    /// The network's id.
    pub network: Digest,
    /// Randomness for nonces, salts and signatures.
    pub randomness: Randomness,
}

/// Turns the readings of the partitions that it is given into blocks and alerts.
pub struct Monitor {
    shared: Shared,
    partitions: BTreeMap<u32, PartitionWork>,
    /// Partitions whose work was dropped and that are still this monitor's, as far as is known.
    stale: BTreeSet<u32>,
    progress: watch::Sender<Progress>,
}

impl Monitor {
    /// A monitor that has not begun. Settings out of bounds are refused.
    pub fn new(parts: Parts, settings: Settings) -> Result<Self> {
        settings.check()?;
        let Parts { log, blobs, keys, detector, signer, network, randomness } = parts;
        let model = Digest(detector.cohort().map_or([0; 32], vitals::CohortModel::hash));
        let own = signer.public();
        let shared = Shared {
            log,
            blobs,
            keys,
            detector,
            model,
            signer,
            own,
            network,
            settings,
            rng: randomness.into(),
            room: Vec::new(),
            duplicates: 0,
            rejected: 0,
            event_ms: None,
        };
        Ok(Self {
            shared,
            partitions: BTreeMap::new(),
            stale: BTreeSet::new(),
            progress: watch::Sender::new(Progress::default()),
        })
    }

    /// How far it has come; changes with every commit.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Works until shutdown is asked for, which ends it between two commits: what was read and is not in a block yet is
    /// read again by whoever goes on.
    ///
    /// # Errors
    /// See [`Error`]; after any of them another monitor goes on from what was committed.
    pub async fn run(mut self, shutdown: &Shutdown) -> Result<()> {
        let mut writer = self.shared.log.writer(&self.shared.settings.name).await?;
        let mut reader =
            self.shared.log.reader(&self.shared.settings.group, &[READINGS, ACCESS_REQUESTS, PHC_BLOCKS]).await?;
        loop {
            let next = reader.next(self.shared.settings.records_per_read, self.shared.settings.wait);
            let event = tokio::select! {
                biased;
                () = shutdown.triggered() => return Ok(()),
                event = next => event,
            };
            match event {
                Ok(event) => self.step(event, &mut *reader, &mut writer).await?,
                Err(stream::Error::Unavailable { reason }) => {
                    tracing::warn!(%reason, "the event log is unavailable; trying again");
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn step(&mut self, event: Event, reader: &mut dyn Reader, writer: &mut Box<dyn Writer>) -> Result<()> {
        match event {
            Event::Assigned(assigned) => {
                for number in numbers(&assigned) {
                    self.stale.remove(&number);
                    self.take_over(reader, number).await?;
                }
                Ok(())
            }
            Event::Revoked(revoked) => {
                for number in numbers(&revoked) {
                    self.stale.remove(&number);
                    self.partitions.remove(&number);
                }
                Ok(())
            }
            Event::Records(records) => {
                for some in records.chunks(AT_ONCE) {
                    let places = self.touch(some);
                    for (record, place) in some.iter().zip(places) {
                        self.take(record, place).await?;
                        while self.cut_waiting(record.partition).await? || self.is_full() {
                            self.commit(reader, writer).await?;
                        }
                    }
                }
                self.settle(reader, writer, false).await
            }
            Event::Idle => self.settle(reader, writer, true).await,
        }
    }

    /// Has what the next few records need fetched from memory at the same time, instead of one after the other: of many
    /// patients, none is in the cache when its turn comes. Returns where their patients lie.
    fn touch(&self, records: &[Record]) -> [Option<Slot>; AT_ONCE] {
        let mut found = [None; AT_ONCE];
        for (place, record) in found.iter_mut().zip(records) {
            *place = self.partitions.get(&record.partition).and_then(|work| work.patient_of(record));
        }
        let values = records.iter().flat_map(|record| record.value.iter().step_by(64));
        std::hint::black_box(values.fold(0, |sum: u8, byte| sum.wrapping_add(*byte)));
        for level in 0..3 {
            let patients = found.iter().flatten();
            std::hint::black_box(patients.fold(0, |sum: u64, (_, patient)| sum.wrapping_add(patient.touch(level))));
        }
        found.map(|found| found.map(|(slot, _)| slot))
    }

    async fn take(&mut self, record: &Record, near: Option<Slot>) -> Result<()> {
        match self.partitions.get_mut(&record.partition) {
            Some(work) => work.take(&mut self.shared, record, near).await,
            // Its work was dropped; the record comes again after the partition is restored.
            None => Ok(()),
        }
    }

    /// Cuts whom the record that was taken last has left waiting; true where more of them wait than a commit holds.
    async fn cut_waiting(&mut self, partition: u32) -> Result<bool> {
        match self.partitions.get_mut(&partition) {
            Some(work) => work.cut_waiting(&mut self.shared).await,
            None => Ok(false),
        }
    }

    fn is_full(&self) -> bool {
        self.partitions.values().map(|work| work.cut_bytes).sum::<usize>() >= self.shared.settings.commit_bytes
    }

    /// Restores what was dropped, then commits where there is reason to.
    async fn settle(&mut self, reader: &mut dyn Reader, writer: &mut Box<dyn Writer>, idle: bool) -> Result<()> {
        for number in std::mem::take(&mut self.stale) {
            match self.take_over(reader, number).await {
                // It is not ours any longer, and we are about to be told.
                Err(Error::Log(error @ (stream::Error::Rebalanced { .. } | stream::Error::Invalid(_)))) => {
                    tracing::debug!(partition = number, %error, "a partition is not taken up again");
                }
                restored => restored?,
            }
        }
        for work in self.partitions.values_mut() {
            work.save_new(&mut self.shared).await?;
        }
        if self.partitions.values().any(|work| work.is_due(idle)) {
            self.commit(reader, writer).await?;
        }
        Ok(())
    }

    async fn take_over(&mut self, reader: &mut dyn Reader, number: u32) -> Result<()> {
        let work = restore(&self.shared, reader, number).await?;
        self.partitions.insert(number, work);
        Ok(())
    }

    async fn commit(&mut self, reader: &mut dyn Reader, writer: &mut Box<dyn Writer>) -> Result<()> {
        let begun = Instant::now();
        let mut gathered = gather(&mut self.shared, &mut self.partitions).await?;
        if gathered.records.is_empty() && gathered.positions.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::of(std::mem::take(&mut gathered.records));
        if !gathered.positions.is_empty() {
            batch = batch.moving(reader.membership(), gathered.positions.clone());
        }
        let mut tries = 0;
        loop {
            match writer.commit(batch.clone()).await {
                Ok(_) => {
                    metrics::histogram!("caduceus_monitor_commit_duration_seconds")
                        .record(begun.elapsed().as_secs_f64());
                    self.was_committed(gathered);
                    return Ok(());
                }
                Err(stream::Error::Unavailable { reason }) if tries < self.shared.settings.retries => {
                    tries += 1;
                    tracing::warn!(%reason, tries, "a commit is tried again");
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                Err(error @ (stream::Error::Rebalanced { .. } | stream::Error::Unsettled { .. })) => {
                    tracing::warn!(%error, "a commit did not take place; its work is dropped and done again");
                    if matches!(error, stream::Error::Unsettled { .. }) {
                        *writer = self.shared.log.writer(&self.shared.settings.name).await?;
                    }
                    self.stale.extend(std::mem::take(&mut self.partitions).into_keys());
                    (self.shared.duplicates, self.shared.rejected) = (0, 0);
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn was_committed(&mut self, gathered: Gathered) {
        for (number, target) in &gathered.targets {
            if let Some(work) = self.partitions.get_mut(number) {
                work.was_committed(*target);
            }
        }
        let (duplicates, rejected) =
            (std::mem::take(&mut self.shared.duplicates), std::mem::take(&mut self.shared.rejected));
        metrics::counter!("caduceus_monitor_readings_total").increment(gathered.counts.readings);
        metrics::counter!("caduceus_monitor_duplicates_total").increment(duplicates);
        metrics::counter!("caduceus_phc_blocks_total").increment(gathered.blocks);
        if let Some(score_micro) = gathered.counts.score_micro {
            #[expect(clippy::cast_precision_loss, reason = "millionths of a score below 1")]
            metrics::gauge!("caduceus_anomaly_score").set(score_micro as f64 / 1e6);
        }
        self.progress.send_modify(|progress| {
            progress.readings += gathered.counts.readings;
            progress.scores += gathered.counts.scores;
            progress.anomalies += gathered.counts.anomalies;
            progress.score_micro = gathered.counts.score_micro.or(progress.score_micro);
            progress.blocks += gathered.blocks;
            progress.duplicates += duplicates;
            progress.rejected += rejected;
            progress.commits += 1;
            progress.patients = self.partitions.values().map(|work| work.patients.len() as u64).sum();
            progress.event_ms = self.shared.event_ms;
            progress.committed =
                self.partitions.iter().map(|(number, work)| (*number, work.committed.readings)).collect();
        });
    }
}

fn numbers(partitions: &[Partition]) -> BTreeSet<u32> {
    partitions.iter().map(|partition| partition.number).collect()
}

impl Error {
    /// Whether another monitor took this one's place, so that it should not be started again under the same name.
    pub fn is_fenced(&self) -> bool {
        matches!(self, Self::Log(stream::Error::Fenced { .. }))
    }
}
