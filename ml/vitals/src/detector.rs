//! The detector: readings in, scores and anomalies out.
//!
//! Event time only. A step of time is decided when a reading or a tick lies `lateness_ms` beyond it, its signals in
//! the order of their numbers, steps walked first; so neither batching nor the order within the lateness matters.

use crate::cohort::CohortModel;
use crate::feature::{FEATURE_LIST, feature_of};
use crate::grid::Grid;
use crate::limit::LimitTable;
use crate::milli;
use crate::news2::News2;
use crate::quality::gated;
use crate::state::{Latest, PatientState, Pending};
use crate::window::{self, Window};
use crate::{
    Anomaly, Deviations, Observation, Provenance, Reading, Route, Settings, Severity, Signal, Taken, VitalsError,
};
use sha2::{Digest, Sha256};

/// Watches any number of subjects, each with its own [`PatientState`].
#[derive(Clone, Debug)]
pub struct Detector {
    pub(crate) cohort: Option<CohortModel>,
    pub(crate) settings: Settings,
    pub(crate) grid: Grid,
    pub(crate) limits: LimitTable,
    pub(crate) model: [u8; 32],
    pub(crate) seed: u64,
    /// SHA-256 of the settings' bytes.
    settings_digest: [u8; 32],
}

impl Detector {
    /// A detector under one cohort model.
    ///
    /// # Errors
    /// [`VitalsError::Setting`] where a setting is out of bounds.
    pub fn new(cohort: CohortModel, settings: Settings) -> Result<Self, VitalsError> {
        let (model, seed) = (cohort.hash(), cohort.seed());
        Ok(Self { cohort: Some(cohort), model, seed, ..Self::without_forest(settings)? })
    }

    /// A detector without a forest: every other route only.
    ///
    /// # Errors
    /// [`VitalsError::Setting`] where a setting is out of bounds.
    pub fn without_forest(settings: Settings) -> Result<Self, VitalsError> {
        settings.check()?;
        let (grid, limits) = (Grid::of(&settings), LimitTable::of(&settings.limits));
        // Writing to memory does not fail.
        let settings_digest = Sha256::digest(borsh::to_vec(&settings).unwrap_or_default()).into();
        Ok(Self { model: [0; 32], seed: 0, cohort: None, settings, grid, limits, settings_digest })
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The cohort model.
    #[must_use]
    pub fn cohort(&self) -> Option<&CohortModel> {
        self.cohort.as_ref()
    }

    /// Takes one admitted reading in. Readings of a subject come in the order of the log, which should be about
    /// the order of event time; what is older than the lateness is [`Taken::Late`].
    pub fn observe(&self, state: &mut PatientState, reading: &Reading) -> Observation {
        let mut run = Run::new(self, state);
        run.observe(reading);
        run.out
    }

    /// Event time has reached `now_ms`: decides the steps that were heard of, and silence, up to there; windows and days that
    /// ended longer ago than a gap ([`Settings::gap_ms`]).
    ///
    /// A tick makes nothing late that was not heard of: readings that a device sends after a break still count, as long
    /// as they are newer than the newest decided step. To flush the end of a recording, tick by
    /// [`Settings::flush_ms`] past its last reading.
    pub fn tick(&self, state: &mut PatientState, now_ms: i64) -> Observation {
        let mut run = Run::new(self, state);
        run.tick(now_ms);
        run.out
    }

    /// Commits to the settings and to all that was decided of a subject so far, the sums of every closed window among it. Whoever
    /// has the same readings computes the same, in whatever order they came within the lateness. Ticks matter only where a reading
    /// came after one that it is older than.
    #[must_use]
    pub fn commitment(&self, state: &PatientState) -> [u8; 32] {
        state.commitment(&self.settings_digest)
    }

    /// Whether an anomaly that was just said of a subject is to alert somebody: not where it was known too long after its time, by
    /// the newest reading or tick ([`Settings::alert_age_ms`]). It is recorded in any case.
    #[must_use]
    pub fn alerts(&self, state: &PatientState, anomaly: &Anomaly) -> bool {
        let age_ms = state.inbox.clock_ms.saturating_sub(anomaly.time_ms);
        age_ms <= i64::from(self.settings.alert_age_ms)
    }

    /// Whether a reading of this instant would be [`Taken::Late`] now.
    #[must_use]
    pub fn is_late(&self, state: &PatientState, time_ms: i64) -> bool {
        self.grid.slot(time_ms) < state.inbox.open_slot
    }

    /// Takes a reading in and hands every window that ends to `windows`: for training a cohort model by the very
    /// code that will use it.
    pub fn collect(&self, state: &mut PatientState, reading: &Reading, windows: &mut Vec<Deviations>) -> Observation {
        let mut run = Run::new(self, state);
        run.collected = Some(windows);
        run.observe(reading);
        run.out
    }
}

/// One step: detector, state, and what comes out.
pub(crate) struct Run<'a> {
    pub(crate) detector: &'a Detector,
    pub(crate) state: &'a mut PatientState,
    pub(crate) out: Observation,
    pub(crate) collected: Option<&'a mut Vec<Deviations>>,
}

impl<'a> Run<'a> {
    fn new(detector: &'a Detector, state: &'a mut PatientState) -> Self {
        let out = Observation { taken: Taken::Used, scores: Vec::new(), anomalies: Vec::new() };
        Self { detector, state, out, collected: None }
    }

    fn observe(&mut self, reading: &Reading) {
        let grid = &self.detector.grid;
        let slot = grid.slot(reading.time_ms);
        if slot < self.state.inbox.open_slot {
            self.out.taken = Taken::Late;
            return;
        }
        let inbox = &mut self.state.inbox;
        if inbox.clock_ms == reading.time_ms && inbox.heard_ms == reading.time_ms && inbox.heard.is_some() {
            // A message's second reading: what this instant brought about, the first has brought about.
            inbox.heard = inbox.heard.max(Some(reading.signal));
            return self.hold(slot, reading);
        }
        inbox.clock_ms = inbox.clock_ms.max(reading.time_ms);
        self.silence(reading.time_ms);
        let waited_for = slot.saturating_sub(grid.lateness);
        self.decide_before(waited_for);
        self.state.close_slots_before(waited_for);
        let heard = (reading.time_ms, Some(reading.signal));
        if heard > (self.state.inbox.heard_ms, self.state.inbox.heard) {
            (self.state.inbox.heard_ms, self.state.inbox.heard) = heard;
        }
        self.end_silence(reading.time_ms);
        self.hold(slot, reading);
    }

    fn tick(&mut self, now_ms: i64) {
        self.state.inbox.clock_ms = self.state.inbox.clock_ms.max(now_ms);
        self.silence(now_ms);
        self.pass(now_ms);
    }

    /// Adds a reading to its pending step; the list is ordered and holds a few steps at most.
    fn hold(&mut self, slot: i64, reading: &Reading) {
        let pending = &mut self.state.inbox.pending;
        let place = rank(slot, reading.signal);
        let manual = reading.provenance == Provenance::Manual;
        let at = pending.iter().rposition(|entry| rank(entry.slot, entry.signal) <= place);
        match at.and_then(|at| pending.get_mut(at)) {
            Some(entry) if rank(entry.slot, entry.signal) == place => {
                entry.sum_milli = entry.sum_milli.saturating_add(reading.value_milli);
                entry.count = entry.count.saturating_add(1);
                entry.manual |= manual;
                entry.offset_minutes = entry.offset_minutes.max(reading.offset_minutes);
            }
            _ => pending.insert(
                at.map_or(0, |at| at + 1),
                Pending {
                    slot,
                    signal: reading.signal,
                    sum_milli: reading.value_milli,
                    count: 1,
                    manual,
                    offset_minutes: reading.offset_minutes,
                },
            ),
        }
    }

    /// Event time has passed an instant, by the clock alone: decides what was heard of, and closes windows and days once
    /// nothing was heard for a gap, since more of them may be on its way.
    pub(crate) fn pass(&mut self, now_ms: i64) {
        let grid = &self.detector.grid;
        let slot = grid.slot(now_ms).saturating_sub(grid.lateness);
        let closed = slot.saturating_sub(grid.gap);
        self.decide_due(slot);
        self.close_before(closed);
    }

    /// Decides all steps before `slot` that were heard of, and closes the windows and days that end by then.
    fn decide_before(&mut self, slot: i64) {
        self.decide_due(slot);
        self.close_before(slot);
    }

    /// Decides all steps before `slot` that were heard of.
    ///
    /// What is decided is closed to later readings; what was never heard of stays open, so that an upload after
    /// a break is judged although ticks have gone by.
    fn decide_due(&mut self, slot: i64) {
        // The list is ordered and short, and mostly nothing is due.
        let due = self.state.inbox.pending.iter().take_while(|entry| entry.slot < slot).count();
        for at in 0..due {
            if let Some(entry) = self.state.inbox.pending.get(at).copied() {
                if entry.slot < self.state.inbox.closed_slot {
                    // A tick was ahead of it: what ends from here on is closed in its turn.
                    self.state.inbox.closed_slot = entry.slot.saturating_sub(1);
                }
                self.close_before(entry.slot);
                self.reach(entry.slot);
                self.decide(&entry);
                self.state.close_slots_before(entry.slot.saturating_add(1));
            }
        }
        if due > 0 {
            self.state.inbox.pending.drain(..due);
        }
    }

    fn decide(&mut self, entry: &Pending) {
        let grid = &self.detector.grid;
        // With what is decided, not when it is heard: so it hangs on the readings and not on the order in which they came.
        if entry.offset_minutes.is_some() {
            self.state.offset_minutes = entry.offset_minutes;
        }
        if entry.signal == Signal::Steps {
            if entry.sum_milli > 0 {
                self.state.walked_slot = entry.slot;
            }
            return;
        }
        let (mean_milli, end_ms) = (milli::mean(entry.sum_milli, entry.count), grid.end_ms(entry.slot));
        let settings = &self.detector.settings;
        if let Some(quality) = gated(entry.signal).and_then(|at| self.state.quality.get_mut(at))
            && !quality.take(&settings.quality, (entry.signal, entry.manual), mean_milli, end_ms, grid.gap_ms)
        {
            return;
        }
        let at_rest = self.state.at_rest(entry.slot, grid.rest);
        self.check_limit(entry, mean_milli, at_rest);
        match entry.signal {
            Signal::SupplementalOxygen => self.state.on_oxygen = Latest { time_ms: end_ms, value_milli: mean_milli },
            Signal::Consciousness => self.state.conscious = Latest { time_ms: end_ms, value_milli: mean_milli },
            _ => {}
        }
        if settings.news2.is_some() && News2::input(entry.signal).is_some() {
            window::open(self.state, grid, entry.slot);
        }
        let Some(feature) = feature_of(entry.signal) else { return };
        if at_rest || FEATURE_LIST.get(feature).is_some_and(|spec| !spec.at_rest) {
            window::take_in(self.state, grid, feature, entry.slot, mean_milli);
            if entry.signal == Signal::HeartRate {
                self.take_into_day(entry.slot, mean_milli);
            }
        }
    }

    /// Closes what ends by the beginning of `slot`: the open window, the night and the day.
    fn close_before(&mut self, slot: i64) {
        if slot <= self.state.inbox.closed_slot {
            return;
        }
        self.state.inbox.closed_slot = slot;
        if let Some(window) = window::close_before(self.state, &self.detector.settings, &self.detector.grid, slot) {
            self.judge(&window);
            self.warn(window.deviations.from_ms, window.deviations.to_ms);
            self.learn(&window);
        }
        self.close_day_before(slot);
    }

    /// Learns what is usual, unless the person is ill or the window looks like it.
    fn learn(&mut self, window: &Window) {
        let settings = &self.detector.settings;
        let relearn_ms = i64::from(settings.relearn_days) * crate::grid::DAY_MS;
        let ill = self.state.episodes.open().iter().any(|episode| {
            let of_body =
                [Route::HardLimit, Route::Forest, Route::News2].into_iter().any(|route| episode.held_by(route));
            of_body
                && episode.severity > Severity::Technical
                && window.to_ms.saturating_sub(episode.opened_ms) < relearn_ms
        });
        // The first suspicion is enough to keep a window out, long before an episode opens.
        let suspected = self.state.forest.count() > 0 && !ill && self.state.episodes.held_by(Route::Forest).is_none();
        if ill || suspected {
            return;
        }
        for (feature, mean) in window.means_milli.into_iter().enumerate() {
            if let Some(mean) = mean {
                self.state.learn(&settings.baseline, feature, window.hour, mean);
            }
        }
    }
}

/// Order in which a step's signals are decided: steps walked first, since they say who rests.
fn rank(slot: i64, signal: Signal) -> (i64, bool, u16) {
    (slot, signal != Signal::Steps, signal.id())
}
