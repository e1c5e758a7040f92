//! Reading records of some partitions in the order of the log: each unit is read once for all of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use store::segment_log::{Reader, Unit, UnitPosition};

use super::committer::record;
use super::core::Core;
use super::entry::{Address, RECORD, RecordEntry};
use super::failure::{corrupt, read_failure};
use super::history::Key;
use crate::{Record, Result};

/// How far units are passed over by reading on instead of reading one by its place.
const READ_ON_BYTES: u64 = 64 * 1024;

/// What is wanted of a partition: the next offset, and the first that is not wanted any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) next: u64,
    pub(super) end: u64,
}

/// Units from disk: read ahead while they are wanted one after the other, one by one where they lie apart.
#[derive(Default)]
pub(super) struct Source(Mutex<Place>);

#[derive(Default)]
struct Place {
    reader: Option<Reader>,
    /// The unit that was read last: more of it may be wanted.
    unit: Option<Unit>,
}

impl Source {
    fn unit(&self, core: &Core, at: UnitPosition) -> Result<Unit> {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(unit) = place.unit.as_ref().filter(|unit| unit.position == at) {
            return Ok(unit.clone());
        }
        let unit = place.read(core, at).map_err(|error| read_failure("reading the log", error))?;
        place.unit = Some(unit.clone());
        Ok(unit)
    }
}

impl Place {
    fn read(&mut self, core: &Core, at: UnitPosition) -> store::Result<Unit> {
        let follows = self.unit.as_ref().is_some_and(|unit| unit.position.sequence + 1 == at.sequence);
        let near = self.reader.as_ref().map(Reader::position).is_some_and(|here| {
            here.sequence <= at.sequence
                && here.segment == at.segment
                && at.offset.saturating_sub(here.offset) <= READ_ON_BYTES
        });
        if !near {
            self.reader = follows.then(|| core.log.reader_at(at));
        }
        while let Some(reader) = &mut self.reader {
            match reader.next_unit()? {
                Some(unit) if unit.position.sequence < at.sequence => {}
                Some(unit) if unit.position == at => return Ok(unit),
                _ => self.reader = None,
            }
        }
        core.log.read(at)
    }
}

/// What was collected.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) records: Vec<Record>,
    /// There is more, but it is not in memory and no source was given.
    pub(super) on_disk: bool,
}

/// Moves the spans on and returns what they pass over: whole units until there are at least `enough` records. Without a source
/// only what is in memory.
pub(super) fn collect(
    core: &Core,
    source: Option<&Source>,
    spans: &mut BTreeMap<Key, Span>,
    enough: usize,
) -> Result<Collected> {
    let mut out = Collected::default();
    while out.records.len() < enough {
        let (at, cached) = {
            let state = core.state();
            let of_span = |(key, span): (&Key, &Span)| {
                if span.next < span.end { state.history.unit_of(*key, span.next) } else { None }
            };
            let Some(at) = spans.iter().filter_map(of_span).min() else { break };
            (at, state.tail.get(at.sequence))
        };
        let before = out.records.len();
        if let Some(records) = cached {
            let wanted = records.iter().filter(|(address, _)| take(spans, *address));
            out.records.extend(wanted.map(|(_, record)| record.clone()));
        } else if let Some(source) = source {
            let unit = source.unit(core, at)?;
            for (kind, bytes) in unit.shared_records().filter(|(kind, _)| *kind == RECORD) {
                if Address::of_record(&bytes).is_some_and(|address| take(spans, address)) {
                    let entry = RecordEntry::decode(&bytes).ok_or_else(|| {
                        corrupt(core.log.dir(), at, format!("a record of kind {kind} cannot be read"))
                    })?;
                    let topic = core.state().history.name(entry.topic);
                    out.records.push(record(topic, entry));
                }
            }
        } else {
            out.on_disk = true;
            break;
        }
        if out.records.len() == before {
            return Err(corrupt(core.log.dir(), at, "the unit does not hold what the index says".into()));
        }
    }
    Ok(out)
}

fn take(spans: &mut BTreeMap<Key, Span>, address: Address) -> bool {
    let Some(span) = spans.get_mut(&(address.topic, address.partition)) else { return false };
    let wanted = address.offset == span.next && span.next < span.end;
    span.next += u64::from(wanted);
    wanted
}
