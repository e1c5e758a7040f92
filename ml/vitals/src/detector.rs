//! The detector: readings in, scores and anomalies out.
//!
//! Event time only. A minute is decided when a reading or a tick lies `lateness_minutes` beyond it, its signals in
//! the order of their numbers, steps first; so neither batching nor the order within the lateness matters.

use crate::cohort::CohortModel;
use crate::milli;
use crate::state::{MINUTE_MS, PatientState, Pending};
use crate::window::{self, Window};
use crate::{Deviations, Observation, Provenance, Reading, Route, Settings, Severity, Signal, Taken, VitalsError};

/// Watches any number of subjects, each with its own [`PatientState`].
#[derive(Clone, Debug)]
pub struct Detector {
    pub(crate) cohort: Option<CohortModel>,
    pub(crate) settings: Settings,
    pub(crate) model: [u8; 32],
}

impl Detector {
    /// A detector under one cohort model.
    ///
    /// # Errors
    /// [`VitalsError::Setting`] where a setting is out of bounds.
    pub fn new(cohort: CohortModel, settings: Settings) -> Result<Self, VitalsError> {
        settings.check()?;
        Ok(Self { model: cohort.hash(), cohort: Some(cohort), settings })
    }

    /// A detector without a forest: hard limits, environment and silence only.
    ///
    /// # Errors
    /// [`VitalsError::Setting`] where a setting is out of bounds.
    pub fn without_forest(settings: Settings) -> Result<Self, VitalsError> {
        settings.check()?;
        Ok(Self { model: [0; 32], cohort: None, settings })
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

    /// Event time has reached `now_ms`: decides the minutes and windows that were heard of, and silence, up to there.
    ///
    /// A tick makes nothing late that was not heard of: readings that a device sends after a break still count, as long
    /// as they are newer than the newest decided minute. To flush the end of a recording, tick by
    /// [`Settings::lateness_minutes`] and [`Settings::window_minutes`] past its last reading.
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
        let minute = reading.time_ms.div_euclid(MINUTE_MS);
        if minute < self.state.open_minute {
            self.out.taken = Taken::Late;
            return;
        }
        self.silence(reading.time_ms);
        let waited_for = minute.saturating_sub(i64::from(self.detector.settings.lateness_minutes));
        self.decide_before(waited_for);
        self.state.close_minutes_before(waited_for);
        if reading.time_ms >= self.state.heard_ms {
            self.state.heard_ms = reading.time_ms;
            self.state.heard = Some(reading.signal);
        }
        self.end_silence(reading.time_ms);
        if reading.offset_minutes.is_some() {
            self.state.offset_minutes = reading.offset_minutes;
        }
        self.hold(minute, reading);
    }

    fn tick(&mut self, now_ms: i64) {
        self.silence(now_ms);
        let minute = now_ms.div_euclid(MINUTE_MS);
        self.decide_before(minute.saturating_sub(i64::from(self.detector.settings.lateness_minutes)));
    }

    /// Adds a reading to its pending minute; the list is ordered and holds a few minutes at most.
    fn hold(&mut self, minute: i64, reading: &Reading) {
        let pending = &mut self.state.pending;
        let place = rank(minute, reading.signal);
        let manual = reading.provenance == Provenance::Manual;
        let at = pending.iter().rposition(|entry| rank(entry.minute, entry.signal) <= place);
        match at.and_then(|at| pending.get_mut(at)) {
            Some(entry) if rank(entry.minute, entry.signal) == place => {
                entry.sum_milli = entry.sum_milli.saturating_add(reading.value_milli);
                entry.count = entry.count.saturating_add(1);
                entry.manual |= manual;
            }
            _ => pending.insert(
                at.map_or(0, |at| at + 1),
                Pending { minute, signal: reading.signal, sum_milli: reading.value_milli, count: 1, manual },
            ),
        }
    }

    /// Decides all minutes before `minute` that were heard of, and closes the windows that end by then.
    ///
    /// What is decided is closed to later readings; what was never heard of stays open, so that an upload after
    /// a break is judged although ticks have gone by.
    pub(crate) fn decide_before(&mut self, minute: i64) {
        let due = self.state.pending.partition_point(|entry| entry.minute < minute);
        for at in 0..due {
            if let Some(entry) = self.state.pending.get(at).copied() {
                self.close_windows_before(entry.minute);
                self.decide_minute(&entry);
                self.state.close_minutes_before(entry.minute.saturating_add(1));
            }
        }
        self.state.pending.drain(..due);
        self.close_windows_before(minute);
    }

    fn decide_minute(&mut self, entry: &Pending) {
        let settings = &self.detector.settings;
        if entry.signal == Signal::Steps {
            if entry.sum_milli > 0 {
                self.state.last_step_minute = entry.minute;
            }
            return;
        }
        let mean = milli::divide_rounded(i128::from(entry.sum_milli), i128::from(entry.count.max(1)));
        let mean = i64::try_from(mean).unwrap_or(entry.sum_milli);
        let at_rest = self.state.at_rest(entry.minute, settings.rest_minutes);
        self.check_limit(entry, mean, at_rest);
        window::take_in(self.state, settings, entry, mean, at_rest);
    }

    /// Closes the open window if it ends by the beginning of `minute`.
    fn close_windows_before(&mut self, minute: i64) {
        if let Some(window) = window::close_before(self.state, &self.detector.settings, minute) {
            self.judge(&window);
            self.learn(&window);
        }
    }

    /// Learns what is usual, unless the person is ill or the window looks like it.
    fn learn(&mut self, window: &Window) {
        let relearn_ms = i64::from(self.detector.settings.relearn_days) * 86_400_000;
        let ill = self.state.episodes.open().iter().any(|episode| {
            let of_body = episode.held_by(Route::HardLimit) || episode.held_by(Route::Forest);
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
                self.state.learn(feature, window.hour, mean);
            }
        }
    }
}

/// Order in which a minute's signals are decided: steps first, since they say who rests.
fn rank(minute: i64, signal: Signal) -> (i64, bool, u16) {
    (minute, signal != Signal::Steps, signal.id())
}
