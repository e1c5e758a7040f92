//! Kafka: the contract against a real broker, and what only a broker can do to us.

use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use stream::kafka::{KafkaLog, Settings};
use stream::{EventLog, Topic, partition_of};
use testkit::kafka::{Broker, broker_for};

use crate::contract::{self, BOUND, Harness, PARTITIONS, all};

mod broker_killed;
mod clients_killed;
mod figures;
mod refusals;
mod transactions;

/// On a busy machine, too, nobody who lives is taken for dead. Who leaves says so, and is not waited for.
const LONG_SESSION: Duration = Duration::from_secs(20);
/// Whoever is killed is missed soon; whoever lives and is missed all the same has to bear it.
const SHORT_SESSION: Duration = Duration::from_secs(2);

/// One broker for all tests that do not kill it; it ends with this process.
fn shared_broker(test: &str) -> Option<String> {
    static BROKER: OnceLock<Option<Broker>> = OnceLock::new();
    let broker = BROKER.get_or_init(|| broker_for("every test on the shared broker", &[]).unwrap()).as_ref();
    if broker.is_none() {
        eprintln!("SKIPPED {test}: there is no broker (see above)");
    }
    broker.map(Broker::bootstrap)
}

/// Topics of a test's own.
fn names(test: &str) -> (Topic, Topic) {
    (Topic::from(format!("{test}.input")), Topic::from(format!("{test}.output")))
}

fn state(test: &str) -> Topic {
    Topic::from(format!("{test}.state"))
}

fn settings(bootstrap: &str, test: &str) -> Settings {
    let (input, output) = names(test);
    let mut settings = Settings::new(bootstrap, contract::topics(&[&input, &output], &state(test)));
    settings.create_topics = true;
    settings.allow_single_broker = true;
    settings.session = LONG_SESSION;
    settings
}

/// Where clients or the broker are killed.
fn settings_of_the_killed(bootstrap: &str, test: &str) -> Settings {
    let mut settings = settings(bootstrap, test);
    settings.session = SHORT_SESSION;
    settings
}

struct Kafka {
    log: KafkaLog,
    law: String,
}

#[async_trait]
impl Harness for Kafka {
    async fn log(&self) -> Box<dyn EventLog> {
        Box::new(self.log.clone())
    }
    fn input(&self) -> Topic {
        names(&self.law).0
    }
    fn output(&self) -> Topic {
        names(&self.law).1
    }
    fn state(&self) -> Topic {
        state(&self.law)
    }
    fn max_record_bytes(&self) -> usize {
        1_000_000
    }
}

async fn harness(law: &str) -> Option<Kafka> {
    let bootstrap = tokio::task::block_in_place(|| shared_broker(law))?;
    let log = KafkaLog::connect(settings(&bootstrap, law)).await.unwrap();
    Some(Kafka { log, law: law.to_owned() })
}

contract::laws!(harness);

const BOOTSTRAP: &str = "STREAM_TEST_BOOTSTRAP";
const NAME: &str = "STREAM_TEST_NAME";
const TOPICS: &str = "STREAM_TEST_TOPICS";

/// A variable of a child.
fn variable(name: &str) -> String {
    std::env::var(name).expect("run by its parent test only")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_partition_of_a_key_is_the_one_that_librdkafka_chooses() {
    let test = "the_partition_of_a_key_is_the_one_that_librdkafka_chooses";
    let Some(bootstrap) = tokio::task::block_in_place(|| shared_broker(test)) else { return };
    let log = KafkaLog::connect(settings(&bootstrap, test)).await.unwrap();
    let (input, _) = names(test);
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", &bootstrap).set("partitioner", "murmur2_random").create().unwrap();
    let keys: Vec<Vec<u8>> = (0..200_usize)
        .map(|n| (0..n % 40 + 1).map(|at| u8::try_from((n * 31 + at * 7) % 256).unwrap()).collect())
        .collect();
    for key in &keys {
        producer.send(BaseRecord::to(&input).key(&key[..]).payload("x")).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(BOUND).unwrap();
    let mut seen = 0;
    for record in all(&log, &input).await.into_iter().flatten() {
        assert_eq!(record.partition, partition_of(&record.key, PARTITIONS), "{:?}", record.key);
        assert!(record.time_ms > 1_600_000_000_000, "a foreign record has the time it was made");
        seen += 1;
    }
    assert_eq!(seen, keys.len());
}
