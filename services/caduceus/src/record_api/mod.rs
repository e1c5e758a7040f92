//! A record node's API for processes of the same network: transactions in, state with proofs out.
//!
//! HTTP with borsh bodies. The server lets in members that present a token signed by themselves or by the network's
//! authority. The client believes nothing: finality is verified from the genesis, and every value against the state root.

mod anchors;
mod client;
mod server;
mod snapshot;
mod transport;
mod wire;

#[cfg(test)]
mod tests;

pub(crate) use anchors::{ChainAnchors, send};
pub(crate) use client::RemoteChain;
pub(crate) use server::router;
