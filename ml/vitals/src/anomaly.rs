//! What the detector says: scores and anomalies, in integers only.

use crate::Signal;
use crate::news2::News2;
use borsh::{BorshDeserialize, BorshSerialize};

/// Number of an episode: the same readings give the same number, whoever replays them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct EpisodeId(pub [u8; 8]);

impl std::fmt::Display for EpisodeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for EpisodeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// Which of the independent routes speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Route {
    /// A hard limit of a vital or device signal, sustained.
    HardLimit = 1,
    /// The cohort forest on deviations from the own baseline, sustained.
    Forest = 2,
    /// A limit of an environment signal of a location, sustained.
    Environment = 3,
    /// No data for longer than allowed.
    Silence = 4,
    /// The resting heart rate of nights and days drifts up: onset of an illness.
    Drift = 5,
    /// The early warning score NEWS2, or a lower bound of it, sustained.
    News2 = 6,
}

impl Route {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HardLimit => "hard-limit",
            Self::Forest => "forest",
            Self::Environment => "environment",
            Self::Silence => "silence",
            Self::Drift => "drift",
            Self::News2 => "news2",
        }
    }
}

/// How urgent it is; ordered, the least urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Severity {
    /// A matter of equipment.
    Technical = 1,
    /// For the daily digest.
    Advisory = 2,
    /// At once, within an hour.
    Urgent = 3,
    /// At once.
    Critical = 4,
}

impl Severity {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Technical => "technical",
            Self::Advisory => "advisory",
            Self::Urgent => "urgent",
            Self::Critical => "critical",
        }
    }
}

/// What happened to the episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Change {
    /// It began.
    Opened = 1,
    /// Another route or a higher severity joined it, the drift gave another alarm, or it has gone on for
    /// [`crate::Settings::restate_ms`] since it was last said.
    Continued = 2,
    /// It ended.
    Resolved = 3,
}

impl Change {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Continued => "continued",
            Self::Resolved => "resolved",
        }
    }
}

/// Side of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Side {
    /// The value is too low.
    Below = 0,
    /// The value is too high.
    Above = 1,
}

/// The person's own usual value at this hour; on the drift's route, of the previous 28 nights or days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Usual {
    /// Median, thousandths of the unit.
    pub median_milli: i64,
    /// Median absolute deviation, thousandths of the unit.
    pub spread_milli: i64,
}

/// The limit that was crossed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Crossed {
    /// Which side.
    pub side: Side,
    /// The limit, thousandths of the unit.
    pub limit_milli: i64,
}

/// A signal's share in a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Contribution {
    /// The signal.
    pub signal: Signal,
    /// Its deviation from the own usual value in robust standard deviations, thousandths; smoothed on the forest's route.
    pub deviation_milli: i64,
    /// Share of the score, millionths; a forest's shares add up to score − expected score, but for rounding.
    pub share_micro: i64,
}

/// How far the condition held: `held` of the last `of` steps, windows or daily values, `needed` open an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Persisted {
    /// How many hold the condition.
    pub held: u8,
    /// How many are looked at.
    pub of: u8,
    /// How many are needed.
    pub needed: u8,
}

/// An entry about an episode. Borsh bytes are canonical; there is no float in it, and nothing that hangs on ticks: whether
/// it alerts anybody is asked of [`crate::Detector::alerts`].
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Anomaly {
    /// The episode.
    pub episode: EpisodeId,
    /// The route that speaks.
    pub route: Route,
    /// What happened.
    pub change: Change,
    /// How urgent the episode is; of a resolved one, how urgent it was.
    pub severity: Severity,
    /// The signal; of a forest episode the one with the largest share when it opened; of silence the
    /// one that was heard last.
    pub signal: Signal,
    /// When the condition began, UTC milliseconds.
    pub start_ms: i64,
    /// The event time at which this was known: the end of the step, window or night that decided it, the last
    /// millisecond of the day.
    pub time_ms: i64,
    /// Offset of the person's clock from UTC in minutes, where known.
    pub offset_minutes: Option<i16>,
    /// The latest value of the signal (mean of its step, window or night, median of its day), thousandths of the unit.
    pub value_milli: Option<i64>,
    /// The own usual value, where enough is known.
    pub usual: Option<Usual>,
    /// The limit that was crossed, on a limit's route.
    pub limit: Option<Crossed>,
    /// The forest's score in (0, 1), or the drift's sum of robust standard deviations, millionths.
    pub score_micro: Option<i64>,
    /// The score above which a window or a day counts, millionths.
    pub threshold_micro: Option<i64>,
    /// Shares by signal, the largest first, on the routes of forest and drift.
    pub contributions: Vec<Contribution>,
    /// Signals that the route would use and that were missing.
    pub missing: Vec<Signal>,
    /// Points of the early warning score on its route; a score only where all seven are there.
    pub news2: Option<News2>,
    /// Persistence at this moment.
    pub persisted: Persisted,
    /// Event time of the evidence: first instant, UTC milliseconds.
    pub from_ms: i64,
    /// Event time of the evidence: end, exclusive.
    pub to_ms: i64,
    /// Hash of the cohort model in use; zeros without one.
    pub model: [u8; 32],
    /// Its seed.
    pub seed: u64,
    /// Commitment to the settings and to all that was decided of the subject up to here ([`crate::Detector::commitment`]):
    /// whoever replays the same readings computes the same.
    pub window: [u8; 32],
}

/// The forest's score of one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Score {
    /// End of the window, UTC milliseconds.
    pub time_ms: i64,
    /// Score in (0, 1), millionths.
    pub score_micro: i64,
}

/// What became of a reading in the detector. All of these are recorded on the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It counts.
    Used,
    /// It is older than what was already decided: recorded, not scored.
    Late,
}

/// What one step of the detector yields. Empty vectors do not allocate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// What became of the reading; a tick is always used.
    pub taken: Taken,
    /// Scores of the windows that ended.
    pub scores: Vec<Score>,
    /// Entries about episodes, in order.
    pub anomalies: Vec<Anomaly>,
}
