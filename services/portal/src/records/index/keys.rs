//! Keys of the index: a byte that says of what, then the chain; numbers big-endian, so that sled's order is theirs.

use ledger::Digest;

use super::Slot;

pub(super) const MARKER: u8 = 0;
const PLACE: u8 = 1;
const SLOT: u8 = 2;
const LONGEST: u8 = 3;
const DIRECTIVES: u8 = 4;
const STATE: u8 = 5;

pub(super) fn marker(partition: u32) -> Vec<u8> {
    [&[MARKER], partition.to_be_bytes().as_slice()].concat()
}

/// (chain, height) → place of the block.
pub(super) fn place(chain: &Digest, height: u64) -> Vec<u8> {
    [&[PLACE], chain.0.as_slice(), &height.to_be_bytes()].concat()
}

/// (chain, category, last event time, height) → first event time.
pub(super) fn slot(chain: &Digest, category: u8, slot: Slot) -> Vec<u8> {
    [&[SLOT], chain.0.as_slice(), &[category], &ordered(slot.to_ms), &slot.height.to_be_bytes()].concat()
}

/// (chain, category) → the longest span of event time of a block.
pub(super) fn longest(chain: &Digest, category: u8) -> Vec<u8> {
    [&[LONGEST], chain.0.as_slice(), &[category]].concat()
}

/// (chain, height): the block carries directives.
pub(super) fn directives(chain: &Digest, height: u64) -> Vec<u8> {
    [&[DIRECTIVES], chain.0.as_slice(), &height.to_be_bytes()].concat()
}

/// chain → the state by which the next block is judged.
pub(super) fn state(chain: &Digest) -> Vec<u8> {
    [&[STATE], chain.0.as_slice()].concat()
}

/// Last eight bytes of a key.
pub(super) fn read_height(key: &[u8]) -> Option<u64> {
    key.last_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes))
}

/// Last sixteen bytes of a key.
pub(super) fn read_slot(key: &[u8]) -> Option<Slot> {
    let (head, height) = key.split_last_chunk::<8>()?;
    let time = head.last_chunk::<8>()?;
    Some(Slot { to_ms: i64::from_be_bytes(*time) ^ i64::MIN, height: u64::from_be_bytes(*height) })
}

/// Signed numbers in the order of their bytes.
fn ordered(time_ms: i64) -> [u8; 8] {
    (time_ms ^ i64::MIN).to_be_bytes()
}
