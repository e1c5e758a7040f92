//! One partition: its patients, where each of its topics stands, and what the next commit takes from it.

mod openings;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ledger::Digest;
use phc::messages::{ACCESS_REQUESTS, READINGS, READINGS_REJECTED};
use phc::{PatientKeys, RejectedValue, Tick};
use stream::{Append, Record};

use crate::cut::Cut;
use crate::outbox::Outbox;
use crate::patient::Patient;
use crate::shared::Shared;
use crate::ticks::Ticks;
use crate::{Result, granted};

/// Offsets that are worth a commit of their own.
const PASSED: u64 = 4_096;

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
    pub(crate) ticks: Ticks,
    pub(crate) outbox: Outbox,
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
            ticks: Ticks::at(tick_ms),
            outbox: Outbox::default(),
            cuts: Vec::new(),
            cut_bytes: 0,
            pending: 0,
            flushed: false,
        };
        if let Some(time_ms) = tick_ms {
            // Every tick before the committed position had passed without a word; this one stands for all.
            for (id, patient) in
                work.patients.iter_mut().filter(|(_, patient)| patient.through_position < committed.readings)
            {
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
                if record.key.is_empty() {
                    self.tick(shared, record).await?
                } else {
                    self.readings(shared, record).await?
                }
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
        if self.pending > shared.settings.pending_max || self.outbox.is_full() {
            self.cut_where(shared, |_| true).await?;
        }
        Ok(())
    }

    async fn readings(&mut self, shared: &mut Shared, record: &Record) -> Result<()> {
        let Some((id, keys)) = self.reader_of(shared, record).await? else { return Ok(()) };
        let Some(patient) = self.patients.get(&id) else { return Ok(()) };
        let batch = granted::open_batch(&patient.chain, &keys, &record.value);
        let begins_ms = batch.as_ref().ok().and_then(|batch| batch.readings.first()).map(|reading| reading.time_ms);
        if patient.is_open() && begins_ms.is_some_and(|begins_ms| patient.due_at(shared, begins_ms)) {
            // The open block is old enough before this batch, which goes into the next: this block covers what lies below it.
            let next = std::mem::replace(&mut self.next.readings, record.offset);
            self.cut(shared, id, Some(keys.clone())).await?;
            self.next.readings = next;
        }
        let Some(patient) = self.patients.get_mut(&id) else { return Ok(()) };
        let before = patient.pending();
        match batch {
            Ok(batch) => patient.take(shared, &keys, &batch, record.offset)?,
            Err(_) => patient.take_other(shared, &keys, record)?,
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
        match granted::open_request(&patient.chain, &keys, &record.value) {
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
        if let Some(id) = id
            && !self.patients.contains_key(&id)
        {
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
        if !granted::lasts(shared, &patient.head, patient.now_ms()) {
            self.refuse_unopened(shared, record, "no-grant");
            return Ok(None);
        }
        let Some(keys) = granted::keys(shared, &patient.chain, &patient.allowed).await? else {
            self.refuse_unopened(shared, record, "no-key");
            return Ok(None);
        };
        if !std::ptr::eq(patient.allowed.as_ptr(), Arc::as_ptr(&keys))
            && let Some(patient) = self.patients.get_mut(&id)
        {
            patient.allowed = Arc::downgrade(&keys);
        }
        Ok(Some((id, keys)))
    }

    fn refuse_unopened(&mut self, shared: &mut Shared, record: &Record, reason: &str) {
        let value = RejectedValue::unopened(reason, &record.topic, &record.value);
        self.refuse(shared, record, value, reason);
    }

    fn refuse(&mut self, shared: &mut Shared, record: &Record, value: Vec<u8>, reason: &str) {
        shared.reject(reason);
        let append =
            Append::new(READINGS_REJECTED, record.key.clone(), record.time_ms, value).in_partition(self.number);
        if record.topic.as_str() == READINGS {
            self.outbox.reading(record.offset, append);
        } else {
            self.outbox.request(record.offset, append);
        }
    }

    async fn tick(&mut self, shared: &mut Shared, record: &Record) -> Result<()> {
        let Ok(tick) = ledger::decode::<Tick>("tick", &record.value) else {
            let value = RejectedValue::unopened("unreadable", READINGS, &record.value);
            self.refuse(shared, record, value, "unreadable");
            return Ok(());
        };
        let time_ms = self.ticks.take(record.offset, tick.time_ms);
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
            None => granted::keys(shared, &patient.chain, &patient.allowed).await?,
        };
        self.pending = self.pending.saturating_sub(patient.pending());
        if let Some(at) = patient.open_at {
            self.open.remove(&(at, id));
        }
        if let Some(at) = patient.access_at {
            self.open_access.remove(&(at, id));
        }
        let lasts = granted::lasts(shared, &patient.head, patient.now_ms());
        let Some(keys) = keys.filter(|_| lasts) else {
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
        let passed = target.readings.saturating_sub(self.committed.readings)
            + target.access.saturating_sub(self.committed.access);
        let reason = !self.cuts.is_empty() || self.flushed || self.outbox.releasable(target).next().is_some();
        reason || passed >= PASSED || (idle && passed > 0)
    }

    /// A commit up to these places was made.
    pub(crate) fn was_committed(&mut self, target: Places) {
        self.ticks.passed(target.readings);
        self.outbox.passed(target);
        self.committed = target;
        self.flushed = false;
    }
}
