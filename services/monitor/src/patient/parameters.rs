//! What doctors set for a patient: from the log into the detector's state, and onto the chain.
//!
//! It stands in the log between readings, so whoever reads it puts it into force at the same place; the detector's state carries
//! it on, and the record says after which reading it counts.

use phc::messages::READINGS;
use phc::{ParametersRecord, ParametersSet, PatientKeys, RejectedValue, Subject};
use stream::Record;
use vitals::Parameters;

use super::Patient;
use crate::Result;
use crate::shared::Shared;

impl Patient {
    /// Takes a value of `readings` that is no batch of readings: parameters, or nothing that can be read, which is kept.
    pub(crate) fn take_other(&mut self, shared: &mut Shared, keys: &PatientKeys, record: &Record) -> Result<()> {
        let opened = ParametersSet::open(keys.stream(&self.chain)?, &self.chain, &record.value);
        let read = opened.ok().and_then(|set| Some((Parameters::from_bytes(&set.parameters).ok()?, set)));
        if let Some((parameters, set)) = read
            && let Some(watch) = self.watch(&Subject::Patient)
        {
            let state = &mut self.watches[watch].state;
            let after_ms = state.heard_ms();
            if shared.detector.set_after(state, parameters, after_ms).is_ok() {
                self.builder.parameters(ParametersRecord { set, after_ms }, self.now_ms);
                self.open_at.get_or_insert(record.offset);
                return Ok(());
            }
        }
        let value = RejectedValue::unopened("unreadable", READINGS, &record.value);
        self.keep(shared, value, "unreadable", record.time_ms, record.offset);
        Ok(())
    }
}
