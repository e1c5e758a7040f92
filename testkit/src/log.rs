//! An event log that fails in the ways that its contract allows.

use std::sync::Arc;

use async_trait::async_trait;
use stream::{Batch, EmbeddedLog, Error, EventLog, Position, Reader, Result, Scan, Writer};

/// What becomes of a commit.
#[derive(Debug)]
pub enum Fate {
    /// It is made, and the answer says so.
    Made,
    /// It is made, and the answer is this.
    Lost(Error),
    /// It is not made, and the answer is this.
    Refused(Error),
}

/// An embedded log whose commits meet their fates, each asked for when its turn comes. Everything else works.
#[derive(Clone)]
pub struct FaultyLog {
    log: EmbeddedLog,
    fate: Arc<dyn Fn() -> Fate + Send + Sync>,
}

impl FaultyLog {
    /// Over a log.
    pub fn new(log: EmbeddedLog, fate: impl Fn() -> Fate + Send + Sync + 'static) -> Self {
        Self { log, fate: Arc::new(fate) }
    }
}

#[async_trait]
impl EventLog for FaultyLog {
    async fn partitions(&self, topic: &str) -> Result<u32> {
        self.log.partitions(topic).await
    }
    async fn writer(&self, name: &str) -> Result<Box<dyn Writer>> {
        Ok(Box::new(FaultyWriter { writer: self.log.writer(name).await?, fate: self.fate.clone() }))
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

struct FaultyWriter {
    writer: Box<dyn Writer>,
    fate: Arc<dyn Fn() -> Fate + Send + Sync>,
}

#[async_trait]
impl Writer for FaultyWriter {
    async fn commit(&mut self, batch: Batch) -> Result<Vec<Position>> {
        match (self.fate)() {
            Fate::Made => self.writer.commit(batch).await,
            Fate::Lost(error) => self.writer.commit(batch).await.and(Err(error)),
            Fate::Refused(error) => Err(error),
        }
    }
}
