//! The commands on files, small ones of our own and real ones where they are at hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod alerts;
mod bedside;
mod charts;
mod forecast;
mod forest;
mod persons;
mod prefix;
mod refusals;
mod stress;
mod support;
mod wearable;
