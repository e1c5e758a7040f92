//! The notifier from outside: over the embedded event log, into files and into a real mail server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss
)]

mod chart;
mod mail;
mod mime;
mod outbox;
mod restart;
mod settings;
mod smtp;
mod world;
