//! Lets a monitor have so many messages and no more, so that pipelines can take turns: the event log, with a gate at its reader.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use phc::messages::READINGS;
use stream::{Event, EventLog, KafkaLog, Membership, Partition, Reader, Result, Scan, Writer};
use tokio::sync::watch;

/// How far the gate is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// Everything passes.
    All,
    /// So many messages of `readings` pass, and whatever comes of other topics meanwhile.
    Messages(u64),
}

/// The handle that opens the gate.
#[derive(Clone)]
pub(crate) struct Gate {
    left: Arc<watch::Sender<Left>>,
    /// Whether the reader waits at the closed gate.
    waiting: Arc<watch::Sender<bool>>,
}

impl Gate {
    pub(crate) fn open() -> Self {
        Self { left: Arc::new(watch::Sender::new(Left::All)), waiting: Arc::new(watch::Sender::new(false)) }
    }

    /// Lets so many messages pass and waits until the reader stands at the gate again: everything before has been worked off.
    pub(crate) async fn pass(&self, messages: u64) {
        self.waiting.send_replace(false);
        self.left.send_replace(Left::Messages(messages));
        // The sender lives as long as this does.
        let _ = self.waiting.subscribe().wait_for(|waiting| *waiting).await;
    }

    fn passed(&self, messages: u64) {
        self.left.send_modify(|left| {
            if let Left::Messages(left) = left {
                *left = left.saturating_sub(messages);
            }
        });
    }

    /// Waits until something may pass; at most how many records.
    async fn ready(&self) -> usize {
        let mut changes = self.left.subscribe();
        loop {
            match *changes.borrow_and_update() {
                Left::All => return usize::MAX,
                Left::Messages(0) => {
                    self.waiting.send_replace(true);
                }
                Left::Messages(left) => return usize::try_from(left).unwrap_or(usize::MAX),
            }
            let _ = changes.changed().await;
        }
    }
}

/// A log whose readers stand at the gate.
pub(crate) struct Gated {
    pub(crate) log: KafkaLog,
    pub(crate) gate: Gate,
}

struct GatedReader {
    reader: Box<dyn Reader>,
    gate: Gate,
}

#[async_trait]
impl EventLog for Gated {
    async fn partitions(&self, topic: &str) -> Result<u32> {
        self.log.partitions(topic).await
    }

    async fn writer(&self, name: &str) -> Result<Box<dyn Writer>> {
        self.log.writer(name).await
    }

    async fn reader(&self, group: &str, topics: &[&str]) -> Result<Box<dyn Reader>> {
        let reader = self.log.reader(group, topics).await?;
        Ok(Box::new(GatedReader { reader, gate: self.gate.clone() }))
    }

    async fn scan(&self, topic: &str, partition: u32, from: u64) -> Result<Box<dyn Scan>> {
        self.log.scan(topic, partition, from).await
    }

    async fn end(&self, topic: &str, partition: u32) -> Result<u64> {
        self.log.end(topic, partition).await
    }
}

#[async_trait]
impl Reader for GatedReader {
    async fn next(&mut self, max_records: usize, wait: Duration) -> Result<Event> {
        let most = self.gate.ready().await.min(max_records);
        let event = self.reader.next(most, wait).await?;
        if let Event::Records(records) = &event {
            let messages = records.iter().filter(|record| record.topic.as_str() == READINGS).count();
            self.gate.passed(messages as u64);
        }
        Ok(event)
    }

    fn assigned(&self) -> Vec<Partition> {
        self.reader.assigned()
    }

    fn membership(&self) -> Membership {
        self.reader.membership()
    }

    async fn committed(&self, topic: &str, partition: u32) -> Result<u64> {
        self.reader.committed(topic, partition).await
    }

    async fn seek(&mut self, topic: &str, partition: u32, offset: u64) -> Result<()> {
        self.reader.seek(topic, partition, offset).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn as_many_pass_as_were_let_and_then_the_gate_tells_that_they_are_worked_off() {
        let gate = Gate::open();
        assert_eq!(gate.ready().await, usize::MAX);
        let reader = gate.clone();
        let task = tokio::spawn(async move {
            let mut batches = Vec::new();
            for _ in 0..3 {
                let most = reader.ready().await.min(500);
                batches.push(most);
                reader.passed(most as u64);
            }
            reader.ready().await; // stands at the gate until the task is given up
            batches
        });
        gate.pass(0).await;
        gate.pass(1_200).await;
        gate.left.send_replace(Left::All);
        assert_eq!(task.await.unwrap_or_default(), [500, 500, 200]);
    }
}
