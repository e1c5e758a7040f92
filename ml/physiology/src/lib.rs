//! A small simulator of bodies and rooms, with labelled episodes.
//!
//! Pure and seeded: the same plan gives the same readings on every machine, and no clock is read. It is made to show and
//! to test a detector; it is not a model of physiology for research, and what a detector reaches on it says little
//! about people.
//!
//! ```
//! use physiology::{PatientStream, Plan};
//!
//! let plan = Plan { seed: 7, start_ms: 0, end_ms: 3_600_000, offset_minutes: 60, interval_minutes: 1 };
//! let readings: Vec<_> = PatientStream::new(plan, 0, &[]).collect();
//! assert!(readings.len() > 300);
//! assert!(readings.is_sorted_by_key(|reading| reading.time_ms));
//! assert!(readings.iter().all(|reading| reading.check_value().is_ok()));
//! ```

mod chance;
mod cohort;
mod illness;
mod merge;
mod person;
mod room;
mod stream;

pub use cohort::reference_cohort;
pub use illness::{Illness, IllnessKind};
pub use merge::Merge;
pub use room::{RoomFault, RoomStream};
pub use stream::{PatientStream, Plan};
