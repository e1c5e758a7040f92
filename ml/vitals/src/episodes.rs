//! Open episodes of one subject: at most one per signal, at most one that the forest holds open, and beside them at most one
//! each of the routes that stand alone.

use crate::{EpisodeId, Route, Severity, Signal};
use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest, Sha256};

/// An open episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Episode {
    /// Its number.
    pub id: EpisodeId,
    /// Its signal.
    pub signal: Signal,
    /// When the condition began.
    pub start_ms: i64,
    /// When it was opened.
    pub opened_ms: i64,
    /// When it was last said, by the event time of what was said.
    pub(crate) said_ms: i64,
    /// Its highest severity so far.
    pub severity: Severity,
    /// Bit per route that holds it open (bit = number of the route).
    routes: u8,
}

impl Episode {
    /// Whether a route holds it open.
    #[must_use]
    pub fn held_by(&self, route: Route) -> bool {
        self.routes & bit(route) != 0
    }
}

fn bit(route: Route) -> u8 {
    1 << route as u8
}

/// Routes whose episodes no other route joins: silence says nothing about its signal, the drift speaks of days and not of minutes,
/// an early warning score of all signals at once.
const ALONE: [Route; 3] = [Route::Silence, Route::Drift, Route::News2];

/// A route's condition that holds on a signal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Condition {
    pub(crate) route: Route,
    pub(crate) signal: Signal,
    pub(crate) severity: Severity,
    /// Since when.
    pub(crate) start_ms: i64,
    /// When that was known.
    pub(crate) known_ms: i64,
}

/// What raising a condition did.
pub(crate) enum Raised {
    Opened(Episode),
    Continued(Episode),
    /// It was open, nothing about it changed, and it was said not long ago.
    Same(Episode),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Episodes {
    open: Vec<Episode>,
}

impl Episodes {
    pub(crate) fn open(&self) -> &[Episode] {
        &self.open
    }

    pub(crate) fn held_by(&self, route: Route) -> Option<&Episode> {
        self.open.iter().find(|episode| episode.held_by(route))
    }

    /// A route's condition holds on a signal: opens an episode, joins the signal's open one, raises its severity, or goes on.
    /// The number of a new one hangs on the condition alone: what is known of others, silences that only a clock
    /// tells among them, does not change it.
    pub(crate) fn raise(&mut self, subject: &[u8; 16], restate_ms: u32, condition: &Condition) -> Raised {
        let Condition { route, signal, severity, start_ms, known_ms } = *condition;
        let alone = ALONE.contains(&route);
        let same = |episode: &&mut Episode| {
            let is_alone = ALONE.into_iter().any(|route| episode.held_by(route));
            if alone { episode.held_by(route) } else { episode.signal == signal && !is_alone }
        };
        if let Some(episode) = self.open.iter_mut().find(same) {
            let long_ago = known_ms.saturating_sub(episode.said_ms) >= i64::from(restate_ms);
            let more = severity > episode.severity || !episode.held_by(route) || long_ago;
            episode.severity = episode.severity.max(severity);
            episode.routes |= bit(route);
            if more {
                episode.said_ms = known_ms;
            }
            return if more { Raised::Continued(*episode) } else { Raised::Same(*episode) };
        }
        let hash = Sha256::new()
            .chain_update(b"caduceus episode 1")
            .chain_update(subject)
            .chain_update(signal.id().to_le_bytes())
            .chain_update([route as u8])
            .chain_update(start_ms.to_le_bytes())
            .chain_update(known_ms.to_le_bytes())
            .finalize();
        let mut id = [0; 8];
        id.iter_mut().zip(hash).for_each(|(place, byte)| *place = byte);
        let (id, routes) = (EpisodeId(id), bit(route));
        let episode = Episode { id, signal, start_ms, opened_ms: known_ms, said_ms: known_ms, severity, routes };
        self.open.push(episode);
        Raised::Opened(episode)
    }

    /// A route lets go of an episode; the episode, if that was the last route.
    pub(crate) fn release(&mut self, route: Route, signal: Signal) -> Option<Episode> {
        let at = self.open.iter().position(|episode| episode.signal == signal && episode.held_by(route))?;
        let episode = self.open.get_mut(at)?;
        episode.routes &= !bit(route);
        if episode.routes == 0 { Some(self.open.remove(at)) } else { None }
    }
}
