//! The detector on simulated people, and on real recordings where they are at hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::cast_precision_loss)]

mod bedside;
mod detection;
mod onset;
mod population;
mod recordings;
mod restarts;
mod simulator;
mod stress;
mod wearable;
