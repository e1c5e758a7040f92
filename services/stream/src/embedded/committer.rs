//! The one thread that appends. It gives offsets in the order in which units lie in the log, and publishes a unit after the
//! segment log has acknowledged it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, mpsc};
use std::time::Instant;

use store::segment_log::Record as UnitRecord;
use tokio::sync::oneshot;

use super::core::{Core, State};
use super::entry::{Address, Entry, RECORD, RecordEntry};
use super::failure::from_store;
use crate::plan::plan;
use crate::record::Member;
use crate::{Batch, Error, Position, Record, Result};

pub(super) enum Job {
    Commit { writer: Arc<str>, epoch: u64, batch: Batch, reply: oneshot::Sender<Result<Vec<Position>>> },
    Stop,
}

/// Commits one batch after the other until told to stop.
pub(super) fn run(core: &Core, jobs: &mpsc::Receiver<Job>) {
    while let Ok(Job::Commit { writer, epoch, batch, reply }) = jobs.recv() {
        let outcome = commit(core, &writer, epoch, batch);
        reply.send(outcome).ok(); // whoever asked may have gone; the batch counts all the same
    }
}

/// A batch laid out as entries of a unit.
#[derive(Default)]
struct Layout {
    bytes: Vec<u8>,
    entries: Vec<(u16, Range<usize>)>,
    records: Vec<(Address, Record)>,
}

impl Layout {
    fn entries(&self) -> impl Iterator<Item = (u16, &[u8])> {
        self.entries.iter().map(|(kind, range)| (*kind, self.bytes.get(range.clone()).unwrap_or_default()))
    }
}

fn commit(core: &Core, writer: &str, epoch: u64, batch: Batch) -> Result<Vec<Position>> {
    let partitions = plan(&batch, &core.topics, core.max_record_bytes)?.partitions;
    let mut claimed = BTreeSet::new();
    let mut group = None;
    let layout = {
        let mut state = core.state();
        if state.writers.get(writer) != Some(&epoch) {
            return Err(Error::Fenced { writer: writer.to_owned() });
        }
        let mut layout = lay_out_records(&state, &batch, partitions)?;
        if let Some(read) = &batch.read {
            let Member::Embedded { group: name, member } = &read.membership.0 else {
                return Err(Error::Invalid("the membership is of a reader of another log".into()));
            };
            claimed = read.positions.iter().map(|position| position.partition).collect();
            lay_out_positions(&state, name, &read.positions, &mut layout)?;
            state.groups.claim(name, *member, &claimed, Instant::now())?;
            group = Some(name.clone());
        }
        layout
    };
    let appended = if layout.entries.is_empty() {
        Ok(None)
    } else {
        let records: Vec<_> = layout.entries().map(|(kind, bytes)| UnitRecord::new(kind, bytes)).collect();
        core.log.append(&records).map(Some)
    };
    let mut state = core.state();
    let outcome = match appended {
        Ok(Some(at)) => publish(core, &mut state, at, layout),
        Ok(None) => Ok(Vec::new()),
        Err(error) => {
            let topic = batch.records.first().map(|record| record.topic.as_str());
            Err(from_store(error, writer, topic))
        }
    };
    if let Some(name) = group {
        state.groups.release(&name, &claimed);
    }
    drop(state);
    core.announce();
    outcome
}

fn lay_out_records(state: &State, batch: &Batch, partitions: Vec<u32>) -> Result<Layout> {
    let mut layout = Layout::default();
    let mut next = BTreeMap::new();
    for (append, partition) in batch.records.iter().zip(partitions) {
        let number = state
            .history
            .number(&append.topic)
            .ok_or_else(|| Error::Invalid(format!("topic {} has no number", append.topic)))?;
        let offset =
            next.entry((number, partition)).or_insert_with(|| state.history.end((number, partition)).unwrap_or(0));
        let entry = RecordEntry {
            topic: number,
            partition,
            offset: *offset,
            time_ms: append.time_ms,
            key: append.key.clone(),
            headers: append.headers.clone(),
            value: append.value.clone(),
        };
        *offset += 1;
        let from = layout.bytes.len();
        entry.put(&mut layout.bytes);
        layout.entries.push((RECORD, from..layout.bytes.len()));
        let address = Address { topic: number, partition, offset: entry.offset };
        layout.records.push((address, record(append.topic.clone(), entry)));
    }
    Ok(layout)
}

fn lay_out_positions(state: &State, group: &str, positions: &[Position], layout: &mut Layout) -> Result<()> {
    for position in positions {
        let key = state.history.number(&position.topic).map(|number| (number, position.partition));
        let end = key.and_then(|key| state.history.end(key)).unwrap_or(0);
        let (Some((topic, partition)), true) = (key, position.offset <= end) else {
            return Err(Error::Invalid(format!(
                "position {} of topic {}, partition {}, which ends at {end}",
                position.offset, position.topic, position.partition
            )));
        };
        let (kind, bytes) =
            Entry::Position { topic, partition, offset: position.offset, group: group.to_owned() }.encode();
        let from = layout.bytes.len();
        layout.bytes.extend_from_slice(&bytes);
        layout.entries.push((kind, from..layout.bytes.len()));
    }
    Ok(())
}

fn publish(
    core: &Core,
    state: &mut State,
    at: store::segment_log::UnitPosition,
    layout: Layout,
) -> Result<Vec<Position>> {
    let applied = state.history.apply(at, layout.entries(), &core.topics);
    applied.map_err(|reason| Error::Storage { doing: "publishing a batch that was just written".into(), reason })?;
    let position = |(_, record): &(Address, Record)| Position {
        topic: record.topic.clone(),
        partition: record.partition,
        offset: record.offset,
    };
    let positions = layout.records.iter().map(position).collect();
    state.tail.push(at.sequence, layout.records);
    Ok(positions)
}

pub(super) fn record(topic: crate::Topic, entry: RecordEntry) -> Record {
    Record {
        topic,
        partition: entry.partition,
        offset: entry.offset,
        key: entry.key,
        time_ms: entry.time_ms,
        headers: entry.headers,
        value: entry.value,
    }
}
