//! The kit from outside: files, the environment, sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod config;
mod http;
mod keystore;
