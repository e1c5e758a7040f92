//! Clients that are killed or stopped.

use std::time::{Duration, Instant};

use stream::kafka::KafkaLog;
use stream::{Append, Batch, Error, Event, EventLog, Topic};

use super::{BOOTSTRAP, SHORT_SESSION, TOPICS, names, settings_of_the_killed as settings, shared_broker, variable};
use crate::contract::{BOUND, after, append, count, fill};
use crate::copier::{Process, assert_copied_once, tell};

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

/// Runs that child.
fn copier(bootstrap: &str, topics: &str) -> Process {
    Process::start(
        "kafka::clients_killed::child_copier",
        &[(BOOTSTRAP, bootstrap.to_owned()), (TOPICS, topics.to_owned())],
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_of_the_client_loses_nothing_and_doubles_nothing() {
    let test = "kill_9_of_the_client_loses_nothing_and_doubles_nothing";
    let Some(bootstrap) = tokio::task::block_in_place(|| shared_broker(test)) else { return };
    let log = KafkaLog::connect(settings(&bootstrap, test)).await.unwrap();
    let (input, output) = names(test);
    let mut source = log.writer(&format!("{test}.source")).await.unwrap();
    let mut records = 0;
    for kill in 0..6 {
        // More than enough for the next life; one that is quick may have copied everything.
        fill(&mut *source, &input, 80, 40).await;
        records += 80;
        tokio::task::block_in_place(|| {
            let mut copier = copier(&bootstrap, test);
            // Killed while it works, after a number of batches that differs from life to life.
            for _ in 0..4 + kill * 7 % 11 {
                copier.line("batches ").expect("the copier works until it is killed");
            }
            copier.kill_9();
        });
    }
    let mut lives = 0;
    while count(&log, &output).await < records {
        copy_as(&log, test, &input, &output).await;
        lives += 1;
        assert!(lives < 20, "the rest is not copied");
    }
    assert_copied_once(&log, &input, &output).await;
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
        let mut other = copier(&bootstrap, test);
        other.line("batches ").unwrap();
        other
    });
    // The process holds all four partitions; then each of the two holds two.
    let mut mine = log.reader(test, &[&input]).await.unwrap();
    let mut held = 0;
    let deadline = Instant::now() + BOUND;
    let mut other = Some(other);
    // Where it is slow to give a sign of life it may lose all four before that; it comes back for its two.
    while held < 4 || other.is_some() {
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
    let until = Instant::now() + 2 * SHORT_SESSION;
    let mut attempts = 0;
    while attempts < 2 || Instant::now() < until {
        let late = Batch::of(vec![append(&output, "late", "late")]).moving(reader.membership(), after(&records));
        match writer.commit(late).await {
            Err(Error::Rebalanced { .. }) => attempts += 1,
            other => return tell("outcome ", &format!("{other:?}")),
        }
    }
    tell("outcome ", &"rebalanced each time");
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
        let mut holder = Process::start("kafka::clients_killed::child_holder", &variables);
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
    assert_eq!(outcome, "rebalanced each time");
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
                match writer.commit(Batch::of(copies.collect()).moving(reader.membership(), after(&records))).await {
                    Err(Error::Rebalanced { .. }) => reader.rewind().await.unwrap(),
                    committed => _ = committed.unwrap(),
                }
                idle = 0;
            }
            Event::Idle => idle += 1,
            Event::Assigned(_) | Event::Revoked(_) => {}
        }
    }
}
