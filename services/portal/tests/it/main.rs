//! The portal over HTTP: real event log and blob store in a temporary folder, real state machine behind it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod access;
mod claims_over_http;
mod events;
mod examples;
mod lost_answers;
mod manual;
mod parameters;
mod readings;
mod records;
mod world;
