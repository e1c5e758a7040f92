//! The one task that appends readings, rejections and ticks.

mod parameters;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use ledger::{Chain, DataKey, Digest};
use phc::{ParametersSet, Reading, ReadingBatch, Rejected, RejectedValue, Tick, open_topic_value, seal_topic_value};
use rand_core::OsRng;
use stream::topics::{READINGS, READINGS_REJECTED};
use stream::{Append, Batch, EventLog, Writer};
use tokio::sync::{mpsc, oneshot, watch};

use super::held::{Held, Known, short};
use super::{BEHIND_MAX, IngestSettings, Line, LineResult, Submission};
use crate::custody::stream_key;
use crate::{Custody, Error};

/// Submissions that share one barrier.
const GROUP_MAX: usize = 64;
/// Readings that share one barrier, so that a record stays far below what a log takes.
const GROUP_LINES_MAX: usize = 20_000;
/// Readings of one record: some 30 bytes each, below a Kafka broker's default of a megabyte.
const RECORD_READINGS_MAX: usize = 5_000;
/// Records read at once when the index is rebuilt.
const SCAN_RECORDS: usize = 1_000;

type Answer<T> = oneshot::Sender<Result<T, Error>>;

pub(super) enum Job {
    Submit(Submission, Answer<Vec<LineResult>>),
    Tick { time_ms: i64, flush: bool, answer: Answer<()> },
    Set { chain: Digest, set: ParametersSet, answer: Answer<ParametersSet> },
    Parameters { chain: Digest, answer: Answer<Option<ParametersSet>> },
    Through { chain: Digest, device: String, answer: oneshot::Sender<Option<u64>> },
}

pub(super) struct Appender {
    log: Arc<dyn EventLog>,
    network: Digest,
    custody: Arc<dyn Custody>,
    settings: IngestSettings,
    writer: Box<dyn Writer>,
    held: Held,
    /// What was set last for each patient.
    parameters: HashMap<Digest, ParametersSet>,
    partitions: u32,
    count: watch::Sender<u64>,
    /// The index may know more than the log after a failed append.
    doubtful: bool,
}

impl Appender {
    pub(super) async fn open(
        log: Arc<dyn EventLog>,
        network: Digest,
        custody: Arc<dyn Custody>,
        settings: IngestSettings,
        count: watch::Sender<u64>,
    ) -> Result<Self, Error> {
        let writer = log.writer(&settings.writer).await?;
        let partitions = log.partitions(&READINGS).await?;
        let (held, parameters) = (Held::default(), HashMap::new());
        let mut appender =
            Self { log, network, custody, settings, writer, held, parameters, partitions, count, doubtful: false };
        appender.rebuild().await?;
        Ok(appender)
    }

    /// Reads the whole log of readings. Those whose key is gone are nobody's any more and are left out.
    async fn rebuild(&mut self) -> Result<(), Error> {
        let (mut held, mut set) = (Held::default(), HashMap::new());
        for partition in 0..self.partitions {
            let mut scan = self.log.scan(&READINGS, partition, 0).await?;
            loop {
                let records = scan.next(SCAN_RECORDS).await?;
                if records.is_empty() {
                    break;
                }
                for record in records {
                    let Ok(id) = <[u8; 32]>::try_from(record.key.as_ref()) else { continue };
                    let chain = Chain { network: self.network, id: Digest(id) };
                    let Some(key) = stream_key(self.custody.as_ref(), &chain) else { continue };
                    let opened = open_topic_value(&key, &chain, &READINGS, "batch of readings", &record.value);
                    let Ok(batch): Result<ReadingBatch, _> = opened else {
                        if let Ok(parameters) = ParametersSet::open(&key, &chain, &record.value) {
                            set.insert(chain.id, parameters);
                            continue;
                        }
                        tracing::warn!(partition, offset = record.offset, "a batch of readings does not open");
                        continue;
                    };
                    for (sequence, reading) in (batch.first_sequence..).zip(&batch.readings) {
                        held.insert(&chain.id, &batch.device, sequence, &batch.subject, reading);
                    }
                }
            }
        }
        (self.held, self.parameters) = (held, set);
        self.doubtful = false;
        Ok(())
    }

    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut group = Vec::new();
        while jobs.recv_many(&mut group, GROUP_MAX).await > 0 {
            self.work(std::mem::take(&mut group)).await;
        }
    }

    /// Does jobs in order; neighbouring submissions share one append.
    async fn work(&mut self, jobs: Vec<Job>) {
        let mut together: Vec<(Submission, Answer<Vec<LineResult>>)> = Vec::new();
        for job in jobs {
            match job {
                Job::Submit(submission, answer) => {
                    let lines: usize = together.iter().map(|(submission, _)| submission.lines.len()).sum();
                    if lines + submission.lines.len() > GROUP_LINES_MAX {
                        self.submit(std::mem::take(&mut together)).await;
                    }
                    together.push((submission, answer));
                }
                Job::Tick { time_ms, flush, answer } => {
                    self.submit(std::mem::take(&mut together)).await;
                    let _ = answer.send(self.tick(time_ms, flush).await);
                }
                Job::Set { chain, set, answer } => {
                    self.submit(std::mem::take(&mut together)).await;
                    let _ = answer.send(self.set(chain, set).await);
                }
                Job::Parameters { chain, answer } => {
                    let _ = answer.send(self.set_last(chain).await);
                }
                Job::Through { chain, device, answer } => {
                    self.submit(std::mem::take(&mut together)).await;
                    let _ = answer.send(self.held.through(&chain, &device));
                }
            }
        }
        self.submit(together).await;
    }

    async fn tick(&mut self, time_ms: i64, flush: bool) -> Result<(), Error> {
        let value = Bytes::from(ledger::encode(&Tick { time_ms, flush }));
        let tick = |partition| Append::new(READINGS, Bytes::new(), time_ms, value.clone()).in_partition(partition);
        self.commit((0..self.partitions).map(tick).collect()).await
    }

    async fn submit(&mut self, together: Vec<(Submission, Answer<Vec<LineResult>>)>) {
        if together.is_empty() {
            return;
        }
        if self.doubtful
            && let Err(error) = self.rebuild().await
        {
            answer_all(together, &error);
            return;
        }
        let mut records = Vec::new();
        let results: Vec<Vec<LineResult>> =
            together.iter().map(|(submission, _)| self.take(submission, &mut records)).collect();
        match self.commit(records).await {
            Ok(()) => {
                for ((submission, answer), results) in together.into_iter().zip(results) {
                    self.tell(&submission, &results);
                    // Whoever asked may have gone; the readings are held all the same.
                    let _ = answer.send(Ok(results));
                }
            }
            Err(error) => {
                // What was noted as held is not; or is it not known (Kafka): the log says.
                self.doubtful = true;
                answer_all(together, &error);
            }
        }
    }

    /// Sorts a submission's lines and makes its records.
    fn take(&mut self, submission: &Submission, records: &mut Vec<Append>) -> Vec<LineResult> {
        let chain = Chain { network: self.network, id: submission.chain };
        let Some(key) = stream_key(self.custody.as_ref(), &chain) else {
            // Nothing can be sealed for them, and nothing is kept in clear: that they came is kept.
            let value = RejectedValue::unopened("no-key", &READINGS, &[]);
            records.push(Append::new(READINGS_REJECTED, chain.id.0.to_vec(), submission.received_ms, value));
            let message = "nobody may write for this patient here".to_owned();
            return submission
                .lines
                .iter()
                .map(|_| LineResult::Refused { code: "no-key", message: message.clone() })
                .collect();
        };
        let through = self.held.through(&chain.id, &submission.device);
        // Unnumbered lines take the next numbers; those that are refused take none.
        let mut next =
            submission.first_sequence.unwrap_or_else(|| through.map_or(0, |through| through.saturating_add(1)));
        let mut run: Vec<Reading> = Vec::new();
        let mut results = Vec::with_capacity(submission.lines.len());
        for line in &submission.lines {
            let (result, reading) = self.judge(submission, next, line);
            let numbered = submission.first_sequence.is_some();
            match (&result, reading) {
                (LineResult::Accepted, Some(reading)) => {
                    self.held.insert(&chain.id, &submission.device, next, &submission.subject, &reading);
                    run.push(reading);
                    next = next.saturating_add(1);
                    if run.len() == RECORD_READINGS_MAX {
                        self.batch(&key, &chain, submission, next, &mut run, records);
                    }
                }
                (result, _) => {
                    if numbered {
                        self.batch(&key, &chain, submission, next, &mut run, records);
                    }
                    let reason = match result {
                        LineResult::Refused { code, .. } => Some(*code),
                        LineResult::Conflict => Some("conflict"),
                        _ => None,
                    };
                    if let Some(reason) = reason {
                        let kept = Rejected {
                            device: submission.device.clone(),
                            reason: reason.into(),
                            received_ms: submission.received_ms,
                            line: kept_line(next, line),
                        };
                        let value = RejectedValue::sealed(&key, &chain, &kept, &mut OsRng);
                        records.push(Append::new(
                            READINGS_REJECTED,
                            chain.id.0.to_vec(),
                            submission.received_ms,
                            value,
                        ));
                    }
                    next = next.saturating_add(u64::from(numbered));
                }
            }
            results.push(result);
        }
        self.batch(&key, &chain, submission, next, &mut run, records);
        results
    }

    fn judge(&self, submission: &Submission, sequence: u64, line: &Line) -> (LineResult, Option<Reading>) {
        let refused = |refusal: &vitals::Refusal| {
            (LineResult::Refused { code: refusal.code(), message: refusal.to_string() }, None)
        };
        let reading = match &line.reading {
            Ok(reading) => reading,
            Err(refusal) => return refused(refusal),
        };
        let plain = of_chain(reading);
        let (chain, device) = (&submission.chain, submission.device.as_str());
        let content = short(&submission.subject, &plain);
        // What is held is held, however old it has become meanwhile: a device may send everything again (E3).
        let known = match submission.first_sequence {
            Some(_) => self.held.look(chain, device, sequence, &content),
            None => self.held.look_at(chain, device, &plain, &content),
        };
        match known {
            Known::Same => return (LineResult::AlreadyHeld, None),
            Known::Other => return (LineResult::Conflict, None),
            Known::New => {}
        }
        if self.held.through(chain, device).is_some_and(|through| through.saturating_sub(sequence) > BEHIND_MAX) {
            let message = format!("its sequence lies more than {BEHIND_MAX} behind the device's last; send in order");
            return (LineResult::Refused { code: "sequence-behind", message }, None);
        }
        match self.settings.admission.check(reading, submission.received_ms) {
            Ok(()) => (LineResult::Accepted, Some(plain)),
            Err(refusal) => refused(&refusal),
        }
    }

    /// Seals the open run, which ends before `end`.
    fn batch(
        &self,
        key: &DataKey,
        chain: &Chain,
        submission: &Submission,
        end: u64,
        run: &mut Vec<Reading>,
        records: &mut Vec<Append>,
    ) {
        let readings = std::mem::take(run);
        let Some(last_ms) = readings.iter().map(|reading| reading.time_ms).max() else { return };
        let batch = ReadingBatch {
            device: submission.device.clone(),
            subject: submission.subject.clone(),
            first_sequence: end.saturating_sub(readings.len() as u64),
            received_ms: submission.received_ms,
            raw: None,
            readings,
        };
        let value = seal_topic_value(key, chain, &READINGS, &batch, &mut OsRng);
        records.push(Append::new(READINGS, chain.id.0.to_vec(), last_ms, value));
    }

    async fn commit(&mut self, records: Vec<Append>) -> Result<(), Error> {
        if records.is_empty() {
            return Ok(());
        }
        match self.writer.commit(Batch::of(records)).await {
            Ok(_) => Ok(()),
            Err(error) => {
                if !matches!(error, stream::Error::Fenced { .. } | stream::Error::Closed) {
                    // Opening it again settles what the last commit became.
                    match self.log.writer(&self.settings.writer).await {
                        Ok(writer) => self.writer = writer,
                        Err(again) => tracing::warn!(%again, "the writer cannot be opened again"),
                    }
                }
                Err(error.into())
            }
        }
    }

    fn tell(&self, submission: &Submission, results: &[LineResult]) {
        let mut accepted = 0;
        for (line, result) in submission.lines.iter().zip(results) {
            match (result, &line.reading) {
                (LineResult::Accepted, Ok(reading)) => {
                    accepted += 1;
                    metrics::counter!("caduceus_ingest_samples_total", "signal" => reading.signal.name()).increment(1);
                }
                (LineResult::Refused { code, .. }, _) => {
                    metrics::counter!("caduceus_ingest_rejected_total", "reason" => *code).increment(1);
                }
                (LineResult::Conflict, _) => {
                    metrics::counter!("caduceus_ingest_rejected_total", "reason" => "conflict").increment(1);
                }
                _ => {}
            }
        }
        self.count.send_modify(|count| *count += accepted);
    }
}

/// The chain's form of a reading.
pub(super) fn of_chain(reading: &vitals::Reading) -> Reading {
    Reading {
        signal: reading.signal.id(),
        value_milli: reading.value_milli,
        time_ms: reading.time_ms,
        offset_minutes: reading.offset_minutes,
        provenance: match reading.provenance {
            vitals::Provenance::Device => phc::Provenance::Device,
            vitals::Provenance::Manual => phc::Provenance::Manual,
        },
    }
}

/// The line as sent; of a typed reading its sequence and canonical bytes.
fn kept_line(sequence: u64, line: &Line) -> Vec<u8> {
    match &line.reading {
        Ok(reading) if line.sent.is_empty() => ledger::encode(&(sequence, of_chain(reading))),
        _ => line.sent.clone(),
    }
}

/// Nothing was acknowledged; everybody hears why.
fn answer_all(together: Vec<(Submission, Answer<Vec<LineResult>>)>, error: &Error) {
    tracing::warn!(%error, "readings were not appended");
    for (_, answer) in together {
        let _ = answer.send(Err(Error::storage("append readings", error)));
    }
}
