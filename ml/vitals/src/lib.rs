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
//!
//! The detector takes readings in the order of event time; everything it keeps lies in the state. There are two profiles of
//! its settings, [`Settings::home`] (the default) and [`Settings::bedside`], each one set of numbers for everybody, and per patient what a
//! doctor sets ([`Parameters`]). Six routes speak for themselves ([`Route`]).
//!
//! ```
//! use vitals::{Change, Detector, PatientState, Provenance, Reading, Settings, Signal};
//!
//! let detector = Detector::without_forest(Settings::default())?;
//! let mut state = PatientState::new([0; 16]);
//! let mut said = Vec::new();
//! for minute in 0..10 {
//!     let reading = Reading {
//!         signal: Signal::Spo2, value_milli: if minute < 2 { 96_000 } else { 83_000 },
//!         time_ms: minute * 60_000, offset_minutes: None, provenance: Provenance::Device,
//!     };
//!     said.extend(detector.observe(&mut state, &reading).anomalies);
//!     // Kept between readings as bytes; it goes on exactly where it was.
//!     state = PatientState::from_bytes(&state.to_bytes())?;
//! }
//! assert_eq!(said.len(), 1);
//! assert_eq!((said[0].signal, said[0].change), (Signal::Spo2, Change::Opened));
//! // Low from minute 2 on; three such minutes are needed.
//! assert_eq!((said[0].start_ms, said[0].time_ms), (2 * 60_000, 5 * 60_000));
//! # Ok::<(), vitals::VitalsError>(())
//! ```
//!
//! A recording is gone through row by row, with one detector for everybody and one state a person: what is said of a
//! row is known at that moment.
//!
//! ```
//! use vitals::{Detector, PatientState, Provenance, Reading, Settings, Signal, Standing};
//!
//! let detector = Detector::without_forest(Settings::bedside())?;
//! let mut state = PatientState::new([0; 16]);
//! let mut last_ms = 0;
//! let mut rows = Vec::new();
//! for second in 0..300 {
//!     last_ms = second * 1_000;
//!     let value_milli = if second < 240 { 70_000 + second % 3 * 500 } else { 95_000 + second % 3 * 500 };
//!     let (offset_minutes, provenance) = (None, Provenance::Device);
//!     let reading = Reading { signal: Signal::HeartRate, value_milli, time_ms: last_ms, offset_minutes, provenance };
//!     detector.observe(&mut state, &reading);
//!     rows.push((detector.severity_micro(&state), detector.standing(&state, last_ms)));
//! }
//! assert_eq!(rows[100].1, Standing::WarmingUp);
//! assert!(rows[239].0 < 300_000 && rows[299].0 > 800_000);
//! // The end of a recording: all that can be decided is.
//! detector.tick(&mut state, last_ms + detector.settings().flush_ms());
//! # Ok::<(), vitals::VitalsError>(())
//! ```

pub mod milli;
pub mod news2;

mod anomaly;
mod baseline;
mod budget;
mod cohort;
mod detector;
mod drift;
mod episodes;
mod error;
mod feature;
mod grid;
mod in_force;
mod limit;
mod parameters;
mod persistence;
mod profile;
mod quality;
mod reading;
mod refusal;
mod registry;
mod routes;
mod settings;
mod severity;
mod signal;
mod standing;
mod state;
mod touch;
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
pub use limit::{Gate, Limit};
pub use parameters::Parameters;
pub use quality::SignalQuality;
pub use reading::{Admission, Provenance, RawReading, Reading, to_own_unit};
pub use refusal::Refusal;
pub use registry::{OtherUnit, SPECS, Spec};
pub use settings::{BaselineSettings, DriftSettings, News2Settings, QualitySettings, Settings};
pub use signal::{Category, Signal};
pub use standing::{Link, Standing, WarmUp};
pub use state::PatientState;
