//! Where a ciphertext lies in the blob store.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::Digest;

/// A blob within a pack. A chain refers to its bulk data only by this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct BlobRef {
    /// SHA-256 of the pack, which is also the object's name.
    pub pack: Digest,
    /// Offset of the blob in the pack, in bytes.
    pub offset: u64,
    /// Length of the blob, in bytes.
    pub length: u32,
    /// SHA-256 of the blob alone: its content identifier.
    pub digest: Digest,
}
