//! The whole path and the project's own rules, from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod alerts;
mod architecture;
mod canaries;
mod crash;
mod custody;
mod damage;
mod demo;
mod detect;
mod forecast;
mod forest;
mod index;
mod processes;
mod records;
mod replay;
mod support;
