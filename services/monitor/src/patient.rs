//! One patient: what was taken in since the last block, and the cut that makes a block of it.

mod parameters;

use std::sync::Arc;

use ledger::{Chain, encode};
use phc::messages::READINGS_REJECTED;
use phc::{
    AccessRequest, BlockBuilder, ChainState, Origin, PatientKeys, Place, ReadingBatch, RecordRef, Rejected,
    RejectedValue, Score, Span, Subject,
};
use stream::Append;
use vitals::{Anomaly, Observation, VitalsError};

use crate::Result;
use crate::cut::{Counts, Cut, OpenAlert};
use crate::device::{DeviceWindow, Seen};
use crate::granted::Allowed;
use crate::shared::Shared;
use crate::state::MonitorState;
use crate::watch::{Watch, to_vitals};

/// Most devices of one patient.
const DEVICES_MAX: usize = 64;
/// Most locations of one patient.
const LOCATIONS_MAX: usize = 16;

pub(crate) struct Patient {
    pub(crate) chain: Chain,
    /// Where the chain stands, blocks of this commit included once they are made.
    pub(crate) head: ChainState,
    /// Blocks cut and not made yet.
    queued: u64,
    /// Where the span of the last block that was cut ends.
    covered: u64,
    pub(crate) through_position: u64,
    pub(crate) access_position: u64,
    /// First offset of `readings` that is in no cut yet.
    pub(crate) open_at: Option<u64>,
    /// First offset of `access.requests` that is in no cut yet.
    pub(crate) access_at: Option<u64>,
    /// Offset of the chain's opening, until a state of it is cut.
    pub(crate) opening_at: Option<u64>,
    now_ms: i64,
    /// The keys that were found to allow all that a monitor does; they are asked for again where their source may have changed.
    pub(crate) allowed: Allowed,
    devices: Vec<DeviceWindow>,
    watches: Vec<Watch>,
    builder: BlockBuilder,
    alerts: Vec<OpenAlert>,
    rejects: Vec<Append>,
    counts: Counts,
}

impl Patient {
    /// A patient whose chain was just opened.
    pub(crate) fn new(chain: Chain, head: ChainState) -> Self {
        let (now_ms, covered) = (head.time_ms, head.span.through);
        Self {
            chain,
            head,
            queued: 0,
            covered,
            through_position: 0,
            access_position: 0,
            open_at: None,
            access_at: None,
            opening_at: None,
            now_ms,
            allowed: Allowed::default(),
            devices: Vec::new(),
            watches: vec![Watch::new(&Subject::Patient)],
            builder: BlockBuilder::default(),
            alerts: Vec::new(),
            rejects: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// A patient as another monitor, or this one, left it.
    pub(crate) fn restore(chain: Chain, state: MonitorState) -> Result<Self, VitalsError> {
        let watches = state.detectors.into_iter().map(|(subject, bytes)| Watch::restore(subject, &bytes));
        let watches = watches.collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            through_position: state.through_position,
            access_position: state.access_position,
            devices: state.devices,
            watches,
            ..Self::new(chain, state.chain)
        })
    }

    /// The patient's event time: the latest of its readings and of the ticks.
    pub(crate) fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Records gathered and not cut yet.
    pub(crate) fn pending(&self) -> usize {
        self.builder.records() as usize
    }

    /// Reads a little of what taking a batch in will need, level by level (0 to 2); see [`vitals::PatientState::touch`].
    pub(crate) fn touch(&self, level: u8) -> u64 {
        match level {
            0 => self
                .now_ms
                .cast_unsigned()
                .wrapping_add(u64::from(self.builder.records()))
                .wrapping_add(self.counts.readings),
            1 => {
                let states = self.watches.iter().map(|watch| watch.state.touch(0));
                self.devices.iter().map(|device| device.device.len() as u64).chain(states).fold(0, u64::wrapping_add)
            }
            _ => {
                let watches = self.watches.iter().map(|watch| watch.state.touch(1).wrapping_add(watch.charts.touch()));
                let devices = self.devices.iter().map(DeviceWindow::touch);
                watches.chain(devices).fold(self.builder.touch(), u64::wrapping_add)
            }
        }
    }

    /// Takes the readings of a batch at `offset` in, each once.
    pub(crate) fn take(
        &mut self,
        shared: &mut Shared,
        keys: &PatientKeys,
        batch: &ReadingBatch,
        offset: u64,
    ) -> Result<()> {
        let Some(watch) = self.watch(&batch.subject) else {
            return self.reject_batch(shared, keys, batch, "too-many-locations", offset);
        };
        let Some(device) = self.device(&batch.device, batch.first_sequence) else {
            return self.reject_batch(shared, keys, batch, "too-many-devices", offset);
        };
        let mut origin = None;
        for (reading, sequence) in batch.readings.iter().zip(batch.first_sequence..) {
            let known = match self.devices[device].take(sequence, reading) {
                Seen::Held => {
                    shared.duplicates += 1;
                    continue;
                }
                Seen::Conflict => Err("conflict"),
                Seen::New => to_vitals(reading).ok_or("unknown-signal"),
            };
            match known {
                Ok(known) => {
                    let origin = *origin.get_or_insert_with(|| {
                        self.builder.origin(&batch.device, &batch.subject, batch.received_ms, batch.raw)
                    });
                    self.observe(shared, watch, (origin, sequence, reading), &known, offset)?;
                }
                Err(reason) => self.reject(shared, keys, batch.record(sequence, reading), reason, offset)?,
            }
        }
        Ok(())
    }

    fn observe(
        &mut self,
        shared: &mut Shared,
        watch: usize,
        (origin, sequence, reading): (Origin, u64, &phc::Reading),
        known: &vitals::Reading,
        offset: u64,
    ) -> Result<()> {
        self.now_ms = self.now_ms.max(known.time_ms);
        shared.saw(self.now_ms);
        let under = &mut self.watches[watch];
        under.charts.add(reading.signal, known.time_ms, known.value_milli);
        let observation = shared.detector.observe(&mut under.state, known);
        self.builder.reading_of(known.signal.category().id(), origin, sequence, reading, self.now_ms)?;
        self.counts.readings += 1;
        self.open_at.get_or_insert(offset);
        self.note(shared, watch, observation, offset)
    }

    /// Event time has reached `time_ms`, by a tick at `offset`.
    pub(crate) fn tick(&mut self, shared: &Shared, time_ms: i64, offset: u64) -> Result<()> {
        self.now_ms = self.now_ms.max(time_ms);
        for watch in 0..self.watches.len() {
            let observation = shared.detector.tick(&mut self.watches[watch].state, time_ms);
            self.note(shared, watch, observation, offset)?;
        }
        Ok(())
    }

    /// Puts what the detector said into the block.
    fn note(&mut self, shared: &Shared, watch: usize, observation: Observation, offset: u64) -> Result<()> {
        if observation.scores.is_empty() && observation.anomalies.is_empty() {
            return Ok(());
        }
        self.open_at.get_or_insert(offset);
        for score in observation.scores {
            self.builder.score(Score { time_ms: score.time_ms, score_micro: score.score_micro }, self.now_ms);
            self.counts.scores += 1;
            self.counts.score_micro = Some(score.score_micro);
        }
        for anomaly in observation.anomalies {
            self.alert(shared, watch, &anomaly)?;
        }
        Ok(())
    }

    fn alert(&mut self, shared: &Shared, watch: usize, anomaly: &Anomaly) -> Result<()> {
        let bytes = encode(anomaly);
        let entry = self.builder.anomaly(bytes.clone(), anomaly.time_ms, self.now_ms)?;
        self.counts.anomalies += 1;
        self.alerts.push(OpenAlert {
            entry,
            anomaly: bytes,
            alerting: shared.detector.alerts(&self.watches[watch].state, anomaly),
            severity: anomaly.severity.name(),
            time_ms: anomaly.time_ms,
            chart: self.watches[watch].charts.points(anomaly.signal.id()),
        });
        Ok(())
    }

    /// Takes a request for access in.
    pub(crate) fn request(&mut self, request: AccessRequest, offset: u64) {
        self.builder.access(request, self.now_ms);
        self.access_at.get_or_insert(offset);
    }

    fn reject_batch(
        &mut self,
        shared: &mut Shared,
        keys: &PatientKeys,
        batch: &ReadingBatch,
        reason: &str,
        offset: u64,
    ) -> Result<()> {
        batch.records().try_for_each(|record| self.reject(shared, keys, record, reason, offset))
    }

    fn reject(
        &mut self,
        shared: &mut Shared,
        keys: &PatientKeys,
        record: RecordRef<'_>,
        reason: &str,
        offset: u64,
    ) -> Result<()> {
        let rejected = Rejected {
            device: record.device.into(),
            reason: reason.into(),
            received_ms: record.received_ms,
            line: encode(&record),
        };
        let value = RejectedValue::sealed(keys.stream(&self.chain)?, &self.chain, &rejected, &mut shared.rng);
        self.keep(shared, value, reason, record.received_ms, offset);
        Ok(())
    }

    /// Keeps a value for `readings.rejected`; it is appended together with the state that has passed it.
    pub(crate) fn keep(&mut self, shared: &mut Shared, value: Vec<u8>, reason: &str, time_ms: i64, offset: u64) {
        shared.reject(reason);
        self.rejects.push(Append::new(READINGS_REJECTED, self.chain.id.0.to_vec(), time_ms, value));
        self.open_at.get_or_insert(offset);
    }

    /// Position of the subject's watch, made where there is none.
    fn watch(&mut self, subject: &Subject) -> Option<usize> {
        if let Some(at) = self.watches.iter().position(|watch| watch.subject == *subject) {
            return Some(at);
        }
        if self.watches.len() > LOCATIONS_MAX {
            return None;
        }
        self.watches.push(Watch::new(subject));
        Some(self.watches.len() - 1)
    }

    fn device(&mut self, device: &str, first_sequence: u64) -> Option<usize> {
        if let Some(at) = self.devices.iter().position(|window| window.device == device) {
            return Some(at);
        }
        if self.devices.len() >= DEVICES_MAX {
            return None;
        }
        self.devices.push(DeviceWindow::new(device, first_sequence));
        Some(self.devices.len() - 1)
    }

    /// Whether anything was taken in that is not cut yet.
    pub(crate) fn is_open(&self) -> bool {
        !self.builder.is_empty() || !self.rejects.is_empty()
    }

    /// Whether it is time to cut.
    pub(crate) fn due(&self, shared: &Shared) -> bool {
        if self.builder.is_empty() { self.is_open() } else { self.builder.due(&shared.settings.limits, self.now_ms) }
    }

    /// Whether it is time to cut once event time has reached `time_ms`.
    pub(crate) fn due_at(&self, shared: &Shared, time_ms: i64) -> bool {
        self.builder.due(&shared.settings.limits, self.now_ms.max(time_ms))
    }

    /// Cuts: everything below `through` of `readings` and `access` of `access.requests` is covered from here on.
    pub(crate) fn cut(
        &mut self,
        shared: &mut Shared,
        keys: Arc<PatientKeys>,
        partition: u32,
        through: u64,
        access: u64,
    ) -> Result<Cut> {
        let next = self.builder.like();
        let builder = std::mem::replace(&mut self.builder, next);
        let draft = if builder.is_empty() {
            None
        } else {
            let place = Place {
                height: self.head.height.saturating_add(self.queued).saturating_add(1),
                writer: shared.own,
                time_ms: self.now_ms.max(self.head.time_ms),
                span: Span { partition, from: self.covered, through },
                model: shared.model,
            };
            let draft = builder.cut(&self.chain, &keys, place, &mut shared.rng)?;
            self.queued += 1;
            self.covered = through;
            Some(draft)
        };
        (self.open_at, self.access_at) = (None, None);
        (self.through_position, self.access_position) = (through, access);
        let detectors = self.watches.iter().map(|watch| (watch.subject.clone(), watch.state.to_bytes())).collect();
        Ok(Cut {
            chain: self.chain,
            keys,
            draft,
            alerts: std::mem::take(&mut self.alerts),
            rejects: std::mem::take(&mut self.rejects),
            state: MonitorState::new((through, access), self.head.clone(), self.devices.clone(), detectors),
            time_ms: self.now_ms,
            counts: std::mem::take(&mut self.counts),
        })
    }

    /// The block of the oldest cut was made.
    pub(crate) fn made(&mut self, block: &phc::Block) -> Result<()> {
        self.head.advance(&self.chain, block)?;
        self.queued = self.queued.saturating_sub(1);
        Ok(())
    }
}
