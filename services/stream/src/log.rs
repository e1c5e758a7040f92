//! The trait: what every event log of this project does, on a broker or in a directory.

use std::time::Duration;

use async_trait::async_trait;

use crate::{Batch, Membership, Partition, Position, Record, Result};

/// An event log: topics in partitions, each an ordered sequence of records that only grows.
///
/// Offsets grow within a partition; they are dense in the embedded log and have gaps on Kafka (transaction markers and compaction).
/// A position is always **the next offset to read**.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// The number of partitions of a topic.
    async fn partitions(&self, topic: &str) -> Result<u32>;

    /// Opens a writer by name. An earlier writer of the same name is fenced: its commits fail with
    /// [`Error::Fenced`](crate::Error::Fenced), and what it left half done is gone.
    ///
    /// Name writers after the work, not the process (`monitor.readings.3`: what is made of partition 3): whoever takes the work over then
    /// fences the former writer at once. Half done work of a name that nobody takes over holds up readers of its topics until it times out.
    async fn writer(&self, name: &str) -> Result<Box<dyn Writer>>;

    /// Joins a group. The partitions of `topics` are shared among its members; partitions of the same number of all its topics
    /// belong to the same member. All members of a group name the same topics.
    async fn reader(&self, group: &str, topics: &[&str]) -> Result<Box<dyn Reader>>;

    /// Reads one partition without a group, from an offset up to its end: every batch whose commit returned before this call is in it.
    /// Of a compacted topic, records that a later one of their key replaced may be missing.
    /// On Kafka this waits for transactions that are open there now, at most until they time out.
    async fn scan(&self, topic: &str, partition: u32, from: u64) -> Result<Box<dyn Scan>>;

    /// The position after the last committed record of a partition: at least those whose commit returned before this call.
    /// It waits as [`EventLog::scan`] does. On Kafka it may lie a little above the last record's offset + 1, because transaction markers take offsets.
    async fn end(&self, topic: &str, partition: u32) -> Result<u64>;
}

/// Appends batches. One writer is used by one task; batches of one writer are committed in the order of the calls.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Appends all records and moves the read position in one atomic step. When this returns `Ok`, the batch is durable, and any scan,
    /// end or committed position asked for from now on has it (a running reader may see it a moment later); when it returns an error, nothing of it is visible, with the exception that [`Error::Unsettled`](crate::Error::Unsettled) states.
    ///
    /// Returns where each record lies, in the order of the batch.
    async fn commit(&mut self, batch: Batch) -> Result<Vec<Position>>;
}

/// One member of a group.
#[async_trait]
pub trait Reader: Send + Sync {
    /// The next thing that happened, or [`Event::Idle`] after `wait`. Must be called again within the log's session time
    /// (see the settings), or the group takes this member for dead and gives its partitions to others.
    ///
    /// Cancel-safe: a future that is dropped loses nothing; what it would have returned comes from the next call.
    async fn next(&mut self, max_records: usize, wait: Duration) -> Result<Event>;

    /// What is assigned to this reader, as far as `next` has told.
    fn assigned(&self) -> Vec<Partition>;

    /// Goes on from the committed position in every assigned partition: what to do with work that could not be committed
    /// ([`Error::Rebalanced`](crate::Error::Rebalanced), [`Error::Unavailable`](crate::Error::Unavailable)).
    async fn rewind(&mut self) -> Result<()> {
        for Partition { topic, number } in self.assigned() {
            let committed = self.committed(&topic, number).await?;
            self.seek(&topic, number, committed).await?;
        }
        Ok(())
    }

    /// This reader's membership as of now. Take it when a batch is handed to [`Writer::commit`], after the last call of `next`.
    fn membership(&self) -> Membership;

    /// The group's committed position of a partition: the next offset to read, 0 where nothing was committed.
    async fn committed(&self, topic: &str, partition: u32) -> Result<u64>;

    /// Goes on reading an assigned partition from `offset`. Records of this partition that `next` returned before are returned again
    /// when they lie at or above it. The committed position does not move.
    async fn seek(&mut self, topic: &str, partition: u32, offset: u64) -> Result<()>;
}

/// What a reader sees.
#[derive(Debug)]
pub enum Event {
    /// These partitions are now this reader's, from the group's committed position (else the beginning). Restore their state first.
    Assigned(Vec<Partition>),
    /// These partitions are no longer this reader's: drop their state and their open work.
    Revoked(Vec<Partition>),
    /// Records, in order within each partition.
    Records(Vec<Record>),
    /// Nothing happened for as long as was waited.
    Idle,
}

/// A pass over one partition.
#[async_trait]
pub trait Scan: Send {
    /// The next records in order, at most `max_records`; empty at the end. Not cancel-safe: a dropped future may have read records
    /// that do not come again.
    async fn next(&mut self, max_records: usize) -> Result<Vec<Record>>;
}
