//! What was never committed is never seen.

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use stream::kafka::KafkaLog;
use stream::{Append, Batch, Error, EventLog};

use super::{BOOTSTRAP, NAME, TOPICS, names, settings, shared_broker, variable};
use crate::contract::{BOUND, PARTITIONS, all, append, count, text};
use crate::copier::{Process, tell};

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_the_broker_refuses_half_way_leaves_nothing_and_the_writer_goes_on() {
    let test = "a_batch_that_the_broker_refuses_half_way_leaves_nothing_and_the_writer_goes_on";
    let Some(bootstrap) = tokio::task::block_in_place(|| shared_broker(test)) else { return };
    let (input, output) = names("half-way");
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &bootstrap).create().unwrap();
    let narrow = NewTopic::new(&output, i32::try_from(PARTITIONS).unwrap(), TopicReplication::Fixed(1))
        .set("max.message.bytes", "2000");
    for outcome in admin.create_topics([&narrow], &AdminOptions::new()).await.unwrap() {
        outcome.unwrap();
    }
    let log = KafkaLog::connect(settings(&bootstrap, "half-way")).await.unwrap();
    let mut writer = log.writer("half-way").await.unwrap();
    for _ in 0..3 {
        let large = Append::new(&output, "k", 0, vec![7; 10_000]);
        let batch = Batch::of(vec![append(&input, "k", "first"), large, append(&output, "k", "last")]);
        match writer.commit(batch).await.unwrap_err() {
            Error::TooLarge { topic, .. } => assert_eq!(topic, output.as_str()),
            other => panic!("{other}"),
        }
    }
    assert_eq!(count(&log, &input).await + count(&log, &output).await, 0);
    writer.commit(Batch::of(vec![append(&input, "k", "good")])).await.unwrap();
    assert_eq!(count(&log, &input).await, 1);
}

/// The child: has a transaction open, its records at the broker, and waits for its end.
#[test]
#[ignore = "run as a process by an_open_transaction_of_a_killed_writer_is_never_seen"]
fn child_open_transaction() {
    let (input, _) = names(&variable(TOPICS));
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", variable(BOOTSTRAP))
        .set("transactional.id", variable(NAME))
        .set("transaction.timeout.ms", "4000")
        .set("message.timeout.ms", "4000")
        .create()
        .unwrap();
    producer.init_transactions(BOUND).unwrap();
    producer.begin_transaction().unwrap();
    for n in 0..10 {
        producer
            .send(BaseRecord::to(&input).key("k").partition(0).payload(&format!("open {n}")))
            .map_err(|(error, _)| error)
            .unwrap();
    }
    producer.flush(BOUND).unwrap();
    tell("open", &"");
    std::thread::park();
}

/// Runs that child until its transaction is open, and kills it.
fn kill_with_open_transaction(name: &str, bootstrap: &str, topics: &str) {
    tokio::task::block_in_place(|| {
        let variables =
            [(BOOTSTRAP, bootstrap), (TOPICS, topics), (NAME, name)].map(|(name, value)| (name, value.to_owned()));
        let mut killed = Process::start("kafka::transactions::child_open_transaction", &variables);
        killed.line("open").unwrap();
        killed.kill_9();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_of_a_killed_writer_is_never_seen() {
    let test = "an_open_transaction_of_a_killed_writer_is_never_seen";
    let Some(bootstrap) = tokio::task::block_in_place(|| shared_broker(test)) else { return };
    let log = KafkaLog::connect(settings(&bootstrap, test)).await.unwrap();
    let (input, _) = names(test);
    let values = async || all(&log, &input).await.iter().flatten().map(text).collect::<Vec<_>>();

    // Whoever takes the name over ends what was open.
    kill_with_open_transaction("taken-over", &bootstrap, test);
    let mut writer = log.writer("taken-over").await.unwrap();
    assert!(values().await.is_empty());
    writer.commit(Batch::of(vec![append(&input, "k", "after").in_partition(0)])).await.unwrap();
    assert_eq!(values().await, ["after"]);

    // Where nobody does, the broker ends it after its time, and until then a scan waits for it.
    kill_with_open_transaction("left", &bootstrap, test);
    writer.commit(Batch::of(vec![append(&input, "k", "later").in_partition(0)])).await.unwrap();
    assert_eq!(values().await, ["after", "later"]);
}
