//! One membership in the group of notifiers: from joining to the first error or the end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kit::Shutdown;
use ledger::{DataKey, Digest};
use phc::{Alert, open_topic_value, seal_topic_value};
use rand_core::OsRng;
use stream::topics::{ALERTS, NOTIFY_OUTBOX};
use stream::{Append, Batch, Event, Position, Reader, Record, Writer};
use tokio::task::JoinSet;
use vitals::Anomaly;

use crate::outbox::{Entry, Failure, Key, Outbox, OutboxRecord, Verdict};
use crate::service::Notifier;
use crate::{Error, Result};

const GROUP: &str = "notify";
/// Alerts a step; each may carry a day's chart.
const RECORDS: usize = 32;
/// Pause of the reader while nothing is under way, and while something is.
const QUIET_WAIT: Duration = Duration::from_millis(100);
const BUSY_WAIT: Duration = Duration::from_millis(10);

type Delivered = (u32, Key, Entry, std::result::Result<(), Failure>);

/// One partition that is ours.
struct Part {
    outbox: Outbox,
    /// The next offset of `alerts` to take.
    position: u64,
}

pub(crate) struct Session<'a> {
    me: &'a Arc<Notifier>,
    reader: Box<dyn Reader>,
    writer: Box<dyn Writer>,
    parts: BTreeMap<u32, Part>,
    deliveries: JoinSet<Delivered>,
}

impl<'a> Session<'a> {
    pub(crate) async fn run(me: &'a Arc<Notifier>, shutdown: &Shutdown) -> Result<()> {
        let writer = me.log.writer(&me.writer).await?;
        let reader = me.log.reader(GROUP, &[&ALERTS]).await?;
        let mut session = Self { me, reader, writer, parts: BTreeMap::new(), deliveries: JoinSet::new() };
        while !shutdown.is_triggered() {
            match session.step().await {
                Err(Error::Log(stream::Error::Rebalanced { reason, .. })) => {
                    tracing::info!(reason, "partitions moved; going on from what was committed");
                    session.reload_all().await?;
                }
                other => other?,
            }
        }
        session.drain(shutdown.deadline() / 2).await
    }

    async fn step(&mut self) -> Result<()> {
        let wait = if self.deliveries.is_empty() { QUIET_WAIT } else { BUSY_WAIT };
        match self.reader.next(RECORDS, wait).await? {
            Event::Assigned(partitions) => {
                for partition in partitions.iter().filter(|partition| partition.topic == ALERTS) {
                    self.reload(partition.number).await?;
                }
            }
            Event::Revoked(partitions) => {
                for partition in partitions {
                    self.parts.remove(&partition.number);
                }
            }
            Event::Records(records) => self.take(records).await?,
            Event::Idle => {}
        }
        if let Some(health) = &self.me.health {
            health.log.ready();
        }
        let mut finished = Vec::new();
        while let Some(delivered) = self.deliveries.try_join_next() {
            finished.push(delivered.map_err(|error| Error::Compose(error.to_string()))?);
        }
        self.settle(finished).await?;
        self.start_due();
        self.report();
        Ok(())
    }

    /// Makes a partition's outbox again from its records.
    async fn reload(&mut self, partition: u32) -> Result<()> {
        let position = self.reader.committed(&ALERTS, partition).await?;
        let mut outbox = Outbox::default();
        let mut keys: BTreeMap<Digest, Option<DataKey>> = BTreeMap::new();
        let mut scan = self.me.log.scan(&NOTIFY_OUTBOX, partition, 0).await?;
        loop {
            let records = scan.next(256).await?;
            if records.is_empty() {
                break;
            }
            for record in records {
                let Some(id) = chain_id(&record) else { continue };
                let key = match keys.get(&id) {
                    Some(key) => key.clone(),
                    None => {
                        let key = self.me.keys.stream_key(&id).await?;
                        keys.insert(id, key.clone());
                        key
                    }
                };
                // Without the key the patient was erased: there is nobody left to tell about.
                let Some(key) = key else { continue };
                match open_topic_value(&key, &self.me.chain(id), &NOTIFY_OUTBOX, "outbox record", &record.value) {
                    Ok(change) => outbox.apply(id, change),
                    Err(error) => unreadable(&record, &error),
                }
            }
        }
        self.parts.insert(partition, Part { outbox, position });
        Ok(())
    }

    async fn reload_all(&mut self) -> Result<()> {
        let ours: Vec<u32> = self.parts.keys().copied().collect();
        for partition in ours {
            self.reload(partition).await?;
            if let Some(part) = self.parts.get(&partition) {
                self.reader.seek(&ALERTS, partition, part.position).await?;
            }
        }
        Ok(())
    }

    /// Queues what alerts lead to, in one step with the read position.
    async fn take(&mut self, records: Vec<Record>) -> Result<()> {
        let (mut appends, mut reached) = (Vec::new(), BTreeMap::new());
        let now_ms = self.me.clock.now_ms();
        for record in records {
            if record.topic != ALERTS || !self.parts.contains_key(&record.partition) {
                continue;
            }
            reached.insert(record.partition, record.next_position());
            let Some((id, key, anomaly, alert)) = open(self.me, &record).await? else { continue };
            let Some(part) = self.parts.get_mut(&record.partition) else { continue };
            if let Some(entry) = part.outbox.take(id, &anomaly, alert, now_ms) {
                appends.push(self.append(id, &key, record.partition, now_ms, &OutboxRecord::Queued(entry)));
            }
        }
        let positions: Vec<Position> = reached.into_values().collect();
        if positions.is_empty() {
            return Ok(());
        }
        let batch = Batch::of(appends).moving(self.reader.membership(), positions.clone());
        self.writer.commit(batch).await?;
        for position in positions {
            if let Some(part) = self.parts.get_mut(&position.partition) {
                part.position = position.offset;
            }
        }
        Ok(())
    }

    fn append(&self, id: Digest, key: &DataKey, partition: u32, now_ms: i64, record: &OutboxRecord) -> Append {
        let sealed = seal_topic_value(key, &self.me.chain(id), &NOTIFY_OUTBOX, record, &mut OsRng);
        Append::new(NOTIFY_OUTBOX, id.0.to_vec(), now_ms, sealed).in_partition(partition)
    }

    fn start_due(&mut self) {
        let now_ms = self.me.clock.now_ms();
        for (partition, part) in &mut self.parts {
            let free = self.me.deliveries_at_once.saturating_sub(self.deliveries.len());
            for (key, entry) in part.outbox.start_due(now_ms, free) {
                let (me, partition) = (self.me.clone(), *partition);
                self.deliveries.spawn(async move {
                    let result = me.deliver(&key, &entry).await;
                    (partition, key, entry, result)
                });
            }
        }
    }

    /// Records what became of deliveries. What is no longer ours is passed over: its new owner decides.
    async fn settle(&mut self, finished: Vec<Delivered>) -> Result<()> {
        let now_ms = self.me.clock.now_ms();
        let (mut appends, mut changes, mut touched) = (Vec::new(), Vec::new(), BTreeMap::new());
        for (partition, key, entry, result) in finished {
            let Some(part) = self.parts.get_mut(&partition) else { continue };
            let record = match result {
                Ok(()) => part.outbox.sent(&key, now_ms),
                Err(failure) => {
                    self.me.count_failure(&key, &failure);
                    match part.outbox.failed(&key, failure, self.me.retry, now_ms) {
                        Some(Verdict::Dead(record)) => Some(record),
                        Some(Verdict::Again { .. }) | None => None,
                    }
                }
            };
            let Some(record) = record else { continue };
            touched.insert(partition, Position { topic: ALERTS, partition, offset: part.position });
            // Without the key the patient was erased meanwhile: nothing more is written about them.
            if let Some(data_key) = self.me.keys.stream_key(&key.chain).await? {
                appends.push(self.append(key.chain, &data_key, partition, now_ms, &record));
            }
            changes.push((partition, key, entry, record));
        }
        if !appends.is_empty() {
            // The position does not move, but naming it shows that the partition is still ours.
            let batch = Batch::of(appends).moving(self.reader.membership(), touched.into_values().collect());
            self.writer.commit(batch).await?;
        }
        for (partition, key, entry, record) in changes {
            self.me.count_settled(&key, &entry, &record, now_ms);
            if let Some(part) = self.parts.get_mut(&partition) {
                part.outbox.apply(key.chain, record);
            }
        }
        Ok(())
    }

    fn report(&self) {
        let pending = self.parts.values().map(|part| part.outbox.pending()).sum();
        let open_episodes = self.parts.values().map(|part| part.outbox.open_episodes()).sum();
        self.me.count_open(pending, open_episodes);
    }

    /// Lets what is under way end, for a bounded time, and records it.
    async fn drain(&mut self, most: Duration) -> Result<()> {
        let mut finished = Vec::new();
        let all = async {
            while let Some(delivered) = self.deliveries.join_next().await {
                finished.extend(delivered);
            }
        };
        // What takes longer is not marked as sent: it is sent again, with the same Message-ID.
        let _ = tokio::time::timeout(most, all).await;
        self.settle(finished).await?;
        self.report();
        Ok(())
    }
}

/// The alert of a record; `None`, counted, for what cannot be opened or read.
async fn open(me: &Notifier, record: &Record) -> Result<Option<(Digest, DataKey, Anomaly, Alert)>> {
    let Some(id) = chain_id(record) else {
        unreadable(record, &"its key is no chain id");
        return Ok(None);
    };
    let Some(key) = me.keys.stream_key(&id).await? else {
        unreadable(record, &"no key for it is held");
        return Ok(None);
    };
    let read = || {
        let alert: Alert = open_topic_value(&key, &me.chain(id), &ALERTS, "alert", &record.value)?;
        let anomaly: Anomaly = ledger::decode("anomaly", &alert.anomaly)?;
        Ok::<_, phc::Error>((anomaly, alert))
    };
    match read() {
        Ok((anomaly, alert)) => Ok(Some((id, key, anomaly, alert))),
        Err(error) => {
            unreadable(record, &error);
            Ok(None)
        }
    }
}

/// The chain that a record is about.
fn chain_id(record: &Record) -> Option<Digest> {
    <[u8; 32]>::try_from(record.key.as_ref()).ok().map(Digest)
}

fn unreadable(record: &Record, reason: &dyn std::fmt::Display) {
    metrics::counter!("notify_unreadable_records_total", "topic" => record.topic.to_string()).increment(1);
    tracing::warn!(topic = %record.topic, partition = record.partition, offset = record.offset, %reason, "record passed over");
}
