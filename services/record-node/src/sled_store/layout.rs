//! Keys and values of the index, all in one sled tree. Heights are big-endian, so that keys sort by them.
//!
//! | key | value |
//! | --- | --- |
//! | `00` | layout version `u8` ‖ network id (32): what the index is of |
//! | `01` | oldest height that is kept `u64` ‖ the head's encoding |
//! | `02 ‖ node key` | tree node; the key's leading version (little-endian as it comes) is stored big-endian |
//! | `03 ‖ key digest (32) ‖ height u64` | value written at this height |
//! | `04 ‖ height u64` | what this height made stale: [`Superseded`] |
//! | `05 ‖ height u64` | validators after this height, where its block changed them |

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::Digest;

/// Version of this layout: another one is rebuilt, never read.
const VERSION: u8 = 1;

pub(super) const OWNER: &[u8] = &[0];
pub(super) const HEAD: &[u8] = &[1];
const NODE: u8 = 2;
const VALUE: u8 = 3;
const SUPERSEDED: u8 = 4;
const VALIDATORS: u8 = 5;

/// What later heights do not need.
#[derive(BorshSerialize, BorshDeserialize)]
pub(super) struct Superseded {
    /// Keys of nodes that only earlier heights need.
    pub(super) nodes: Vec<Vec<u8>>,
    /// Keys that were written: their earlier values are not needed from this height on.
    pub(super) values: Vec<Digest>,
}

pub(super) fn owner(network: &Digest) -> Vec<u8> {
    [&[VERSION], network.as_bytes().as_slice()].concat()
}

pub(super) fn head(oldest: u64, head: &[u8]) -> Vec<u8> {
    [&oldest.to_be_bytes(), head].concat()
}

pub(super) fn split_head(value: &[u8]) -> Option<(u64, &[u8])> {
    let (oldest, head) = value.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*oldest), head))
}

/// Turning the first eight bytes around keeps keys distinct, and puts the nodes of one height side by side.
pub(super) fn node(key: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(key.len() + 1);
    stored.push(NODE);
    stored.extend_from_slice(key);
    if let Some(version) = stored.get_mut(1..9) {
        version.reverse();
    }
    stored
}

pub(super) fn value(key: &Digest, height: u64) -> Vec<u8> {
    [&[VALUE], key.as_bytes().as_slice(), &height.to_be_bytes()].concat()
}

pub(super) fn superseded(height: u64) -> Vec<u8> {
    at(SUPERSEDED, height)
}

pub(super) fn validators(height: u64) -> Vec<u8> {
    at(VALIDATORS, height)
}

/// The height in a key of [`validators`].
pub(super) fn height_of(key: &[u8]) -> Option<u64> {
    let [VALIDATORS, height @ ..] = key else { return None };
    Some(u64::from_be_bytes(height.try_into().ok()?))
}

fn at(tag: u8, height: u64) -> Vec<u8> {
    [&[tag], height.to_be_bytes().as_slice()].concat()
}
