//! Behaviour of claims: checks, disclosure, receipts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod checks;
mod events;
mod forgeries;
mod receipts;
mod world;
