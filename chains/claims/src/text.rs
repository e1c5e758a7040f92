//! How binary parts are written in a receipt's JSON: lower-case hex, of the canonical encoding where they have structure.

use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

fn bytes_of<E: serde::de::Error>(text: &str) -> Result<Vec<u8>, E> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(E::custom("hex digits must be lower case"));
    }
    hex::decode(text).map_err(E::custom)
}

/// A value as hex of its canonical encoding.
pub(crate) mod canonical {
    use super::*;

    pub(crate) fn serialize<T: borsh::BorshSerialize, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(ledger::encode(value)))
    }

    pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: borsh::BorshSerialize + borsh::BorshDeserialize,
        D: Deserializer<'de>,
    {
        let text = String::deserialize(from)?;
        ledger::decode("hex", &bytes_of::<D::Error>(&text)?).map_err(D::Error::custom)
    }
}

/// Bytes or nothing.
pub(crate) mod optional_bytes {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(value: &Option<Vec<u8>>, to: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(bytes) => to.serialize_some(&hex::encode(bytes)),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<u8>>, D::Error> {
        Option::<String>::deserialize(from)?.map(|text| bytes_of::<D::Error>(&text)).transpose()
    }
}
