//! The monitor on the embedded log.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss
)]
#![allow(clippy::print_stdout, clippy::cast_possible_wrap, clippy::cast_sign_loss, unreachable_pub)]

mod anchors;
mod blocks;
mod exactly_once;
mod faults;
mod parameters;
mod recompute;
mod recording;
mod refusals;
mod world;
