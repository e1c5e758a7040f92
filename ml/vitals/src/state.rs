//! All that is kept about one subject between readings.

use crate::baseline::Baseline;
use crate::episodes::{Episode, Episodes};
use crate::feature::{FEATURE_LIST, FEATURES, Smoothed, feature_of};
use crate::persistence::History;
use crate::{Limit, Settings, Side, Signal, Usual, VitalsError};
use borsh::{BorshDeserialize, BorshSerialize};

pub(crate) const MINUTE_MS: i64 = 60_000;
const VERSION: u16 = 1;
/// Earlier than every minute.
pub(crate) const NEVER: i64 = i64::MIN;

/// Mean of a signal in a minute that is not closed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Pending {
    pub(crate) minute: i64,
    pub(crate) signal: Signal,
    pub(crate) sum_milli: i64,
    pub(crate) count: u32,
    /// Whether a person entered one of the values.
    pub(crate) manual: bool,
}

/// What a limit remembers of its signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Track {
    pub(crate) signal: Signal,
    pub(crate) history: History,
    pub(crate) side: Side,
    pub(crate) value_milli: i64,
}

/// Sum of one feature in the window that is not closed yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Sum {
    pub(crate) sum_milli: i64,
    pub(crate) minutes: u16,
}

/// State of one subject: a patient, or a location with its environment sensors.
///
/// Bounded: about 2 KiB in steady state with all features, whatever the number of readings. Borsh bytes are
/// canonical; a state that is written and read back goes on exactly where it was.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PatientState {
    version: u16,
    pub(crate) subject: [u8; 16],
    pub(crate) offset_minutes: Option<i16>,
    /// Latest event time heard, and its signal.
    pub(crate) heard_ms: i64,
    pub(crate) heard: Option<Signal>,
    /// Minutes before this one are decided.
    pub(crate) open_minute: i64,
    pub(crate) pending: Vec<Pending>,
    pub(crate) last_step_minute: i64,
    pub(crate) own_limits: Vec<Limit>,
    pub(crate) tracks: Vec<Track>,
    /// Number of the window that is open: minute / length.
    pub(crate) window: i64,
    pub(crate) sums: [Sum; FEATURES],
    /// Number of the window that `smoothed` reaches.
    pub(crate) smoothed_window: i64,
    pub(crate) smoothed: [Smoothed; FEATURES],
    pub(crate) latest_milli: [Option<i64>; FEATURES],
    pub(crate) baselines: Vec<(u8, Baseline)>,
    pub(crate) last_day: i64,
    pub(crate) days: u16,
    pub(crate) forest: History,
    pub(crate) episodes: Episodes,
}

/// How far the warm-up has come. Before its end only hard limits speak.
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
    /// A reading within the last few minutes.
    Heard,
    /// Nothing for longer than a gap.
    Gap {
        /// Since when, UTC milliseconds.
        since_ms: i64,
    },
}

impl PatientState {
    /// An empty state. `subject` makes episode numbers differ between subjects; give something that does not
    /// hang on keys where runs are to be compared.
    #[must_use]
    pub fn new(subject: [u8; 16]) -> Self {
        Self {
            version: VERSION,
            subject,
            offset_minutes: None,
            heard_ms: NEVER,
            heard: None,
            open_minute: NEVER,
            pending: Vec::new(),
            last_step_minute: NEVER,
            own_limits: Vec::new(),
            tracks: Vec::new(),
            window: NEVER,
            sums: [Sum::default(); FEATURES],
            smoothed_window: NEVER,
            smoothed: [Smoothed::default(); FEATURES],
            latest_milli: [None; FEATURES],
            baselines: Vec::new(),
            last_day: NEVER,
            days: 0,
            forest: History::default(),
            episodes: Episodes::default(),
        }
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Writing to memory does not fail.
        borsh::to_vec(self).unwrap_or_default()
    }

    /// Reads what [`Self::to_bytes`] gave, and nothing else.
    ///
    /// # Errors
    /// [`VitalsError::State`] says what is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VitalsError> {
        let state: Self = borsh::from_slice(bytes).map_err(|error| VitalsError::State(error.to_string()))?;
        if state.version != VERSION {
            return Err(VitalsError::State(format!("version {} is not {VERSION}", state.version)));
        }
        state.own_limits.iter().try_for_each(Limit::check)?;
        Ok(state)
    }

    /// Sets a limit for this subject, as a doctor passes it on; it counts from the next minute.
    ///
    /// # Errors
    /// [`VitalsError::Setting`] where the limit is not well formed.
    pub fn set_limit(&mut self, limit: Limit) -> Result<(), VitalsError> {
        limit.check()?;
        self.clear_limit(limit.signal);
        self.own_limits.push(limit);
        self.own_limits.sort_unstable_by_key(|limit| limit.signal);
        Ok(())
    }

    /// Goes back to the limit for everybody.
    pub fn clear_limit(&mut self, signal: Signal) {
        self.own_limits.retain(|limit| limit.signal != signal);
    }

    /// The limit in effect for a signal.
    #[must_use]
    pub fn limit<'a>(&'a self, settings: &'a Settings, signal: Signal) -> Option<&'a Limit> {
        self.own_limits.iter().find(|limit| limit.signal == signal).or_else(|| settings.limit(signal))
    }

    /// How far the warm-up has come.
    #[must_use]
    pub fn warm_up(&self, settings: &Settings) -> WarmUp {
        WarmUp { days: self.days, needed: settings.warm_up_days }
    }

    /// Whether the subject is being heard at `now_ms`.
    #[must_use]
    pub fn link(&self, settings: &Settings, now_ms: i64) -> Link {
        if self.heard.is_none() {
            return Link::Never;
        }
        let gap_ms = i64::from(settings.gap_minutes) * MINUTE_MS;
        if now_ms.saturating_sub(self.heard_ms) > gap_ms { Link::Gap { since_ms: self.heard_ms } } else { Link::Heard }
    }

    /// Latest event time heard, UTC milliseconds.
    #[must_use]
    pub fn heard_ms(&self) -> Option<i64> {
        self.heard.map(|_| self.heard_ms)
    }

    /// Open episodes, the oldest first.
    #[must_use]
    pub fn open_episodes(&self) -> &[Episode] {
        self.episodes.open()
    }

    /// The own usual value of a signal at an instant; `None` where the signal has no baseline or too little is known.
    #[must_use]
    pub fn usual(&self, signal: Signal, time_ms: i64) -> Option<Usual> {
        let feature = feature_of(signal)?;
        let (median, spread) = self.baseline(feature)?.usual_micro(self.hour(time_ms.div_euclid(MINUTE_MS)))?;
        Some(Usual { median_milli: median / 1_000, spread_milli: spread / 1_000 })
    }

    pub(crate) fn baseline(&self, feature: usize) -> Option<&Baseline> {
        self.baselines.iter().find(|(number, _)| usize::from(*number) == feature).map(|(_, baseline)| baseline)
    }

    pub(crate) fn learn(&mut self, feature: usize, hour: u8, value_milli: i64) {
        let (Ok(number), Some(spec)) = (u8::try_from(feature), FEATURE_LIST.get(feature)) else { return };
        let at = match self.baselines.binary_search_by_key(&number, |(number, _)| *number) {
            Ok(at) => at,
            Err(at) => {
                self.baselines.insert(at, (number, Baseline::new()));
                at
            }
        };
        if let Some((_, baseline)) = self.baselines.get_mut(at) {
            baseline.learn(hour, value_milli, spec.prior_spread_milli, spec.floor_milli);
        }
    }

    /// Minutes before `minute` are decided: what comes for them is late.
    pub(crate) fn close_minutes_before(&mut self, minute: i64) {
        self.open_minute = self.open_minute.max(minute);
    }

    /// Minute on the person's own clock; UTC where the offset is unknown.
    pub(crate) fn local_minute(&self, minute: i64) -> i64 {
        minute.saturating_add(i64::from(self.offset_minutes.unwrap_or(0)))
    }

    /// Hour of the day on the person's own clock.
    pub(crate) fn hour(&self, minute: i64) -> u8 {
        u8::try_from(self.local_minute(minute).rem_euclid(1_440) / 60).unwrap_or(0)
    }

    /// Whether a minute is at rest: no step in the last `rest_minutes`.
    pub(crate) fn at_rest(&self, minute: i64, rest_minutes: u16) -> bool {
        minute.saturating_sub(self.last_step_minute) >= i64::from(rest_minutes)
    }
}
