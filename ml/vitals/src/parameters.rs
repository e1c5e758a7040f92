//! What a doctor sets for one patient.

use crate::{Limit, Signal, VitalsError};
use borsh::{BorshDeserialize, BorshSerialize};

const VERSION: u16 = 1;
/// Limits of one patient, at most: one a signal.
const LIMITS_MAX: usize = 64;

/// A doctor's parameters for one patient; they hold in every profile. Borsh bytes are canonical.
///
/// They count from the next step of time on, once they are applied to the patient's state
/// ([`crate::PatientState::apply`]).
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
}
