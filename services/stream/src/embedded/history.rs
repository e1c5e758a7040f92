//! What the log says, in memory: topics and their numbers, where each offset lies, how far each group has read.
//! Made from the units alone, by the same steps at open, at commit and in `check`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use store::segment_log::UnitPosition;

use super::entry::{Address, Entry, POSITION, RECORD, TOPIC, key_of_record};
use crate::topics::MAX_PARTITIONS;
use crate::{Retention, Topic, Topics};

/// A partition by topic number and partition number.
pub(super) type Key = (u16, u32);

#[derive(Debug, Default)]
pub(super) struct History {
    topics: Vec<Log>,
    numbers: HashMap<String, u16>,
    committed: HashMap<String, BTreeMap<Key, u64>>,
}

#[derive(Debug)]
struct Log {
    name: Topic,
    partitions: Vec<Partition>,
}

/// One partition: for each unit that holds records of it, the first offset there. 32 bytes a unit.
#[derive(Clone, Debug, Default)]
struct Partition {
    units: Vec<(u64, UnitPosition)>,
    end: u64,
    /// Of compacted topics: the records that no later one of their key replaced.
    last: Option<LastOfKey>,
}

#[derive(Clone, Debug, Default)]
struct LastOfKey {
    of: HashMap<Box<[u8]>, u64>,
    offsets: BTreeSet<u64>,
}

impl History {
    /// Takes in one unit: its place, and its records as kind and bytes. The error says what cannot be; the state is then not to be used.
    pub(super) fn apply<'a>(
        &mut self,
        at: UnitPosition,
        records: impl Iterator<Item = (u16, &'a [u8])>,
        declared: &Topics,
    ) -> Result<(), String> {
        for (kind, bytes) in records {
            match kind {
                RECORD => self.record(at, bytes)?,
                TOPIC | POSITION => match Entry::decode(kind, &bytes::Bytes::copy_from_slice(bytes)) {
                    Some(Entry::Topic { number, partitions, name }) => {
                        self.declare(number, partitions, name, declared)?
                    }
                    Some(Entry::Position { topic, partition, offset, group }) => {
                        self.moved(topic, partition, offset, group)?
                    }
                    _ => return Err(format!("an entry of kind {kind} cannot be read")),
                },
                unknown => return Err(format!("an entry of unknown kind {unknown}")),
            }
        }
        Ok(())
    }

    fn record(&mut self, at: UnitPosition, bytes: &[u8]) -> Result<(), String> {
        let address = Address::of_record(bytes).ok_or("a record is shorter than its head")?;
        let Address { topic, partition, offset } = address;
        let place = self.partition_mut((topic, partition)).ok_or_else(|| {
            format!("a record of topic number {topic}, partition {partition}, which was never declared")
        })?;
        if offset != place.end {
            let (end, name) = (place.end, self.name(topic));
            return Err(format!("topic {name}, partition {partition}: offset {offset} stands where {end} belongs"));
        }
        place.end += 1;
        if let Some(last) = &mut place.last {
            let key = key_of_record(bytes).ok_or("a record is shorter than its key")?;
            if let Some(replaced) = last.of.insert(key.into(), offset) {
                last.offsets.remove(&replaced);
            }
            last.offsets.insert(offset);
        }
        if place.units.last().is_none_or(|(_, last)| *last != at) {
            place.units.push((offset, at));
        }
        Ok(())
    }

    fn declare(&mut self, number: u16, partitions: u32, name: String, declared: &Topics) -> Result<(), String> {
        if usize::from(number) != self.topics.len() || self.numbers.contains_key(&name) {
            return Err(format!("topic {name:?} is declared as number {number} out of turn"));
        }
        if partitions == 0 || partitions > MAX_PARTITIONS {
            return Err(format!("topic {name:?} is declared with {partitions} partitions"));
        }
        // The declared name costs nothing to clone; one that is no longer declared is kept readable.
        let topic = declared.get(&name).map_or_else(|_| Topic::from(name.clone()), |spec| spec.name.clone());
        let compacted = declared.get(&name).is_ok_and(|spec| spec.retention == Retention::Compact);
        self.numbers.insert(name, number);
        let fresh = || Partition { last: compacted.then(LastOfKey::default), ..Partition::default() };
        let partitions = (0..partitions).map(|_| fresh()).collect();
        self.topics.push(Log { name: topic, partitions });
        Ok(())
    }

    fn moved(&mut self, topic: u16, partition: u32, offset: u64, group: String) -> Result<(), String> {
        let end = self
            .end((topic, partition))
            .ok_or_else(|| format!("a position in topic number {topic}, which was never declared"))?;
        if offset > end {
            let name = self.name(topic);
            return Err(format!(
                "group {group:?} has read topic {name}, partition {partition} up to {offset}, but it ends at {end}"
            ));
        }
        self.committed.entry(group).or_default().insert((topic, partition), offset);
        Ok(())
    }

    fn partition_mut(&mut self, (topic, partition): Key) -> Option<&mut Partition> {
        self.topics.get_mut(usize::from(topic))?.partitions.get_mut(usize::try_from(partition).ok()?)
    }

    fn partition(&self, (topic, partition): Key) -> Option<&Partition> {
        self.topics.get(usize::from(topic))?.partitions.get(usize::try_from(partition).ok()?)
    }

    /// The number of topics, which is the next one's number.
    pub(super) fn topics(&self) -> usize {
        self.topics.len()
    }

    /// The number of a topic.
    pub(super) fn number(&self, name: &str) -> Option<u16> {
        self.numbers.get(name).copied()
    }

    /// The name of a topic.
    pub(super) fn name(&self, number: u16) -> Topic {
        self.topics.get(usize::from(number)).map_or(Topic::named("?"), |log| log.name.clone())
    }

    /// The partition count of a topic.
    pub(super) fn count(&self, number: u16) -> u32 {
        self.topics.get(usize::from(number)).map_or(0, |log| u32::try_from(log.partitions.len()).unwrap_or(u32::MAX))
    }

    /// The offset after the last record of a partition.
    pub(super) fn end(&self, key: Key) -> Option<u64> {
        self.partition(key).map(|place| place.end)
    }

    /// Of a compacted topic: the offsets in a span whose records were not replaced by a later one of their key.
    pub(super) fn last_of_keys(&self, key: Key, from: u64, end: u64) -> Option<Vec<u64>> {
        let last = self.partition(key)?.last.as_ref()?;
        Some(if from < end { last.offsets.range(from..end).copied().collect() } else { Vec::new() })
    }

    /// The unit that holds an offset.
    pub(super) fn unit_of(&self, key: Key, offset: u64) -> Option<UnitPosition> {
        let place = self.partition(key).filter(|place| offset < place.end)?;
        let after = place.units.partition_point(|(first, _)| *first <= offset);
        place.units.get(after.checked_sub(1)?).map(|(_, at)| *at)
    }

    /// The committed position of a group, 0 where there is none.
    pub(super) fn committed(&self, group: &str, key: Key) -> u64 {
        self.committed.get(group).and_then(|of_group| of_group.get(&key)).copied().unwrap_or(0)
    }
}
