use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use sha2::Digest as _;

use crate::Error;

/// 32 bytes that came out of SHA-256. Shown, and written in JSON, as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// All zero: "none", for example the parent of a first block.
    pub const ZERO: Self = Self([0; 32]);

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// SHA-256 (FIPS 180-4) over bytes without a domain: for ciphertexts in the blob store and nothing else.
pub fn sha256(bytes: &[u8]) -> Digest {
    Digest(sha2::Sha256::digest(bytes).into())
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        hex_array(text, "digest").map(Self)
    }
}

/// Exactly `N` bytes from lower-case hex; upper case is refused so that one value has one spelling.
pub(crate) fn hex_array<const N: usize>(text: &str, what: &'static str) -> Result<[u8; N], Error> {
    let malformed = |reason: String| Error::Malformed { what, reason };
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(malformed("hex digits must be lower case".into()));
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|error| malformed(error.to_string()))?;
    Ok(bytes)
}

/// JSON spelling (hex) for a type with `Display` and `FromStr`.
macro_rules! serde_as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use serde_as_text;

serde_as_text!(Digest);
