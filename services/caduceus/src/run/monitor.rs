//! The role `monitor`, with the anchors of the personal chains.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kit::{Condition, Shutdown};
use ledger::KeyPair;
use monitor::{AnchorParts, Anchorer, Error, Limits, Monitor, Parts, Progress, Randomness, Settings};
use portal::RecordChain;
use store::BlobStore;
use stream::EventLog;
use tokio::sync::watch;
use vitals::Detector;

use super::config::{BlobSettings, MonitorSettings, RecordChainSettings};
use super::of_kit;
use super::process::Process;
use crate::failure::{OrFail as _, Outcome};
use crate::network::{Service, id};
use crate::record_api::ChainAnchors;
use crate::rings::Rings;

/// Pauses before a monitor that failed in passing begins again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));
/// A broker that was away for long also ends a writer by fencing it. Only who is fenced again this soon has a rival.
const RIVAL: Duration = Duration::from_secs(60);
/// The partition whose monitor anchors: one of all.
const ANCHORING_PARTITION: u32 = 0;
const MINUTE_MS: i64 = 60_000;

struct Work {
    log: Arc<dyn EventLog>,
    blobs: BlobStore,
    rings: Arc<Rings>,
    detector: Arc<Detector>,
    signer: KeyPair,
    network: ledger::Digest,
    settings: Settings,
}

/// Starts a monitor, and anchors where the record chain can be reached.
pub(super) async fn start(process: &Process, log: &Arc<dyn EventLog>, chain: Option<Arc<dyn RecordChain>>) -> Outcome {
    let given: MonitorSettings = process.config.section().map_err(of_kit)?;
    let blobs: BlobSettings = process.config.section().map_err(of_kit)?;
    let network = &process.network;
    let keys = network.service(Service::Monitor)?;
    let seed = given.cohort_seed;
    let cohort = tokio::task::spawn_blocking(move || physiology::reference_cohort(seed));
    let cohort = cohort.await.or_environment("the cohort forest")?.or_environment("the cohort forest")?;
    let settings = Settings {
        name: given.name.clone(),
        limits: Limits { records: given.block_records, age_ms: i64::from(given.block_age_minutes) * MINUTE_MS },
        ..Settings::default()
    };
    settings.check().or_usage("section [monitor]")?;
    let work = Work {
        log: log.clone(),
        blobs: BlobStore::local(&blobs.dir).or_environment("the blob store")?,
        rings: Arc::new(Rings::new(network.home.dir(), network.id, keys.wrap)),
        detector: Arc::new(Detector::new(cohort, vitals::Settings::default()).or_usage("the detector's settings")?),
        signer: keys.signer,
        network: network.id,
        settings,
    };
    let (seen, progress) = watch::channel(Progress::default());
    match chain {
        Some(chain) => {
            let settings: RecordChainSettings = process.config.section().map_err(of_kit)?;
            let party = id(&settings.party)?;
            let sink = Arc::new(ChainAnchors::new(chain, party.clone(), network.party(&party)?.signer));
            let (log, blobs, keys, network) = (work.log.clone(), work.blobs.clone(), work.rings.clone(), work.network);
            let parts = move || AnchorParts {
                log: log.clone(),
                blobs: blobs.clone(),
                keys: keys.clone(),
                sink: sink.clone(),
                network,
                party: party.to_string(),
            };
            let interval_ms = i64::from(given.anchor_minutes) * MINUTE_MS;
            process.part("the anchors", anchor(parts, progress, interval_ms, process.shutdown.clone()));
        }
        None => tracing::warn!(
            "personal chains are not anchored: set nodes in [record_chain], or run the role record-node too"
        ),
    }
    process.part("the monitor", monitor(work, seen, process.health.condition("monitor"), process.shutdown.clone()));
    Ok(())
}

/// Runs monitors one after the other: what passes is waited out, everything uncommitted is done again.
async fn monitor(work: Work, seen: watch::Sender<Progress>, condition: Condition, shutdown: Shutdown) -> Outcome {
    let mut pause = PAUSES.0;
    let mut fenced: Option<Instant> = None;
    loop {
        let parts = Parts {
            log: work.log.clone(),
            blobs: work.blobs.clone(),
            keys: work.rings.clone(),
            detector: work.detector.clone(),
            signer: work.signer.clone(),
            network: work.network,
            randomness: Randomness::System,
        };
        let monitor = Monitor::new(parts, work.settings.clone()).or_usage("section [monitor]")?;
        let (begun, following) = (Instant::now(), tokio::spawn(follow(monitor.progress(), seen.clone())));
        condition.ready();
        let ended = monitor.run(&shutdown).await;
        following.abort();
        let Err(error) = ended else { return Ok(()) };
        if error.is_fenced() {
            if fenced.is_some_and(|before| before.elapsed() < RIVAL) {
                return Err(error).or_environment(format_args!(
                    "another monitor is named {:?} too; give each its own name in [monitor]",
                    work.settings.name
                ));
            }
            fenced = Some(Instant::now());
        } else if !is_passing(&error) {
            return Err(error).or_environment("the monitor");
        }
        if begun.elapsed() > PAUSES.1 {
            pause = PAUSES.0;
        }
        tracing::warn!(%error, pause_ms = pause.as_millis(), "the monitor begins again");
        condition.not_ready(format!("beginning again: {error}"));
        tokio::select! {
            () = shutdown.triggered() => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(PAUSES.1);
    }
}

fn is_passing(error: &Error) -> bool {
    use stream::Error as Log;
    match error {
        Error::Log(error) => {
            matches!(
                error,
                Log::Unreachable { .. }
                    | Log::Unavailable { .. }
                    | Log::Unsettled { .. }
                    | Log::Rebalanced { .. }
                    | Log::Broker { .. }
            )
        }
        Error::Keys { .. } => true,
        _ => false,
    }
}

/// Passes progress on while this monitor holds the partition that anchors.
async fn follow(mut progress: watch::Receiver<Progress>, seen: watch::Sender<Progress>) {
    while progress.changed().await.is_ok() {
        let now = progress.borrow_and_update().clone();
        if now.committed.contains_key(&ANCHORING_PARTITION) {
            seen.send_replace(now);
        }
    }
}

/// Anchors at the interval; after trouble of the log, with a new anchorer.
async fn anchor(
    parts: impl Fn() -> AnchorParts,
    progress: watch::Receiver<Progress>,
    interval_ms: i64,
    shutdown: Shutdown,
) -> Outcome {
    loop {
        match Anchorer::new(parts()).run(progress.clone(), interval_ms, &shutdown).await {
            Ok(()) => {
                shutdown.triggered().await;
                return Ok(());
            }
            Err(error) => tracing::warn!(%error, "anchoring begins again"),
        }
        tokio::select! {
            () = shutdown.triggered() => return Ok(()),
            () = tokio::time::sleep(PAUSES.1) => {}
        }
    }
}
