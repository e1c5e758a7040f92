//! The early warning score, by windows at rest.

use crate::detector::Run;
use crate::episodes::{Condition, Episode};
use crate::feature::feature_of;
use crate::grid::NEVER;
use crate::news2::{Band, INPUTS, News2, Scale};
use crate::persistence::History;
use crate::quality::gated;
use crate::settings::News2Settings;
use crate::{Anomaly, Change, Persisted, Route, Severity, Signal};
use borsh::{BorshDeserialize, BorshSerialize};

/// What the route remembers: windows at the urgent bands or above, and at the highest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Warned {
    urgent: History,
    emergency: History,
}

/// One window's score.
struct Scored {
    score: News2,
    values_milli: [Option<i64>; 7],
    from_ms: i64,
    to_ms: i64,
}

impl Run<'_> {
    /// Scores the window that has ended, where the person is at rest.
    pub(crate) fn warn(&mut self, from_ms: i64, to_ms: i64) {
        let (Some(settings), grid) = (&self.detector.settings.news2, &self.detector.grid) else { return };
        if !self.state.at_rest(grid.slot(to_ms), grid.rest) {
            return;
        }
        let values_milli = INPUTS.map(|signal| self.input_milli(settings, signal, to_ms));
        if values_milli.iter().all(Option::is_none) {
            return;
        }
        let scale = if self.state.parameters.news2_scale2 { Scale::Two } else { Scale::One };
        let scored = Scored { score: News2::of(&values_milli, scale), values_milli, from_ms, to_ms };
        let band = scored.score.band();
        let warned = &mut self.state.warned;
        if from_ms.saturating_sub(warned.urgent.until_ms) > grid.gap_ms {
            warned.urgent.restart();
            warned.emergency.restart();
        }
        warned.urgent.push(band > Band::Low, band == Band::Low, settings.n, from_ms, to_ms);
        warned.emergency.push(band == Band::High, band < Band::High, settings.n, from_ms, to_ms);
        let warned = *warned;

        if band > Band::Low && warned.urgent.opens(settings.k) {
            let emergency = band == Band::High && warned.emergency.opens(settings.k);
            let severity = if emergency { Severity::Critical } else { Severity::Urgent };
            let signal = scored.score.leading().unwrap_or(Signal::Respiration);
            let start_ms = warned.urgent.since_ms;
            let raised = self.raise(&Condition { route: Route::News2, signal, severity, start_ms, known_ms: to_ms });
            self.report(raised, |run, change, episode| run.warning(settings, change, &episode, &scored));
        } else if warned.urgent.resolves(settings.n)
            && let Some(signal) = self.state.episodes.held_by(Route::News2).map(|episode| episode.signal)
            && let Some(episode) = self.state.episodes.release(Route::News2, signal)
        {
            let anomaly = self.warning(settings, Change::Resolved, &episode, &scored);
            self.say(anomaly);
        }
    }

    /// The value of an input that is still fresh: the window's mean of what is measured all the time, the last one of
    /// what is measured or entered now and then.
    fn input_milli(&self, settings: &News2Settings, signal: Signal, now_ms: i64) -> Option<i64> {
        let state = &self.state;
        let (latest, allowed_ms) = match signal {
            Signal::SupplementalOxygen => (state.on_oxygen, settings.spot_ms),
            Signal::Consciousness => (state.conscious, settings.spot_ms),
            Signal::Temperature => (*state.means.get(feature_of(signal)?)?, settings.spot_ms),
            Signal::Systolic => (state.quality.get(gated(signal)?)?.good, settings.spot_ms),
            _ => (*state.means.get(feature_of(signal)?)?, settings.fresh_ms),
        };
        let fresh = latest.time_ms != NEVER && now_ms.saturating_sub(latest.time_ms) <= i64::from(allowed_ms);
        fresh.then_some(latest.value_milli)
    }

    fn warning(&self, settings: &News2Settings, change: Change, episode: &Episode, scored: &Scored) -> Anomaly {
        let history: &History = &self.state.warned.urgent;
        let from_ms = if change == Change::Resolved { episode.start_ms } else { history.since_ms.min(scored.from_ms) };
        let value = News2::input(episode.signal).and_then(|at| scored.values_milli.get(at).copied().flatten());
        Anomaly {
            value_milli: value,
            missing: scored.score.missing().collect(),
            news2: Some(scored.score),
            persisted: Persisted { held: history.count(), of: settings.n, needed: settings.k },
            ..self.anomaly(Route::News2, change, episode, from_ms, scored.to_ms)
        }
    }
}
