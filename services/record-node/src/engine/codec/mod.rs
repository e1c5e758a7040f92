//! The engine's messages as bytes: borsh, every count bounded, nothing after the end.

mod consensus;
mod liveness;
mod parts;
mod sync;

use arc_malachitebft_app_channel::app::types::core::Round;
use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;

pub(crate) use sync::{certificate_in, certificate_out};

/// Size of every piece of a block but the last.
pub(crate) const CHUNK_BYTES: usize = 128 * 1024;
/// Most bytes of transactions in one gossip message.
pub(crate) const GOSSIP_BYTES: usize = 128 * 1024;
/// Most transactions in one gossip message.
pub(crate) const GOSSIP_TRANSACTIONS: usize = 1024;
/// Most bytes of a message other than a sync response: a gossip message with its lengths.
const MESSAGE_BYTES: usize = GOSSIP_BYTES + 8 * GOSSIP_TRANSACTIONS + 4096;

/// The one codec, for network, write-ahead log and sync.
#[derive(Clone, Copy)]
pub(crate) struct BorshCodec;

/// Bytes that are no message of this version: they are dropped.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {reason}")]
pub(crate) struct CodecError {
    what: &'static str,
    reason: String,
}

fn refuse<T>(what: &'static str, reason: impl Into<String>) -> Result<T, CodecError> {
    Err(CodecError { what, reason: reason.into() })
}

fn read<T: BorshDeserialize>(what: &'static str, bytes: &[u8], max_bytes: usize) -> Result<T, CodecError> {
    if bytes.len() > max_bytes {
        return refuse(what, format!("{} bytes, at most {max_bytes}", bytes.len()));
    }
    borsh::from_slice(bytes).map_err(|error| CodecError { what, reason: error.to_string() })
}

fn write<T: BorshSerialize>(what: &'static str, value: &T) -> Result<Bytes, CodecError> {
    borsh::to_vec(value).map(Bytes::from).map_err(|error| CodecError { what, reason: error.to_string() })
}

fn defined(what: &'static str, round: Round) -> Result<u32, CodecError> {
    round.as_u32().map_or_else(|| refuse(what, "no round"), Ok)
}

fn bounded<T>(what: &'static str, items: Vec<T>, max: usize) -> Result<Vec<T>, CodecError> {
    if items.len() > max { refuse(what, format!("{} items, at most {max}", items.len())) } else { Ok(items) }
}
