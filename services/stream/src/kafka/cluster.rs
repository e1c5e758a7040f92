//! What a cluster has to be before it is trusted with records: topics as declared, enough copies.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::admin::{
    AdminClient, AdminOptions, NewTopic, OwnedResourceSpecifier, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::ClientContext;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::{Meta, Settings, failure::named};
use crate::{Error, Result, Retention, TopicSpec};

const COPIES: i64 = 3;
const IN_SYNC: i64 = 2;
/// Kafka keeps read positions and transactions in topics of its own; they need copies as much as ours.
const INTERNAL: [&str; 2] = ["__consumer_offsets", "__transaction_state"];

/// What the cluster says of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    partitions: u32,
    /// The fewest copies of any of its partitions.
    copies: i64,
}

#[derive(Debug, Default)]
struct Cluster {
    brokers: i64,
    topics: BTreeMap<String, Found>,
}

/// Waits until the cluster answers, creates what is missing where that is wished, and refuses what does not hold.
pub(super) async fn verify(meta: &Meta, settings: &Settings) -> Result<()> {
    let mut cluster = look(meta, settings).await?;
    if !settings.allow_single_broker {
        enough(&format!("the cluster at {}", settings.brokers), "number of brokers", cluster.brokers, COPIES)?;
    }
    let missing: Vec<&TopicSpec> =
        settings.topics.iter().filter(|spec| !cluster.topics.contains_key(spec.name.as_str())).collect();
    let admin: AdminClient<Admin> = {
        use rdkafka::config::FromClientConfigAndContext;
        AdminClient::from_config_and_context(&settings.base(), Admin)
            .map_err(|error| named("making an admin client", &error))?
    };
    if !missing.is_empty() {
        cluster = create(meta, &admin, settings, &missing, &cluster).await?;
    }
    for spec in settings.topics.iter() {
        let found = cluster.topics.get(spec.name.as_str()).ok_or_else(|| unknown(spec))?.partitions;
        if found != spec.partitions {
            return Err(Error::PartitionCount { topic: spec.name.to_string(), expected: spec.partitions, found });
        }
    }
    if settings.allow_single_broker {
        return Ok(());
    }
    replicated(&admin, settings, &cluster).await
}

struct Admin;

impl ClientContext for Admin {
    fn log(&self, level: rdkafka::config::RDKafkaLogLevel, facility: &str, message: &str) {
        super::failure::log(level, facility, message);
    }
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "the admin client reports trouble");
    }
}

/// The cluster's topics. Asks again while nobody answers, within the bound.
async fn look(meta: &Meta, settings: &Settings) -> Result<Cluster> {
    let (meta, address, bound) = (meta.clone(), settings.brokers.clone(), settings.reach);
    super::blocking(move || {
        let deadline = Instant::now() + bound;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            // In slices, so that a refusal is heard before the whole time has passed.
            let outcome = meta.fetch_metadata(None, left.min(Duration::from_secs(2)));
            while meta.poll(Duration::ZERO).is_some() {} // lets the client say what it heard
            match outcome {
                Ok(metadata) => {
                    let mut cluster = Cluster {
                        brokers: i64::try_from(metadata.brokers().len()).unwrap_or(i64::MAX),
                        ..Cluster::default()
                    };
                    for topic in metadata
                        .topics()
                        .iter()
                        .filter(|topic| topic.error().is_none() && !topic.partitions().is_empty())
                    {
                        let copies =
                            topic.partitions().iter().map(|partition| partition.replicas().len()).min().unwrap_or(0);
                        let found = Found {
                            partitions: u32::try_from(topic.partitions().len()).unwrap_or(u32::MAX),
                            copies: i64::try_from(copies).unwrap_or(i64::MAX),
                        };
                        cluster.topics.insert(topic.name().to_owned(), found);
                    }
                    return Ok(cluster);
                }
                Err(error) => {
                    if let Some(refused) = meta.context().heard.refused() {
                        return Err(refused);
                    }
                    if Instant::now() >= deadline {
                        return Err(meta.context().heard.unreachable(&address, bound));
                    }
                    if !error.rdkafka_error_code().is_some_and(super::failure::passes) {
                        return Err(named("asking for the cluster's topics", &error));
                    }
                }
            }
        }
    })
    .await
}

async fn create(
    meta: &Meta,
    admin: &AdminClient<Admin>,
    settings: &Settings,
    missing: &[&TopicSpec],
    cluster: &Cluster,
) -> Result<Cluster> {
    if !settings.create_topics {
        return Err(missing.first().map_or(Error::Closed, |spec| unknown(spec)));
    }
    let copies = if settings.allow_single_broker { COPIES.min(cluster.brokers) } else { COPIES };
    let in_sync = IN_SYNC.min(copies).to_string();
    let largest = settings.max_record_bytes.saturating_add(64 * 1024).to_string();
    let declared: Vec<_> = missing.iter().map(|spec| (*spec, policy(spec.retention))).collect();
    let topics: Vec<NewTopic<'_>> = declared
        .iter()
        .map(|(spec, policy)| {
            let partitions = i32::try_from(spec.partitions).unwrap_or(i32::MAX);
            let copies = TopicReplication::Fixed(i32::try_from(copies).unwrap_or(i32::MAX));
            let mut topic = NewTopic::new(&spec.name, partitions, copies)
                .set("min.insync.replicas", &in_sync)
                .set("max.message.bytes", &largest)
                // Retention counts from arrival: event time may lie far back (a backfill) and would expire at once.
                .set("message.timestamp.type", "LogAppendTime");
            for (name, value) in policy {
                topic = topic.set(name, value);
            }
            topic
        })
        .collect();
    let options = AdminOptions::new().operation_timeout(Some(settings.reach)).request_timeout(Some(settings.reach));
    for outcome in admin.create_topics(&topics, &options).await.map_err(|error| named("creating topics", &error))? {
        match outcome {
            Ok(name) => tracing::info!(topic = name, "topic created"),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {} // another process was first
            Err((name, code)) => return Err(named(&format!("creating topic {name}"), &KafkaError::AdminOp(code))),
        }
    }
    // Created is not yet known everywhere.
    let deadline = Instant::now() + settings.reach;
    loop {
        let cluster = look(meta, settings).await?;
        let still = missing.iter().find(|spec| !cluster.topics.contains_key(spec.name.as_str()));
        match still {
            None => return Ok(cluster),
            Some(spec) if Instant::now() >= deadline => return Err(unknown(spec)),
            Some(_) => tokio::time::sleep(Duration::from_millis(20)).await, // the cluster offers nothing to wait on
        }
    }
}

/// The broker's settings for a retention.
fn policy(retention: Retention) -> Vec<(&'static str, String)> {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    match retention {
        Retention::Forever => {
            vec![("cleanup.policy", "delete".into()), ("retention.ms", "-1".into()), ("retention.bytes", "-1".into())]
        }
        Retention::Compact => vec![("cleanup.policy", "compact".into())],
        Retention::Days(days) => {
            let ms = u64::from(days).saturating_mul(DAY_MS);
            vec![
                ("cleanup.policy", "delete".into()),
                ("retention.ms", ms.to_string()),
                ("retention.bytes", "-1".into()),
            ]
        }
    }
}

/// A declared topic that the broker does not have, and the command that makes it.
fn unknown(spec: &TopicSpec) -> Error {
    let configs: String =
        policy(spec.retention).iter().map(|(name, value)| format!(" --config {name}={value}")).collect();
    Error::UnknownTopic {
        topic: spec.name.to_string(),
        remedy: format!(
            "the broker does not have it; set create_topics = true, or run kafka-topics.sh --bootstrap-server … --create --topic {} --partitions {} --replication-factor {COPIES} --config min.insync.replicas={IN_SYNC}{configs}",
            spec.name, spec.partitions
        ),
    }
}

/// Refuses topics, ours and Kafka's own, that would acknowledge with too few copies.
async fn replicated(admin: &AdminClient<Admin>, settings: &Settings, cluster: &Cluster) -> Result<()> {
    let ours = settings.topics.iter().map(|spec| spec.name.as_str());
    let names: Vec<&str> = ours.chain(INTERNAL).filter(|name| cluster.topics.contains_key(*name)).collect();
    let resources: Vec<_> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
    let options = AdminOptions::new().request_timeout(Some(settings.reach));
    let described = admin
        .describe_configs(&resources, &options)
        .await
        .map_err(|error| named("asking for topic settings", &error))?;
    for outcome in described {
        let config = outcome.map_err(|code| named("asking for topic settings", &KafkaError::AdminOp(code)))?;
        let OwnedResourceSpecifier::Topic(name) = &config.specifier else { continue };
        let copies = cluster.topics.get(name).map_or(0, |found| found.copies);
        let in_sync =
            config.get("min.insync.replicas").and_then(|entry| entry.value.as_deref()?.parse().ok()).unwrap_or(0);
        copies_of(name, copies, in_sync)?;
    }
    Ok(())
}

fn copies_of(topic: &str, copies: i64, in_sync: i64) -> Result<()> {
    enough(&format!("topic {topic}"), "replication.factor", copies, COPIES)?;
    enough(&format!("topic {topic}"), "min.insync.replicas", in_sync, IN_SYNC)
}

fn enough(subject: &str, setting: &'static str, found: i64, needed: i64) -> Result<()> {
    if found >= needed {
        return Ok(());
    }
    Err(Error::TooLittleReplication { subject: subject.to_owned(), setting, found, needed })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn too_few_copies_or_too_few_in_sync_are_refused_by_topic_and_setting() {
        copies_of("readings", 3, 2).unwrap();
        for (copies, in_sync, named) in
            [(2, 2, "replication.factor"), (3, 1, "min.insync.replicas"), (1, 1, "replication.factor")]
        {
            match copies_of("readings", copies, in_sync).unwrap_err() {
                Error::TooLittleReplication { subject, setting, .. } => {
                    assert_eq!(setting, named);
                    assert!(subject.contains("readings"));
                }
                other => panic!("{other}"),
            }
        }
    }

    #[test]
    fn a_missing_topic_comes_with_the_command_that_makes_it() {
        let topics = crate::Topics::standard(8).unwrap();
        let message = unknown(topics.get("readings").unwrap()).to_string();
        for part in ["\"readings\"", "create_topics", "--partitions 8", "retention.ms=2592000000"] {
            assert!(message.contains(part), "{part} is not in: {message}");
        }
        let blocks = unknown(topics.get("phc.blocks").unwrap()).to_string();
        assert!(blocks.contains("retention.ms=-1"), "{blocks}");
    }
}
