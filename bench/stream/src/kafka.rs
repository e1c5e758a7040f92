//! The event log as the product opens it, on a broker that is alone.

use std::time::Duration;

use anyhow::Result;
use stream::{KafkaLog, Retention, TopicSpec, Topics};

use crate::message::JSON_TOPIC;

/// The partition of every topic here.
pub(crate) const PARTITIONS: u32 = 1;
/// As many messages as one transaction of a pipeline takes.
pub(crate) const MOST: usize = 500;
/// A pipeline that waits for its turn is not dead.
const POLL_INTERVAL: Duration = Duration::from_secs(3_600);

/// The product's topics.
pub(crate) async fn connect(bootstrap: &str) -> Result<KafkaLog> {
    open(bootstrap, Topics::standard(PARTITIONS)?, false).await
}

/// The product's topics and those of the peers, made where they are not there.
pub(crate) async fn create(bootstrap: &str, pipelines: &[&str]) -> Result<KafkaLog> {
    let more = |name: String| TopicSpec { name: name.into(), partitions: PARTITIONS, retention: Retention::Forever };
    let standard = Topics::standard(PARTITIONS)?;
    let of_peers = pipelines.iter().flat_map(|name| [format!("blocks.{name}"), format!("alerts.{name}")]);
    let all = of_peers.chain([JSON_TOPIC.to_owned()]).map(more).chain(standard.iter().cloned());
    open(bootstrap, Topics::of(all)?, true).await
}

async fn open(bootstrap: &str, topics: Topics, create_topics: bool) -> Result<KafkaLog> {
    let mut settings = stream::kafka::Settings::new(bootstrap, topics);
    (settings.create_topics, settings.allow_single_broker) = (create_topics, true);
    settings.poll_interval = POLL_INTERVAL;
    Ok(KafkaLog::connect(settings).await?)
}
