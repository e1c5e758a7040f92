//! One partition: its patients, where each of its topics stands, and what the next commit takes from it.

mod openings;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use ledger::Digest;
use phc::messages::{ACCESS_REQUESTS, READINGS, READINGS_REJECTED};
use phc::{PatientKeys, RejectedValue, Tick};
use stream::{Append, Record};

use crate::cut::Cut;
use crate::outbox::Outbox;
use crate::patient::Patient;
use crate::patients::{Patients, Slot};
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
    pub(crate) patients: Patients,
    /// Patients whose state cannot be opened, because their keys are gone.
    pub(crate) forgotten: BTreeSet<Digest>,
    /// The last tick before the committed position.
    pub(crate) tick_ms: Option<i64>,
}

pub(crate) struct PartitionWork {
    pub(crate) number: u32,
    pub(crate) patients: Patients,
    /// The next offsets to read.
    pub(crate) next: Places,
    pub(crate) committed: Places,
    /// Up to where `phc.blocks` was looked through for openings; at least `next.blocks`.
    looked: u64,
    /// Patients whose chains go on in the log but whose keys or grant are gone. Their openings must not begin them anew.
    forgotten: BTreeSet<Digest>,
    /// Chains without a state in the log, by the offset of their opening.
    unsaved: BTreeSet<u64>,
    /// Those of them whose first state may be kept before their first block.
    fresh: VecDeque<Slot>,
    open: BTreeSet<(u64, Slot)>,
    open_access: BTreeSet<(u64, Slot)>,
    /// Patients to cut before anything more is taken in.
    waiting: VecDeque<Slot>,
    pub(crate) ticks: Ticks,
    pub(crate) outbox: Outbox,
    pub(crate) cuts: Vec<(Digest, Cut)>,
    /// What the next commit appends so far.
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
            unsaved: BTreeSet::new(),
            fresh: VecDeque::new(),
            open: BTreeSet::new(),
            open_access: BTreeSet::new(),
            waiting: VecDeque::new(),
            ticks: Ticks::at(tick_ms),
            outbox: Outbox::default(),
            cuts: Vec::new(),
            cut_bytes: 0,
            pending: 0,
            flushed: false,
        };
        if let Some(time_ms) = tick_ms {
            // Every tick before the committed position had passed without a word; this one stands for all.
            for (slot, patient) in
                work.patients.iter_mut().filter(|(_, patient)| patient.through_position < committed.readings)
            {
                patient.tick(shared, time_ms, committed.readings)?;
                work.open.extend(patient.open_at.map(|at| (at, slot)));
            }
        }
        Ok(work)
    }

    /// Takes one record in, of any of the topics. Before the next one, [`cut_waiting`](Self::cut_waiting) is to be done.
    /// `near`: where its patient lay a moment ago.
    pub(crate) async fn take(&mut self, shared: &mut Shared, record: &Record, near: Option<Slot>) -> Result<()> {
        let next = record.offset.saturating_add(1);
        match record.topic.as_str() {
            READINGS => {
                self.next.readings = next;
                if record.key.is_empty() {
                    self.tick(shared, record)?
                } else {
                    self.readings(shared, record, near).await?
                }
            }
            ACCESS_REQUESTS => {
                self.next.access = next;
                self.request(shared, record, near).await?;
            }
            _ => {
                self.next.blocks = next;
                self.opening(shared, record);
            }
        }
        if self.pending > shared.settings.pending_max || self.outbox.is_full() {
            self.cut_where(shared, |_| true);
        }
        Ok(())
    }

    async fn readings(&mut self, shared: &mut Shared, record: &Record, near: Option<Slot>) -> Result<()> {
        let Some((slot, keys)) = self.reader_of(shared, record, near).await? else { return Ok(()) };
        let Some(mut patient) = self.patients.at_mut(slot) else { return Ok(()) };
        let batch = granted::open_batch(&mut shared.room, &patient.chain, &keys, &record.value);
        let begins_ms = batch.as_ref().ok().and_then(|batch| batch.readings.first()).map(|reading| reading.time_ms);
        if patient.is_open() && begins_ms.is_some_and(|begins_ms| patient.due_at(shared, begins_ms)) {
            // The open block is old enough before this batch, which goes into the next: this block covers what lies below it.
            let next = std::mem::replace(&mut self.next.readings, record.offset);
            self.cut(shared, slot, Some(keys.clone())).await?;
            self.next.readings = next;
            let Some(again) = self.patients.at_mut(slot) else { return Ok(()) };
            patient = again;
        }
        let (before, open_at) = (patient.pending(), patient.open_at);
        match batch {
            Ok(batch) => patient.take(shared, &keys, &batch, record.offset)?,
            Err(_) => patient.take_other(shared, &keys, record)?,
        }
        self.pending = (self.pending + patient.pending()).saturating_sub(before);
        if open_at.is_none() {
            self.open.extend(patient.open_at.map(|at| (at, slot)));
        }
        if patient.due(shared) {
            self.cut(shared, slot, Some(keys)).await?;
        }
        Ok(())
    }

    async fn request(&mut self, shared: &mut Shared, record: &Record, near: Option<Slot>) -> Result<()> {
        let Some((slot, keys)) = self.reader_of(shared, record, near).await? else { return Ok(()) };
        let Some(patient) = self.patients.at_mut(slot) else { return Ok(()) };
        match granted::open_request(&patient.chain, &keys, &record.value) {
            Ok(request) => {
                patient.request(request, record.offset);
                self.pending += 1;
                self.open_access.extend(patient.access_at.map(|at| (at, slot)));
            }
            Err(_) => {
                let value = RejectedValue::unopened("unreadable", ACCESS_REQUESTS, &record.value);
                self.refuse(shared, record, value, "unreadable");
            }
        }
        if self.patients.at(slot).is_some_and(|patient| patient.due(shared)) {
            self.cut(shared, slot, Some(keys)).await?;
        }
        Ok(())
    }

    /// The patient of a record and the keys to read it with; none where it was taken before, or refused here.
    async fn reader_of(
        &mut self,
        shared: &mut Shared,
        record: &Record,
        near: Option<Slot>,
    ) -> Result<Option<(Slot, Arc<PatientKeys>)>> {
        let readings = record.topic.as_str() == READINGS;
        let id = record.key.as_ref().try_into().ok().map(Digest);
        let there = |slot: &Slot| self.patients.at(*slot).is_some_and(|patient| Some(patient.chain.id) == id);
        let mut slot = near.filter(there).or_else(|| self.patients.slot(&id?));
        if let (Some(id), None) = (id, slot) {
            if self.forgotten.contains(&id) {
                self.refuse_unopened(shared, record, "no-key");
                return Ok(None);
            }
            self.look_for_openings(shared).await?;
            slot = self.patients.slot(&id);
        }
        let Some((slot, patient)) = slot.and_then(|slot| Some((slot, self.patients.at_mut(slot)?))) else {
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
        let version = shared.keys.version();
        let Some(keys) = granted::keys(shared, &patient.chain, &patient.allowed).await? else {
            self.refuse_unopened(shared, record, "no-key");
            return Ok(None);
        };
        patient.allowed.remember(&keys, version);
        Ok(Some((slot, keys)))
    }

    /// The patient of a record and where it lies, where it is known already.
    pub(crate) fn patient_of(&self, record: &Record) -> Option<(Slot, &Patient)> {
        let id = record.key.as_ref().try_into().ok().map(Digest)?;
        let slot = self.patients.slot(&id)?;
        Some((slot, self.patients.at(slot)?))
    }

    fn refuse_unopened(&mut self, shared: &mut Shared, record: &Record, reason: &str) {
        let value = RejectedValue::unopened(reason, &record.topic, &record.value);
        self.refuse(shared, record, value, reason);
    }

    fn refuse(&mut self, shared: &mut Shared, record: &Record, value: Vec<u8>, reason: &str) {
        shared.reject(reason);
        let append =
            Append::new(READINGS_REJECTED, record.key.to_vec(), record.time_ms, value).in_partition(self.number);
        if record.topic.as_str() == READINGS {
            self.outbox.reading(record.offset, append);
        } else {
            self.outbox.request(record.offset, append);
        }
    }

    fn tick(&mut self, shared: &mut Shared, record: &Record) -> Result<()> {
        let Ok(tick) = ledger::decode::<Tick>("tick", &record.value) else {
            let value = RejectedValue::unopened("unreadable", READINGS, &record.value);
            self.refuse(shared, record, value, "unreadable");
            return Ok(());
        };
        let time_ms = self.ticks.take(record.offset, tick.time_ms);
        shared.saw(time_ms);
        for (slot, patient) in self.patients.iter_mut().filter(|(_, patient)| patient.through_position <= record.offset)
        {
            let (before, open_at) = (patient.pending(), patient.open_at);
            patient.tick(shared, time_ms, record.offset)?;
            self.pending = (self.pending + patient.pending()).saturating_sub(before);
            if open_at.is_none() {
                self.open.extend(patient.open_at.map(|at| (at, slot)));
            }
        }
        self.flushed |= tick.flush;
        self.cut_where(shared, |due| tick.flush || due);
        Ok(())
    }

    /// Has every patient with open work cut for whom `which` holds; it is told whether the patient is due.
    fn cut_where(&mut self, shared: &Shared, which: impl Fn(bool) -> bool) {
        let open = self.patients.iter().filter(|(_, patient)| patient.is_open() && which(patient.due(shared)));
        self.waiting = open.map(|(slot, _)| slot).collect();
    }

    /// Cuts those who wait for it, as many as a commit holds; true where others still wait. They are many where a tick cuts
    /// everybody.
    pub(crate) async fn cut_waiting(&mut self, shared: &mut Shared) -> Result<bool> {
        while !self.waiting.is_empty() && self.cut_bytes < shared.settings.commit_bytes {
            if let Some(slot) = self.waiting.pop_front()
                && self.patients.at(slot).is_some_and(Patient::is_open)
            {
                self.cut(shared, slot, None).await?;
            }
        }
        Ok(!self.waiting.is_empty())
    }

    async fn cut(&mut self, shared: &mut Shared, slot: Slot, keys: Option<Arc<PatientKeys>>) -> Result<()> {
        let Some(patient) = self.patients.at_mut(slot) else { return Ok(()) };
        let id = patient.chain.id;
        let keys = match keys {
            Some(keys) => Some(keys),
            None => granted::keys(shared, &patient.chain, &patient.allowed).await?,
        };
        self.pending = self.pending.saturating_sub(patient.pending());
        if let Some(at) = patient.open_at {
            self.open.remove(&(at, slot));
        }
        if let Some(at) = patient.access_at {
            self.open_access.remove(&(at, slot));
        }
        if let Some(at) = patient.opening_at.take() {
            self.unsaved.remove(&at);
        }
        let lasts = granted::lasts(shared, &patient.head, patient.now_ms());
        let Some(keys) = keys.filter(|_| lasts) else {
            // Keys or grant were taken back while work was open: it can no longer be sealed or signed, and is forgotten.
            tracing::warn!(chain = %id, "a patient's keys or grant were taken back; open work is forgotten");
            shared.reject("taken-back");
            self.patients.remove(slot);
            self.forgotten.insert(id);
            return Ok(());
        };
        let cut = patient.cut(shared, keys, self.number, self.next.readings, self.next.access)?;
        self.cut_bytes += cut.bytes();
        self.cuts.push((id, cut));
        Ok(())
    }

    /// The places up to which everything is in cuts.
    pub(crate) fn target(&self) -> Places {
        let lowest = |open: &BTreeSet<(u64, Slot)>, next: u64| open.first().map_or(next, |(at, _)| (*at).min(next));
        Places {
            readings: lowest(&self.open, self.next.readings),
            access: lowest(&self.open_access, self.next.access),
            blocks: self.unsaved.first().map_or(self.next.blocks, |at| (*at).min(self.next.blocks)),
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
