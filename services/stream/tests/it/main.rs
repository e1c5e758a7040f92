//! The contract of the event log, kept by both implementations, and what is special to each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod contract;
mod copier;
mod embedded;
mod kafka;
