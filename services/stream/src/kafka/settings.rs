//! How a Kafka cluster is reached, and what is asked of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use crate::{Error, Result, Topics};

/// How a Kafka log is opened. Not `Debug`: `client` may hold a password.
#[derive(Clone)]
pub struct Settings {
    /// Addresses `host:port`, separated by commas.
    pub brokers: String,
    /// The topics, which have to exist with these partition counts.
    pub topics: Topics,
    /// Create topics that are missing, as declared (default no).
    pub create_topics: bool,
    /// Accept fewer than three copies of a record, and fewer than two in sync (default no): a lost broker then loses data.
    pub allow_single_broker: bool,
    /// How long a start, and a call outside a transaction, waits for a broker that does not answer (default 20 s).
    pub reach: Duration,
    /// A reader that was not heard of for this long is taken for dead (default 6 s; the broker sets bounds).
    pub session: Duration,
    /// A reader whose `next` was not called for this long gives its partitions up (default 5 min, at least `session`).
    pub poll_interval: Duration,
    /// How long one commit may take; also for how long the open transaction of a dead writer can hold up readers when nobody
    /// opens a writer of its name (default 30 s). A broker that is away for longer ends the transaction by fencing its writer.
    pub transaction: Duration,
    /// The largest record: key, headers and value (default 1 MB, which a broker takes as it comes).
    pub max_record_bytes: usize,
    /// `security.*`, `sasl.*` and `ssl.*`, passed on to librdkafka as they are.
    pub client: BTreeMap<String, String>,
    /// Trouble that the clients of this log reported.
    pub(super) troubles: Arc<AtomicU64>,
}

impl Settings {
    /// The defaults.
    pub fn new(brokers: impl Into<String>, topics: Topics) -> Self {
        Self {
            brokers: brokers.into(),
            topics,
            create_topics: false,
            allow_single_broker: false,
            reach: Duration::from_secs(20),
            session: Duration::from_secs(6),
            poll_interval: Duration::from_secs(300),
            transaction: Duration::from_secs(30),
            max_record_bytes: 1_000_000,
            client: BTreeMap::new(),
            troubles: Arc::default(),
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.brokers.trim().is_empty() {
            return Err(Error::Invalid("no broker address".into()));
        }
        if self.poll_interval < self.session {
            return Err(Error::Invalid("poll_interval is shorter than session".into()));
        }
        let passed = |name: &str| ["security.", "sasl.", "ssl."].iter().any(|prefix| name.starts_with(prefix));
        match self.client.keys().find(|name| !passed(name)) {
            None => Ok(()),
            Some(name) => Err(Error::Invalid(format!(
                "client setting {name:?} is not passed on: only security.*, sasl.* and ssl.* are"
            ))),
        }
    }

    /// What all clients have in common.
    pub(super) fn base(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (name, value) in &self.client {
            config.set(name, value);
        }
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", "caduceus")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .set_log_level(RDKafkaLogLevel::Info);
        config
    }

    /// A consumer that sees only what was committed.
    pub(super) fn consumer(&self, group: &str) -> ClientConfig {
        let mut config = self.base();
        config
            .set("group.id", group)
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("check.crcs", "true")
            .set("fetch.wait.max.ms", "10")
            .set("fetch.error.backoff.ms", "100")
            .set("queued.max.messages.kbytes", "16384");
        config
    }

    /// A member of a group.
    pub(super) fn member(&self, group: &str, topics: usize) -> ClientConfig {
        let mut config = self.consumer(group);
        // Sticky assignment balances topics one by one; only range gives partitions of the same number to the same member.
        let strategy = if topics == 1 { "cooperative-sticky" } else { "range" };
        config
            .set("partition.assignment.strategy", strategy)
            .set("session.timeout.ms", self.session.as_millis().to_string())
            .set("heartbeat.interval.ms", (self.session / 3).as_millis().to_string())
            .set("max.poll.interval.ms", self.poll_interval.as_millis().to_string());
        config
    }

    /// A transactional writer.
    pub(super) fn producer(&self, name: &str) -> ClientConfig {
        // What a record takes on the wire beside its parts.
        const OVERHEAD_BYTES: usize = 32 * 1024;
        let transaction_ms = self.transaction.as_millis().to_string();
        let mut config = self.base();
        config
            .set("transactional.id", name)
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // No later for it: before the first message of a transaction leaves, the broker has to hear of its partitions. But the
            // others are ready by then, and go in one request a partition.
            .set("linger.ms", "1")
            // A transaction that begins while the one before is still being told to its partitions is asked to come back.
            .set("retry.backoff.ms", "20")
            .set("retry.backoff.max.ms", "500")
            .set("transaction.timeout.ms", &transaction_ms)
            .set("message.timeout.ms", &transaction_ms)
            .set("message.max.bytes", self.max_record_bytes.saturating_add(OVERHEAD_BYTES).to_string());
        config
    }
}
