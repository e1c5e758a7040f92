//! The model file's frame: what it is, which version, how long, and a hash of it all.
//!
//! `"IFOREST"` ‖ version u8 = 2 ‖ length of the content u64 ‖ content ‖ SHA-256 of everything before it.

use crate::IsolationForestError;
use sha2::{Digest, Sha256};

const MAGIC: &[u8; 7] = b"IFOREST";
const VERSION: u8 = 2;
/// Magic, version and length.
pub(crate) const HEAD: usize = 16;
const HASH: usize = 32;

/// Puts the frame around what `content` writes.
pub(crate) fn frame(capacity: usize, content: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + capacity + HASH);
    bytes.extend_from_slice(MAGIC);
    bytes.push(VERSION);
    bytes.extend_from_slice(&[0; 8]);
    content(&mut bytes);
    let length = (bytes.len() - HEAD) as u64;
    if let Some(place) = bytes.get_mut(8..HEAD) {
        place.copy_from_slice(&length.to_le_bytes());
    }
    let hash = Sha256::digest(&bytes);
    bytes.extend_from_slice(&hash);
    bytes
}

/// The content of a whole, undamaged file of this version.
pub(crate) fn content(bytes: &[u8]) -> Result<&[u8], IsolationForestError> {
    let (head, rest) = bytes.split_first_chunk::<HEAD>().ok_or_else(|| {
        let like_one = bytes.iter().zip(MAGIC).all(|(byte, expected)| byte == expected);
        if like_one { truncated(bytes, HEAD) } else { NOT_A_MODEL }
    })?;
    let [magic @ .., version, _, _, _, _, _, _, _, _] = head;
    if magic != MAGIC {
        return Err(NOT_A_MODEL);
    }
    if *version != VERSION {
        return Err(IsolationForestError::Version { found: *version, supported: VERSION });
    }
    let length = head.last_chunk::<8>().map_or(0, |length| u64::from_le_bytes(*length));
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let whole = length.saturating_add(HEAD + HASH);
    if bytes.len() < whole {
        return Err(truncated(bytes, whole));
    }
    if bytes.len() > whole {
        return Err(IsolationForestError::Bytes { offset: whole, reason: "bytes after the end of the model" });
    }
    let (hashed, stated) = bytes.split_last_chunk::<HASH>().ok_or_else(|| truncated(bytes, whole))?;
    let computed: [u8; HASH] = Sha256::digest(hashed).into();
    if computed != *stated {
        return Err(IsolationForestError::Hash { stated: *stated, computed });
    }
    rest.get(..length).ok_or_else(|| truncated(bytes, whole))
}

const NOT_A_MODEL: IsolationForestError =
    IsolationForestError::Bytes { offset: 0, reason: "not the file of an isolation forest" };

fn truncated(bytes: &[u8], expected: usize) -> IsolationForestError {
    IsolationForestError::Truncated { length: bytes.len(), expected }
}
