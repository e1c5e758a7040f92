//! The store against real files: crashes, damage, full disks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod append;
mod barriers;
mod common;
mod faults;
