//! Alerts from what the detector says.
//!
//! An alert stands from the moment at which it was known to the moment at which its episode ended. The drift judges a night or
//! a day as a whole: each of its alarms is an alert of its own, on the day that it judges, and never stands longer than to the
//! end of that day. So the days between start and end of all alerts are exactly the days on which somebody was alerted.

use std::collections::BTreeSet;

use vitals::{Anomaly, Change, EpisodeId, Route, Severity, Signal};

use super::reasons::reason;
use crate::calendar::{day_of, next_midnight_ms};

/// Reasons of one alert, at most: an episode may last for weeks.
const REASONS_MAX: usize = 16;

/// One alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alert {
    episode: EpisodeId,
    /// The route that opened it.
    pub(crate) route: Route,
    /// How urgent it was at most.
    pub(crate) severity: Severity,
    /// Signals that it is about, the leading one first.
    pub(crate) signals: Vec<Signal>,
    /// When it was known.
    pub(crate) start_ms: i64,
    /// When it ended; none while it stands.
    end_ms: Option<i64>,
    /// Offset of the person's clock.
    pub(crate) offset_minutes: Option<i16>,
    /// The highest continuous severity while it stood, millionths.
    pub(crate) score_micro: i64,
    /// Why, in words.
    pub(crate) reasons: Vec<String>,
}

impl Alert {
    /// Its end; its start where that is not known yet.
    pub(crate) fn end_ms(&self) -> i64 {
        self.end_ms.unwrap_or(self.start_ms).max(self.start_ms)
    }

    /// The days from start to end, on the person's clock.
    pub(crate) fn days(&self) -> std::ops::RangeInclusive<i64> {
        day_of(self.start_ms, self.offset_minutes)..=day_of(self.end_ms(), self.offset_minutes)
    }

    fn stands(&self, now_ms: i64) -> bool {
        self.end_ms.is_none_or(|end_ms| now_ms <= end_ms)
    }
}

/// The alerts of one person.
#[derive(Clone, Debug, Default)]
pub(crate) struct Alerts {
    all: Vec<Alert>,
    /// Places of those that may still stand or are new.
    live: Vec<usize>,
}

impl Alerts {
    /// Takes in what the detector says. What nobody is alerted about (`alerting`), because it was known too late, is no alert.
    pub(crate) fn take(&mut self, anomaly: &Anomaly, alerting: bool) {
        let Anomaly { episode, route, severity, signal, time_ms, offset_minutes, .. } = *anomaly;
        let all = &mut self.all;
        let open = all
            .iter_mut()
            .rfind(|alert| alert.episode == episode && alert.route != Route::Drift && alert.end_ms.is_none());
        match (anomaly.change, open) {
            (Change::Resolved, Some(alert)) => alert.end_ms = Some(time_ms.max(alert.start_ms)),
            (Change::Resolved, None) => {}
            (_, Some(alert)) => {
                alert.severity = alert.severity.max(severity);
                add_all(&mut alert.signals, about(anomaly));
                if alert.reasons.len() < REASONS_MAX {
                    alert.reasons.push(reason(anomaly));
                }
            }
            (_, None) if !alerting => {}
            (_, None) => {
                let of_day = route == Route::Drift;
                let mut signals = vec![signal];
                add_all(&mut signals, about(anomaly));
                self.live.push(all.len());
                all.push(Alert {
                    episode,
                    route,
                    severity,
                    signals,
                    start_ms: time_ms,
                    end_ms: of_day.then(|| next_midnight_ms(time_ms, offset_minutes).saturating_sub(1)),
                    offset_minutes,
                    score_micro: 0,
                    reasons: vec![reason(anomaly)],
                });
            }
        }
    }

    /// The continuous severity at a moment, after all that was said by then: alerts that stand, or are new, reach at least that.
    pub(crate) fn reach(&mut self, now_ms: i64, score_micro: i64) {
        for at in &self.live {
            if let Some(alert) = self.all.get_mut(*at) {
                alert.score_micro = alert.score_micro.max(score_micro);
            }
        }
        let all = &self.all;
        self.live.retain(|at| all.get(*at).is_some_and(|alert| alert.stands(now_ms)));
    }

    /// Whether an alert about a body or a room stands at a moment, not one about equipment alone.
    pub(crate) fn stands(&self, now_ms: i64) -> bool {
        let mut live = self.live.iter().filter_map(|at| self.all.get(*at));
        live.any(|alert| alert.severity > Severity::Technical && alert.start_ms <= now_ms && alert.stands(now_ms))
    }

    /// The recording is over: no alert stands beyond its last reading.
    pub(crate) fn finish(&mut self, last_ms: i64) {
        for alert in &mut self.all {
            let end_ms = alert.end_ms.map_or(last_ms, |end_ms| end_ms.min(last_ms));
            alert.end_ms = Some(end_ms.max(alert.start_ms));
        }
        self.live.clear();
        self.all.sort_by_key(|alert| alert.start_ms);
    }

    /// All of them; in the order of their starts once the recording is over.
    pub(crate) fn all(&self) -> &[Alert] {
        &self.all
    }

    /// Days on which somebody was alerted.
    pub(crate) fn days(&self) -> BTreeSet<i64> {
        self.all.iter().flat_map(Alert::days).collect()
    }
}

/// Signals that an anomaly is about: those that contribute to it, the largest share first.
fn about(anomaly: &Anomaly) -> impl Iterator<Item = Signal> + '_ {
    let shares = anomaly.contributions.iter().filter(|share| share.share_micro > 0).map(|share| share.signal);
    std::iter::once(anomaly.signal).chain(shares)
}

/// Adds those that are not there yet.
fn add_all(signals: &mut Vec<Signal>, more: impl Iterator<Item = Signal>) {
    for signal in more {
        if !signals.contains(&signal) {
            signals.push(signal);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use vitals::{Detector, PatientState, Provenance, Reading, Settings};

    use super::*;
    use crate::calendar::DAY_MS;

    /// What the detector says of one signal, one value every so often.
    fn said(settings: Settings, signal: Signal, step_ms: i64, values: &[i64]) -> Vec<Anomaly> {
        let detector = Detector::without_forest(settings).unwrap();
        let mut state = PatientState::new([0; 16]);
        let mut all = Vec::new();
        for (at, value) in (0..).zip(values) {
            let reading = Reading {
                signal,
                value_milli: value * 1_000,
                time_ms: at * step_ms,
                offset_minutes: None,
                provenance: Provenance::Device,
            };
            all.extend(detector.observe(&mut state, &reading).anomalies);
        }
        all
    }

    fn low_saturation() -> Vec<Anomaly> {
        let values: Vec<i64> = [97; 5].into_iter().chain([80; 20]).chain([97; 20]).collect();
        said(Settings::home(), Signal::Spo2, 60_000, &values)
    }

    #[test]
    fn an_alert_stands_from_when_it_was_known_to_when_its_episode_ended() {
        let said = low_saturation();
        assert_eq!(said.iter().map(|anomaly| anomaly.change).collect::<Vec<_>>(), [Change::Opened, Change::Resolved]);
        let mut alerts = Alerts::default();
        alerts.take(&said[0], true);
        assert!(alerts.stands(said[0].time_ms) && !alerts.stands(said[0].time_ms - 1));
        alerts.reach(said[0].time_ms, 700_000);
        alerts.reach(said[0].time_ms + 1, 600_000);
        alerts.take(&said[1], true);
        alerts.reach(said[1].time_ms + 1, 900_000);
        alerts.finish(i64::MAX);
        let [alert] = alerts.all() else { panic!("one alert") };
        assert_eq!((alert.start_ms, alert.end_ms()), (said[0].time_ms, said[1].time_ms));
        assert_eq!(alert.score_micro, 900_000, "what was reached when it ended was still known in that row");
        assert_eq!((alert.severity, alert.signals.as_slice()), (Severity::Critical, &[Signal::Spo2][..]));
    }

    #[test]
    fn an_open_alert_ends_with_the_last_reading_and_what_was_known_too_late_is_none() {
        let said = low_saturation();
        let mut alerts = Alerts::default();
        alerts.take(&said[0], true);
        alerts.finish(said[0].time_ms + 5);
        assert_eq!(alerts.all()[0].end_ms(), said[0].time_ms + 5);
        let mut none = Alerts::default();
        none.take(&said[0], false);
        none.take(&said[1], true);
        none.finish(i64::MAX);
        assert_eq!(none.all(), []);
    }

    #[test]
    fn every_alarm_of_the_drift_is_an_alert_of_its_own_day() {
        // Thirty quiet days, then two weeks that are 8 faster; eight hours of nights and 500 minutes of days.
        let settings = Settings {
            quality: vitals::QualitySettings { flat_steps: 0, ..Settings::home().quality },
            ..Settings::home()
        };
        let values: Vec<i64> = (0..44 * 288).map(|at| if at < 30 * 288 { 60 + at / 288 % 3 } else { 70 }).collect();
        let said = said(settings, Signal::HeartRate, 300_000, &values);
        let alarms: Vec<&Anomaly> =
            said.iter().filter(|a| a.route == Route::Drift && a.change != Change::Resolved).collect();
        assert!(alarms.len() >= 2, "{}", alarms.len());
        let mut alerts = Alerts::default();
        alarms.iter().for_each(|anomaly| alerts.take(anomaly, true));
        alerts.finish(i64::MAX);
        let days: BTreeSet<i64> = alarms.iter().map(|anomaly| anomaly.time_ms.div_euclid(DAY_MS)).collect();
        assert_eq!((alerts.all().len(), alerts.days()), (alarms.len(), days));
        assert!(alerts.all().iter().all(|alert| alert.days().count() == 1));
    }
}
