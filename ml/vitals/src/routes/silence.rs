//! Silence: no reading of any device for too long.

use crate::detector::Run;
use crate::episodes::Condition;
use crate::{Change, Route, Severity};

impl Run<'_> {
    /// No reading for too long by `now_ms`.
    pub(crate) fn silence(&mut self, now_ms: i64) {
        let allowed_ms = self.detector.grid.silence_ms;
        let Some(signal) = self.state.inbox.heard else { return };
        let since_ms = self.state.inbox.heard_ms;
        if allowed_ms == 0 || now_ms.saturating_sub(since_ms) < allowed_ms {
            return;
        }
        if self.state.episodes.held_by(Route::Silence).is_some() {
            return;
        }
        let known_ms = since_ms.saturating_add(allowed_ms);
        // What was heard before comes first, as if a tick had come at that moment.
        self.pass(known_ms);
        let (route, severity) = (Route::Silence, Severity::Technical);
        let raised = self.raise(&Condition { route, signal, severity, start_ms: since_ms, known_ms });
        self.report(raised, |run, change, episode| run.anomaly(Route::Silence, change, &episode, since_ms, known_ms));
    }

    /// A reading has come.
    pub(crate) fn end_silence(&mut self, time_ms: i64) {
        let Some(signal) = self.state.episodes.held_by(Route::Silence).map(|episode| episode.signal) else { return };
        if let Some(episode) = self.state.episodes.release(Route::Silence, signal) {
            let anomaly = self.anomaly(Route::Silence, Change::Resolved, &episode, episode.start_ms, time_ms);
            self.say(anomaly);
        }
    }
}
