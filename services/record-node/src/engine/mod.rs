//! The consensus engine (Malachite) behind our own types. Nothing outside this module names its types.

mod codec;
mod context;
mod driver;
mod pace;
mod parts;
mod peers;
mod proposer;
mod signing;
mod start;
mod types;

#[cfg(test)]
mod tests;

pub(crate) use codec::{GOSSIP_BYTES, GOSSIP_TRANSACTIONS};
pub(crate) use start::{node_id_of, run};
