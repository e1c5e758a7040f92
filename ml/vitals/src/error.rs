//! What can go wrong, by what the caller can do.

use crate::Signal;

/// Errors of this crate. Readings are refused with [`crate::Refusal`] instead.
#[derive(Debug, thiserror::Error)]
pub enum VitalsError {
    /// A setting is out of its bounds: change it.
    #[error("setting refused: {0}")]
    Setting(&'static str),
    /// Bytes of a model are not canonical or of another version: take them from where they were made.
    #[error("model bytes refused: {0}")]
    Model(String),
    /// Bytes of a state are not canonical or of another version: rebuild the state from the readings.
    #[error("state bytes refused: {0}")]
    State(String),
    /// Bytes of a doctor's parameters are not canonical or of another version: ask for them again.
    #[error("parameters refused: {0}")]
    Parameters(String),
    /// A field of what a doctor sent cannot be meant: say which, and ask again.
    #[error("{field}{}: {reason}", .signal.map(|signal| format!(" of the limit of {signal}")).unwrap_or_default())]
    Implausible {
        /// The signal, where it is a limit's.
        signal: Option<Signal>,
        /// The field.
        field: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
    /// A forest could not be trained: give it more or other data.
    #[error("the cohort forest could not be trained: {0}")]
    Training(#[from] iforest::IsolationForestError),
}
