//! How a subject stands: heard or not, learned or not, with good signals or not, in alarm or not.

use crate::feature::FEATURES;
use crate::quality::{Quality, SignalQuality, gated};
use crate::{Detector, Episode, PatientState, Route, Settings, Severity, Signal};

/// How far the warm-up has come. Before its end the forest is silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarmUp {
    /// Completed days with data.
    pub days: u16,
    /// Days needed.
    pub needed: u16,
}

impl WarmUp {
    /// Whether the forest speaks.
    #[must_use]
    pub fn is_over(self) -> bool {
        self.days >= self.needed
    }
}

/// Whether a subject is being heard: silence is never taken for normal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// No reading yet.
    Never,
    /// A reading within the last few steps.
    Heard,
    /// Nothing for longer than a gap.
    Gap {
        /// Since when, UTC milliseconds.
        since_ms: i64,
    },
    /// Nothing for so long that the devices are taken for offline.
    Offline {
        /// Since when, UTC milliseconds.
        since_ms: i64,
    },
}

/// How a subject stands, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No reading yet.
    Never,
    /// The devices are taken for offline.
    Offline,
    /// Nothing for longer than a gap.
    Gap,
    /// An alarm of the body stands.
    Alarm,
    /// A signal is poor: neither judged nor learned.
    Poor,
    /// Too little is known of what is usual: the forest is silent.
    WarmingUp,
    /// Nothing of the above.
    Watching,
}

impl Standing {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Offline => "offline",
            Self::Gap => "gap",
            Self::Alarm => "alarm",
            Self::Poor => "poor-signal",
            Self::WarmingUp => "warming-up",
            Self::Watching => "watching",
        }
    }
}

impl Detector {
    /// How a subject stands at `now_ms`, by all that is decided up to then.
    #[must_use]
    pub fn standing(&self, state: &PatientState, now_ms: i64) -> Standing {
        let knows = |feature| {
            let baseline = state.baseline(feature);
            baseline.is_some_and(|baseline| baseline.usual_micro(&self.settings.baseline, state.hour(now_ms)).is_some())
        };
        match state.link(&self.settings, now_ms) {
            Link::Never => Standing::Never,
            Link::Offline { .. } => Standing::Offline,
            Link::Gap { .. } => Standing::Gap,
            Link::Heard if alarmed(state) => Standing::Alarm,
            Link::Heard if state.quality.iter().any(|quality| quality.seen().poor) => Standing::Poor,
            Link::Heard if !state.warm_up(&self.settings).is_over() || !(0..FEATURES).any(knows) => Standing::WarmingUp,
            Link::Heard => Standing::Watching,
        }
    }
}

/// Whether an alarm of the body stands.
pub(crate) fn alarmed(state: &PatientState) -> bool {
    let of_body = [Route::HardLimit, Route::Forest, Route::Drift, Route::News2];
    let stands = |episode: &Episode| of_body.into_iter().any(|route| episode.held_by(route));
    state.open_episodes().iter().any(|episode| episode.severity > Severity::Technical && stands(episode))
}

impl PatientState {
    /// How far the warm-up has come.
    #[must_use]
    pub fn warm_up(&self, settings: &Settings) -> WarmUp {
        WarmUp { days: self.days, needed: settings.warm_up_days }
    }

    /// Quality of a signal; `None` of signals that are not looked at.
    #[must_use]
    pub fn quality(&self, signal: Signal) -> Option<SignalQuality> {
        self.quality.get(gated(signal)?).map(Quality::seen)
    }

    /// Whether the subject is being heard at `now_ms`.
    #[must_use]
    pub fn link(&self, settings: &Settings, now_ms: i64) -> Link {
        if self.inbox.heard.is_none() {
            return Link::Never;
        }
        let since_ms = self.inbox.heard_ms;
        match now_ms.saturating_sub(since_ms) {
            quiet_ms if quiet_ms <= i64::from(settings.gap_ms) => Link::Heard,
            quiet_ms if quiet_ms <= i64::from(settings.offline_ms) => Link::Gap { since_ms },
            _ => Link::Offline { since_ms },
        }
    }

    /// Latest event time heard, UTC milliseconds.
    #[must_use]
    pub fn heard_ms(&self) -> Option<i64> {
        self.inbox.heard.map(|_| self.inbox.heard_ms)
    }
}
