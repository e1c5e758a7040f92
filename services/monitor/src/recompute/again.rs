//! The detector that goes through a file.

use std::collections::BTreeSet;

use ledger::{Chain, decode};
use phc::{
    ALERT_READINGS_MAX, AlertFile, Arrival, EarlyTick, FiledBlock, LateReading, RecordRef, Records, Row, Subject,
};
use vitals::{Anomaly, CohortModel, Detector, Parameters, PatientState, Reading, Settings};

use crate::watch::{number, to_vitals};
use crate::{Error, Result};

/// Most readings of one block, of all subjects; a monitor's blocks hold fewer than half as many.
const BLOCK_READINGS_MAX: usize = 1 << 17;

pub(crate) struct Again<'a> {
    chain: &'a Chain,
    subject: &'a Subject,
    detector: Detector,
    state: PatientState,
    /// Readings opened, of all subjects.
    opened: u64,
    readings: u64,
    late: u64,
    parameters: u64,
}

impl<'a> Again<'a> {
    pub(crate) fn new(file: &'a AlertFile, chain: &'a Chain) -> Result<Self> {
        Ok(Self {
            chain,
            subject: &file.subject,
            detector: detector(file)?,
            state: PatientState::new(number(&file.subject)),
            opened: 0,
            readings: 0,
            late: 0,
            parameters: 0,
        })
    }

    /// Readings of the subject, those that came too late, and how often parameters were set.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        (self.readings, self.late, self.parameters)
    }

    /// The batches of a block, opened, each checked against the header.
    pub(crate) fn open(&mut self, filed: &FiledBlock) -> Result<Vec<Records>> {
        let (mut all, mut of_block) = (Vec::with_capacity(filed.batches.len()), 0_usize);
        for at in 0..filed.batches.len() {
            let records = filed.open(self.chain, at)?.records().clone();
            let count: usize = rows(&records).iter().map(|row| row.values.len()).sum();
            self.opened = self.opened.saturating_add(count as u64);
            of_block = of_block.saturating_add(count);
            if self.opened > ALERT_READINGS_MAX || of_block > BLOCK_READINGS_MAX {
                return Err(Error::Alert(format!(
                    "its file holds more than {ALERT_READINGS_MAX} readings, or more than {BLOCK_READINGS_MAX} in a block"
                )));
            }
            all.push(records);
        }
        Ok(all)
    }

    /// Goes through one block; what the detector says of it. `redundant` is told of readings named as late that are late anyway.
    pub(crate) fn block(
        &mut self,
        filed: &FiledBlock,
        arrival: &Arrival,
        mut redundant: impl FnMut(&LateReading) -> Result<()>,
    ) -> Result<Vec<Anomaly>> {
        let height = filed.block.header.height;
        let batches = self.open(filed)?;
        let named = of_block(&arrival.late, |late| late.height, height);
        let mut unmet: BTreeSet<(&str, u64)> = named.iter().map(|late| (late.device.as_str(), late.sequence)).collect();
        let mut readings: Vec<(Reading, Option<LateReading>)> = Vec::new();
        for record in readings_of(&batches, self.subject) {
            let RecordRef { device, sequence, reading, .. } = record;
            let known = to_vitals(&reading).ok_or_else(|| {
                Error::Alert(format!("block {height} holds signal {}, which is not known here", reading.signal))
            })?;
            let is_named = unmet.remove(&(device, sequence));
            readings.push((known, is_named.then(|| LateReading { height, device: device.into(), sequence })));
        }
        if let Some((device, sequence)) = unmet.first() {
            return Err(Error::Alert(format!("block {height} holds no reading {sequence} of {device}, named as late")));
        }
        readings.sort_by_key(|(reading, _)| (reading.time_ms, reading.signal));

        batches.iter().try_for_each(|batch| self.set(batch))?;
        let mut said = Vec::new();
        let mut ticks = of_block(&arrival.ticks, |tick| tick.height, height).iter().peekable();
        for (reading, named) in &readings {
            while let Some(EarlyTick { time_ms, .. }) = ticks.next_if(|tick| tick.before_ms <= reading.time_ms) {
                said.extend(self.detector.tick(&mut self.state, *time_ms).anomalies);
            }
            let is_late = self.detector.is_late(&self.state, reading.time_ms);
            self.readings += 1;
            self.late += u64::from(is_late || named.is_some());
            match named {
                Some(named) if is_late => redundant(named)?,
                Some(_) => {}
                None => said.extend(self.detector.observe(&mut self.state, reading).anomalies),
            }
        }
        match ticks.next() {
            Some(tick) => {
                Err(Error::Alert(format!("no reading of block {height} came after its tick {}", tick.time_ms)))
            }
            None => Ok(said),
        }
    }

    /// Event time when the last block was cut: nothing of it is older.
    pub(crate) fn end(&mut self, time_ms: i64) -> Vec<Anomaly> {
        self.detector.tick(&mut self.state, time_ms).anomalies
    }

    /// Parameters in force: the settings' defaults, until the chain records what a doctor set. Each record says after which
    /// reading it counts, so a block's may all be set before its readings.
    fn set(&mut self, batch: &Records) -> Result<()> {
        let (Records::Parameters(records), Subject::Patient) = (batch, self.subject) else { return Ok(()) };
        for record in records {
            let parameters = Parameters::from_bytes(&record.set.parameters);
            let set =
                parameters.and_then(|parameters| self.detector.set_after(&mut self.state, parameters, record.after_ms));
            set.map_err(|error| Error::Alert(error.to_string()))?;
            self.parameters += 1;
        }
        Ok(())
    }
}

/// The detector of a file: its settings and its forest.
pub(crate) fn detector(file: &AlertFile) -> Result<Detector> {
    let refuse = |error: &dyn std::fmt::Display| Error::Alert(error.to_string());
    let settings: Settings = decode("settings of a detector", &file.settings).map_err(|error| refuse(&error))?;
    let detector = if file.model.is_empty() {
        Detector::without_forest(settings)
    } else {
        CohortModel::from_bytes(&file.model).and_then(|cohort| Detector::new(cohort, settings))
    };
    detector.map_err(|error| refuse(&error))
}

/// The readings of a subject.
pub(crate) fn readings_of<'a>(
    batches: &'a [Records],
    subject: &'a Subject,
) -> impl Iterator<Item = RecordRef<'a>> + 'a {
    batches.iter().flat_map(rows).flat_map(Row::records).filter(move |record| record.subject == subject)
}

fn rows(records: &Records) -> &[Row] {
    if let Records::Readings(rows) = records { rows } else { &[] }
}

/// What is said of one block, in a list that ascends by height.
fn of_block<T>(all: &[T], height: impl Fn(&T) -> u64, of: u64) -> &[T] {
    let (from, to) = (all.partition_point(|one| height(one) < of), all.partition_point(|one| height(one) <= of));
    all.get(from..to).unwrap_or_default()
}
