//! What a doctor sets for one patient.

use crate::{Gate, Limit, Signal, VitalsError};
use borsh::{BorshDeserialize, BorshSerialize};

const VERSION: u16 = 1;
/// Limits of one patient, at most: one a signal.
const LIMITS_MAX: usize = 64;
/// Most false alerts a week that a person may allow, thousandths.
const ALERTS_PER_WEEK_MAX_MILLI: u32 = 1_000_000;

/// A doctor's parameters for one patient; they hold in every profile. Borsh bytes are canonical.
///
/// They count from the next step of time on, once they are set in the patient's state ([`crate::Detector::set_after`]).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Parameters {
    version: u16,
    /// Limits that replace those for everybody, ascending by signal, each once.
    limits: Vec<Limit>,
    /// Whether oxygen saturation is judged by NEWS2's scale 2 (hypercapnic respiratory failure).
    pub news2_scale2: bool,
    /// False alerts that are allowed a patient-week, thousandths; the settings' where there is none.
    pub alerts_per_week_milli: Option<u32>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { version: VERSION, limits: Vec::new(), news2_scale2: false, alerts_per_week_milli: None }
    }
}

impl Parameters {
    /// Own limits, ascending by signal.
    #[must_use]
    pub fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// The own limit of a signal.
    #[must_use]
    pub fn limit(&self, signal: Signal) -> Option<&Limit> {
        self.limits.iter().find(|limit| limit.signal == signal)
    }

    /// Sets a limit, in place of the signal's former one.
    ///
    /// # Errors
    /// [`VitalsError::Setting`] where the limit is not well formed.
    pub fn set_limit(&mut self, limit: Limit) -> Result<(), VitalsError> {
        limit.check()?;
        self.clear_limit(limit.signal);
        self.limits.push(limit);
        self.limits.sort_unstable_by_key(|limit| limit.signal);
        Ok(())
    }

    /// Goes back to the limit for everybody.
    pub fn clear_limit(&mut self, signal: Signal) {
        self.limits.retain(|limit| limit.signal != signal);
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
    /// [`VitalsError::Parameters`] says what is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VitalsError> {
        let refuse = |reason: String| VitalsError::Parameters(reason);
        let parameters: Self = borsh::from_slice(bytes).map_err(|error| refuse(error.to_string()))?;
        parameters.check()?;
        Ok(parameters)
    }

    /// Checks version, limits and their order.
    ///
    /// # Errors
    /// [`VitalsError::Parameters`] or [`VitalsError::Setting`] with what is wrong.
    pub fn check(&self) -> Result<(), VitalsError> {
        if self.version != VERSION {
            return Err(VitalsError::Parameters(format!("version {} is not {VERSION}", self.version)));
        }
        if self.limits.len() > LIMITS_MAX || !self.limits.is_sorted_by(|a, b| a.signal < b.signal) {
            return Err(VitalsError::Parameters("limits must ascend by signal, each once".to_owned()));
        }
        self.limits.iter().try_for_each(Limit::check)
    }

    /// Checks what a person sent, beyond [`Self::check`]: limits of signals that are judged by limits, within what is plausible,
    /// and whose episodes can end.
    ///
    /// # Errors
    /// [`VitalsError::Implausible`] names the first field that is wrong.
    pub fn check_plausible(&self) -> Result<(), VitalsError> {
        self.limits.iter().try_for_each(Limit::check_plausible)?;
        if self.alerts_per_week_milli.is_some_and(|milli| milli > ALERTS_PER_WEEK_MAX_MILLI) {
            let reason = "at most 1000 a week are possible";
            return Err(VitalsError::Implausible { signal: None, field: "alerts_per_week", reason });
        }
        self.check()
    }
}

impl Limit {
    /// Checks a limit that a person sent: that it is well formed, plausible for its signal, and that what it opens can end.
    ///
    /// # Errors
    /// [`VitalsError::Implausible`] names the first field that is wrong.
    pub fn check_plausible(&self) -> Result<(), VitalsError> {
        let signal = Some(self.signal);
        implausible(self).map_or(Ok(()), |(field, reason)| Err(VitalsError::Implausible { signal, field, reason }))
    }
}

/// The field of a limit that is wrong, and why.
fn implausible(limit: &Limit) -> Option<(&'static str, &'static str)> {
    let spec = limit.signal.spec();
    let plausible = |side: Option<i64>| side.is_none_or(|milli| (spec.low_milli..=spec.high_milli).contains(&milli));
    let (least, most) = (limit.low_milli.unwrap_or(spec.low_milli), limit.high_milli.unwrap_or(spec.high_milli));
    let margins = if limit.low_milli.is_some() && limit.high_milli.is_some() { 2 } else { 1 };
    if limit.signal.is_environment() {
        Some(("signal", "a room's limits are not set for one patient"))
    } else if limit.signal == Signal::Steps {
        Some(("signal", "steps are not judged by limits"))
    } else if limit.low_milli.is_none() && limit.high_milli.is_none() {
        Some(("low", "low or high is needed"))
    } else if !plausible(limit.low_milli) {
        Some(("low", "it lies outside of what is plausible for the signal"))
    } else if !plausible(limit.high_milli) {
        Some(("high", "it lies outside of what is plausible for the signal"))
    } else if least >= most {
        Some(("high", "it must lie above low, and the two inside of what is plausible"))
    } else if limit.margin_milli < 0 {
        Some(("margin", "it must not be negative"))
    } else if limit.margin_milli.saturating_mul(margins) > most.saturating_sub(least) {
        Some(("margin", "no value would lie inside the limit by this margin: nothing would resolve"))
    } else if limit.k == 0 || limit.k > limit.n || limit.n > 32 {
        Some(("k", "0 < k <= n <= 32 is needed"))
    } else if limit.gate == Gate::HighAtRest && limit.signal != Signal::HeartRate {
        Some(("at_rest", "only the heart rate is judged at rest"))
    } else {
        None
    }
}
