//! All that is kept about one subject between readings.

mod parts;

pub(crate) use parts::{Inbox, LastScore, Latest, Pending, Sum, Track};

use crate::baseline::Baseline;
use crate::budget::Budget;
use crate::drift::Drift;
use crate::episodes::{Episode, Episodes};
use crate::feature::{FEATURE_LIST, FEATURES, Smoothed, feature_of};
use crate::grid::{DAY_MS, HOUR_MS, NEVER};
use crate::persistence::History;
use crate::quality::{GATED, Quality};
use crate::routes::Warned;
use crate::settings::BaselineSettings;
use crate::{Limit, Parameters, Settings, Signal, Usual, VitalsError, in_force};
use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest, Sha256};

const VERSION: u16 = 3;
const MINUTE_MS: i64 = 60_000;
/// Room for nearly every state.
const STATE_BYTES: usize = 4_096;

/// State of one subject: a patient, or a location with its environment sensors.
///
/// Bounded, whatever the number of readings: below 4 KiB in steady state with all features. Borsh bytes are
/// canonical; a state that is written and read back goes on exactly where it was.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PatientState {
    version: u16,
    pub(crate) inbox: Inbox,
    pub(crate) subject: [u8; 16],
    pub(crate) parameters: Parameters,
    pub(crate) offset_minutes: Option<i16>,
    /// Last slot in which a step was walked.
    pub(crate) walked_slot: i64,
    pub(crate) tracks: Vec<Track>,
    /// Steps at rest with a heart that is too fast, alone or not.
    pub(crate) fast: History,
    /// Number of the window that is open: slot / length.
    pub(crate) window: i64,
    pub(crate) sums: [Sum; FEATURES],
    /// Digest of the sums of all windows that were closed, one after the other.
    pub(crate) evidence: [u8; 32],
    /// Number of the window that `smoothed` reaches.
    pub(crate) smoothed_window: i64,
    pub(crate) smoothed: [Smoothed; FEATURES],
    /// Means of the last windows with data.
    pub(crate) means: [Latest; FEATURES],
    /// Quality and last good values of the signals that are looked at.
    pub(crate) quality: [Quality; GATED],
    /// What was last entered about oxygen and consciousness.
    pub(crate) on_oxygen: Latest,
    pub(crate) conscious: Latest,
    pub(crate) warned: Warned,
    pub(crate) baselines: Vec<(u8, Baseline)>,
    pub(crate) last_day: i64,
    pub(crate) days: u16,
    pub(crate) forest: History,
    pub(crate) budget: Budget,
    pub(crate) last_score: Option<LastScore>,
    pub(crate) drift: Option<Box<Drift>>,
    pub(crate) episodes: Episodes,
}

impl PatientState {
    /// An empty state. `subject` makes episode numbers differ between subjects; give something that does not
    /// hang on keys where runs are to be compared.
    #[must_use]
    pub fn new(subject: [u8; 16]) -> Self {
        Self {
            version: VERSION,
            inbox: Inbox {
                upcoming: Vec::new(),
                clock_ms: NEVER,
                heard_ms: NEVER,
                heard: None,
                open_slot: NEVER,
                closed_slot: NEVER,
                pending: Vec::new(),
            },
            subject,
            parameters: Parameters::default(),
            offset_minutes: None,
            walked_slot: NEVER,
            tracks: Vec::new(),
            fast: History::default(),
            window: NEVER,
            sums: [Sum::default(); FEATURES],
            evidence: [0; 32],
            smoothed_window: NEVER,
            smoothed: [Smoothed::default(); FEATURES],
            means: [Latest::NONE; FEATURES],
            quality: [Quality::NEW; GATED],
            on_oxygen: Latest::NONE,
            conscious: Latest::NONE,
            warned: Warned::default(),
            baselines: Vec::new(),
            last_day: NEVER,
            days: 0,
            forest: History::default(),
            budget: Budget::default(),
            last_score: None,
            drift: None,
            episodes: Episodes::default(),
        }
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(STATE_BYTES);
        // Writing to memory does not fail.
        let _written = borsh::to_writer(&mut bytes, self);
        bytes
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
        state.parameters.check()?;
        in_force::check(&state.inbox.upcoming)?;
        Ok(state)
    }

    /// SHA-256 of a tag, the settings' digest and the bytes of this state without its inbox.
    pub(crate) fn commitment(&self, settings: &[u8; 32]) -> [u8; 32] {
        let decided = Self { inbox: Self::new(self.subject).inbox, ..self.clone() };
        let hash = Sha256::new().chain_update(b"caduceus window 1").chain_update(settings);
        hash.chain_update(decided.to_bytes()).finalize().into()
    }

    /// Puts a doctor's parameters for this subject into force at once: they count from the next decided step, which may have begun
    /// before. What comes in a stream is set by [`crate::Detector::set_after`].
    ///
    /// # Errors
    /// [`VitalsError`] where they are not well formed.
    pub fn apply(&mut self, parameters: Parameters) -> Result<(), VitalsError> {
        parameters.check()?;
        self.parameters = parameters;
        Ok(())
    }

    /// The doctor's parameters in force.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The limit in effect for a signal.
    #[must_use]
    pub fn limit<'a>(&'a self, settings: &'a Settings, signal: Signal) -> Option<&'a Limit> {
        self.parameters.limit(signal).or_else(|| settings.limit(signal))
    }

    /// Open episodes, the oldest first.
    #[must_use]
    pub fn open_episodes(&self) -> &[Episode] {
        self.episodes.open()
    }

    /// The own usual value of a signal at an instant; `None` where the signal has no baseline or too little is known.
    #[must_use]
    pub fn usual(&self, settings: &Settings, signal: Signal, time_ms: i64) -> Option<Usual> {
        let feature = feature_of(signal)?;
        let (median, spread) = self.baseline(feature)?.usual_micro(&settings.baseline, self.hour(time_ms))?;
        Some(Usual { median_milli: median / 1_000, spread_milli: spread / 1_000 })
    }

    pub(crate) fn baseline(&self, feature: usize) -> Option<&Baseline> {
        self.baselines.iter().find(|(number, _)| usize::from(*number) == feature).map(|(_, baseline)| baseline)
    }

    pub(crate) fn learn(&mut self, settings: &BaselineSettings, feature: usize, hour: u8, value_milli: i64) {
        let (Ok(number), Some(spec)) = (u8::try_from(feature), FEATURE_LIST.get(feature)) else { return };
        let at = match self.baselines.binary_search_by_key(&number, |(number, _)| *number) {
            Ok(at) => at,
            Err(at) => {
                self.baselines.insert(at, (number, Baseline::new()));
                at
            }
        };
        if let Some((_, baseline)) = self.baselines.get_mut(at) {
            baseline.learn(settings, hour, value_milli, spec.prior_spread_milli, spec.floor_milli);
        }
    }

    /// Slots before `slot` are decided: what comes for them is late.
    pub(crate) fn close_slots_before(&mut self, slot: i64) {
        self.inbox.open_slot = self.inbox.open_slot.max(slot);
    }

    /// An instant on the person's own clock; UTC where the offset is unknown.
    pub(crate) fn local_ms(&self, time_ms: i64) -> i64 {
        time_ms.saturating_add(i64::from(self.offset_minutes.unwrap_or(0)) * MINUTE_MS)
    }

    /// The instant of a moment on the person's own clock.
    pub(crate) fn instant_ms(&self, local_ms: i64) -> i64 {
        local_ms.saturating_sub(i64::from(self.offset_minutes.unwrap_or(0)) * MINUTE_MS)
    }

    /// Day on the person's own clock, since 1970-01-01.
    pub(crate) fn day(&self, time_ms: i64) -> i64 {
        self.local_ms(time_ms).div_euclid(DAY_MS)
    }

    /// Hour of the day on the person's own clock.
    pub(crate) fn hour(&self, time_ms: i64) -> u8 {
        u8::try_from(self.local_ms(time_ms).rem_euclid(DAY_MS) / HOUR_MS).unwrap_or(0)
    }

    /// Whether a slot is at rest: no step walked in the last `rest` steps of time.
    pub(crate) fn at_rest(&self, slot: i64, rest: i64) -> bool {
        slot.saturating_sub(self.walked_slot) >= rest
    }
}
