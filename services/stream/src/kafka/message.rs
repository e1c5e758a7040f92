//! Records as Kafka messages.
//!
//! Event time travels in a header of its own, not in the message's timestamp: brokers count retention from that timestamp and refuse
//! ones from the future, while an event may be years old when it is imported.

use bytes::BytesMut;
use rdkafka::message::{BorrowedMessage, Header, Headers as _, Message, OwnedHeaders};

use crate::{Append, Headers, Record, Topic, Topics};

/// Decimal milliseconds since 1970-01-01 UTC; always the first header of ours.
const EVENT_TIME: &str = "event_time_ms";

pub(super) fn headers_of(append: &Append) -> OwnedHeaders {
    let time = append.time_ms.to_string();
    let first = OwnedHeaders::new().insert(Header { key: EVENT_TIME, value: Some(time.as_str()) });
    append.headers.iter().fold(first, |headers, (key, value)| headers.insert(Header { key, value: Some(value) }))
}

/// Makes records of messages.
pub(super) struct Records {
    room: BytesMut,
    room_bytes: usize,
    /// That of the message before.
    topic: Option<Topic>,
}

impl Records {
    /// Records that are worked off as they come: many share the room for their contents, so that nobody allocates for each of them.
    /// It is small, because a record that somebody keeps holds on to what lies beside it.
    pub(super) fn together() -> Self {
        Self { room: BytesMut::new(), room_bytes: 16 * 1024, topic: None }
    }

    /// Records that may be kept: each holds on to nothing but itself.
    pub(super) fn apart() -> Self {
        Self { room_bytes: 0, ..Self::together() }
    }

    /// The next record.
    pub(super) fn of(&mut self, message: &BorrowedMessage<'_>, topics: &Topics) -> Record {
        let (key, value) = (message.key().unwrap_or_default(), message.payload().unwrap_or_default());
        let (time_ms, headers) = time_and_headers(message);
        let name = message.topic();
        let topic = match self.topic.take().filter(|topic| topic.as_str() == name) {
            Some(topic) => topic,
            None => topics.get(name).map_or_else(|_| Topic::from(name.to_owned()), |spec| spec.name.clone()),
        };
        self.topic = Some(topic.clone());
        let bytes = key.len() + value.len();
        if self.room.capacity() < bytes {
            self.room = BytesMut::with_capacity(bytes.max(self.room_bytes));
        }
        let mut put = |part: &[u8]| {
            self.room.extend_from_slice(part);
            self.room.split().freeze()
        };
        Record {
            topic,
            partition: u32::try_from(message.partition()).unwrap_or(0),
            offset: u64::try_from(message.offset()).unwrap_or(0),
            key: put(key),
            // A foreign producer's messages have no such header: the time they were made or arrived.
            time_ms: time_ms.or_else(|| message.timestamp().to_millis()).unwrap_or(0),
            headers,
            value: put(value),
        }
    }
}

fn time_and_headers(message: &BorrowedMessage<'_>) -> (Option<i64>, Headers) {
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
    if pairs.is_empty() {
        return (time_ms, Headers::default());
    }
    let headers = Headers::from_pairs(pairs).unwrap_or_else(|error| {
        let (topic, offset) = (message.topic(), message.offset());
        tracing::warn!(topic, offset, %error, "headers of a foreign record are passed over");
        Headers::default()
    });
    (time_ms, headers)
}
