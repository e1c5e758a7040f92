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
use crate::{Deviations, Observation, Provenance, Reading, Route, Settings, Severity, Signal, Taken, VitalsError};

/// Watches any number of subjects, each with its own [`PatientState`].
#[derive(Clone, Debug)]
pub struct Detector {
    pub(crate) cohort: Option<CohortModel>,
    pub(crate) settings: Settings,
    pub(crate) grid: Grid,
    pub(crate) limits: LimitTable,
    pub(crate) model: [u8; 32],
    pub(crate) seed: u64,
}

impl Detector {
    /// A detector under one cohort model.
    ///
    /// # Errors
    /// [`VitalsError::Setting`] where a setting is out of bounds.
    pub fn new(cohort: CohortModel, settings: Settings) -> Result<Self, VitalsError> {
        settings.check()?;
        let (grid, limits) = (Grid::of(&settings), LimitTable::of(&settings.limits));
        Ok(Self { model: cohort.hash(), seed: cohort.seed(), cohort: Some(cohort), settings, grid, limits })
    }

    /// A detector without a forest: every other route only.
    ///
    /// # Errors
    /// [`VitalsError::Setting`] where a setting is out of bounds.
    pub fn without_forest(settings: Settings) -> Result<Self, VitalsError> {
        settings.check()?;
        let (grid, limits) = (Grid::of(&settings), LimitTable::of(&settings.limits));
        Ok(Self { model: [0; 32], seed: 0, cohort: None, settings, grid, limits })
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

    /// Event time has reached `now_ms`: decides the steps and windows that were heard of, and silence, up to there.
    ///
    /// A tick makes nothing late that was not heard of: readings that a device sends after a break still count, as long
    /// as they are newer than the newest decided step. To flush the end of a recording, tick by
    /// [`Settings::flush_ms`] past its last reading.
    pub fn tick(&self, state: &mut PatientState, now_ms: i64) -> Observation {
        let mut run = Run::new(self, state);
        run.tick(now_ms);
        run.out
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
        self.state.inbox.clock_ms = self.state.inbox.clock_ms.max(reading.time_ms);
        self.silence(reading.time_ms);
        let waited_for = slot.saturating_sub(grid.lateness);
        self.decide_before(waited_for);
        self.state.close_slots_before(waited_for);
        if reading.time_ms >= self.state.inbox.heard_ms {
            self.state.inbox.heard_ms = reading.time_ms;
            self.state.inbox.heard = Some(reading.signal);
        }
        self.end_silence(reading.time_ms);
        if reading.offset_minutes.is_some() {
            self.state.offset_minutes = reading.offset_minutes;
        }
        self.hold(slot, reading);
    }

    fn tick(&mut self, now_ms: i64) {
        self.state.inbox.clock_ms = self.state.inbox.clock_ms.max(now_ms);
        self.silence(now_ms);
        let slot = self.detector.grid.slot(now_ms);
        self.decide_before(slot.saturating_sub(self.detector.grid.lateness));
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
            }
            _ => pending.insert(
                at.map_or(0, |at| at + 1),
                Pending { slot, signal: reading.signal, sum_milli: reading.value_milli, count: 1, manual },
            ),
        }
    }

    /// Decides all steps before `slot` that were heard of, and closes the windows and days that end by then.
    ///
    /// What is decided is closed to later readings; what was never heard of stays open, so that an upload after
    /// a break is judged although ticks have gone by.
    pub(crate) fn decide_before(&mut self, slot: i64) {
        // The list is ordered and short, and mostly nothing is due.
        let due = self.state.inbox.pending.iter().take_while(|entry| entry.slot < slot).count();
        for at in 0..due {
            if let Some(entry) = self.state.inbox.pending.get(at).copied() {
                self.close_before(entry.slot);
                self.decide(&entry);
                self.state.close_slots_before(entry.slot.saturating_add(1));
            }
        }
        if due > 0 {
            self.state.inbox.pending.drain(..due);
        }
        self.close_before(slot);
    }

    fn decide(&mut self, entry: &Pending) {
        let grid = &self.detector.grid;
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
