#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::indexing_slicing, missing_docs, unreachable_pub)]

mod commit;
mod network;
mod toy;
