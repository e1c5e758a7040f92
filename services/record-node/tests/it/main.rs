#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::large_futures,
    clippy::cast_precision_loss,
    missing_docs,
    unreachable_pub
)]

mod change;
mod child;
mod clocks;
mod commit;
mod erm_chain;
mod faults;
mod idle;
mod load;
mod network;
mod pool;
mod state_store;
mod sync;
mod toy;
