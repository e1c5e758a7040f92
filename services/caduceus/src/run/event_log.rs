//! The event log that the configuration names.

use std::sync::Arc;
use std::time::Duration;

use kit::{Condition, Shutdown};
use stream::embedded::Settings as EmbeddedSettings;
use stream::kafka::Settings as KafkaSettings;
use stream::topics::READINGS;
use stream::{EmbeddedLog, EventLog, KafkaLog, Topics};

use super::config::{LogKind, LogSettings};
use crate::failure::{Failure, OrFail as _, Outcome};

/// How often it is asked whether the log answers, and how long an answer may take before that is said.
const PROBE: Duration = Duration::from_secs(3);

/// An open event log.
pub(super) struct OpenLog {
    pub(super) log: Arc<dyn EventLog>,
    embedded: Option<EmbeddedLog>,
}

impl OpenLog {
    /// Opens or reaches it; `partitions` are those of the genesis.
    pub(super) async fn open(settings: &LogSettings, partitions: u32) -> Outcome<Self> {
        let topics = Topics::standard(partitions).or_wrong("the genesis")?;
        match settings.kind {
            LogKind::Embedded => {
                let dir = settings.dir.clone();
                let opening =
                    tokio::task::spawn_blocking(move || EmbeddedLog::open(&dir, EmbeddedSettings::new(topics)));
                let log = opening.await.or_environment("the event log")?.map_err(refused)?;
                Ok(Self { log: Arc::new(log.clone()), embedded: Some(log) })
            }
            LogKind::Kafka => {
                let mut kafka = KafkaSettings::new(&settings.brokers, topics);
                kafka.create_topics = settings.create_topics;
                kafka.allow_single_broker = settings.allow_single_broker;
                kafka.session = Duration::from_millis(settings.session_ms);
                kafka.client = settings.client().map_err(super::of_kit)?;
                Ok(Self { log: Arc::new(KafkaLog::connect(kafka).await.map_err(refused)?), embedded: None })
            }
        }
    }

    /// Writes the embedded log's footer; a broker needs no farewell.
    pub(super) async fn close(self) -> Outcome {
        match self.embedded {
            Some(log) => log.close().await.or_environment("the event log"),
            None => Ok(()),
        }
    }
}

/// Why it cannot be used, with the setting that decides it.
fn refused(error: stream::Error) -> Failure {
    use stream::Error as Log;
    match error {
        Log::InUse { path } => Failure::usage(format_args!(
            "the embedded event log {} ([log] dir) is open in another process, and one process is all that it serves; end that one first, run all roles in one process, or set kind = \"kafka\" in [log]",
            path.display()
        )),
        Log::Corrupt { .. } => Failure::wrong(error),
        Log::UnknownTopic { .. }
        | Log::PartitionCount { .. }
        | Log::TooLittleReplication { .. }
        | Log::Denied { .. }
        | Log::Invalid(_) => Failure::usage(format_args!("section [log]: {error}")),
        Log::Unreachable { .. } => Failure::environment(format_args!("section [log]: {error}")),
        other => Failure::environment(other),
    }
}

/// Keeps the condition true to whether the log answers.
pub(super) async fn probe(log: Arc<dyn EventLog>, condition: Condition, shutdown: Shutdown) -> Outcome {
    let topic = READINGS;
    loop {
        let mut asking = log.end(&topic, 0);
        // A broker that is away is waited for by the client; that it takes long is said meanwhile.
        let answer = tokio::select! {
            answer = &mut asking => answer,
            () = shutdown.triggered() => return Ok(()),
            () = tokio::time::sleep(PROBE) => {
                condition.not_ready("no answer from the event log");
                tokio::select! {
                    answer = &mut asking => answer,
                    () = shutdown.triggered() => return Ok(()),
                }
            }
        };
        match answer {
            Ok(_) => condition.ready(),
            Err(error) => condition.not_ready(error.to_string()),
        }
        tokio::select! {
            () = shutdown.triggered() => return Ok(()),
            () = tokio::time::sleep(PROBE) => {}
        }
    }
}
