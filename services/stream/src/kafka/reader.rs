//! A consumer in a group.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, ConsumerGroupMetadata, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{Offset, TopicPartitionList};
use tokio::task::JoinHandle;

use super::failure::{Heard, named, passes};
use super::message::Records;
use super::{Settings, blocking};
use crate::plan::in_range;
use crate::record::Member;
use crate::{Error, Event, Membership, Partition, Reader, Record, Result, Topic};

/// One poll waits at most this long, so that a dropped reader leaves soon.
const SLICE: Duration = Duration::from_millis(100);

pub(super) struct KafkaReader {
    group: Arc<str>,
    settings: Arc<Settings>,
    topics: Vec<Topic>,
    /// `None` only while it is being dropped.
    shared: Option<Arc<Shared>>,
    /// A `next` whose future was dropped: the thread goes on, and what it finds comes next.
    under_way: Option<JoinHandle<Result<Event>>>,
    found: Option<Result<Event>>,
}

struct Shared {
    consumer: BaseConsumer<Group>,
    settings: Arc<Settings>,
    state: Mutex<State>,
    /// The reader was dropped: a poll under way comes to its end.
    stop: AtomicBool,
}

struct State {
    held: BTreeSet<Partition>,
    /// Taken from the consumer, not yet returned.
    ready: VecDeque<Record>,
    records: Records,
}

/// Hears what the group decides, within `poll`.
pub(super) struct Group {
    heard: Heard,
    changes: Mutex<VecDeque<Change>>,
}

enum Change {
    Assigned(Vec<(String, i32)>),
    Revoked(Vec<(String, i32)>),
}

impl Group {
    fn changes(&self) -> MutexGuard<'_, VecDeque<Change>> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Group {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        super::failure::log(level, facility, message);
    }
    fn error(&self, error: KafkaError, reason: &str) {
        self.heard.error(&error, reason);
    }
}

impl ConsumerContext for Group {
    // Before it takes effect, so that at no moment a partition seems to be held that is not.
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let named = |list: &TopicPartitionList| {
            list.elements()
                .iter()
                .map(|partition| (partition.topic().to_owned(), partition.partition()))
                .collect::<Vec<_>>()
        };
        match rebalance {
            Rebalance::Assign(list) if list.count() > 0 => self.changes().push_back(Change::Assigned(named(list))),
            Rebalance::Revoke(list) if list.count() > 0 => self.changes().push_back(Change::Revoked(named(list))),
            Rebalance::Assign(_) | Rebalance::Revoke(_) => {}
            Rebalance::Error(error) => tracing::warn!(%error, "rebalancing failed; the group tries again"),
        }
    }
}

impl KafkaReader {
    pub(super) fn join(settings: Arc<Settings>, group: &str, topics: &[&str]) -> Result<Self> {
        if group.is_empty() || topics.is_empty() {
            return Err(Error::Invalid("a reader needs the name of a group and at least one topic".into()));
        }
        let names = topics
            .iter()
            .map(|topic| settings.topics.get(topic).map(|spec| spec.name.clone()))
            .collect::<Result<BTreeSet<_>>>()?;
        let topics: Vec<Topic> = names.into_iter().collect();
        let config = settings.member(group, topics.len());
        let context = Group { heard: Heard::counting(&settings.troubles), changes: Mutex::default() };
        let consumer = BaseConsumer::from_config_and_context(&config, context)
            .map_err(|error| named("making a reader", &error))?;
        consumer
            .subscribe(&topics.iter().map(Topic::as_str).collect::<Vec<_>>())
            .map_err(|error| named("joining a group", &error))?;
        let shared = Shared {
            consumer,
            settings: settings.clone(),
            state: Mutex::new(State::default()),
            stop: AtomicBool::new(false),
        };
        Ok(Self { group: group.into(), settings, topics, shared: Some(Arc::new(shared)), under_way: None, found: None })
    }

    fn shared(&self) -> Result<&Arc<Shared>> {
        self.shared.as_ref().ok_or(Error::Closed)
    }

    /// Lets a `next` that was given up come to its end.
    async fn settle(&mut self) -> Result<()> {
        if let Some(handle) = self.under_way.as_mut() {
            let found = handle.await.map_err(|_| Error::Closed)?;
            self.under_way = None;
            self.found = Some(found);
        }
        Ok(())
    }

    fn declared(&self, topic: &str, partition: u32) -> Result<(TopicPartitionList, i32)> {
        in_range(partition, self.settings.topics.get(topic)?)?;
        let number = i32::try_from(partition).unwrap_or(i32::MAX);
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition(topic, number);
        Ok((list, number))
    }
}

#[async_trait]
impl Reader for KafkaReader {
    async fn next(&mut self, max_records: usize, wait: Duration) -> Result<Event> {
        if max_records == 0 {
            return Err(Error::Invalid("max_records is 0".into()));
        }
        if self.found.is_none() {
            if self.under_way.is_none() {
                let shared = self.shared()?.clone();
                // What has been fetched by now is there without waiting, and worth no change of threads.
                tokio::task::yield_now().await;
                match shared.next(max_records, Duration::ZERO)? {
                    Event::Idle => {}
                    event => return Ok(event),
                }
                self.under_way = Some(tokio::task::spawn_blocking(move || shared.next(max_records, wait)));
            }
            self.settle().await?;
        }
        self.found.take().unwrap_or(Ok(Event::Idle))
    }

    fn assigned(&self) -> Vec<Partition> {
        self.shared.as_ref().map(|shared| shared.state().held.iter().cloned().collect()).unwrap_or_default()
    }

    fn membership(&self) -> Membership {
        let (held, metadata) = self.shared.as_ref().map(|shared| shared.standing()).unwrap_or_default();
        Membership(Member::Kafka { group: self.group.clone(), held: Arc::new(held), metadata: metadata.map(Arc::new) })
    }

    async fn committed(&self, topic: &str, partition: u32) -> Result<u64> {
        let (list, _) = self.declared(topic, partition)?;
        let (shared, bound) = (self.shared()?.clone(), self.settings.reach);
        blocking(move || {
            let deadline = Instant::now() + bound;
            loop {
                let left = deadline.saturating_duration_since(Instant::now());
                let outcome = shared.consumer.committed_offsets(list.clone(), left).and_then(|list| {
                    match list.elements().first() {
                        Some(found) => found.error().map(|()| found.offset()),
                        None => Ok(Offset::Invalid),
                    }
                });
                match outcome {
                    Ok(Offset::Offset(offset)) => return Ok(u64::try_from(offset).unwrap_or(0)),
                    Ok(_) => return Ok(0),
                    Err(_) if Instant::now() >= deadline => {
                        return Err(shared.consumer.context().heard.unreachable(&shared.settings.brokers, bound));
                    }
                    Err(error) if error.rdkafka_error_code().is_some_and(passes) => {
                        std::thread::sleep(Duration::from_millis(20)); // a pending transaction is not announced when it ends
                    }
                    Err(error) => return Err(named("asking for the committed position", &error)),
                }
            }
        })
        .await
    }

    async fn seek(&mut self, topic: &str, partition: u32, offset: u64) -> Result<()> {
        let (_, number) = self.declared(topic, partition)?;
        self.settle().await?;
        let is_that = |name: &Topic, its: u32| *name == *topic && its == partition;
        let shared = self.shared()?.clone();
        if !shared.state().held.iter().any(|own| is_that(&own.topic, own.number)) {
            return Err(Error::Invalid(format!(
                "partition {partition} of topic {topic} is not assigned to this reader"
            )));
        }
        if let Some(Ok(Event::Records(records))) = &mut self.found {
            records.retain(|record| !is_that(&record.topic, record.partition));
            if records.is_empty() {
                self.found = None;
            }
        }
        shared.state().ready.retain(|record| !is_that(&record.topic, record.partition));
        let (name, bound) = (topic.to_owned(), self.settings.reach);
        blocking(move || {
            let deadline = Instant::now() + bound;
            let to = Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX));
            loop {
                match shared.consumer.seek(&name, number, to, bound) {
                    Ok(()) => return Ok(()),
                    // Refused while the partition is only being started.
                    Err(_) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(10)),
                    Err(error) => return Err(named("seeking", &error)),
                }
            }
        })
        .await
    }
}

impl Default for State {
    fn default() -> Self {
        Self { held: BTreeSet::new(), ready: VecDeque::new(), records: Records::together() }
    }
}

impl State {
    fn push(&mut self, message: &BorrowedMessage<'_>, settings: &Settings) {
        let record = self.records.of(message, &settings.topics);
        self.ready.push_back(record);
    }
}

/// What passes is waited out.
fn held_up(error: &KafkaError) -> Result<()> {
    if !error.rdkafka_error_code().is_some_and(passes) {
        return Err(named("reading", error));
    }
    tracing::debug!(%error, "reading is held up; it goes on when the broker is back");
    Ok(())
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, max_records: usize, wait: Duration) -> Result<Event> {
        let deadline = Instant::now() + wait;
        loop {
            // Before any record: a caller must never hold work of a partition that the group already gave to another.
            if let Some(event) = self.change() {
                return Ok(event);
            }
            let ready = self.drain(max_records)?;
            if !self.consumer.context().changes().is_empty() {
                continue;
            }
            if ready > 0 {
                return Ok(Event::Records(self.take(max_records)));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.stop.load(Ordering::Relaxed) {
                return Ok(Event::Idle);
            }
            match self.consumer.poll(left.min(SLICE)) {
                Some(Ok(message)) => self.state().push(&message, &self.settings),
                Some(Err(error)) => held_up(&error)?,
                None => {}
            }
        }
    }

    /// Takes what the consumer has by now, until there is enough, or something else than a record; how much is ready.
    fn drain(&self, max_records: usize) -> Result<usize> {
        let mut state = self.state();
        while state.ready.len() < max_records {
            match self.consumer.poll(Duration::ZERO) {
                Some(Ok(message)) => state.push(&message, &self.settings),
                Some(Err(error)) => held_up(&error)?,
                None => break,
            }
        }
        Ok(state.ready.len())
    }

    fn take(&self, max_records: usize) -> Vec<Record> {
        let mut state = self.state();
        if state.ready.len() <= max_records {
            let room = VecDeque::with_capacity(state.ready.len());
            return std::mem::replace(&mut state.ready, room).into();
        }
        state.ready.drain(..max_records).collect()
    }

    /// What is held, and the group's word for it; without that word where the group has taken back what is held. (librdkafka then
    /// starts anew without a member id, and brokers take positions from writers without one: old clients have none.)
    fn standing(&self) -> (BTreeSet<Partition>, Option<ConsumerGroupMetadata>) {
        let state = self.state();
        let metadata = self.consumer.group_metadata();
        // In this order: whatever was lost before the word was taken shows in one of these.
        let lost = self.consumer.assignment_lost()
            || self.consumer.context().changes().iter().any(|change| matches!(change, Change::Revoked(_)));
        (state.held.clone(), metadata.filter(|_| !lost))
    }

    /// The next thing that the group decided.
    fn change(&self) -> Option<Event> {
        let mut state = self.state();
        let change = self.consumer.context().changes().pop_front()?;
        let named = |list: Vec<(String, i32)>| -> Vec<Partition> {
            let of = |(topic, number): (String, i32)| {
                let name = self
                    .settings
                    .topics
                    .get(&topic)
                    .map_or_else(|_| Topic::from(topic.clone()), |spec| spec.name.clone());
                Partition { topic: name, number: u32::try_from(number).unwrap_or(0) }
            };
            list.into_iter().map(of).collect()
        };
        Some(match change {
            Change::Assigned(list) => {
                let gained = named(list);
                state.held.extend(gained.iter().cloned());
                Event::Assigned(gained)
            }
            Change::Revoked(list) => {
                let lost = named(list);
                state.held.retain(|own| !lost.contains(own));
                state.ready.retain(|record| {
                    !lost.iter().any(|gone| gone.number == record.partition && gone.topic == record.topic)
                });
                Event::Revoked(lost)
            }
        })
    }
}

impl Drop for KafkaReader {
    /// Leaves the group, so that others take over at once; a broker that does not answer is not waited for.
    fn drop(&mut self) {
        let Some(shared) = self.shared.take() else { return };
        shared.stop.store(true, Ordering::Relaxed);
        let topics = std::mem::take(&mut self.topics);
        let (done, left) = mpsc::channel();
        let leaving = std::thread::Builder::new().name("kafka-leave".into()).spawn(move || {
            drop(shared);
            done.send(()).ok(); // nobody may be waiting any more
        });
        if leaving.is_ok() && left.recv_timeout(Duration::from_secs(2)).is_err() {
            tracing::warn!(?topics, "the broker does not answer; the group will notice that this reader is gone");
        }
    }
}
