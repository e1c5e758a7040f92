//! What is checked of a batch before any log sees it, so that both refuse the same things in the same words.

use crate::{Batch, Error, Result, Topics, partition_of};

/// At most this many bytes a key.
pub const MAX_KEY_BYTES: usize = 64 * 1024;

/// What of a batch the log has to know beyond its records.
pub(crate) struct Plan {
    /// The partition of each record, in the order of the batch.
    pub(crate) partitions: Vec<u32>,
}

/// The size of a record as the limits count it: key, headers and value.
pub(crate) fn record_bytes(record: &crate::Append) -> usize {
    record.key.len().saturating_add(record.headers.encoded().len()).saturating_add(record.value.len())
}

/// Checks a batch against the declared topics and the limit, and computes partitions.
pub(crate) fn plan(batch: &Batch, topics: &Topics, max_record_bytes: usize) -> Result<Plan> {
    let mut partitions = Vec::with_capacity(batch.records.len());
    for record in &batch.records {
        let spec = topics.get(&record.topic)?;
        let partition = match record.partition {
            Some(named) => in_range(named, spec)?,
            None => partition_of(&record.key, spec.partitions),
        };
        let bytes = record_bytes(record);
        if bytes > max_record_bytes || record.key.len() > MAX_KEY_BYTES {
            let (bytes, limit) =
                if bytes > max_record_bytes { (bytes, max_record_bytes) } else { (record.key.len(), MAX_KEY_BYTES) };
            return Err(Error::TooLarge { topic: record.topic.to_string(), bytes, limit });
        }
        partitions.push(partition);
    }
    for position in batch.read.iter().flat_map(|read| &read.positions) {
        in_range(position.partition, topics.get(&position.topic)?)?;
    }
    Ok(Plan { partitions })
}

pub(crate) fn in_range(partition: u32, spec: &crate::TopicSpec) -> Result<u32> {
    if partition < spec.partitions {
        return Ok(partition);
    }
    Err(Error::Invalid(format!(
        "partition {partition} of topic {:?}, which has {} (from 0)",
        spec.name.as_str(),
        spec.partitions
    )))
}
