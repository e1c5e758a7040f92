//! Why a reading is not accepted.

use crate::Signal;

/// A reading's refusal. It names the signal but never the value, so it may be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No signal has this name.
    #[error("no signal has this name; see the list of signals and their aliases")]
    UnknownSignal,
    /// The unit is none of those accepted for the signal.
    #[error("the unit is not accepted for {signal}; send {}", .signal.unit())]
    UnknownUnit {
        /// The signal.
        signal: Signal,
    },
    /// The value lies outside the plausible range.
    #[error(
        "{signal} must lie between {} and {} {}",
        crate::milli::to_text(.signal.spec().low_milli), crate::milli::to_text(.signal.spec().high_milli), .signal.unit()
    )]
    OutOfRange {
        /// The signal.
        signal: Signal,
    },
    /// The instant lies further in the past than is accepted.
    #[error("the instant is too old to be accepted; import recordings by replay instead")]
    TooOld,
    /// The instant lies in the future beyond the tolerance.
    #[error("the instant lies in the future; check the device's clock and offset")]
    InFuture,
    /// A field could not be read.
    #[error("{field} could not be read; {expected}")]
    Malformed {
        /// Which field.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
}

impl Refusal {
    /// The stable code, as counted and answered.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownSignal => "unknown-signal",
            Self::UnknownUnit { .. } => "unknown-unit",
            Self::OutOfRange { .. } => "out-of-range",
            Self::TooOld => "too-old",
            Self::InFuture => "in-future",
            Self::Malformed { .. } => "malformed",
        }
    }
}
