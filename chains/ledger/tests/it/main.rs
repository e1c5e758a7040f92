//! The ledger's formats and proofs, from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod certificates;
mod encoding;
mod golden;
mod merkle;
mod sealing;
mod signatures;

use ledger::{Chain, Digest, SeededRng, rng_from_seed};

fn rng() -> SeededRng {
    rng_from_seed([7; 32])
}

fn chain() -> Chain {
    Chain { network: Digest([0x11; 32]), id: Digest([0x22; 32]) }
}
