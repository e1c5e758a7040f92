//! One partition from an offset to an end, without a group.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::failure::{named, passes};
use super::message::Records;
use super::{Context, Settings, blocking};
use crate::{Record, Result, Scan};

pub(super) struct KafkaScan {
    settings: Arc<Settings>,
    /// `None` at the end.
    open: Option<Arc<Open>>,
}

struct Open {
    consumer: BaseConsumer<Context>,
    end: u64,
}

impl KafkaScan {
    pub(super) async fn open(
        settings: Arc<Settings>,
        topic: &str,
        partition: i32,
        from: u64,
        end: u64,
    ) -> Result<Self> {
        if from >= end {
            return Ok(Self { settings, open: None });
        }
        let topic = topic.to_owned();
        blocking(move || {
            // librdkafka consumes only with the name of a group; none is joined.
            let mut config = settings.consumer("caduceus.scan");
            config.set("enable.partition.eof", "true");
            let failed = |error| named("opening a scan", &error);
            let consumer = BaseConsumer::from_config_and_context(&config, Context::new(&settings)).map_err(failed)?;
            let mut list = TopicPartitionList::with_capacity(1);
            let from = Offset::Offset(i64::try_from(from).unwrap_or(i64::MAX));
            list.add_partition_offset(&topic, partition, from).map_err(failed)?;
            consumer.assign(&list).map_err(failed)?;
            Ok(Self { settings, open: Some(Arc::new(Open { consumer, end })) })
        })
        .await
    }
}

#[async_trait]
impl Scan for KafkaScan {
    async fn next(&mut self, max_records: usize) -> Result<Vec<Record>> {
        let Some(open) = self.open.clone() else { return Ok(Vec::new()) };
        let settings = self.settings.clone();
        let (records, ended) = blocking(move || open.next(&settings, max_records.max(1))).await?;
        if ended {
            self.open = None;
        }
        Ok(records)
    }
}

impl Open {
    fn next(&self, settings: &Settings, max_records: usize) -> Result<(Vec<Record>, bool)> {
        let (mut records, mut made) = (Vec::new(), Records::apart());
        let mut deadline = Instant::now() + settings.reach;
        while records.len() < max_records {
            match self.consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    let record = made.of(&message, &settings.topics);
                    if record.offset >= self.end {
                        return Ok((records, true));
                    }
                    let last = record.offset.saturating_add(1) >= self.end;
                    records.push(record);
                    if last {
                        return Ok((records, true));
                    }
                    deadline = Instant::now() + settings.reach;
                }
                // All that is committed was passed over: at least up to the end as it was when the scan began.
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok((records, true)),
                Some(Err(error)) if ignored(&error) => {}
                Some(Err(error)) => return Err(named("scanning", &error)),
                None => {}
            }
            if Instant::now() >= deadline {
                return Err(self.consumer.context().heard.unreachable(&settings.brokers, settings.reach));
            }
        }
        Ok((records, false))
    }
}

/// Passing trouble, and that the group may not be joined, which was not wanted anyway.
fn ignored(error: &KafkaError) -> bool {
    error.rdkafka_error_code().is_some_and(|code| passes(code) || code == RDKafkaErrorCode::GroupAuthorizationFailed)
}
