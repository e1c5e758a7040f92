//! The store against real files: crashes, damage, full disks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation
)]

mod append;
mod barriers;
mod blobs;
mod common;
mod crash;
mod damage;
mod faults;
mod format;
mod index;
mod laws;
