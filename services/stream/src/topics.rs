//! Every topic of the project, in one place: its name, its partitions and how long it is kept.

use std::borrow::{Borrow, Cow};
use std::collections::BTreeMap;

use crate::{Error, Result};

/// A topic's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Cow<'static, str>);

impl Topic {
    /// A topic known when the program is written.
    pub const fn named(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&'static str> for Topic {
    fn from(name: &'static str) -> Self {
        Self::named(name)
    }
}

impl From<String> for Topic {
    fn from(name: String) -> Self {
        Self(Cow::Owned(name))
    }
}

impl From<&Topic> for Topic {
    fn from(topic: &Topic) -> Self {
        topic.clone()
    }
}

impl std::ops::Deref for Topic {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Topic {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Topic {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Topic {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl std::fmt::Display for Topic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Accepted readings, sealed; key: patient.
pub const READINGS: Topic = Topic::named("readings");
/// What was refused at the door, with the reason, sealed; key: patient, else device.
pub const READINGS_REJECTED: Topic = Topic::named("readings.rejected");
/// The personal chains; key: patient. Kept for ever.
pub const PHC_BLOCKS: Topic = Topic::named("phc.blocks");
/// Anchors over the heads of the personal chains: which leaves, and where they lie; no key. Kept for ever.
pub const PHC_ANCHORS: Topic = Topic::named("phc.anchors");
/// The detector's state at a block, sealed; key: patient. Only the last of a key counts.
pub const MONITOR_STATE: Topic = Topic::named("monitor.state");
/// What the detector found, sealed; key: patient.
pub const ALERTS: Topic = Topic::named("alerts");
/// Who acknowledged which alert and what was done; key: patient.
pub const ALERTS_ACKS: Topic = Topic::named("alerts.acks");
/// Mails that are to be sent, were sent or could not be, sealed; key: patient.
pub const NOTIFY_OUTBOX: Topic = Topic::named("notify.outbox");
/// Clinical events on their way to the record chain; key: patient's blinded reference.
pub const CLINICAL_EVENTS: Topic = Topic::named("clinical.events");
/// Every request for a patient's data, denied ones too; key: patient.
pub const ACCESS_REQUESTS: Topic = Topic::named("access.requests");

/// How long the records of a topic are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// For ever.
    Forever,
    /// The last record of each key, for ever; earlier ones may go.
    Compact,
    /// This many days, then they may go.
    Days(u32),
}

/// How a topic is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its name.
    pub name: Topic,
    /// Its partitions, 1 to [`MAX_PARTITIONS`].
    pub partitions: u32,
    /// How long its records are kept.
    pub retention: Retention,
}

/// The partition count where the configuration names none.
pub const DEFAULT_PARTITIONS: u32 = 8;
/// More partitions than this are refused.
pub const MAX_PARTITIONS: u32 = 1024;

/// The topics of a network. The partition count is pinned in the network's configuration: it decides where a key lies, so it
/// can never change under existing data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics(BTreeMap<Topic, TopicSpec>);

impl Topics {
    /// The project's topics, each with this many partitions.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the count is 0 or above [`MAX_PARTITIONS`].
    pub fn standard(partitions: u32) -> Result<Self> {
        let declared = [
            (READINGS, Retention::Days(30)),
            (READINGS_REJECTED, Retention::Days(30)),
            (PHC_BLOCKS, Retention::Forever),
            (PHC_ANCHORS, Retention::Forever),
            (MONITOR_STATE, Retention::Compact),
            (ALERTS, Retention::Days(90)),
            (ALERTS_ACKS, Retention::Days(90)),
            (NOTIFY_OUTBOX, Retention::Days(90)),
            (CLINICAL_EVENTS, Retention::Days(30)),
            (ACCESS_REQUESTS, Retention::Days(90)),
        ];
        Self::of(declared.map(|(name, retention)| TopicSpec { name, partitions, retention }))
    }

    /// Topics declared by the caller.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that Kafka does not take, a name given twice, or a partition count out of range.
    pub fn of(specs: impl IntoIterator<Item = TopicSpec>) -> Result<Self> {
        let mut all = BTreeMap::new();
        for spec in specs {
            let name = spec.name.as_str();
            let legal = !name.is_empty()
                && name.len() <= 249
                && name != "."
                && name != ".."
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
            if !legal {
                return Err(Error::Invalid(format!(
                    "topic name {name:?}: letters, digits, '.', '_' and '-' only, at most 249"
                )));
            }
            if spec.partitions == 0 || spec.partitions > MAX_PARTITIONS {
                return Err(Error::Invalid(format!(
                    "topic {name:?}: {} partitions, 1 to {MAX_PARTITIONS} are possible",
                    spec.partitions
                )));
            }
            if let Some(twice) = all.insert(spec.name.clone(), spec) {
                return Err(Error::Invalid(format!("topic {:?} is declared twice", twice.name.as_str())));
            }
        }
        Ok(Self(all))
    }

    /// The declaration of a topic.
    ///
    /// # Errors
    /// [`Error::UnknownTopic`], naming the topics there are.
    pub fn get(&self, topic: &str) -> Result<&TopicSpec> {
        self.0.get(topic).ok_or_else(|| Error::UnknownTopic {
            topic: topic.to_owned(),
            remedy: format!("declared are {}", self.0.keys().map(Topic::as_str).collect::<Vec<_>>().join(", ")),
        })
    }

    /// All declarations, by name.
    pub fn iter(&self) -> impl Iterator<Item = &TopicSpec> {
        self.0.values()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn what_carries_health_data_expires_and_blocks_stay() {
        let topics = Topics::standard(8).unwrap();
        for sealed in [READINGS, READINGS_REJECTED, ALERTS, NOTIFY_OUTBOX] {
            assert!(matches!(topics.get(&sealed).unwrap().retention, Retention::Days(days) if days > 0), "{sealed}");
        }
        assert_eq!(topics.get(&PHC_BLOCKS).unwrap().retention, Retention::Forever);
        assert_eq!(topics.get(&MONITOR_STATE).unwrap().retention, Retention::Compact);
    }

    #[test]
    fn an_undeclared_topic_is_refused_by_name_and_the_declared_ones_are_listed() {
        let message = Topics::standard(8).unwrap().get("reading").unwrap_err().to_string();
        assert!(message.contains("\"reading\"") && message.contains("phc.blocks"), "{message}");
    }

    #[test]
    fn impossible_declarations_are_refused() {
        assert!(Topics::standard(0).is_err());
        assert!(Topics::standard(MAX_PARTITIONS + 1).is_err());
        let spec = |name: &'static str| TopicSpec { name: name.into(), partitions: 1, retention: Retention::Forever };
        assert!(Topics::of([spec("a"), spec("a")]).is_err());
        assert!(Topics::of([spec("a b")]).is_err());
        assert!(Topics::of([spec("")]).is_err());
    }
}
