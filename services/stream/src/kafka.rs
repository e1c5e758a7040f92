//! Apache Kafka as the event log, through librdkafka.
//!
//! A batch is one transaction: records of several topics and the read position become visible together or not at all, and readers see
//! only what was committed. A writer's name is its `transactional.id`. A partition is computed here, as Kafka's own clients do.
//!
//! **Durability:** a broker acknowledges before it has synced to its disk; what protects an acknowledged record is that other brokers
//! have it. So a cluster that would acknowledge with fewer than three copies, two of them in sync, is refused, unless
//! [`Settings::allow_single_broker`] says that this is wanted.
//!
//! Lost connections are counted and waited out: a reader is idle meanwhile, a writer's commit fails with
//! [`Error::Unavailable`] after its bound and may be repeated.

mod cluster;
mod failure;
mod message;
mod reader;
mod scan;
mod settings;
mod writer;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;

use self::failure::{Heard, named, passes};
use self::reader::KafkaReader;
use self::scan::KafkaScan;
pub use self::settings::Settings;
use self::writer::KafkaWriter;
use crate::plan::in_range;
use crate::{Error, EventLog, Reader, Result, Scan, Writer};

/// A client that asks about the cluster.
type Meta = Arc<BaseConsumer<Context>>;

struct Context {
    heard: Heard,
}

impl Context {
    fn new(settings: &Settings) -> Self {
        Self { heard: Heard::counting(&settings.troubles) }
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        failure::log(level, facility, message);
    }
    fn error(&self, error: KafkaError, reason: &str) {
        self.heard.error(&error, reason);
    }
}

impl ConsumerContext for Context {}

/// The event log on a Kafka cluster. Handles are cheap to clone.
#[derive(Clone)]
pub struct KafkaLog {
    settings: Arc<Settings>,
    /// Sees ends as of what is committed.
    meta: Meta,
    /// Sees ends as of what was written, transactions that are still open included.
    written: Meta,
}

impl KafkaLog {
    /// Connects, and refuses a cluster that does not hold what the settings ask for.
    ///
    /// # Errors
    /// [`Error::Unreachable`] after [`Settings::reach`], [`Error::Denied`], [`Error::UnknownTopic`], [`Error::PartitionCount`],
    /// [`Error::TooLittleReplication`], [`Error::Invalid`].
    pub async fn connect(settings: Settings) -> Result<Self> {
        settings.check()?;
        let client = |isolation: &str| {
            let mut config = settings.base();
            config.set("isolation.level", isolation);
            let made = BaseConsumer::from_config_and_context(&config, Context::new(&settings));
            made.map(Arc::new).map_err(|error| named("making a client", &error))
        };
        let (meta, written) = (client("read_committed")?, client("read_uncommitted")?);
        let log = Self { settings: Arc::new(settings), meta, written };
        cluster::verify(&log.meta, &log.settings).await?;
        Ok(log)
    }

    /// How often its clients reported trouble with their connections: passing, but worth a look when it grows.
    pub fn troubles(&self) -> u64 {
        self.settings.troubles.load(Ordering::Relaxed)
    }

    fn declared(&self, topic: &str, partition: u32) -> Result<i32> {
        let number = in_range(partition, self.settings.topics.get(topic)?)?;
        i32::try_from(number).map_err(|_| Error::Invalid(format!("partition {partition}")))
    }
}

#[async_trait]
impl EventLog for KafkaLog {
    async fn partitions(&self, topic: &str) -> Result<u32> {
        self.settings.topics.get(topic).map(|spec| spec.partitions)
    }

    async fn writer(&self, name: &str) -> Result<Box<dyn Writer>> {
        if name.is_empty() {
            return Err(Error::Invalid("a writer needs a name".into()));
        }
        Ok(Box::new(KafkaWriter::open(self.settings.clone(), name).await?))
    }

    async fn reader(&self, group: &str, topics: &[&str]) -> Result<Box<dyn Reader>> {
        Ok(Box::new(KafkaReader::join(self.settings.clone(), group, topics)?))
    }

    async fn scan(&self, topic: &str, partition: u32, from: u64) -> Result<Box<dyn Scan>> {
        let number = self.declared(topic, partition)?;
        let end = self.end(topic, partition).await?;
        Ok(Box::new(KafkaScan::open(self.settings.clone(), topic, number, from, end).await?))
    }

    async fn end(&self, topic: &str, partition: u32) -> Result<u64> {
        let number = self.declared(topic, partition)?;
        let (log, topic) = (self.clone(), topic.to_owned());
        blocking(move || log.settled_end(&topic, number)).await
    }
}

impl KafkaLog {
    /// The end of what was written, once it is also the end of what is committed. A commit returns when its transaction is decided,
    /// which is a little before its partitions are told; so without this wait, state that was committed could be missed.
    fn settled_end(&self, topic: &str, partition: i32) -> Result<u64> {
        // The broker looks for transactions that are out of time every 10 s.
        let bound = self.settings.reach.max(self.settings.transaction + Duration::from_secs(10));
        let deadline = Instant::now() + bound;
        let written = self.watermark(&self.written, topic, partition)?;
        loop {
            let committed = self.watermark(&self.meta, topic, partition)?;
            if committed >= written {
                return Ok(committed);
            }
            if Instant::now() >= deadline {
                let reason = format!(
                    "a transaction has been open in topic {topic}, partition {partition} for {} s",
                    bound.as_secs()
                );
                return Err(Error::Unavailable { reason });
            }
            std::thread::sleep(Duration::from_millis(2)); // the broker does not announce it
        }
    }

    fn watermark(&self, client: &Meta, topic: &str, partition: i32) -> Result<u64> {
        let deadline = Instant::now() + self.settings.reach;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match client.fetch_watermarks(topic, partition, left) {
                Ok((_, end)) => return Ok(u64::try_from(end).unwrap_or(0)),
                Err(_) if Instant::now() >= deadline => {
                    while client.poll(Duration::ZERO).is_some() {} // lets the client say what it heard
                    return Err(client.context().heard.unreachable(&self.settings.brokers, self.settings.reach));
                }
                Err(error) if error.rdkafka_error_code().is_some_and(passes) => {
                    std::thread::sleep(Duration::from_millis(20))
                }
                Err(error) => return Err(named("asking for the end of a partition", &error)),
            }
        }
    }
}

/// Runs what waits for the broker off the runtime's threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Closed)?
}
