//! One partition: its patients, where each of its topics stands, and what the next commit takes from it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use ledger::{Chain, Digest};
use phc::messages::{ACCESS_REQUESTS, PHC_BLOCKS, READINGS, READINGS_REJECTED};
use phc::{AccessRequest, Block, ChainState, PatientKeys, ReadingBatch, RejectedValue, Scope, Tick, may_append, open_topic_value};
use stream::{Append, Record};

use crate::patient::{Cut, Patient};
use crate::shared::Shared;
use crate::Result;

/// Values kept for `readings.rejected` while older work holds their place; beyond, that work is cut.
const OUTBOX_MAX: usize = 1_024;

/// A place in each of the topics that are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) readings: u64,
    pub(crate) access: u64,
    pub(crate) blocks: u64,
}

/// What `monitor.state` says of a partition.
#[derive(Default)]
pub(crate) struct Restored {
    pub(crate) patients: BTreeMap<Digest, Patient>,
    /// Patients whose state cannot be opened, because their keys are gone.
    pub(crate) forgotten: BTreeSet<Digest>,
    /// The last tick before the committed position.
    pub(crate) tick_ms: Option<i64>,
}

pub(crate) struct PartitionWork {
    pub(crate) number: u32,
    pub(crate) patients: BTreeMap<Digest, Patient>,
    /// The next offsets to read.
    pub(crate) next: Places,
    pub(crate) committed: Places,
    /// Up to where `phc.blocks` was looked through for openings; at least `next.blocks`.
    looked: u64,
    /// Patients whose chains go on in the log but whose keys or grant are gone. Their openings must not begin them anew.
    forgotten: BTreeSet<Digest>,
    /// Chains without a state in the log, by the offset of their opening.
    unsaved: BTreeMap<u64, Digest>,
    open: BTreeSet<(u64, Digest)>,
    open_access: BTreeSet<(u64, Digest)>,
    /// Ticks at or after the committed position.
    ticks: VecDeque<(u64, i64)>,
    tick_ms: Option<i64>,
    /// The last tick before the committed position.
    pub(crate) committed_tick_ms: Option<i64>,
    /// Refused values of no known patient, with their offsets; they go out when the position passes them.
    outbox: VecDeque<(u64, Append)>,
    outbox_access: VecDeque<(u64, Append)>,
    pub(crate) cuts: Vec<(Digest, Cut)>,
    pub(crate) cut_bytes: usize,
    pending: usize,
    flushed: bool,
}

impl PartitionWork {
    /// A partition as of its committed places, with the patients found in `monitor.state` and the last tick.
    pub(crate) fn new(shared: &Shared, number: u32, committed: Places, restored: Restored) -> Result<Self> {
        let Restored { patients, forgotten, tick_ms } = restored;
        let mut work = Self {
            number,
            patients,
            next: committed,
            committed,
            looked: committed.blocks,
            forgotten,
            unsaved: BTreeMap::new(),
            open: BTreeSet::new(),
            open_access: BTreeSet::new(),
            ticks: VecDeque::new(),
            tick_ms,
            committed_tick_ms: tick_ms,
            outbox: VecDeque::new(),
            outbox_access: VecDeque::new(),
            cuts: Vec::new(),
            cut_bytes: 0,
            pending: 0,
            flushed: false,
        };
        if let Some(time_ms) = tick_ms {
            // Every tick before the committed position had passed without a word; this one stands for all.
            for (id, patient) in work.patients.iter_mut().filter(|(_, patient)| patient.through_position < committed.readings) {
                patient.tick(shared, time_ms, committed.readings)?;
                work.open.extend(patient.open_at.map(|at| (at, *id)));
            }
        }
        Ok(work)
    }

    /// Takes one record in, of any of the topics.
    pub(crate) async fn take(&mut self, shared: &mut Shared, record: &Record) -> Result<()> {
        let next = record.offset.saturating_add(1);
        match record.topic.as_str() {
            READINGS => {
                self.next.readings = next;
                if record.key.is_empty() { self.tick(shared, record).await? } else { self.readings(shared, record).await? }
            }
            ACCESS_REQUESTS => {
                self.next.access = next;
                self.request(shared, record).await?;
            }
            _ => {
                self.next.blocks = next;
                self.opening(shared, record);
            }
        }
        if self.pending > shared.settings.pending_max || self.outbox.len().max(self.outbox_access.len()) > OUTBOX_MAX {
            self.cut_where(shared, |_| true).await?;
        }
        Ok(())
    }

    async fn readings(&mut self, shared: &mut Shared, record: &Record) -> Result<()> {
        let Some((id, keys)) = self.reader_of(shared, record).await? else { return Ok(()) };
        let Some(patient) = self.patients.get_mut(&id) else { return Ok(()) };
        let before = patient.pending();
        match keys.stream(&patient.chain).and_then(|key| open_batch(key, &patient.chain, &record.value)) {
            Ok(batch) => patient.take(shared, &keys, &batch, record.offset)?,
            Err(_) => {
                let value = RejectedValue::unopened("unreadable", READINGS, &record.value);
                patient.keep(shared, value, "unreadable", record.time_ms, record.offset);
            }
        }
        self.pending = (self.pending + patient.pending()).saturating_sub(before);
        self.open.extend(patient.open_at.map(|at| (at, id)));
        if patient.due(shared) {
            self.cut(shared, id, Some(keys)).await?;
        }
        Ok(())
    }

    async fn request(&mut self, shared: &mut Shared, record: &Record) -> Result<()> {
        let Some((id, keys)) = self.reader_of(shared, record).await? else { return Ok(()) };
        let Some(patient) = self.patients.get_mut(&id) else { return Ok(()) };
        let key = keys.stream(&patient.chain);
        let request = key.and_then(|key| open_topic_value::<AccessRequest>(key, &patient.chain, ACCESS_REQUESTS, "request for access", &record.value));
        match request {
            Ok(request) => {
                patient.request(request, record.offset);
                self.pending += 1;
                self.open_access.extend(patient.access_at.map(|at| (at, id)));
            }
            Err(_) => {
                let value = RejectedValue::unopened("unreadable", ACCESS_REQUESTS, &record.value);
                self.refuse(shared, record, value, "unreadable");
            }
        }
        if self.patients.get(&id).is_some_and(|patient| patient.due(shared)) {
            self.cut(shared, id, Some(keys)).await?;
        }
        Ok(())
    }

    /// The patient of a record and the keys to read it with; none where it was taken before, or refused here.
    async fn reader_of(&mut self, shared: &mut Shared, record: &Record) -> Result<Option<(Digest, Arc<PatientKeys>)>> {
        let readings = record.topic.as_str() == READINGS;
        let id = record.key.as_ref().try_into().ok().map(Digest);
        if let Some(id) = id && !self.patients.contains_key(&id) {
            if self.forgotten.contains(&id) {
                self.refuse_unopened(shared, record, "no-key");
                return Ok(None);
            }
            self.look_for_openings(shared).await?;
        }
        let Some((id, patient)) = id.and_then(|id| Some((id, self.patients.get(&id)?))) else {
            self.refuse_unopened(shared, record, "no-chain");
            return Ok(None);
        };
        if record.offset < if readings { patient.through_position } else { patient.access_position } {
            return Ok(None);
        }
        let (chain, granted) = (patient.chain, may_append(&patient.head.writers, &shared.own, patient.now_ms()));
        if !granted {
            self.refuse_unopened(shared, record, "no-grant");
            return Ok(None);
        }
        match shared.keys.keys(&chain).await?.filter(|keys| suffice(&chain, keys)) {
            Some(keys) => Ok(Some((id, keys))),
            None => {
                self.refuse_unopened(shared, record, "no-key");
                Ok(None)
            }
        }
    }

    fn refuse_unopened(&mut self, shared: &mut Shared, record: &Record, reason: &str) {
        let value = RejectedValue::unopened(reason, &record.topic, &record.value);
        self.refuse(shared, record, value, reason);
    }

    fn refuse(&mut self, shared: &mut Shared, record: &Record, value: Vec<u8>, reason: &str) {
        shared.reject(reason);
        let append = Append::new(READINGS_REJECTED, record.key.clone(), record.time_ms, value).in_partition(self.number);
        let outbox = if record.topic.as_str() == READINGS { &mut self.outbox } else { &mut self.outbox_access };
        outbox.push_back((record.offset, append));
    }

    async fn tick(&mut self, shared: &mut Shared, record: &Record) -> Result<()> {
        let Ok(tick) = ledger::decode::<Tick>("tick", &record.value) else {
            let value = RejectedValue::unopened("unreadable", READINGS, &record.value);
            self.refuse(shared, record, value, "unreadable");
            return Ok(());
        };
        let time_ms = self.tick_ms.map_or(tick.time_ms, |before| before.max(tick.time_ms));
        self.tick_ms = Some(time_ms);
        self.ticks.push_back((record.offset, time_ms));
        shared.saw(time_ms);
        for (id, patient) in self.patients.iter_mut().filter(|(_, patient)| patient.through_position <= record.offset) {
            let before = patient.pending();
            patient.tick(shared, time_ms, record.offset)?;
            self.pending = (self.pending + patient.pending()).saturating_sub(before);
            self.open.extend(patient.open_at.map(|at| (at, *id)));
        }
        self.flushed |= tick.flush;
        let flush = tick.flush;
        self.cut_where(shared, |due| flush || due).await
    }

    /// Cuts every patient with open work for whom `which` holds; it is told whether the patient is due.
    async fn cut_where(&mut self, shared: &mut Shared, which: impl Fn(bool) -> bool) -> Result<()> {
        let open = self.patients.iter().filter(|(_, patient)| patient.is_open() && which(patient.due(shared)));
        for id in open.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.cut(shared, id, None).await?;
        }
        Ok(())
    }

    async fn cut(&mut self, shared: &mut Shared, id: Digest, keys: Option<Arc<PatientKeys>>) -> Result<()> {
        let Some(patient) = self.patients.get_mut(&id) else { return Ok(()) };
        let keys = match keys {
            Some(keys) => Some(keys),
            None => {
                let chain = patient.chain;
                shared.keys.keys(&chain).await?.filter(|keys| suffice(&chain, keys))
            }
        };
        self.pending = self.pending.saturating_sub(patient.pending());
        if let Some(at) = patient.open_at {
            self.open.remove(&(at, id));
        }
        if let Some(at) = patient.access_at {
            self.open_access.remove(&(at, id));
        }
        let granted = may_append(&patient.head.writers, &shared.own, patient.now_ms());
        let Some(keys) = keys.filter(|_| granted) else {
            // Keys or grant were taken back while work was open: it can no longer be sealed or signed, and is forgotten.
            tracing::warn!(chain = %id, "a patient's keys or grant were taken back; open work is forgotten");
            shared.reject("taken-back");
            self.patients.remove(&id);
            self.forgotten.insert(id);
            return Ok(());
        };
        let cut = patient.cut(shared, keys, self.number, self.next.readings, self.next.access)?;
        self.cut_bytes += cut.draft.iter().flat_map(phc::BlockDraft::blobs).map(<[u8]>::len).sum::<usize>();
        self.cuts.push((id, cut));
        self.unsaved.retain(|_, unsaved| *unsaved != id);
        Ok(())
    }

    /// Looks through what `phc.blocks` holds beyond what was read of it.
    async fn look_for_openings(&mut self, shared: &mut Shared) -> Result<()> {
        if shared.log.end(PHC_BLOCKS, self.number).await? <= self.looked {
            return Ok(());
        }
        let mut scan = shared.log.scan(PHC_BLOCKS, self.number, self.looked).await?;
        loop {
            let records = scan.next(shared.settings.records_per_read).await?;
            if records.is_empty() {
                return Ok(());
            }
            records.iter().for_each(|record| self.opening(shared, record));
        }
    }

    /// Learns of a new chain.
    fn opening(&mut self, shared: &Shared, record: &Record) {
        if record.offset < self.looked {
            return;
        }
        self.looked = record.offset.saturating_add(1);
        // The height stands first; only openings need more of a look.
        if !record.value.starts_with(&0u64.to_le_bytes()) {
            return;
        }
        let opened = Block::decode(&record.value).and_then(|block| ChainState::open(shared.network, &block));
        let (chain, head) = match opened {
            Ok(opened) if opened.0.id.0 == *record.key => opened,
            Ok(_) => return tracing::warn!(offset = record.offset, "an opening under another chain's key is ignored"),
            Err(error) => return tracing::warn!(offset = record.offset, %error, "an opening is ignored"),
        };
        if self.patients.contains_key(&chain.id) || self.forgotten.contains(&chain.id) {
            return;
        }
        if self.patients.len() >= shared.settings.patients_max {
            return tracing::error!(partition = self.number, "no room for another patient; raise patients_max or add partitions");
        }
        let mut patient = Patient::new(chain, head);
        if let Some(time_ms) = self.tick_ms {
            // Nothing was heard of the patient yet, so no more comes of it than the time.
            if let Err(error) = patient.tick(shared, time_ms, self.next.readings) {
                tracing::warn!(%error, "a new patient's clock could not be set");
            }
        }
        self.unsaved.insert(record.offset, chain.id);
        self.patients.insert(chain.id, patient);
    }

    /// Has the next commit keep the first state of chains that were just opened. Until a chain's first state is kept, for want of
    /// keys or because work is open, its opening counts as unread.
    pub(crate) async fn save_new(&mut self, shared: &mut Shared) -> Result<()> {
        for id in self.unsaved.values().copied().collect::<Vec<_>>() {
            let Some(patient) = self.patients.get(&id) else {
                self.unsaved.retain(|_, unsaved| *unsaved != id);
                continue;
            };
            if patient.is_open() {
                continue; // its first block brings its first state
            }
            let granted = may_append(&patient.head.writers, &shared.own, patient.now_ms());
            let chain = patient.chain;
            let keys = if granted { shared.keys.keys(&chain).await? } else { None };
            if let Some(keys) = keys.filter(|keys| suffice(&chain, keys)) {
                self.cut(shared, id, Some(keys)).await?;
            }
        }
        Ok(())
    }

    /// The places up to which everything is in cuts.
    pub(crate) fn target(&self) -> Places {
        let lowest = |open: &BTreeSet<(u64, Digest)>, next: u64| open.first().map_or(next, |(at, _)| (*at).min(next));
        Places {
            readings: lowest(&self.open, self.next.readings),
            access: lowest(&self.open_access, self.next.access),
            blocks: self.unsaved.first_key_value().map_or(self.next.blocks, |(at, _)| (*at).min(self.next.blocks)),
        }
    }

    /// Whether there is reason for a commit: something to append, or many offsets to pass; of `phc.blocks` alone it is not worth one.
    pub(crate) fn is_due(&self, idle: bool) -> bool {
        let target = self.target();
        let passed = target.readings - self.committed.readings.min(target.readings) + (target.access - self.committed.access.min(target.access));
        let releasable = |outbox: &VecDeque<(u64, Append)>, to: u64| outbox.front().is_some_and(|(at, _)| *at < to);
        !self.cuts.is_empty()
            || self.flushed
            || releasable(&self.outbox, target.readings)
            || releasable(&self.outbox_access, target.access)
            || passed >= 4_096
            || (idle && passed > 0)
    }

    /// Refused values whose place the commit passes.
    pub(crate) fn releasable(&self, target: Places) -> impl Iterator<Item = Append> + '_ {
        let readings = self.outbox.iter().take_while(move |(at, _)| *at < target.readings);
        let access = self.outbox_access.iter().take_while(move |(at, _)| *at < target.access);
        readings.chain(access).map(|(_, append)| append.clone())
    }

    /// The last tick before a place at or after the committed one.
    pub(crate) fn tick_before(&self, target: Places) -> Option<i64> {
        self.ticks.iter().take_while(|(at, _)| *at < target.readings).last().map_or(self.committed_tick_ms, |(_, time_ms)| Some(*time_ms))
    }

    /// A commit up to these places was made.
    pub(crate) fn was_committed(&mut self, target: Places) {
        self.committed_tick_ms = self.tick_before(target);
        self.committed = target;
        while self.ticks.front().is_some_and(|(at, _)| *at < target.readings) {
            self.ticks.pop_front();
        }
        while self.outbox.front().is_some_and(|(at, _)| *at < target.readings) {
            self.outbox.pop_front();
        }
        while self.outbox_access.front().is_some_and(|(at, _)| *at < target.access) {
            self.outbox_access.pop_front();
        }
        self.flushed = false;
    }
}

fn open_batch(key: &ledger::DataKey, chain: &Chain, value: &[u8]) -> Result<ReadingBatch, phc::Error> {
    let batch: ReadingBatch = open_topic_value(key, chain, READINGS, "batch of readings", value)?;
    batch.check()?;
    Ok(batch)
}

/// Whether the keys allow everything that a monitor does.
fn suffice(chain: &Chain, keys: &PatientKeys) -> bool {
    let own = [phc::CATEGORY_ANOMALIES, phc::CATEGORY_ACCESS, phc::CATEGORY_SCORES];
    let categories = vitals::Category::ALL.map(vitals::Category::id);
    let needed = categories.into_iter().chain(own).map(Scope::Category).chain([Scope::Stream]);
    needed.into_iter().all(|scope| keys.get(chain, scope).is_ok())
}
