//! The personal chain from outside: bytes, checks, proofs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::type_complexity
)]
#![allow(unreachable_pub)]

mod alert_files;
mod anchors;
mod batches;
mod blocks;
mod golden;
mod keys;
mod openings;
mod record_files;
mod rows;
mod sample;
