//! Record headers, CloudEvents 1.0 attributes in binary mode, and W3C trace context.
//!
//! Headers are kept as they lie in the log, so that reading a record allocates nothing for them:
//! for each header, name length (`u16` little-endian), name (UTF-8), value length (`u32` little-endian), value.

use bytes::{BufMut, Bytes, BytesMut};

use crate::{Error, Result};

/// The W3C Trace Context header (<https://www.w3.org/TR/trace-context/>).
pub const TRACEPARENT: &str = "traceparent";

/// At most this many bytes of headers a record.
pub const MAX_HEADERS_BYTES: usize = 64 * 1024;

/// The headers of a record, in order; names may repeat, the first counts.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Bytes);

impl Headers {
    /// Headers from names and values.
    ///
    /// # Errors
    /// [`Error::Invalid`] where a name is empty or all of them exceed [`MAX_HEADERS_BYTES`].
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Self> {
        let mut out = BytesMut::new();
        for (name, value) in pairs {
            let (Ok(name_len), Ok(value_len)) = (u16::try_from(name.len()), u32::try_from(value.len())) else {
                return Err(Error::Invalid(format!(
                    "header {:?}… is too long",
                    name.chars().take(32).collect::<String>()
                )));
            };
            if name_len == 0 {
                return Err(Error::Invalid("a header without a name".into()));
            }
            out.put_u16_le(name_len);
            out.put_slice(name.as_bytes());
            out.put_u32_le(value_len);
            out.put_slice(value);
        }
        if out.len() > MAX_HEADERS_BYTES {
            return Err(Error::Invalid(format!("{} bytes of headers, the limit is {MAX_HEADERS_BYTES}", out.len())));
        }
        Ok(Self(out.freeze()))
    }

    /// Headers from the bytes in which they lie in the log.
    pub(crate) fn from_encoded(encoded: Bytes) -> Option<Self> {
        let mut rest: &[u8] = &encoded;
        while !rest.is_empty() {
            let (_, _, after) = split_first(rest)?;
            rest = after;
        }
        Some(Self(encoded))
    }

    /// The bytes in which they lie in the log.
    pub(crate) fn encoded(&self) -> &Bytes {
        &self.0
    }

    /// The first value of this name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// The first value of this name, where it is UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut rest: &[u8] = &self.0;
        std::iter::from_fn(move || {
            let (name, value, after) = split_first(rest)?;
            rest = after;
            Some((name, value))
        })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter().map(|(name, value)| (name, String::from_utf8_lossy(value)))).finish()
    }
}

fn split_first(bytes: &[u8]) -> Option<(&str, &[u8], &[u8])> {
    let (name_len, rest) = bytes.split_first_chunk::<2>()?;
    let (name, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*name_len)))?;
    let (value_len, rest) = rest.split_first_chunk::<4>()?;
    let (value, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*value_len)).ok()?)?;
    let name = std::str::from_utf8(name).ok().filter(|name| !name.is_empty())?;
    Some((name, value, rest))
}

/// The CloudEvents 1.0 attributes that every record of this project carries, as headers `ce_…` (Kafka protocol binding,
/// binary mode, <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md>).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudEvent<'a> {
    /// Unique within `source`.
    pub id: &'a str,
    /// Who produced it, a URI reference.
    pub source: &'a str,
    /// What it is, with its schema version: `caduceus.reading.v1`.
    pub kind: &'a str,
    /// When it happened, RFC 3339.
    pub time: &'a str,
    /// W3C trace context, carried along.
    pub traceparent: Option<&'a str>,
}

impl<'a> CloudEvent<'a> {
    /// As headers.
    ///
    /// # Errors
    /// [`Error::Invalid`] where a required attribute is empty or too long.
    pub fn headers(&self) -> Result<Headers> {
        for (name, value) in [("id", self.id), ("source", self.source), ("type", self.kind)] {
            if value.is_empty() {
                return Err(Error::Invalid(format!("CloudEvents attribute {name:?} is empty")));
            }
        }
        let required = [
            ("ce_specversion", "1.0"),
            ("ce_id", self.id),
            ("ce_source", self.source),
            ("ce_type", self.kind),
            ("ce_time", self.time),
        ];
        let all = required.into_iter().chain(self.traceparent.map(|value| (TRACEPARENT, value)));
        Headers::from_pairs(all.map(|(name, value)| (name, value.as_bytes())))
    }

    /// From headers; `None` where a required attribute is missing, is not UTF-8, or the version is not 1.0.
    pub fn from_headers(headers: &'a Headers) -> Option<Self> {
        if headers.text("ce_specversion")? != "1.0" {
            return None;
        }
        Some(Self {
            id: headers.text("ce_id")?,
            source: headers.text("ce_source")?,
            kind: headers.text("ce_type")?,
            time: headers.text("ce_time").unwrap_or(""),
            traceparent: headers.text(TRACEPARENT),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cloud_events_come_back_from_their_headers() {
        let event = CloudEvent {
            id: "7",
            source: "/ingest",
            kind: "caduceus.reading.v1",
            time: "2026-01-01T00:00:00Z",
            traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        };
        let headers = event.headers().unwrap();
        assert_eq!(CloudEvent::from_headers(&headers), Some(event));
        assert_eq!(headers.text("ce_specversion"), Some("1.0"));
    }

    #[test]
    fn an_event_without_id_is_refused_and_headers_without_attributes_are_none() {
        let event = CloudEvent { id: "", source: "/x", kind: "k", time: "", traceparent: None };
        assert!(matches!(event.headers(), Err(Error::Invalid(_))));
        assert_eq!(CloudEvent::from_headers(&Headers::default()), None);
        let other = Headers::from_pairs([
            ("ce_specversion", &b"0.3"[..]),
            ("ce_id", b"1"),
            ("ce_source", b"s"),
            ("ce_type", b"t"),
        ])
        .unwrap();
        assert_eq!(CloudEvent::from_headers(&other), None);
    }

    #[test]
    fn oversized_and_nameless_headers_are_refused() {
        assert!(Headers::from_pairs([("", &b"x"[..])]).is_err());
        assert!(Headers::from_pairs([("x", &vec![0; MAX_HEADERS_BYTES][..])]).is_err());
    }

    proptest! {
        #[test]
        fn headers_survive_their_encoding(pairs in proptest::collection::vec(("[a-z_]{1,12}", proptest::collection::vec(any::<u8>(), 0..20)), 0..6)) {
            let headers = Headers::from_pairs(pairs.iter().map(|(n, v)| (n.as_str(), v.as_slice()))).unwrap();
            let again = Headers::from_encoded(headers.encoded().clone()).unwrap();
            let back: Vec<_> = again.iter().map(|(n, v)| (n.to_owned(), v.to_vec())).collect();
            prop_assert_eq!(back, pairs);
        }

        #[test]
        fn foreign_bytes_are_refused_or_read_whole(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Some(headers) = Headers::from_encoded(bytes.clone().into()) {
                let pairs: Vec<_> = headers.iter().collect();
                let again = Headers::from_pairs(pairs).unwrap();
                prop_assert_eq!(again.encoded(), &Bytes::from(bytes));
            }
        }
    }
}
