//! What readers, writers and the committer share.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use store::segment_log::SegmentLog;
use tokio::sync::watch;

use super::entry::Address;
use super::groups::Groups;
use super::history::{History, Key};
use crate::{Error, Record, Result, Topics};

pub(super) struct Core {
    pub(super) log: SegmentLog,
    pub(super) topics: Topics,
    pub(super) max_record_bytes: usize,
    pub(super) session: Duration,
    state: Mutex<State>,
    /// Counts changes of records, positions and groups; readers wait on it.
    changed: watch::Sender<u64>,
}

pub(super) struct State {
    pub(super) history: History,
    pub(super) groups: Groups,
    pub(super) tail: Tail,
    /// The latest epoch of each writer's name.
    pub(super) writers: HashMap<String, u64>,
}

impl Core {
    pub(super) fn new(log: SegmentLog, settings: super::Settings, history: History) -> Self {
        let state =
            State { history, groups: Groups::default(), tail: Tail::new(settings.tail_bytes), writers: HashMap::new() };
        Self {
            log,
            topics: settings.topics,
            max_record_bytes: settings.max_record_bytes,
            session: settings.session,
            state: Mutex::new(state),
            changed: watch::Sender::new(0),
        }
    }

    /// The state. Nothing under this lock waits for a disk.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn announce(&self) {
        self.changed.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    pub(super) fn follow(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// The key of a partition that is declared.
    pub(super) fn key(&self, topic: &str, partition: u32) -> Result<Key> {
        let spec = self.topics.get(topic)?;
        crate::plan::in_range(partition, spec)?;
        self.number(topic).map(|number| (number, partition))
    }

    /// The number of a declared topic: every declared topic got one at open.
    pub(super) fn number(&self, topic: &str) -> Result<u16> {
        let unknown = || Error::UnknownTopic {
            topic: topic.to_owned(),
            remedy: "it was not declared when the log was opened".into(),
        };
        self.state().history.number(topic).ok_or_else(unknown)
    }
}

/// The last units as they were committed, so that readers at the end of the log need no disk.
pub(super) struct Tail {
    units: VecDeque<TailUnit>,
    bytes: usize,
    limit_bytes: usize,
}

struct TailUnit {
    sequence: u64,
    records: Arc<[(Address, Record)]>,
    bytes: usize,
}

impl Tail {
    fn new(limit_bytes: usize) -> Self {
        Self { units: VecDeque::new(), bytes: 0, limit_bytes }
    }

    /// Keeps a unit, and lets go of the oldest beyond the limit.
    pub(super) fn push(&mut self, sequence: u64, records: Vec<(Address, Record)>) {
        // What a record takes beside its contents.
        const OVERHEAD_BYTES: usize = size_of::<(Address, Record)>();
        let bytes = records
            .iter()
            .map(|(_, record)| OVERHEAD_BYTES + record.key.len() + record.headers.encoded().len() + record.value.len())
            .fold(OVERHEAD_BYTES, usize::saturating_add);
        self.bytes = self.bytes.saturating_add(bytes);
        self.units.push_back(TailUnit { sequence, records: records.into(), bytes });
        while self.bytes > self.limit_bytes {
            let Some(oldest) = self.units.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(oldest.bytes);
        }
    }

    pub(super) fn get(&self, sequence: u64) -> Option<Arc<[(Address, Record)]>> {
        let first = self.units.front()?.sequence;
        let place = usize::try_from(sequence.checked_sub(first)?).ok()?;
        // Every unit of this log passes through the committer, so that sequences here have no gaps.
        self.units.get(place).filter(|unit| unit.sequence == sequence).map(|unit| unit.records.clone())
    }
}
