//! The routes: what a decided minute, a closed window and silence say.

use crate::detector::Run;
use crate::episodes::{Episode, Raised};
use crate::feature::{FEATURE_LIST, FEATURES};
use crate::persistence::History;
use crate::state::{MINUTE_MS, Pending, Track};
use crate::window::Window;
use crate::{
    Anomaly, Change, Contribution, Crossed, Deviations, Gate, Limit, Persisted, Route, Score, Severity, Side, Signal,
};

impl Run<'_> {
    /// Hard and environment limits: one minute's mean of a signal.
    pub(crate) fn check_limit(&mut self, entry: &Pending, mean_milli: i64, at_rest: bool) {
        let Pending { signal, minute, .. } = *entry;
        let Some(mut limit) = self.state.limit(&self.detector.settings, signal).copied() else { return };
        if entry.manual {
            // A person measured and looked: one value is enough.
            (limit.k, limit.n) = (1, 1);
        }
        let (from_ms, to_ms) = (minute.saturating_mul(MINUTE_MS), minute.saturating_add(1).saturating_mul(MINUTE_MS));
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
        let gap_ms = i64::from(self.detector.settings.gap_minutes) * MINUTE_MS;
        if from_ms.saturating_sub(track.history.until_ms) > gap_ms {
            track.history.restart();
        }
        track.history.push(side.is_some(), inside, limit.n, from_ms, to_ms);
        track.side = side.unwrap_or(track.side);
        track.value_milli = mean_milli;
        let track = *track;

        let route = if signal.is_environment() { Route::Environment } else { Route::HardLimit };
        if side.is_some() && track.history.opens(limit.k) {
            let start_ms = track.history.since_ms;
            let raised = self.state.episodes.raise(&self.state.subject, route, signal, limit.severity, start_ms, to_ms);
            self.report(raised, |run, change, episode| {
                run.limit_anomaly(route, change, &episode, &limit, &track, to_ms)
            });
        } else if track.history.resolves(limit.n)
            && let Some(episode) = self.state.episodes.release(route, signal)
        {
            let anomaly = self.limit_anomaly(route, Change::Resolved, &episode, &limit, &track, to_ms);
            self.out.anomalies.push(anomaly);
        }
    }

    /// The forest: one closed window.
    pub(crate) fn judge(&mut self, window: &Window) {
        let deviations = &window.deviations;
        let Some(cohort) = &self.detector.cohort else {
            if let Some(collected) = self.collected.as_deref_mut() {
                collected.push(*deviations);
            }
            return;
        };
        let settings = &self.detector.settings;
        if !self.state.warm_up(settings).is_over() || deviations.present == 0 {
            return;
        }
        let Some(score_micro) = cohort.score_micro(deviations) else { return };
        self.out.scores.push(Score { time_ms: deviations.to_ms, score_micro });
        let thresholds = cohort.thresholds(deviations.present);
        let high = score_micro > thresholds.open_micro;
        let clear = score_micro <= thresholds.clear_micro;
        let gap_ms = i64::from(settings.gap_minutes) * MINUTE_MS;
        if deviations.from_ms.saturating_sub(self.state.forest.until_ms) > gap_ms {
            self.state.forest.restart();
        }
        self.state.forest.push(high, clear, settings.forest_n, deviations.from_ms, deviations.to_ms);

        let held = self.state.episodes.held_by(Route::Forest).map(|episode| episode.signal);
        if high && self.state.forest.opens(settings.forest_k) {
            let (contributions, severity) = self.explain(deviations);
            let largest = contributions.first().map_or(Signal::HeartRate, |largest| largest.signal);
            let (signal, start_ms) = (held.unwrap_or(largest), self.state.forest.since_ms);
            let raised = self.state.episodes.raise(
                &self.state.subject,
                Route::Forest,
                signal,
                severity,
                start_ms,
                deviations.to_ms,
            );
            self.report(raised, |run, change, episode| {
                run.forest_anomaly(change, &episode, deviations, score_micro, contributions)
            });
        } else if let Some(signal) = held
            && self.state.forest.resolves(settings.forest_n)
            && let Some(episode) = self.state.episodes.release(Route::Forest, signal)
        {
            let (contributions, _) = self.explain(deviations);
            let anomaly = self.forest_anomaly(Change::Resolved, &episode, deviations, score_micro, contributions);
            self.out.anomalies.push(anomaly);
        }
    }

    /// No reading for too long by `now_ms`.
    pub(crate) fn silence(&mut self, now_ms: i64) {
        let allowed_ms = i64::from(self.detector.settings.silence_minutes) * MINUTE_MS;
        let Some(signal) = self.state.heard else { return };
        let since_ms = self.state.heard_ms;
        if allowed_ms == 0 || now_ms.saturating_sub(since_ms) < allowed_ms {
            return;
        }
        if self.state.episodes.held_by(Route::Silence).is_some() {
            return;
        }
        let known_ms = since_ms.saturating_add(allowed_ms);
        // What was heard before comes first, as if a tick had come at that moment.
        let minute = known_ms.div_euclid(MINUTE_MS);
        self.decide_before(minute.saturating_sub(i64::from(self.detector.settings.lateness_minutes)));
        let raised = self.state.episodes.raise(
            &self.state.subject,
            Route::Silence,
            signal,
            Severity::Technical,
            since_ms,
            known_ms,
        );
        self.report(raised, |run, change, episode| run.anomaly(Route::Silence, change, &episode, since_ms, known_ms));
    }

    /// A reading has come.
    pub(crate) fn end_silence(&mut self, time_ms: i64) {
        let Some(signal) = self.state.episodes.held_by(Route::Silence).map(|episode| episode.signal) else { return };
        if let Some(episode) = self.state.episodes.release(Route::Silence, signal) {
            let anomaly = self.anomaly(Route::Silence, Change::Resolved, &episode, episode.start_ms, time_ms);
            self.out.anomalies.push(anomaly);
        }
    }

    fn report(&mut self, raised: Raised, make: impl FnOnce(&Self, Change, Episode) -> Anomaly) {
        let anomaly = match raised {
            Raised::Opened(episode) => make(self, Change::Opened, episode),
            Raised::Continued(episode) => make(self, Change::Continued, episode),
            Raised::Nothing => return,
        };
        self.out.anomalies.push(anomaly);
    }

    /// Shares of a score, the largest first, and the severity: a second vital that deviates corroborates.
    fn explain(&self, deviations: &Deviations) -> (Vec<Contribution>, Severity) {
        let shares = self.detector.cohort.as_ref().map_or([0; FEATURES], |cohort| cohort.shares_micro(deviations));
        let mut contributions: Vec<Contribution> = FEATURE_LIST
            .iter()
            .zip(deviations.values_milli)
            .zip(shares)
            .map(|((spec, deviation_milli), share_micro)| Contribution {
                signal: spec.signal,
                deviation_milli,
                share_micro,
            })
            .collect();
        contributions.sort_by_key(|part| std::cmp::Reverse(part.share_micro));
        let deviating = contributions
            .iter()
            .filter(|part| part.deviation_milli.abs() >= self.detector.settings.corroboration_milli)
            .count();
        (contributions, if deviating >= 2 { Severity::Urgent } else { Severity::Advisory })
    }

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
            usual: self.state.usual(episode.signal, from_ms),
            limit: None,
            score_micro: None,
            threshold_micro: None,
            contributions: Vec::new(),
            missing: Vec::new(),
            persisted: Persisted { held: 1, of: 1, needed: 1 },
            from_ms,
            to_ms,
            model: self.detector.model,
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
        // The evidence of an end is the run of clear minutes, not the history.
        let from_ms = if change == Change::Resolved { episode.start_ms } else { track.history.since_ms };
        Anomaly {
            value_milli: Some(track.value_milli),
            limit: limit_milli.map(|limit_milli| Crossed { side: track.side, limit_milli }),
            persisted: Persisted { held: track.history.count(), of: limit.n, needed: limit.k },
            ..self.anomaly(route, change, episode, from_ms, to_ms)
        }
    }

    fn forest_anomaly(
        &self,
        change: Change,
        episode: &Episode,
        deviations: &Deviations,
        score_micro: i64,
        contributions: Vec<Contribution>,
    ) -> Anomaly {
        let settings = &self.detector.settings;
        let latest = crate::feature::feature_of(episode.signal).and_then(|at| self.state.latest_milli.get(at).copied());
        let missing = FEATURE_LIST
            .iter()
            .enumerate()
            .filter(|(at, _)| deviations.present >> at & 1 == 0)
            .map(|(_, spec)| spec.signal)
            .collect();
        let from_ms = if change == Change::Resolved { episode.start_ms } else { self.state.forest.since_ms };
        Anomaly {
            value_milli: latest.flatten(),
            score_micro: Some(score_micro),
            threshold_micro: self.detector.cohort.as_ref().map(|c| c.thresholds(deviations.present).open_micro),
            contributions,
            missing,
            persisted: Persisted { held: self.state.forest.count(), of: settings.forest_n, needed: settings.forest_k },
            ..self.anomaly(Route::Forest, change, episode, from_ms, deviations.to_ms)
        }
    }
}
