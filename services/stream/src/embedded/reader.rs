//! A member of a group.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::watch;

use super::collect::{Source, Span, collect};
use super::core::Core;
use super::groups::Step;
use super::history::Key;
use crate::record::Member;
use crate::{Error, Event, Membership, Partition, Reader, Record, Result, Topic};

pub(super) struct EmbeddedReader {
    core: Arc<Core>,
    group: Arc<str>,
    /// With their numbers.
    topics: BTreeMap<u16, Topic>,
    partitions: u32,
    member: u64,
    /// The next offset to read of each partition that is this reader's; what is in `ready` counts as read.
    places: BTreeMap<Key, Span>,
    /// Read from the log, not yet returned.
    ready: VecDeque<Record>,
    source: Arc<Source>,
    changed: watch::Receiver<u64>,
}

impl EmbeddedReader {
    pub(super) fn join(core: Arc<Core>, group: &str, topics: &[&str]) -> Result<Self> {
        if group.is_empty() || topics.is_empty() {
            return Err(Error::Invalid("a reader needs the name of a group and at least one topic".into()));
        }
        let mut numbered = BTreeMap::new();
        let mut partitions = 0;
        for topic in topics {
            let spec = core.topics.get(topic)?;
            partitions = partitions.max(spec.partitions);
            numbered.insert(core.number(topic)?, spec.name.clone());
        }
        let changed = core.follow();
        let names: Vec<Topic> = numbered.values().cloned().collect();
        let member = core.state().groups.join(group, &names, partitions, Instant::now())?;
        core.announce();
        Ok(Self {
            core,
            group: group.into(),
            topics: numbered,
            partitions,
            member,
            places: BTreeMap::new(),
            ready: VecDeque::new(),
            source: Arc::default(),
            changed,
        })
    }

    /// What changed in the group, if anything did.
    fn rebalance(&mut self) -> Result<Option<Event>> {
        let core = self.core.clone();
        let mut state = core.state();
        let event = match state.groups.step(&self.group, self.member, Instant::now(), core.session) {
            Step::Nothing => return Ok(None),
            Step::Revoked(numbers) => Event::Revoked(self.lose(&numbers)),
            Step::Expelled => {
                let names: Vec<Topic> = self.topics.values().cloned().collect();
                self.member = state.groups.join(&self.group, &names, self.partitions, Instant::now())?;
                let all = self.places.keys().map(|(_, number)| *number).collect();
                let lost = self.lose(&all);
                if lost.is_empty() {
                    return Ok(None);
                }
                Event::Revoked(lost)
            }
            Step::Assigned(numbers) => {
                let mut gained = Vec::new();
                for (number, topic) in &self.topics {
                    for partition in
                        numbers.iter().copied().filter(|partition| *partition < state.history.count(*number))
                    {
                        let next = state.history.committed(&self.group, (*number, partition));
                        self.places.insert((*number, partition), Span { next, end: u64::MAX });
                        gained.push(Partition { topic: topic.clone(), number: partition });
                    }
                }
                Event::Assigned(gained)
            }
        };
        drop(state);
        core.announce(); // what this reader gave up, others may take
        Ok(Some(event))
    }

    /// Forgets partitions by number, of all topics.
    fn lose(&mut self, numbers: &BTreeSet<u32>) -> Vec<Partition> {
        let lost: Vec<Key> = self.places.keys().filter(|(_, number)| numbers.contains(number)).copied().collect();
        self.places.retain(|(_, number), _| !numbers.contains(number));
        self.ready.retain(|record| !numbers.contains(&record.partition));
        lost.iter().filter_map(|key| self.partition(key)).collect()
    }

    fn partition(&self, (topic, number): &Key) -> Option<Partition> {
        Some(Partition { topic: self.topics.get(topic)?.clone(), number: *number })
    }

    /// The next records, from memory where they are there, else from disk.
    async fn records(&mut self, max_records: usize) -> Result<Vec<Record>> {
        if self.ready.is_empty() {
            let mut places = self.places.clone();
            let mut collected = collect(&self.core, None, &mut places, max_records)?;
            if collected.records.is_empty() && collected.on_disk {
                let (core, source) = (self.core.clone(), self.source.clone());
                let reading = tokio::task::spawn_blocking(move || {
                    let collected = collect(&core, Some(&source), &mut places, max_records)?;
                    Ok::<_, Error>((collected, places))
                });
                (collected, places) = reading.await.map_err(|_| Error::Closed)??;
            }
            // Only now, after every await: a dropped future leaves everything as it was.
            self.places = places;
            self.ready = collected.records.into();
        }
        let count = self.ready.len().min(max_records);
        Ok(self.ready.drain(..count).collect())
    }
}

#[async_trait]
impl Reader for EmbeddedReader {
    async fn next(&mut self, max_records: usize, wait: Duration) -> Result<Event> {
        if max_records == 0 {
            return Err(Error::Invalid("max_records is 0".into()));
        }
        let deadline = Instant::now() + wait;
        loop {
            self.changed.mark_unchanged();
            if let Some(event) = self.rebalance()? {
                return Ok(event);
            }
            let records = self.records(max_records).await?;
            if !records.is_empty() {
                return Ok(Event::Records(records));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Event::Idle);
            }
            // Woken at least four times a session: a sign of life, and a look whether others still give one.
            let woken = tokio::time::timeout(left.min(self.core.session / 4), self.changed.changed()).await;
            if let Ok(Err(_)) = woken {
                return Err(Error::Closed);
            }
        }
    }

    fn assigned(&self) -> Vec<Partition> {
        self.places.keys().filter_map(|key| self.partition(key)).collect()
    }

    fn membership(&self) -> Membership {
        Membership(Member::Embedded { group: self.group.clone(), member: self.member })
    }

    async fn committed(&self, topic: &str, partition: u32) -> Result<u64> {
        let key = self.core.key(topic, partition)?;
        Ok(self.core.state().history.committed(&self.group, key))
    }

    async fn seek(&mut self, topic: &str, partition: u32, offset: u64) -> Result<()> {
        let key = self.core.key(topic, partition)?;
        let end = self.core.state().history.end(key).unwrap_or(0);
        let Some(place) = self.places.get_mut(&key) else {
            return Err(Error::Invalid(format!(
                "partition {partition} of topic {topic} is not assigned to this reader"
            )));
        };
        if offset > end {
            return Err(Error::Invalid(format!(
                "partition {partition} of topic {topic} ends at {end}, before {offset}"
            )));
        }
        place.next = offset;
        self.ready.retain(|record| record.partition != partition || record.topic != *topic);
        Ok(())
    }
}

impl Drop for EmbeddedReader {
    fn drop(&mut self) {
        self.core.state().groups.leave(&self.group, self.member);
        self.core.announce();
    }
}
