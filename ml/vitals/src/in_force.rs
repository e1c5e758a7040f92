//! From which step of time on a doctor's parameters are in force.
//!
//! They are set between two readings. Steps that had begun by the newest reading before are judged as before, later ones by
//! the new parameters: so it hangs on readings alone, not on what ticks had decided by then, and whoever replays the
//! readings comes to the same.

use crate::detector::Run;
use crate::grid::NEVER;
use crate::{Detector, Limit, Parameters, PatientState, Signal, VitalsError};

impl Detector {
    /// Sets a doctor's parameters; `after_ms` is the event time of the newest reading before ([`PatientState::heard_ms`]), none
    /// where nothing was heard before. The last set after the same reading counts.
    ///
    /// ```
    /// use vitals::{Detector, Limit, Parameters, PatientState, Provenance, Reading, Settings, Severity, Signal};
    ///
    /// let detector = Detector::without_forest(Settings::default())?;
    /// let mut state = PatientState::new([0; 16]);
    /// let reading = |minute: i64| Reading {
    ///     signal: Signal::Spo2, value_milli: 91_000, time_ms: minute * 60_000,
    ///     offset_minutes: None, provenance: Provenance::Device,
    /// };
    /// detector.observe(&mut state, &reading(0));
    /// let mut parameters = Parameters::default();
    /// parameters.set_limit(Limit::new(Signal::Spo2, Some(92), None, 500, 1, 1, Severity::Urgent))?;
    /// let after_ms = state.heard_ms();
    /// detector.set_after(&mut state, parameters, after_ms)?;
    /// detector.observe(&mut state, &reading(1));
    /// let said = detector.tick(&mut state, 600_000).anomalies;
    /// assert_eq!((said.len(), said[0].start_ms), (1, 60_000));
    /// # Ok::<(), vitals::VitalsError>(())
    /// ```
    ///
    /// # Errors
    /// [`VitalsError`] where they are not well formed.
    pub fn set_after(
        &self,
        state: &mut PatientState,
        parameters: Parameters,
        after_ms: Option<i64>,
    ) -> Result<(), VitalsError> {
        parameters.check()?;
        let from = after_ms.map_or(NEVER, |after_ms| self.grid.slot(after_ms).saturating_add(1));
        let upcoming = &mut state.inbox.upcoming;
        match upcoming.binary_search_by_key(&from, |(slot, _)| *slot) {
            Ok(at) => upcoming.get_mut(at).into_iter().for_each(|place| place.1 = parameters.clone()),
            Err(at) => upcoming.insert(at, (from, parameters)),
        }
        Ok(())
    }
}

impl PatientState {
    /// The parameters that hold for the next reading: the latest that were set.
    #[must_use]
    pub fn latest_parameters(&self) -> &Parameters {
        self.inbox.upcoming.last().map_or(&self.parameters, |(_, parameters)| parameters)
    }
}

impl Run<'_> {
    /// A step is about to be decided: what was set for it comes into force.
    pub(crate) fn reach(&mut self, slot: i64) {
        if self.state.inbox.upcoming.is_empty() {
            return;
        }
        let reached = self.state.inbox.upcoming.partition_point(|(from, _)| *from <= slot);
        let Some((_, parameters)) = self.state.inbox.upcoming.drain(..reached).next_back() else { return };
        let before = std::mem::replace(&mut self.state.parameters, parameters);
        self.change_limits(&before, slot);
    }

    /// A signal whose limit is another one begins anew; where no limit is left, its episode is over.
    fn change_limits(&mut self, before: &Parameters, slot: i64) {
        let settings = &self.detector.settings;
        let own = |parameters: &Parameters, signal: Signal| -> Option<Limit> {
            parameters.limit(signal).or_else(|| settings.limit(signal)).copied()
        };
        let now_ms = self.detector.grid.start_ms(slot);
        for at in 0..self.state.tracks.len() {
            let Some(track) = self.state.tracks.get_mut(at) else { return };
            let (old, new) = (own(before, track.signal), own(&self.state.parameters, track.signal));
            if old == new {
                continue;
            }
            let held = *track;
            track.history.restart();
            if let (Some(old), None) = (old, new) {
                self.end_of_limit(&old, &held, now_ms);
            }
        }
    }
}

/// Checks what is upcoming: ascending, and well formed.
pub(crate) fn check(upcoming: &[(i64, Parameters)]) -> Result<(), VitalsError> {
    if !upcoming.is_sorted_by(|(a, _), (b, _)| a < b) {
        return Err(VitalsError::State("upcoming parameters do not ascend".to_owned()));
    }
    upcoming.iter().try_for_each(|(_, parameters)| parameters.check())
}
