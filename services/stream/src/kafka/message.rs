//! Records as Kafka messages.
//!
//! Event time travels in a header of its own, not in the message's timestamp: brokers count retention from that timestamp and refuse
//! ones from the future, while an event may be years old when it is imported.

use bytes::Bytes;
use rdkafka::message::{BorrowedMessage, Header, Headers as _, Message, OwnedHeaders};

use crate::{Append, Headers, Record, Topic, Topics};

/// Decimal milliseconds since 1970-01-01 UTC; always the first header of ours.
const EVENT_TIME: &str = "event_time_ms";

pub(super) fn headers_of(append: &Append) -> OwnedHeaders {
    let time = append.time_ms.to_string();
    let first = OwnedHeaders::new().insert(Header { key: EVENT_TIME, value: Some(time.as_str()) });
    append.headers.iter().fold(first, |headers, (key, value)| headers.insert(Header { key, value: Some(value) }))
}

pub(super) fn record_of(message: &BorrowedMessage<'_>, topics: &Topics) -> Record {
    let mut time_ms = None;
    let mut pairs = Vec::new();
    if let Some(headers) = message.headers() {
        for (place, header) in headers.iter().enumerate() {
            let value = header.value.unwrap_or_default();
            if place == 0 && header.key == EVENT_TIME {
                time_ms = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            }
            if time_ms.is_none() || place > 0 {
                pairs.push((header.key, value));
            }
        }
    }
    let name = message.topic();
    Record {
        topic: topics.get(name).map_or_else(|_| Topic::from(name.to_owned()), |spec| spec.name.clone()),
        partition: u32::try_from(message.partition()).unwrap_or(0),
        offset: u64::try_from(message.offset()).unwrap_or(0),
        key: message.key().map(Bytes::copy_from_slice).unwrap_or_default(),
        // A foreign producer's messages have no such header: the time they were made or arrived.
        time_ms: time_ms.or_else(|| message.timestamp().to_millis()).unwrap_or(0),
        headers: Headers::from_pairs(pairs).unwrap_or_else(|error| {
            tracing::warn!(topic = name, offset = message.offset(), %error, "headers of a foreign record are passed over");
            Headers::default()
        }),
        value: message.payload().map(Bytes::copy_from_slice).unwrap_or_default(),
    }
}
