//! A broker that is killed, or away.

use std::time::{Duration, Instant};

use stream::kafka::KafkaLog;
use stream::{Batch, Error, Event, EventLog};
use testkit::kafka::broker_for;

use super::{names, settings_of_the_killed as settings};
use crate::contract::{BOUND, append, count, fill, text};
use crate::copier::{assert_copied_once, copy};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_of_the_broker_loses_nothing_and_doubles_nothing() {
    let test = "kill_9_of_the_broker_loses_nothing_and_doubles_nothing";
    let Some(mut broker) = tokio::task::block_in_place(|| broker_for(test, &[])).unwrap() else { return };
    // Whoever asks while it is away waits until it is back, however long it takes to start.
    let mut settings = settings(&broker.bootstrap(), test);
    settings.reach = BOUND;
    let log = KafkaLog::connect(settings).await.unwrap();
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
