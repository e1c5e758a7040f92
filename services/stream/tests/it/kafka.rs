//! Kafka: the contract against a real broker, and what only a broker can do to us.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use stream::kafka::{KafkaLog, Settings};
use stream::{Append, Batch, Error, Event, EventLog, Retention, Topic, TopicSpec, Topics, partition_of};
use testkit::kafka::{Broker, broker_for};

use crate::contract::{self, BOUND, Harness, PARTITIONS, after, all, append, count, fill, text};
use crate::copier::{Process, assert_copied_once, copy, tell};

const SESSION: Duration = Duration::from_secs(2);

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
    settings.session = SESSION;
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

// ---- without a broker --------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_broker_that_is_not_there_is_named_after_a_bounded_time() {
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().to_string();
    let mut settings = Settings::new(&closed, Topics::standard(8).unwrap());
    settings.reach = Duration::from_secs(5);
    let began = Instant::now();
    match KafkaLog::connect(settings).await.err().unwrap() {
        Error::Unreachable { address, seconds, reason } => {
            assert_eq!((address, seconds), (closed, 5));
            assert!(reason.contains("refused"), "{reason}");
        }
        other => panic!("{other}"),
    }
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn a_client_setting_that_could_weaken_the_contract_is_refused() {
    let mut settings = Settings::new("127.0.0.1:1", Topics::standard(8).unwrap());
    settings.client.insert("isolation.level".into(), "read_uncommitted".into());
    assert!(
        matches!(KafkaLog::connect(settings).await.err().unwrap(), Error::Invalid(what) if what.contains("isolation.level"))
    );
}

// ---- what a cluster has to be ------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_does_not_hold_what_is_declared_is_refused_and_says_so() {
    let test = "a_cluster_that_does_not_hold_what_is_declared_is_refused_and_says_so";
    let Some(bootstrap) = tokio::task::block_in_place(|| shared_broker(test)) else { return };
    let (input, output) = names("refused-cluster");

    let mut missing = settings(&bootstrap, "refused-cluster");
    missing.create_topics = false;
    match KafkaLog::connect(missing.clone()).await.err().unwrap() {
        Error::UnknownTopic { topic, remedy } => {
            assert_eq!(topic, input.as_str());
            assert!(remedy.contains("kafka-topics.sh") && remedy.contains("create_topics"), "{remedy}");
        }
        other => panic!("{other}"),
    }
    missing.create_topics = true;
    KafkaLog::connect(missing.clone()).await.unwrap();

    let spec = |name: &Topic, partitions| TopicSpec { name: name.clone(), partitions, retention: Retention::Forever };
    let mut other = missing.clone();
    other.topics = Topics::of([spec(&input, PARTITIONS), spec(&output, 8)]).unwrap();
    match KafkaLog::connect(other).await.err().unwrap() {
        Error::PartitionCount { topic, expected: 8, found: PARTITIONS } => assert_eq!(topic, output.as_str()),
        other => panic!("{other}"),
    }

    missing.allow_single_broker = false;
    match KafkaLog::connect(missing).await.err().unwrap() {
        Error::TooLittleReplication { found: 1, needed: 3, .. } => {}
        other => panic!("{other}"),
    }
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

// ---- aborted transactions ----------------------------------------------------------------------------------------------

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

const BOOTSTRAP: &str = "STREAM_TEST_BOOTSTRAP";
const NAME: &str = "STREAM_TEST_NAME";
const TOPICS: &str = "STREAM_TEST_TOPICS";

fn variable(name: &str) -> String {
    std::env::var(name).expect("run by its parent test only")
}

/// Runs a child test of this file.
fn child(entry: &str, bootstrap: &str, topics: &str) -> Process {
    Process::start(&format!("kafka::{entry}"), &[(BOOTSTRAP, bootstrap.to_owned()), (TOPICS, topics.to_owned())])
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
        let mut killed = Process::start("kafka::child_open_transaction", &variables);
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

// ---- kill -9 of clients ------------------------------------------------------------------------------------------------

/// The child: copies and says how many batches it committed.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run as a process by kill_9_of_the_client_loses_nothing_and_doubles_nothing"]
async fn child_copier() {
    let test = variable(TOPICS);
    let log = KafkaLog::connect(settings(&variable(BOOTSTRAP), &test)).await.unwrap();
    let (input, output) = names(&test);
    let mut writer = log.writer(&test).await.unwrap();
    let mut reader = log.reader(&test, &[&input]).await.unwrap();
    let mut batches = 0;
    let deadline = Instant::now() + BOUND;
    while Instant::now() < deadline {
        if let Event::Records(records) = reader.next(5, Duration::from_millis(100)).await.unwrap() {
            let copies = records
                .iter()
                .map(|record| Append::new(&output, record.key.clone(), record.time_ms, record.value.clone()));
            match writer.commit(Batch::of(copies.collect()).moving(reader.membership(), after(&records))).await {
                Ok(_) => {
                    batches += 1;
                    tell("batches ", &batches);
                }
                Err(Error::Rebalanced { .. }) => reader.rewind().await.unwrap(),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_of_the_client_loses_nothing_and_doubles_nothing() {
    let test = "kill_9_of_the_client_loses_nothing_and_doubles_nothing";
    let Some(bootstrap) = tokio::task::block_in_place(|| shared_broker(test)) else { return };
    let log = KafkaLog::connect(settings(&bootstrap, test)).await.unwrap();
    let (input, output) = names(test);
    let mut source = log.writer(&format!("{test}.source")).await.unwrap();
    fill(&mut *source, &input, 300, 50).await;
    let mut kills = 0_u32;
    while count(&log, &output).await < 300 {
        tokio::task::block_in_place(|| {
            let mut copier = child("child_copier", &bootstrap, test);
            // Killed while it works, after a number of batches that differs from life to life.
            for _ in 0..4 + kills * 7 % 11 {
                if copier.line("batches ").is_none() {
                    break;
                }
                if kills >= 3 && copied_all(&log, &output) {
                    break;
                }
            }
            copier.kill_9();
        });
        kills += 1;
        assert!(kills < 40, "the copiers do not get on");
    }
    assert!(kills >= 3, "killed {kills} times only");
    assert_copied_once(&log, &input, &output).await;
}

fn copied_all(log: &KafkaLog, output: &Topic) -> bool {
    tokio::runtime::Handle::current().block_on(count(log, output)) >= 300
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_takes_over_from_a_killed_process() {
    let test = "a_reader_takes_over_from_a_killed_process";
    let Some(bootstrap) = tokio::task::block_in_place(|| shared_broker(test)) else { return };
    let log = KafkaLog::connect(settings(&bootstrap, test)).await.unwrap();
    let (input, output) = names(test);
    let mut source = log.writer(&format!("{test}.source")).await.unwrap();
    fill(&mut *source, &input, 40, 40).await;
    let other = tokio::task::block_in_place(|| {
        let mut other = child("child_copier", &bootstrap, test);
        other.line("batches ").unwrap();
        other
    });
    // The process holds all four partitions; then each of the two holds two.
    let mut mine = log.reader(test, &[&input]).await.unwrap();
    let mut held = 0;
    let deadline = Instant::now() + BOUND;
    let mut other = Some(other);
    while held < 4 {
        assert!(Instant::now() < deadline, "took over {held} partitions only");
        match mine.next(10, Duration::from_millis(100)).await.unwrap() {
            Event::Assigned(more) => held += more.len(),
            Event::Revoked(gone) => held -= gone.len(),
            Event::Records(_) | Event::Idle => {}
        }
        if held == 2
            && let Some(other) = other.take()
        {
            other.kill_9();
        }
    }
    assert!(other.is_none(), "the partitions were never shared");
    drop(mine);
    // And from where the killed one had committed, the rest is copied once.
    let mut lives = 0;
    while count(&log, &output).await < 40 {
        copy_as(&log, test, &input, &output).await;
        lives += 1;
        assert!(lives < 20, "the rest is not copied");
    }
    assert_copied_once(&log, &input, &output).await;
}

const GO: &str = "STREAM_TEST_GO";

/// The child: reads, and once it is told to (by a file) tries again and again to commit what it read.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run as a process by a_process_that_was_stopped_cannot_commit_what_others_took_over"]
async fn child_holder() {
    let test = variable(TOPICS);
    let log = KafkaLog::connect(settings(&variable(BOOTSTRAP), &test)).await.unwrap();
    let (input, output) = names(&test);
    let mut writer = log.writer("holder").await.unwrap();
    let mut reader = log.reader(&test, &[&input]).await.unwrap();
    let mut records = Vec::new();
    while records.len() < 40 {
        if let Event::Records(more) = reader.next(100, Duration::from_millis(100)).await.unwrap() {
            records.extend(more);
        }
    }
    tell("holding", &"");
    while !std::path::Path::new(&variable(GO)).exists() {
        std::thread::sleep(Duration::from_millis(1)); // stopped here by the parent
    }
    // Long enough for the client to notice, in between, that the group went on without it.
    let until = Instant::now() + 2 * SESSION;
    let mut attempts = 0;
    while Instant::now() < until {
        let late = Batch::of(vec![append(&output, "late", "late")]).moving(reader.membership(), after(&records));
        match writer.commit(late).await {
            Err(Error::Rebalanced { .. }) => attempts += 1,
            other => return tell("outcome ", &format!("{other:?}")),
        }
    }
    tell("outcome ", &format!("rebalanced {}", attempts > 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_was_stopped_cannot_commit_what_others_took_over() {
    let test = "a_process_that_was_stopped_cannot_commit_what_others_took_over";
    let Some(bootstrap) = tokio::task::block_in_place(|| shared_broker(test)) else { return };
    let log = KafkaLog::connect(settings(&bootstrap, test)).await.unwrap();
    let (input, output) = names(test);
    let mut source = log.writer(&format!("{test}.source")).await.unwrap();
    fill(&mut *source, &input, 40, 40).await;
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    let mut holder = tokio::task::block_in_place(|| {
        let variables = [(BOOTSTRAP, bootstrap), (TOPICS, test.to_owned()), (GO, go.display().to_string())];
        let mut holder = Process::start("kafka::child_holder", &variables);
        holder.line("holding").unwrap();
        holder.signal("STOP");
        holder
    });
    let mut lives = 0;
    while count(&log, &output).await < 40 {
        copy_as(&log, test, &input, &output).await;
        lives += 1;
        assert!(lives < 20, "nobody took over from the stopped process");
    }
    std::fs::write(&go, "").unwrap();
    let outcome = tokio::task::block_in_place(|| {
        holder.signal("CONT");
        holder.line("outcome ").unwrap()
    });
    assert_eq!(outcome, "rebalanced true");
    holder.kill_9();
    assert_copied_once(&log, &input, &output).await;
}

/// Copies as a member of the children's group, under their writer's name.
async fn copy_as(log: &KafkaLog, test: &str, input: &Topic, output: &Topic) {
    let mut writer = log.writer(test).await.unwrap();
    let mut reader = log.reader(test, &[input]).await.unwrap();
    let mut idle = 0;
    while idle < 30 {
        match reader.next(10, Duration::from_millis(100)).await.unwrap() {
            Event::Records(records) => {
                let copies = records
                    .iter()
                    .map(|record| Append::new(output, record.key.clone(), record.time_ms, record.value.clone()));
                writer.commit(Batch::of(copies.collect()).moving(reader.membership(), after(&records))).await.unwrap();
                idle = 0;
            }
            Event::Idle => idle += 1,
            Event::Assigned(_) | Event::Revoked(_) => {}
        }
    }
}

// ---- kill -9 of the broker ---------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_of_the_broker_loses_nothing_and_doubles_nothing() {
    let test = "kill_9_of_the_broker_loses_nothing_and_doubles_nothing";
    let Some(mut broker) = tokio::task::block_in_place(|| broker_for(test, &[])).unwrap() else { return };
    let log = KafkaLog::connect(settings(&broker.bootstrap(), test)).await.unwrap();
    let (input, output) = names(test);
    let records = 400;
    let mut source = log.writer("source").await.unwrap();
    fill(&mut *source, &input, records, 50).await;
    let copier = {
        let (log, input, output) = (log.clone(), input.clone(), output.clone());
        tokio::spawn(async move {
            // A copier that ends for a reason that passes is started again, as a process would be.
            while count(&log, &output).await < records {
                copy(&log, "copier", &input, &output, usize::MAX).await;
            }
        })
    };
    for kill in 1..=2 {
        let deadline = Instant::now() + BOUND;
        while count(&log, &output).await < kill * 60 {
            assert!(Instant::now() < deadline, "the copier does not get on before kill {kill}");
        }
        tokio::task::block_in_place(|| {
            broker.kill_9().unwrap();
            broker.restart().unwrap();
        });
    }
    tokio::time::timeout(2 * BOUND, copier).await.expect("the copier does not get on after the kills").unwrap();
    assert_copied_once(&log, &input, &output).await;
    assert!(log.troubles() > 0, "a killed broker went by unnoticed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_broker_is_away_readers_are_idle_and_everything_else_says_so() {
    let test = "while_the_broker_is_away_readers_are_idle_and_everything_else_says_so";
    let Some(mut broker) = tokio::task::block_in_place(|| broker_for(test, &[])).unwrap() else { return };
    let mut settings = settings(&broker.bootstrap(), "away");
    (settings.reach, settings.transaction) = (Duration::from_secs(3), Duration::from_secs(3));
    let log = KafkaLog::connect(settings.clone()).await.unwrap();
    let (input, _) = names("away");
    let mut writer = log.writer("away").await.unwrap();
    let mut reader = log.reader("away", &[&input]).await.unwrap();
    fill(&mut *writer, &input, 10, 10).await;
    let mut seen = 0;
    while seen < 10 {
        if let Event::Records(records) = reader.next(100, Duration::from_millis(100)).await.unwrap() {
            seen += records.len();
        }
    }
    tokio::task::block_in_place(|| broker.kill_9().unwrap());
    let address = broker.bootstrap();
    let named = |error: Error| match error {
        Error::Unreachable { address: named, seconds: 3, .. } => assert_eq!(named, address),
        other => panic!("{other}"),
    };
    assert!(matches!(reader.next(100, Duration::from_millis(500)).await.unwrap(), Event::Idle));
    named(log.end(&input, 0).await.unwrap_err());
    named(log.scan(&input, 0, 0).await.err().unwrap());
    named(log.writer("another").await.err().unwrap());
    named(KafkaLog::connect(settings.clone()).await.err().unwrap());
    let lost = writer.commit(Batch::of(vec![append(&input, "k", "away")])).await.unwrap_err();
    assert!(matches!(lost, Error::Unavailable { .. } | Error::Unsettled { .. }), "{lost}");

    tokio::task::block_in_place(|| broker.restart().unwrap());
    // A writer of the same name settles what was open, and the reader goes on.
    let mut writer = log.writer("away").await.unwrap();
    writer.commit(Batch::of(vec![append(&input, "k", "back")])).await.unwrap();
    let deadline = Instant::now() + BOUND;
    loop {
        assert!(Instant::now() < deadline, "the reader does not go on");
        // The group may have taken it for dead meanwhile; then it starts from the committed position again.
        if let Event::Records(records) = reader.next(100, Duration::from_millis(100)).await.unwrap()
            && records.iter().any(|record| text(record) == "back")
        {
            break;
        }
    }
}

// ---- figures -----------------------------------------------------------------------------------------------------------

/// Figures for orientation, in the profile the tests are built with: run with `--ignored --nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures, shows nothing"]
async fn figures() {
    let Some(bootstrap) = tokio::task::block_in_place(|| shared_broker("figures")) else { return };
    let log = KafkaLog::connect(settings(&bootstrap, "figures")).await.unwrap();
    let (input, _) = names("figures");
    let mut writer = log.writer("figures").await.unwrap();
    let value = bytes::Bytes::from(vec![7_u8; 200]);
    let mut all = 0;
    for size in [1_usize, 100, 1_000] {
        let batches = 200;
        let mut took = Vec::new();
        for _ in 0..batches {
            let records = (0..size).map(|n| Append::new(&input, format!("key{n}"), 0, value.clone())).collect();
            let began = Instant::now();
            writer.commit(Batch::of(records)).await.unwrap();
            took.push(began.elapsed());
        }
        all += size * batches;
        took.sort();
        let total: Duration = took.iter().sum();
        eprintln!(
            "commit of {size} records of 200 B: p50 {:.1} ms, p99 {:.1} ms, {:.0} records/s",
            took[batches / 2].as_secs_f64() * 1e3,
            took[batches * 99 / 100].as_secs_f64() * 1e3,
            (size * batches) as f64 / total.as_secs_f64()
        );
    }
    let mut reader = log.reader("figures", &[&input]).await.unwrap();
    let (mut read, mut began) = (0, Instant::now());
    while read < all {
        match reader.next(10_000, Duration::from_secs(1)).await.unwrap() {
            Event::Records(records) => read += records.len(),
            Event::Assigned(_) => began = Instant::now(),
            Event::Revoked(_) | Event::Idle => {}
        }
    }
    eprintln!("read: {:.0} records/s", all as f64 / began.elapsed().as_secs_f64());
}
