//! A validator of the record chain: a pure state machine under a Byzantine-fault-tolerant consensus engine.
//!
//! The crate joins [`StateMachine`] (given by `erm`) with the engine (Malachite: Tendermint, Buchman et al. 2018,
//! "The latest gossip on BFT consensus"), weighted by stake, signed with sr25519, and adds what the engine leaves to
//! its user: mempool, transaction gossip, block store, sync, pacing. It is not the state machine, and it knows no
//! HTTP: `portal` and the binary talk to a running node through [`Handle`].
//!
//! - A block is final when precommits of more than two thirds of the weight name it; it is on disk, with that
//!   certificate ([`ledger::CommitCertificate`]), before anybody is told.
//! - With nothing to commit no blocks are made but a slow heartbeat.
//! - A node that lags or was wiped fetches decided blocks with their certificates from the others.
//!
//! ```no_run
//! use std::sync::Arc;
//! use record_node::{Config, Identity, RecordNode, StateMachine};
//!
//! # async fn run<M: StateMachine>(machine: M, transaction: bytes::Bytes) -> Result<(), Box<dyn std::error::Error>> {
//! let identity = Identity::from_seed(&[7; 32]); // from the keystore
//! let config = Config::new("hospital", "data/hospital", "127.0.0.1:4001".parse()?, Vec::new());
//! let clock = Arc::new(|| 1_700_000_000_000); // from the process' clock
//! let (node, running) = RecordNode::start(config, identity, machine, clock).await?;
//! let id = node.submit(transaction).await?;
//! let committed = node.await_committed(id).await?;
//! println!("in block {} as number {}", committed.height, committed.index);
//! node.shutdown().await;
//! running.await??;
//! # Ok(()) }
//! ```

mod blocks;
mod clock;
mod config;
mod engine;
mod erm_machine;
mod error;
mod gossip;
mod machine;
mod mempool;
mod node;
mod on_disk;
mod sled_store;
mod stored;
mod undecided;
mod wire;

pub use clock::{Clock, SharedClock};
pub use config::{Config, Identity, Peer, Timeouts};
pub use erm_machine::ErmMachine;
pub use error::{AwaitError, Error, SubmitError};
pub use machine::{Admission, BlockSummary, Proposal, Refusal, StateMachine, Tip, Verified};
pub use mempool::MempoolLimits;
pub use node::{Committed, Handle, RecordNode};
pub use on_disk::Progress;
pub use sled_store::{KEPT_HEIGHTS, SledStore};
pub use stored::{StoredBlock, StoredBlocks, check_votes_and_proposals};
