//! The cohort forest on deviations from the own baseline.

use crate::detector::Run;
use crate::episodes::{Condition, Episode};
use crate::feature::{FEATURE_LIST, FEATURES, feature_of};
use crate::grid::NEVER;
use crate::state::LastScore;
use crate::window::Window;
use crate::{Anomaly, Change, Contribution, Deviations, Persisted, Route, Score, Severity, Signal};

impl Run<'_> {
    /// One closed window.
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
        let open_micro = self.state.budget.threshold_micro(thresholds.open_micro);
        let high = score_micro > open_micro && self.stands_out(deviations);
        let clear = score_micro <= thresholds.clear_micro;
        self.state.last_score = Some(LastScore {
            time_ms: deviations.to_ms,
            score_micro: narrow(score_micro),
            threshold_micro: narrow(open_micro),
        });
        if deviations.from_ms.saturating_sub(self.state.forest.until_ms) > self.detector.grid.gap_ms {
            self.state.forest.restart();
        }
        self.state.forest.push(high, clear, settings.forest_n, deviations.from_ms, deviations.to_ms);

        let held = self.state.episodes.held_by(Route::Forest).map(|episode| episode.signal);
        if held.is_none() {
            let allowed = self.state.parameters.alerts_per_week_milli.unwrap_or(settings.alerts_per_week_milli);
            self.state.budget.earn(settings, allowed);
        }
        if high && self.state.forest.opens(settings.forest_k) {
            let (contributions, severity) = self.explain(deviations);
            let largest = contributions.first().map_or(Signal::HeartRate, |largest| largest.signal);
            let (signal, start_ms) = (held.unwrap_or(largest), self.state.forest.since_ms);
            let (route, known_ms) = (Route::Forest, deviations.to_ms);
            let raised = self.raise(&Condition { route, signal, severity, start_ms, known_ms });
            self.report(raised, |run, change, episode| {
                run.forest_anomaly(change, &episode, deviations, score_micro, contributions)
            });
        } else if let Some(signal) = held
            && self.state.forest.resolves(settings.forest_n)
            && let Some(episode) = self.state.episodes.release(Route::Forest, signal)
        {
            self.state.budget.spend();
            let (contributions, _) = self.explain(deviations);
            let anomaly = self.forest_anomaly(Change::Resolved, &episode, deviations, score_micro, contributions);
            self.say(anomaly);
        }
    }

    /// Whether two vitals deviate, or one so far that it speaks alone.
    fn stands_out(&self, deviations: &Deviations) -> bool {
        let settings = &self.detector.settings;
        let beyond = |milli: i64| deviations.values_milli.iter().filter(|value| value.abs() >= milli).count();
        beyond(settings.corroboration_milli) >= 2 || beyond(settings.alone_milli) >= 1
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

    fn forest_anomaly(
        &self,
        change: Change,
        episode: &Episode,
        deviations: &Deviations,
        score_micro: i64,
        contributions: Vec<Contribution>,
    ) -> Anomaly {
        let settings = &self.detector.settings;
        let latest = feature_of(episode.signal).and_then(|at| self.state.means.get(at));
        let missing = FEATURE_LIST
            .iter()
            .enumerate()
            .filter(|(at, _)| deviations.present >> at & 1 == 0)
            .map(|(_, spec)| spec.signal)
            .collect();
        let from_ms = if change == Change::Resolved { episode.start_ms } else { self.state.forest.since_ms };
        Anomaly {
            value_milli: latest.filter(|latest| latest.time_ms != NEVER).map(|latest| latest.value_milli),
            score_micro: Some(score_micro),
            threshold_micro: self.state.last_score.map(|last| i64::from(last.threshold_micro)),
            contributions,
            missing,
            persisted: Persisted { held: self.state.forest.count(), of: settings.forest_n, needed: settings.forest_k },
            ..self.anomaly(Route::Forest, change, episode, from_ms, deviations.to_ms)
        }
    }
}

/// Scores and thresholds are at most a million.
fn narrow(micro: i64) -> i32 {
    i32::try_from(micro).unwrap_or(i32::MAX)
}
