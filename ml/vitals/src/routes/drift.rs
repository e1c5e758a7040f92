//! The drift: onset of an illness by the resting heart rate of nights and days.

use crate::detector::Run;
use crate::drift::{Drift, Verdict};
use crate::episodes::{Condition, Episode, Raised};
use crate::grid::{DAY_MS, HOUR_MS};
use crate::settings::DriftSettings;
use crate::{Anomaly, Change, Contribution, Persisted, Route, Severity, Signal};

const MINUTE_MS: i64 = 60_000;

impl Run<'_> {
    /// The heart rate of one minute at rest.
    pub(crate) fn take_into_day(&mut self, slot: i64, mean_milli: i64) {
        let Some(settings) = &self.detector.settings.drift else { return };
        let local_minute = self.state.local_ms(self.detector.grid.start_ms(slot)).div_euclid(MINUTE_MS);
        let drift = self.state.drift.get_or_insert_with(|| Box::new(Drift::new()));
        drift.take(settings, local_minute, mean_milli);
    }

    /// Closes the night and the day that end by the beginning of `slot`, and judges them.
    pub(crate) fn close_day_before(&mut self, slot: i64) {
        let Some(settings) = &self.detector.settings.drift else { return };
        let local_minute = self.state.local_ms(self.detector.grid.start_ms(slot)).div_euclid(MINUTE_MS);
        while let Some(closed) =
            self.state.drift.as_deref_mut().and_then(|drift| drift.close_before(settings, local_minute))
        {
            if let Some(verdict) = closed.verdict {
                self.judge_day(settings, &verdict);
            }
        }
    }

    /// Says what a night's or a day's value gives.
    fn judge_day(&mut self, settings: &DriftSettings, verdict: &Verdict) {
        let Some(drift) = self.state.drift.as_deref() else { return };
        let quiet_days = verdict.day.saturating_sub(drift.alarm_day);
        let time_ms = self.known_ms(settings, verdict);
        if verdict.alarm {
            let start_ms = self.state.instant_ms(verdict.since_day.saturating_mul(DAY_MS));
            let (route, signal, severity) = (Route::Drift, Signal::HeartRate, Severity::Advisory);
            let raised = self.raise(&Condition { route, signal, severity, start_ms, known_ms: time_ms });
            // Every alarm is told, also where the episode goes on.
            let raised = if let Raised::Same(episode) = raised { Raised::Continued(episode) } else { raised };
            self.report(raised, |run, change, episode| run.drift_anomaly(settings, change, &episode, verdict, time_ms));
        } else if quiet_days >= i64::from(settings.resolve_days)
            && let Some(episode) = self.state.episodes.release(Route::Drift, Signal::HeartRate)
        {
            let anomaly = self.drift_anomaly(settings, Change::Resolved, &episode, verdict, time_ms);
            self.say(anomaly);
        }
    }

    /// When a value was known: at the end of the night, or in the day's last millisecond, so that it falls on its day.
    fn known_ms(&self, settings: &DriftSettings, verdict: &Verdict) -> i64 {
        let end_ms = if verdict.of_night { i64::from(settings.night_until_hour) * HOUR_MS } else { DAY_MS - 1 };
        self.state.instant_ms(verdict.day.saturating_mul(DAY_MS).saturating_add(end_ms))
    }

    fn drift_anomaly(
        &self,
        settings: &DriftSettings,
        change: Change,
        episode: &Episode,
        verdict: &Verdict,
        time_ms: i64,
    ) -> Anomaly {
        let since_ms = self.state.instant_ms(verdict.since_day.saturating_mul(DAY_MS));
        let from_ms = if change == Change::Resolved { episode.start_ms } else { since_ms };
        let share = Contribution {
            signal: Signal::HeartRate,
            deviation_milli: verdict.deviation_milli,
            share_micro: verdict.sum_micro,
        };
        Anomaly {
            value_milli: Some(verdict.value_milli),
            usual: Some(verdict.usual),
            score_micro: Some(verdict.sum_micro),
            threshold_micro: Some(i64::from(settings.alarm_milli) * 1_000),
            contributions: vec![share],
            persisted: Persisted { held: verdict.run, of: verdict.run, needed: 1 },
            ..self.anomaly(Route::Drift, change, episode, from_ms, time_ms)
        }
    }
}
