//! The routes: what a decided step, a closed window, a day and silence say, each for itself.

mod drift;
mod forest;
mod limit;
mod news2;
mod silence;

pub(crate) use news2::Warned;

use crate::detector::Run;
use crate::episodes::{Episode, Raised};
use crate::{Anomaly, Change, Persisted, Route};

impl Run<'_> {
    /// Says what raising a condition did, known at `time_ms`; nothing where it goes on as it was told.
    fn report(&mut self, raised: Raised, time_ms: i64, make: impl FnOnce(&Self, Change, Episode) -> Anomaly) {
        let (change, episode) = match raised {
            Raised::Opened(episode) => (Change::Opened, episode),
            Raised::Continued(episode) => (Change::Continued, episode),
            // It opened when it was too old to alert anybody; now it is not.
            Raised::Same(episode) if self.is_fresh(time_ms) && self.state.inbox.untold.contains(&episode.id) => {
                (Change::Continued, episode)
            }
            Raised::Same(_) => return,
        };
        let anomaly = make(self, change, episode);
        self.say(anomaly);
    }

    fn say(&mut self, anomaly: Anomaly) {
        let untold = &mut self.state.inbox.untold;
        untold.retain(|episode| *episode != anomaly.episode);
        if !anomaly.alerting && anomaly.change != Change::Resolved {
            untold.push(anomaly.episode);
        }
        self.out.anomalies.push(anomaly);
    }

    /// Whether an instant is recent enough, by the newest reading or tick, to alert somebody.
    fn is_fresh(&self, time_ms: i64) -> bool {
        let age_ms = self.state.inbox.clock_ms.saturating_sub(time_ms);
        age_ms <= i64::from(self.detector.settings.alert_age_ms)
    }

    /// What all routes say of an episode.
    fn anomaly(&self, route: Route, change: Change, episode: &Episode, from_ms: i64, to_ms: i64) -> Anomaly {
        Anomaly {
            episode: episode.id,
            route,
            change,
            severity: episode.severity,
            signal: episode.signal,
            start_ms: episode.start_ms,
            time_ms: to_ms,
            offset_minutes: self.state.offset_minutes,
            value_milli: None,
            usual: self.state.usual(&self.detector.settings, episode.signal, from_ms),
            limit: None,
            score_micro: None,
            threshold_micro: None,
            contributions: Vec::new(),
            missing: Vec::new(),
            news2: None,
            persisted: Persisted { held: 1, of: 1, needed: 1 },
            from_ms,
            to_ms,
            model: self.detector.model,
            seed: self.detector.seed,
            window: self.state.commitment(),
            alerting: self.is_fresh(to_ms),
        }
    }
}
