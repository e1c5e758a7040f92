//! Records, positions and batches.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::{Headers, Topic};

/// A record to append.
#[derive(Clone, Debug)]
pub struct Append {
    /// Where it goes.
    pub topic: Topic,
    /// What decides its partition and, on compacted topics, what it replaces. At most 64 KiB.
    pub key: Bytes,
    /// The partition: by key ([`partition_of`](crate::partition_of)) unless one is named, as tick records do.
    pub partition: Option<u32>,
    /// Event time, milliseconds since 1970-01-01 UTC, given by the caller: the log has no clock of its own.
    pub time_ms: i64,
    /// CloudEvents attributes and trace context.
    pub headers: Headers,
    /// The content.
    pub value: Bytes,
}

impl Append {
    /// A record without headers, its partition decided by its key.
    pub fn new(topic: impl Into<Topic>, key: impl Into<Bytes>, time_ms: i64, value: impl Into<Bytes>) -> Self {
        Self {
            topic: topic.into(),
            key: key.into(),
            partition: None,
            time_ms,
            headers: Headers::default(),
            value: value.into(),
        }
    }

    /// The same record with these headers.
    #[must_use]
    pub fn with_headers(mut self, headers: Headers) -> Self {
        self.headers = headers;
        self
    }

    /// The same record for this partition, whatever its key.
    #[must_use]
    pub fn in_partition(mut self, partition: u32) -> Self {
        self.partition = Some(partition);
        self
    }
}

/// A record that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The topic.
    pub topic: Topic,
    /// The partition, from 0.
    pub partition: u32,
    /// The offset within the partition.
    pub offset: u64,
    /// The key; empty where none was given.
    pub key: Bytes,
    /// Event time as the writer gave it, milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// The headers.
    pub headers: Headers,
    /// The content.
    pub value: Bytes,
}

impl Record {
    /// The position after this record: what to commit when everything up to and including it is done.
    pub fn next_position(&self) -> Position {
        Position { topic: self.topic.clone(), partition: self.partition, offset: self.offset.saturating_add(1) }
    }
}

/// One partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// The topic.
    pub topic: Topic,
    /// Its number, from 0.
    pub number: u32,
}

/// A place in a partition. As a read position: the next offset to read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The topic.
    pub topic: Topic,
    /// The partition, from 0.
    pub partition: u32,
    /// The offset.
    pub offset: u64,
}

/// What is appended and how far was read, in one atomic step.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Records of any topics; those of one partition keep this order.
    pub records: Vec<Append>,
    /// The read position that moves with them.
    pub read: Option<ReadPositions>,
}

impl Batch {
    /// A batch that only appends.
    pub fn of(records: Vec<Append>) -> Self {
        Self { records, read: None }
    }

    /// The same batch, moving the read positions of a group too.
    #[must_use]
    pub fn moving(mut self, membership: Membership, positions: Vec<Position>) -> Self {
        self.read = Some(ReadPositions { membership, positions });
        self
    }
}

/// Read positions of one group, and who moves them.
#[derive(Clone, Debug)]
pub struct ReadPositions {
    /// From [`Reader::membership`](crate::Reader::membership).
    pub membership: Membership,
    /// The new positions; partitions not named stay where they are.
    pub positions: Vec<Position>,
}

/// Proof of being a member of a group at one generation of its assignment.
#[derive(Clone)]
pub struct Membership(pub(crate) Member);

#[derive(Clone)]
pub(crate) enum Member {
    Embedded {
        group: Arc<str>,
        member: u64,
    },
    Kafka {
        group: Arc<str>,
        /// What was held when this was taken.
        held: Arc<BTreeSet<Partition>>,
        /// `None` before the group was joined.
        metadata: Option<Arc<rdkafka::consumer::ConsumerGroupMetadata>>,
    },
}

impl std::fmt::Debug for Membership {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Member::Embedded { group, member } => write!(f, "Membership({group}, {member})"),
            Member::Kafka { group, .. } => write!(f, "Membership({group})"),
        }
    }
}
