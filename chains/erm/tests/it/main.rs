//! The record chain through its public API.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

mod access;
mod blocks;
mod claims_and_anchors;
mod events;
mod fixture;
mod genesis;
mod golden;
mod laws;
mod light;
mod membership;
mod proofs;
mod roles;
