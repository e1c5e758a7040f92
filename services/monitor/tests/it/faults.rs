//! A log that fails in the ways that the contract allows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use stream::{Batch, EmbeddedLog, Error, EventLog, Position, Reader, Result, Scan, Writer};

use crate::world::*;

/// Fails some commits: one in six is refused as unavailable, as rebalanced, or is made and not known to be made.
#[derive(Clone)]
struct Faulty {
    log: EmbeddedLog,
    commits: Arc<AtomicU32>,
    failed: Arc<AtomicU32>,
}

struct FaultyWriter {
    writer: Box<dyn Writer>,
    of: Faulty,
}

#[async_trait]
impl EventLog for Faulty {
    async fn partitions(&self, topic: &str) -> Result<u32> {
        self.log.partitions(topic).await
    }
    async fn writer(&self, name: &str) -> Result<Box<dyn Writer>> {
        Ok(Box::new(FaultyWriter { writer: self.log.writer(name).await?, of: self.clone() }))
    }
    async fn reader(&self, group: &str, topics: &[&str]) -> Result<Box<dyn Reader>> {
        self.log.reader(group, topics).await
    }
    async fn scan(&self, topic: &str, partition: u32, from: u64) -> Result<Box<dyn Scan>> {
        self.log.scan(topic, partition, from).await
    }
    async fn end(&self, topic: &str, partition: u32) -> Result<u64> {
        self.log.end(topic, partition).await
    }
}

#[async_trait]
impl Writer for FaultyWriter {
    async fn commit(&mut self, batch: Batch) -> Result<Vec<Position>> {
        let number = self.of.commits.fetch_add(1, Ordering::SeqCst);
        let fault = match number % 18 {
            2 => Err(Error::Unavailable { reason: "a broker is away".into() }),
            8 => Err(Error::Rebalanced { group: "monitor".into(), reason: "as they say".into() }),
            13 => {
                self.writer.commit(batch.clone()).await?;
                Err(Error::Unsettled { writer: "monitor-1".into(), reason: "the connection was lost".into() })
            }
            16 => Err(Error::Unsettled { writer: "monitor-1".into(), reason: "the connection was lost".into() }),
            _ => return self.writer.commit(batch).await,
        };
        self.of.failed.fetch_add(1, Ordering::SeqCst);
        fault
    }
}

async fn run(seed: u8, faulty: bool) -> (phc::ContentDigests, usize, u32) {
    let mut world = World::new(seed).await;
    let patient = world.enrol().await;
    let failed = Arc::new(AtomicU32::new(0));
    if faulty {
        world.over = Arc::new(Faulty { log: world.log.clone(), commits: Arc::default(), failed: failed.clone() });
    }
    let mut running = world.start();
    for hour in 0..32 {
        let mut appends = Vec::new();
        for at in hour * 60..hour * 60 + 60 {
            let batch = minute(0, at);
            appends.push(world.sealed(&patient, &batch));
        }
        appends.extend(ticks(START_MS + (hour * 60 + 59) * MINUTE_MS, false));
        world.append(appends).await;
    }
    world.flush(&mut running, START_MS + 32 * 60 * MINUTE_MS).await;
    running.stop().await;
    (world.content(&patient).await, world.alerts(&patient).await.len(), failed.load(Ordering::SeqCst))
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_and_unsettled_commits_lose_and_repeat_nothing() {
    let (expected, alerts, _) = run(70, false).await;
    let (content, alerts_then, failed) = run(70, true).await;
    assert!(failed >= 4, "only {failed} commits failed");
    assert_eq!((content, alerts_then), (expected, alerts));
    assert!(content.anomalies > 0 && content.scores > 0);
}
