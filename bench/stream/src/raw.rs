//! Reading the log raw: consume, look at each message no more than said, move the read position as often as a pipeline does.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use ledger::Chain;
use phc::messages::READINGS;
use phc::{PatientKeys, ReadingBatch, open_topic_value};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::producer::{DefaultProducerContext, Producer as _, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::message::{JSON_TOPIC, Parsed};
use crate::population::Population;
use crate::{Answers, kafka};

const WAIT: Duration = Duration::from_secs(30);

/// What is done with a message.
enum Look {
    /// Opened with the patient's key and decoded.
    Decoded(HashMap<[u8; 32], (Chain, Arc<PatientKeys>)>),
    /// JSON into a typed value.
    Parsed,
    /// Its length.
    Unparsed,
}

pub(crate) struct Raw {
    look: Look,
    topic: &'static str,
    consumer: BaseConsumer,
    producer: ThreadedProducer<DefaultProducerContext>,
    /// The next offset to read.
    next: i64,
}

impl Raw {
    pub(crate) fn decoded(bootstrap: &str, patients: u32) -> Result<Self> {
        let population = Population::new();
        let people = (0..patients).map(|number| population.person(number));
        let people = people.map(|person| (person.chain.id.0, (person.chain, person.keys))).collect();
        Self::reading(READINGS, Look::Decoded(people), bootstrap, "raw-decoded")
    }

    pub(crate) fn parsed(bootstrap: &str) -> Result<Self> {
        Self::reading(JSON_TOPIC, Look::Parsed, bootstrap, "raw-parsed")
    }

    pub(crate) fn unparsed(bootstrap: &str) -> Result<Self> {
        Self::reading(JSON_TOPIC, Look::Unparsed, bootstrap, "raw-unparsed")
    }

    /// With the settings that the product's reader and writer have.
    fn reading(topic: &'static str, look: Look, bootstrap: &str, name: &str) -> Result<Self> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("group.id", format!("anchors-{name}"))
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("check.crcs", "true")
            .set("fetch.wait.max.ms", "10")
            .set("queued.max.messages.kbytes", "16384")
            .create()
            .context("a consumer")?;
        let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("transactional.id", format!("anchors-{name}"))
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", "0")
            .set("retry.backoff.ms", "20")
            .create()
            .context("a producer")?;
        producer.init_transactions(WAIT).context("opening the producer")?;
        let mut all = TopicPartitionList::new();
        all.add_partition_offset(topic, 0, Offset::Beginning)?;
        consumer.assign(&all).context("taking the partition")?;
        Ok(Self { look, topic, consumer, producer, next: 0 })
    }

    /// Reads so many messages; returns a sum that keeps the work from being left out.
    fn read(&mut self, messages: u64) -> Result<f64> {
        let mut check = 0.0;
        for _ in 0..messages {
            let message = self.consumer.poll(WAIT).with_context(|| format!("no message in {} s", WAIT.as_secs()))??;
            let payload = message.payload().context("a message without a value")?;
            check += self.look.at(message.key().unwrap_or_default(), payload)?;
            self.next = message.offset() + 1;
        }
        Ok(check)
    }

    fn move_position(&self) -> Result<()> {
        let mut place = TopicPartitionList::new();
        place.add_partition_offset(self.topic, 0, Offset::Offset(self.next))?;
        let group = self.consumer.group_metadata().context("no group")?;
        self.producer.begin_transaction()?;
        self.producer.send_offsets_to_transaction(&place, &group, WAIT).context("moving the read position")?;
        self.producer.commit_transaction(WAIT).context("committing")
    }
}

impl Look {
    fn at(&self, key: &[u8], payload: &[u8]) -> Result<f64> {
        match self {
            Self::Decoded(people) => {
                let (chain, keys) = people.get(key).context("a message of nobody")?;
                let batch: ReadingBatch =
                    open_topic_value(keys.stream(chain)?, chain, READINGS, "batch of readings", payload)?;
                batch.check()?;
                Ok(batch.readings.iter().map(|reading| reading.value_milli as f64).sum())
            }
            Self::Parsed => {
                let parsed: Parsed<'_> = serde_json::from_slice(payload).context("a message is no JSON")?;
                Ok(parsed.check())
            }
            Self::Unparsed => Ok(payload.len() as f64),
        }
    }
}

impl Answers for Raw {
    fn answer(&mut self, words: &[&str]) -> Result<Value> {
        match words {
            ["hello"] => {
                let what = match self.look {
                    Look::Decoded(_) => "ours' messages, opened with the patient's key and decoded",
                    Look::Parsed => "the JSON messages, parsed into a typed value by serde_json",
                    Look::Unparsed => "the JSON messages, not looked at",
                };
                let (_, librdkafka) = rdkafka::util::get_rdkafka_version();
                Ok(json!({ "versions": { "librdkafka": librdkafka }, "settings": what }))
            }
            ["train", topic, messages] if *topic == self.topic => {
                let messages = messages.parse().context("no number of messages")?;
                self.read(messages)?;
                Ok(json!({ "readings": messages }))
            }
            ["run", topic, messages] if *topic == self.topic => {
                let messages: u64 = messages.parse().context("no number of messages")?;
                let (begin, mut done, mut check, mut commits) = (Instant::now(), 0, 0.0, 0_u64);
                while done < messages {
                    let some = (messages - done).min(kafka::MOST as u64);
                    check += self.read(some)?;
                    self.move_position()?;
                    done += some;
                    commits += 1;
                }
                let wall_ns = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
                Ok(json!({ "wall_ns": wall_ns, "readings": done, "commits": commits, "check": check }))
            }
            _ => bail!("unknown command {words:?}"),
        }
    }
}
