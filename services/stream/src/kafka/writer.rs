//! A transactional producer: one transaction a batch.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, NoCustomPartitioner, Producer, ProducerContext};
use rdkafka::{Offset, TopicPartitionList};

use super::failure::{Heard, fenced, named, passes, rebalanced};
use super::message::headers_of;
use super::{Settings, blocking};
use crate::plan::{plan, record_bytes};
use crate::record::Member;
use crate::{Batch, Error, Position, ReadPositions, Result, Writer};

/// How long aborting, and finding out how a commit ended, may go on after the time for the commit itself.
const GRACE: Duration = Duration::from_secs(10);
/// How long the thread that hears of deliveries listens at a time; so long it outlives its writer at the most. rdkafka's own
/// `ThreadedProducer` listens for 100 ms, and each time the last millisecond is spent asking over and over.
const LISTENING: Duration = Duration::from_secs(1);

pub(super) struct KafkaWriter {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    settings: Arc<Settings>,
    producer: Arc<BaseProducer<Deliveries, NoCustomPartitioner>>,
    /// The writer is gone: nobody needs to hear of deliveries any more.
    gone: Arc<AtomicBool>,
    /// Why this writer takes no more.
    dead: Mutex<Option<Dead>>,
}

#[derive(Clone)]
enum Dead {
    Fenced,
    Unsettled(String),
}

/// Collects what becomes of the messages of the transaction.
pub(super) struct Deliveries {
    heard: Heard,
    of: Mutex<Delivered>,
    more: Condvar,
}

#[derive(Default)]
struct Delivered {
    offsets: Vec<u64>,
    /// Of how many messages there will be word.
    expected: usize,
    done: usize,
    failed: Option<(usize, Code)>,
    /// The writer waits for room in the queue, so that every delivery is worth waking it for.
    crowded: bool,
}

impl Deliveries {
    fn lock(&self) -> MutexGuard<'_, Delivered> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        super::failure::log(level, facility, message);
    }
    fn error(&self, error: KafkaError, reason: &str) {
        self.heard.error(&error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, place: usize) {
        let mut of = self.lock();
        let failed_before = of.failed.is_some();
        of.done += 1;
        match result {
            Ok(message) => {
                if let Some(offset) = of.offsets.get_mut(place) {
                    *offset = u64::try_from(message.offset()).unwrap_or(0);
                }
            }
            Err((error, _)) => {
                let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
                // The first failure is the cause; those after it are what was thrown away with it.
                of.failed.get_or_insert((place, code));
            }
        }
        // Not for each of hundreds of messages: waking a thread costs more than all else that is done here.
        let ends = of.done >= of.expected || of.failed.is_some() != failed_before;
        let wakes = ends || std::mem::take(&mut of.crowded);
        drop(of);
        if wakes {
            self.more.notify_all();
        }
    }
}

/// How a step of a transaction failed.
enum Stop {
    /// Abort the transaction; the writer goes on.
    Abort(Error),
    /// This writer is done with.
    Dead(Dead),
}

impl KafkaWriter {
    /// Registers the name, which fences whoever had it and ends its open transaction.
    pub(super) async fn open(settings: Arc<Settings>, name: &str) -> Result<Self> {
        let name = name.to_owned();
        blocking(move || {
            use rdkafka::config::FromClientConfigAndContext;
            let config = settings.producer(&name);
            let context =
                Deliveries { heard: Heard::counting(&settings.troubles), of: Mutex::default(), more: Condvar::new() };
            let producer = BaseProducer::from_config_and_context(&config, context)
                .map_err(|error| named("making a writer", &error))?;
            let inner = Inner {
                name,
                settings,
                producer: Arc::new(producer),
                gone: Arc::new(AtomicBool::new(false)),
                dead: Mutex::default(),
            };
            inner.listen()?;
            let deadline = Instant::now() + inner.settings.reach;
            loop {
                let left = deadline.saturating_duration_since(Instant::now());
                match inner.producer.init_transactions(left.max(Duration::from_millis(1))) {
                    Ok(()) => return Ok(Self { inner: Arc::new(inner) }),
                    Err(_) if Instant::now() >= deadline => {
                        return Err(inner
                            .producer
                            .context()
                            .heard
                            .unreachable(&inner.settings.brokers, inner.settings.reach));
                    }
                    Err(error) if retriable(&error) => {}
                    Err(error) => return Err(named(&format!("opening writer {:?}", inner.name), &error)),
                }
            }
        })
        .await
    }
}

#[async_trait]
impl Writer for KafkaWriter {
    async fn commit(&mut self, batch: Batch) -> Result<Vec<Position>> {
        let inner = self.inner.clone();
        // Carried out to its end even when the future is dropped: a transaction is never left half way.
        blocking(move || inner.commit(&batch)).await
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
    }
}

impl Inner {
    /// Starts the thread that hears of deliveries and of trouble.
    fn listen(&self) -> Result<()> {
        let (producer, gone) = (self.producer.clone(), self.gone.clone());
        let listening = std::thread::Builder::new().name("kafka-deliveries".into()).spawn(move || {
            while !gone.load(Ordering::Relaxed) {
                producer.poll(LISTENING);
            }
        });
        let failed = |error: std::io::Error| Error::Storage {
            doing: "starting a writer's thread".into(),
            reason: error.to_string(),
        };
        listening.map(|_| ()).map_err(failed)
    }

    fn commit(&self, batch: &Batch) -> Result<Vec<Position>> {
        let mut dead = self.dead.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dead) = &*dead {
            return Err(self.is_dead(dead.clone()));
        }
        let partitions = plan(batch, &self.settings.topics, self.settings.max_record_bytes)?.partitions;
        if let Some(read) = &batch.read {
            holds(read)?;
        }
        let deadline = Instant::now() + self.settings.transaction;
        let outcome = self.begin(batch.records.len()).and_then(|()| {
            let written = self.transact(batch, &partitions, deadline);
            if let Err(Stop::Abort(_)) = &written {
                self.abort(deadline + GRACE)?;
            }
            written
        });
        match outcome {
            Ok(offsets) => Ok(batch
                .records
                .iter()
                .zip(partitions)
                .zip(offsets)
                .map(|((record, partition), offset)| Position { topic: record.topic.clone(), partition, offset })
                .collect()),
            Err(Stop::Abort(error)) => Err(error),
            Err(Stop::Dead(reason)) => {
                *dead = Some(reason.clone());
                Err(self.is_dead(reason))
            }
        }
    }

    fn is_dead(&self, dead: Dead) -> Error {
        match dead {
            Dead::Fenced => Error::Fenced { writer: self.name.clone() },
            Dead::Unsettled(reason) => Error::Unsettled { writer: self.name.clone(), reason },
        }
    }

    fn begin(&self, records: usize) -> std::result::Result<(), Stop> {
        *self.producer.context().lock() =
            Delivered { offsets: vec![0; records], expected: records, ..Delivered::default() };
        self.producer.begin_transaction().map_err(|error| self.stop("beginning a transaction", &error))
    }

    fn transact(&self, batch: &Batch, partitions: &[u32], deadline: Instant) -> std::result::Result<Vec<u64>, Stop> {
        for (place, (record, partition)) in batch.records.iter().zip(partitions).enumerate() {
            self.send(place, record, *partition, batch, deadline)?;
        }
        if let Some(read) = &batch.read {
            self.move_positions(read, deadline)?;
        }
        let offsets = self.delivered(batch, deadline)?;
        self.finish(deadline)?;
        Ok(offsets)
    }

    fn send(
        &self,
        place: usize,
        record: &crate::Append,
        partition: u32,
        batch: &Batch,
        deadline: Instant,
    ) -> std::result::Result<(), Stop> {
        let mut message = BaseRecord::with_opaque_to(record.topic.as_str(), place)
            .partition(i32::try_from(partition).unwrap_or(i32::MAX))
            .key(&record.key[..])
            .payload(&record.value[..])
            .headers(headers_of(record));
        loop {
            match self.producer.send(message) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(Code::QueueFull), back)) if Instant::now() < deadline => {
                    message = back;
                    let mut of = self.producer.context().lock();
                    of.crowded = true;
                    // Woken by the next delivery; a failure of all of them ends at the deadline.
                    drop(self.producer.context().more.wait_timeout(of, Duration::from_millis(100)));
                }
                Err((error, _)) => {
                    let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
                    return Err(self.failed(batch, place, code));
                }
            }
        }
    }

    fn move_positions(&self, read: &ReadPositions, deadline: Instant) -> std::result::Result<(), Stop> {
        let Member::Kafka { group, metadata: Some(metadata), .. } = &read.membership.0 else {
            return Err(Stop::Abort(Error::Invalid("the membership is of a reader of another log".into())));
        };
        let mut list = TopicPartitionList::with_capacity(read.positions.len());
        for position in &read.positions {
            let partition = i32::try_from(position.partition).unwrap_or(i32::MAX);
            let offset = Offset::Offset(i64::try_from(position.offset).unwrap_or(i64::MAX));
            list.add_partition_offset(&position.topic, partition, offset)
                .map_err(|error| Stop::Abort(named("a read position", &error)))?;
        }
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.producer.send_offsets_to_transaction(&list, metadata, left) {
                Ok(()) => return Ok(()),
                Err(error) if error.rdkafka_error_code().is_some_and(rebalanced) => {
                    return Err(Stop::Abort(Error::Rebalanced { group: group.to_string(), reason: error.to_string() }));
                }
                Err(error) if retriable(&error) && Instant::now() < deadline => {}
                Err(error) => return Err(self.stop("moving the read position", &error)),
            }
        }
    }

    /// Waits for the broker to have all messages.
    fn delivered(&self, batch: &Batch, deadline: Instant) -> std::result::Result<Vec<u64>, Stop> {
        let context = self.producer.context();
        let mut of = context.lock();
        loop {
            if let Some((place, code)) = of.failed {
                drop(of);
                return Err(self.failed(batch, place, code));
            }
            if of.done >= batch.records.len() {
                return Ok(std::mem::take(&mut of.offsets));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let reason = format!(
                    "{} of {} records were not acknowledged in time",
                    batch.records.len() - of.done,
                    batch.records.len()
                );
                return Err(Stop::Abort(Error::Unavailable { reason }));
            }
            of = context.more.wait_timeout(of, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn finish(&self, deadline: Instant) -> std::result::Result<(), Stop> {
        let last = deadline + GRACE;
        // The last delivery is told a moment before the library has done with it, and asked to commit in that moment, the library
        // waits for 100 ms.
        while self.producer.in_flight_count() > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_micros(20));
        }
        loop {
            let left = last.saturating_duration_since(Instant::now());
            match self.producer.commit_transaction(left) {
                Ok(()) => return Ok(()),
                Err(KafkaError::Transaction(error)) if error.txn_requires_abort() || error.is_fatal() => {
                    return Err(self.stop("committing", &KafkaError::Transaction(error)));
                }
                Err(error) if retriable(&error) && Instant::now() < last => {}
                Err(error) => return Err(Stop::Dead(Dead::Unsettled(error.to_string()))),
            }
        }
    }

    fn abort(&self, last: Instant) -> std::result::Result<(), Stop> {
        loop {
            let left = last.saturating_duration_since(Instant::now());
            match self.producer.abort_transaction(left) {
                Ok(()) => return Ok(()),
                Err(error) if retriable(&error) && Instant::now() < last => {}
                Err(error) => {
                    return Err(match self.stop("aborting", &error) {
                        // Nothing of it was committed, but this producer cannot say so to the broker any more.
                        Stop::Abort(error) => Stop::Dead(Dead::Unsettled(error.to_string())),
                        dead @ Stop::Dead(_) => dead,
                    });
                }
            }
        }
    }

    /// What a failed message means.
    fn failed(&self, batch: &Batch, place: usize, code: Code) -> Stop {
        let record = batch.records.get(place);
        let topic = record.map_or_else(String::new, |record| record.topic.to_string());
        match code {
            Code::MessageSizeTooLarge | Code::InvalidMessageSize | Code::MessageBatchTooLarge => {
                Stop::Abort(Error::TooLarge {
                    topic,
                    bytes: record.map_or(0, record_bytes),
                    limit: self.settings.max_record_bytes.min(record.map_or(0, record_bytes).saturating_sub(1)),
                })
            }
            Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
                Stop::Abort(Error::UnknownTopic {
                    topic,
                    remedy: "the broker does not have it any more; it was there when the log was opened".into(),
                })
            }
            code => self.stop(&format!("appending to topic {topic}"), &KafkaError::MessageProduction(code)),
        }
    }

    fn stop(&self, doing: &str, error: &KafkaError) -> Stop {
        let fatal = self.producer.client().fatal_error();
        let code = fatal.as_ref().map(|(code, _)| *code).or_else(|| error.rdkafka_error_code());
        match (code, fatal) {
            (Some(code), _) if fenced(code) => Stop::Dead(Dead::Fenced),
            (_, Some((_, reason))) => Stop::Dead(Dead::Unsettled(reason)),
            (Some(Code::PurgeQueue | Code::PurgeInflight), None) => {
                Stop::Abort(Error::Unavailable { reason: error.to_string() })
            }
            (Some(code), None) if passes(code) => Stop::Abort(Error::Unavailable { reason: error.to_string() }),
            _ => Stop::Abort(named(doing, error)),
        }
    }
}

fn retriable(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(error) if error.is_retriable())
}

/// A broker does not look whether a member holds the partitions whose positions it moves; so it is looked at here.
fn holds(read: &ReadPositions) -> Result<()> {
    let Member::Kafka { group, held, metadata } = &read.membership.0 else {
        return Err(Error::Invalid("the membership is of a reader of another log".into()));
    };
    let refused = |reason: String| Err(Error::Rebalanced { group: group.to_string(), reason });
    if metadata.is_none() {
        return refused("this reader is no member, or no longer".into());
    }
    let lost =
        read.positions.iter().find(|at| !held.iter().any(|own| own.number == at.partition && own.topic == at.topic));
    lost.map_or(Ok(()), |at| refused(format!("partition {} of topic {} is not this reader's", at.partition, at.topic)))
}
