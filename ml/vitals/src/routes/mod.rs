//! The routes: what a decided step, a closed window, a day and silence say, each for itself.

mod drift;
mod forest;
mod limit;
mod news2;
mod silence;

pub(crate) use news2::Warned;

use crate::detector::Run;
use crate::episodes::{Condition, Episode, Raised};
use crate::{Anomaly, Change, Persisted, Route};

impl Run<'_> {
    /// A route's condition holds.
    fn raise(&mut self, condition: &Condition) -> Raised {
        self.state.episodes.raise(&self.state.subject, self.detector.settings.restate_ms, condition)
    }

    /// Says what raising a condition did; nothing where it goes on as it was said not long ago.
    fn report(&mut self, raised: Raised, make: impl FnOnce(&Self, Change, Episode) -> Anomaly) {
        let (change, episode) = match raised {
            Raised::Opened(episode) => (Change::Opened, episode),
            Raised::Continued(episode) => (Change::Continued, episode),
            Raised::Same(_) => return,
        };
        let anomaly = make(self, change, episode);
        self.say(anomaly);
    }

    fn say(&mut self, anomaly: Anomaly) {
        self.out.anomalies.push(anomaly);
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
            window: self.detector.commitment(self.state),
        }
    }
}
