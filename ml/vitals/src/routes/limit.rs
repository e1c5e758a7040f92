//! Hard limits of a body or a device, and limits of a room.

use crate::detector::Run;
use crate::episodes::{Condition, Episode};
use crate::feature::{FEATURES, feature_of};
use crate::persistence::History;
use crate::state::{Pending, Track};
use crate::{Anomaly, Change, Crossed, Gate, Limit, Persisted, Route, Side};

impl Run<'_> {
    /// One step's mean of a signal.
    pub(crate) fn check_limit(&mut self, entry: &Pending, mean_milli: i64, at_rest: bool) {
        let Pending { signal, slot, .. } = *entry;
        let own = self.state.parameters.limit(signal);
        let limit = own.or_else(|| self.detector.limits.limit(&self.detector.settings.limits, signal));
        let Some(mut limit) = limit.copied() else { return };
        if entry.manual {
            // A person measured and looked: one value is enough.
            (limit.k, limit.n) = (1, 1);
        }
        let (from_ms, to_ms) = (self.detector.grid.start_ms(slot), self.detector.grid.end_ms(slot));
        let low = limit.low_milli;
        let high = limit.high_milli.filter(|_| limit.gate == Gate::Always || at_rest);
        let side = if low.is_some_and(|low| mean_milli < low) {
            Some(Side::Below)
        } else if high.is_some_and(|high| mean_milli > high) {
            Some(Side::Above)
        } else {
            None
        };
        let inside = low.is_none_or(|low| mean_milli >= low.saturating_add(limit.margin_milli))
            && high.is_none_or(|high| mean_milli <= high.saturating_sub(limit.margin_milli));

        let at = match self.state.tracks.binary_search_by_key(&signal, |track| track.signal) {
            Ok(at) => at,
            Err(at) => {
                let track = Track { signal, history: History::default(), side: Side::Above, value_milli: 0 };
                self.state.tracks.insert(at, track);
                at
            }
        };
        let Some(track) = self.state.tracks.get_mut(at) else { return };
        if from_ms.saturating_sub(track.history.until_ms) > self.detector.grid.gap_ms {
            track.history.restart();
        }
        track.history.push(side.is_some(), inside, limit.n, from_ms, to_ms);
        track.side = side.unwrap_or(track.side);
        track.value_milli = mean_milli;
        let track = *track;

        let counts = self.corroborated(entry, side, limit.gate, (from_ms, to_ms));
        let route = if signal.is_environment() { Route::Environment } else { Route::HardLimit };
        if side.is_some() && counts && track.history.opens(limit.k) {
            let start_ms = track.history.since_ms;
            let severity = limit.severity;
            let raised = self.raise(&Condition { route, signal, severity, start_ms, known_ms: to_ms });
            self.report(raised, |run, change, episode| {
                run.limit_anomaly(route, change, &episode, &limit, &track, to_ms)
            });
        } else if track.history.resolves(limit.n)
            && let Some(episode) = self.state.episodes.release(route, signal)
        {
            let anomaly = self.limit_anomaly(route, Change::Resolved, &episode, &limit, &track, to_ms);
            self.say(anomaly);
        }
    }

    /// Whether a violation counts already: a heart that is too fast at rest does where a second vital deviates at that moment,
    /// or once it stayed fast for longer than exercise that steps do not show.
    fn corroborated(&mut self, entry: &Pending, side: Option<Side>, gate: Gate, (from_ms, to_ms): (i64, i64)) -> bool {
        let settings = &self.detector.settings;
        if gate != Gate::HighAtRest || settings.fast_alone_k == 0 || entry.manual {
            return true;
        }
        let fast = side == Some(Side::Above);
        let history = &mut self.state.fast;
        if from_ms.saturating_sub(history.until_ms) > self.detector.grid.gap_ms {
            history.restart();
        }
        history.push(fast, !fast, settings.fast_alone_n, from_ms, to_ms);
        let span_ms = i64::from(settings.fast_alone_k) * i64::from(settings.step_ms);
        if !fast || history.opens(settings.fast_alone_k) || history.unbroken_for(span_ms) {
            return true;
        }
        let own = feature_of(entry.signal);
        (0..FEATURES).filter(|feature| Some(*feature) != own).any(|feature| {
            let deviation = self.detector.own_deviation_milli(self.state, feature, to_ms);
            deviation.is_some_and(|milli| milli.abs() >= settings.corroboration_milli)
        })
    }

    /// A limit is no more: what it holds open is over at `now_ms`.
    pub(crate) fn end_of_limit(&mut self, limit: &Limit, track: &Track, now_ms: i64) {
        let route = if track.signal.is_environment() { Route::Environment } else { Route::HardLimit };
        if let Some(episode) = self.state.episodes.release(route, track.signal) {
            let anomaly = self.limit_anomaly(route, Change::Resolved, &episode, limit, track, now_ms);
            self.say(anomaly);
        }
    }

    fn limit_anomaly(
        &self,
        route: Route,
        change: Change,
        episode: &Episode,
        limit: &Limit,
        track: &Track,
        to_ms: i64,
    ) -> Anomaly {
        let limit_milli = match track.side {
            Side::Below => limit.low_milli,
            Side::Above => limit.high_milli,
        };
        // The evidence of an end is the run of clear steps, not the history.
        let from_ms = if change == Change::Resolved { episode.start_ms } else { track.history.since_ms };
        Anomaly {
            value_milli: Some(track.value_milli),
            limit: limit_milli.map(|limit_milli| Crossed { side: track.side, limit_milli }),
            persisted: Persisted { held: track.history.count(), of: limit.n, needed: limit.k },
            ..self.anomaly(route, change, episode, from_ms, to_ms)
        }
    }
}
