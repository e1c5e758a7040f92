//! Signals of a body and of a room, readings, and the detector that watches one person's stream.
//!
//! Pure: time comes in with readings and ticks, nothing is read or written. Values are integer thousandths
//! ([`milli`]), scores integer millionths, so the same readings give the same anomalies on every machine. It is not
//! a transport, a store or an alert machine.
//!
//! ```
//! use vitals::{Admission, Provenance, RawReading, Refusal, Signal};
//!
//! let raw = RawReading {
//!     signal: "temp", value: "98.6", unit: Some("[degF]"),
//!     time_ms: 1_700_000_000_000, offset_minutes: Some(60), provenance: Provenance::Manual,
//! };
//! let reading = Admission::default().admit(&raw, 1_700_000_000_000)?;
//! assert_eq!((reading.signal, reading.value_milli), (Signal::Temperature, 37_000));
//!
//! let hot = RawReading { value: "98.6", unit: None, ..raw };
//! let refusal = Admission::default().admit(&hot, 1_700_000_000_000).unwrap_err();
//! assert_eq!(refusal.code(), "out-of-range");
//! # Ok::<(), Refusal>(())
//! ```

pub mod milli;

mod anomaly;
mod baseline;
mod cohort;
mod detector;
mod episodes;
mod error;
mod feature;
mod judge;
mod persistence;
mod reading;
mod refusal;
mod registry;
mod settings;
mod signal;
mod state;
mod window;

pub use anomaly::{
    Anomaly, Change, Contribution, Crossed, EpisodeId, Observation, Persisted, Route, Score, Severity, Side, Taken,
    Usual,
};
pub use cohort::CohortModel;
pub use detector::Detector;
pub use episodes::Episode;
pub use error::VitalsError;
pub use feature::{Deviations, FEATURES};
pub use reading::{Admission, Provenance, RawReading, Reading, to_own_unit};
pub use refusal::Refusal;
pub use registry::{OtherUnit, SPECS, Spec};
pub use settings::{Gate, Limit, Settings};
pub use signal::{Category, Signal};
pub use state::{Link, PatientState, WarmUp};
