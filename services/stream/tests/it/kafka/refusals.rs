//! What a broker has to be, and that each lack of it is named.

use std::time::{Duration, Instant};

use stream::kafka::{KafkaLog, Settings};
use stream::{Error, Retention, Topic, TopicSpec, Topics};

use super::{names, settings, shared_broker};
use crate::contract::{BOUND, PARTITIONS};

#[tokio::test]
async fn a_broker_that_is_not_there_is_named_after_a_bounded_time() {
    let port = kit::Port::free().unwrap();
    let closed = format!("127.0.0.1:{}", port.number());
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
    assert!(began.elapsed() < BOUND);
}

#[tokio::test]
async fn a_client_setting_that_could_weaken_the_contract_is_refused() {
    let mut settings = Settings::new("127.0.0.1:1", Topics::standard(8).unwrap());
    settings.client.insert("isolation.level".into(), "read_uncommitted".into());
    assert!(
        matches!(KafkaLog::connect(settings).await.err().unwrap(), Error::Invalid(what) if what.contains("isolation.level"))
    );
}

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
