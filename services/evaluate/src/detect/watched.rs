//! One person under the detector.

use std::collections::BTreeMap;

use recording::{Moment, Spelling};
use vitals::{Anomaly, Detector, PatientState, Reading, Signal, Standing, Taken};

use super::alerts::Alerts;
use super::course::Course;
use super::days::Days;
use crate::auroc::Scored;
use crate::calendar::next_midnight_ms;

/// Signals whose course a chart may show, the most important first.
pub(crate) const CHARTED: [Signal; 5] =
    [Signal::HeartRate, Signal::Respiration, Signal::Spo2, Signal::Systolic, Signal::Temperature];
/// A scale of 0 to 1 in millionths.
const MICRO: f64 = 1_000_000.0;

/// One person of one recording.
pub(crate) struct Watched {
    /// Whose.
    pub(crate) person: String,
    state: PatientState,
    /// What was alerted.
    pub(crate) alerts: Alerts,
    /// Days of heart rate.
    pub(crate) days: Days,
    /// Courses of signals, for the chart.
    pub(crate) courses: BTreeMap<Signal, Course>,
    /// Scored moments, where the recording has marks.
    pub(crate) scored: Vec<Scored>,
    /// Rows of this person.
    pub(crate) rows: u64,
    /// Cells and rows that were refused.
    pub(crate) refused: u64,
    /// How times are written.
    pub(crate) spelling: Option<Spelling>,
    /// The clock's last known offset.
    offset_minutes: Option<i16>,
    /// The first and the last moment with a reading.
    pub(crate) span_ms: Option<(i64, i64)>,
}

/// What a row came to.
pub(crate) struct Stand {
    /// The continuous severity, millionths.
    pub(crate) score_micro: i64,
    /// How the person stands.
    pub(crate) state: &'static str,
}

impl Watched {
    pub(crate) fn new(person: &str) -> Self {
        Self {
            person: person.to_owned(),
            state: PatientState::new([0; 16]),
            alerts: Alerts::default(),
            days: Days::default(),
            courses: BTreeMap::new(),
            scored: Vec::new(),
            rows: 0,
            refused: 0,
            spelling: None,
            offset_minutes: None,
            span_ms: None,
        }
    }

    /// Takes the readings of one row in, refused ones left out; without any, time passes.
    pub(crate) fn take(&mut self, detector: &Detector, moment: Moment, readings: &[Reading], charted: bool) -> Stand {
        let Moment { time_ms, offset_minutes } = moment;
        self.offset_minutes = offset_minutes.or(self.offset_minutes);
        self.days.take(time_ms, self.offset_minutes, readings);
        let mut late = 0;
        for reading in readings {
            let seen = detector.observe(&mut self.state, reading);
            self.hear(detector, &seen.anomalies);
            late += usize::from(seen.taken == Taken::Late);
            if charted && CHARTED.contains(&reading.signal) {
                let span_ms = i64::from(detector.settings().step_ms);
                let course = self.courses.entry(reading.signal).or_insert_with(|| Course::new(span_ms));
                let state = &self.state;
                let usual = || state.usual(detector.settings(), reading.signal, time_ms);
                course.take(time_ms, reading.value_milli, usual);
            }
        }
        if readings.is_empty() {
            self.tick(detector, time_ms);
        } else {
            let (first_ms, last_ms) = self.span_ms.unwrap_or((time_ms, time_ms));
            self.span_ms = Some((first_ms.min(time_ms), last_ms.max(time_ms)));
        }
        let score_micro = detector.severity_micro(&self.state);
        self.alerts.reach(time_ms, score_micro);
        let all_late = late > 0 && late == readings.len();
        Stand { score_micro, state: if all_late { "late" } else { self.standing(detector, time_ms) } }
    }

    fn tick(&mut self, detector: &Detector, time_ms: i64) {
        let seen = detector.tick(&mut self.state, time_ms);
        self.hear(detector, &seen.anomalies);
    }

    fn hear(&mut self, detector: &Detector, said: &[Anomaly]) {
        for anomaly in said {
            self.alerts.take(anomaly, detector.alerts(&self.state, anomaly));
        }
    }

    /// How the person stands, in one word. `alert` is said exactly while an alert of the list stands.
    fn standing(&self, detector: &Detector, now_ms: i64) -> &'static str {
        match detector.standing(&self.state, now_ms) {
            Standing::Never => "no-data",
            Standing::Offline => "offline",
            Standing::Gap => "gap",
            _ if self.alerts.stands(now_ms) => "alert",
            Standing::Poor => "poor-signal",
            Standing::WarmingUp => "warming-up",
            // An episode of the drift goes on for days after its alarm.
            Standing::Alarm | Standing::Watching => "ok",
        }
    }

    /// The continuous severity by all that is known, millionths.
    pub(crate) fn score_micro(&self, detector: &Detector) -> i64 {
        detector.severity_micro(&self.state)
    }

    /// Keeps a moment whose mark is known.
    pub(crate) fn mark(&mut self, time_ms: i64, score_micro: i64, positive: bool) {
        #[expect(clippy::cast_precision_loss, reason = "millionths")]
        let score = score_micro as f64 / MICRO;
        self.scored.push(Scored { time_ms, score, positive });
    }

    /// The recording is over: what can be decided is, the day under way included, and nothing stands any longer.
    pub(crate) fn finish(&mut self, detector: &Detector) {
        let Some((_, last_ms)) = self.span_ms else { return };
        let settings = detector.settings();
        let flush_ms = settings.flush_ms();
        let mut until_ms = last_ms.saturating_add(flush_ms);
        if settings.drift.is_some() {
            // The last day is judged when it is over.
            until_ms = until_ms.max(next_midnight_ms(last_ms, self.offset_minutes).saturating_add(flush_ms));
        }
        self.tick(detector, until_ms);
        self.alerts.reach(until_ms, detector.severity_micro(&self.state));
        self.alerts.finish(last_ms);
    }
}
