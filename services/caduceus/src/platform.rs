//! Everything of a data directory in one process: event log, monitor, notifier, record chain, anchors.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kit::{Clock, ManualClock, Shutdown};
use ledger::Digest;
use monitor::{AnchorParts, Anchorer, Monitor, Parts, Randomness};
use notify::{Content, Notifier};
use phc::messages::{PHC_BLOCKS, READINGS};
use portal::{Deps, Ingest, IngestSettings, Portal, PortalSettings};
use store::BlobStore;
use stream::embedded::Settings as LogSettings;
use stream::{Append, Batch, EmbeddedLog, EventLog, Position, Topics};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use vitals::Detector;

use crate::custody::DemoCustody;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::network::{ANCHORING_PARTY, Network, Patient, Service, id};
use crate::record::{Anchors, RecordNodes};
use crate::record_chain::NodeChain;
use crate::rings::Rings;

/// Seed of the reference population that the cohort forest is fitted on, everywhere the same.
pub(crate) const COHORT_SEED: u64 = 2_026;
/// The audience that tokens for the demo's portal name.
pub(crate) const AUDIENCE: &str = "caduceus-demo";
/// The member whose portal it is: it signs receipts.
const PORTAL_PARTY: &str = "general-hospital";
/// How long work under way may take at the end.
const DRAIN: Duration = Duration::from_secs(30);

/// The running parts.
pub(crate) struct Platform {
    pub(crate) network: Arc<Network>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) log: Arc<EmbeddedLog>,
    pub(crate) blobs: BlobStore,
    pub(crate) record: RecordNodes,
    pub(crate) monitor: watch::Receiver<monitor::Progress>,
    pub(crate) notifier: watch::Receiver<notify::Progress>,
    anchorer: tokio::sync::Mutex<Anchorer>,
    anchored: AtomicU64,
    working: Vec<JoinHandle<Outcome>>,
    monitoring: Shutdown,
    notifying: Shutdown,
}

impl Platform {
    /// Opens or founds the network of a data directory and starts every part on the given clock.
    pub(crate) async fn start(network: Arc<Network>, clock: Arc<ManualClock>) -> Outcome<Self> {
        let home = network.home.clone();
        let topics = Topics::standard(network.genesis.partitions).or_wrong("the genesis")?;
        let dir = home.log();
        let opening = tokio::task::spawn_blocking(move || EmbeddedLog::open(&dir, LogSettings::new(topics)));
        let log = Arc::new(opening.await.or_environment("the event log")?.or_environment("the event log")?);
        let blobs = BlobStore::local(&home.blobs()).or_environment("the blob store")?;
        let record = RecordNodes::start(&network, clock.clone()).await?;

        let (monitoring, notifying) = (Shutdown::new(DRAIN), Shutdown::new(DRAIN));
        let monitor_keys = network.service(Service::Monitor)?;
        let rings = Arc::new(Rings::new(home.dir(), network.id, monitor_keys.wrap));
        let cohort = tokio::task::spawn_blocking(|| physiology::reference_cohort(COHORT_SEED));
        let cohort = cohort.await.or_environment("the cohort forest")?.or_environment("the cohort forest")?;
        let detector = Detector::new(cohort, vitals::Settings::default()).or_usage("the detector's settings")?;
        let parts = Parts {
            log: log.clone(),
            blobs: blobs.clone(),
            keys: rings.clone(),
            detector: Arc::new(detector),
            signer: monitor_keys.signer,
            network: network.id,
            randomness: Randomness::System,
        };
        let monitor = Monitor::new(parts, monitor::Settings::default()).or_usage("the monitor")?;
        let monitor_progress = monitor.progress();

        let notifier_rings = Rings::new(home.dir(), network.id, network.service(Service::Notifier)?.wrap);
        let settings = notify::Settings {
            content: Content::Full,
            mail_dir: home.mail().display().to_string(),
            ..notify::Settings::default()
        };
        let notifier = Notifier::new(log.clone(), Arc::new(notifier_rings), clock.clone(), network.id, &settings)
            .or_usage("the notifier")?;
        let notifier_progress = notifier.progress();

        let party = id(ANCHORING_PARTY)?;
        let sink = Anchors::new(&network, record.node().clone(), party.clone())?;
        let anchorer = Anchorer::new(AnchorParts {
            log: log.clone(),
            blobs: blobs.clone(),
            keys: rings,
            sink: Arc::new(sink),
            network: network.id,
            party: party.to_string(),
        });

        let working = vec![
            tokio::spawn({
                let shutdown = monitoring.clone();
                async move { monitor.run(&shutdown).await.or_environment("the monitor") }
            }),
            tokio::spawn({
                let shutdown = notifying.clone();
                async move { notifier.run(shutdown).await.or_environment("the notifier") }
            }),
        ];
        Ok(Self {
            network,
            clock,
            log,
            blobs,
            record,
            monitor: monitor_progress,
            notifier: notifier_progress,
            anchorer: tokio::sync::Mutex::new(anchorer),
            anchored: AtomicU64::new(0),
            working,
            monitoring,
            notifying,
        })
    }

    /// The patient of a name, with an open personal chain: made where there is none.
    pub(crate) async fn enrol_patient(&self, name: &str) -> Outcome<Arc<Patient>> {
        let patient = self.network.enrol_patient(name)?;
        if !self.is_open(&patient.chain.id).await? {
            let time_ms = self.clock.now_ms();
            let opening = self.network.opening(&patient, time_ms)?;
            let record = Append::new(PHC_BLOCKS, patient.chain.id.0.to_vec(), time_ms, opening.encode());
            let mut writer = self.log.writer("enrolment").await.or_environment("the event log")?;
            writer.commit(Batch::of(vec![record])).await.or_environment("the event log")?;
        }
        Ok(patient)
    }

    /// Whether a chain has its first block.
    async fn is_open(&self, chain: &Digest) -> Outcome<bool> {
        let partition = stream::partition_of(&chain.0, self.network.genesis.partitions);
        let mut scan = self.log.scan(PHC_BLOCKS, partition, 0).await.or_environment("the event log")?;
        loop {
            let records = scan.next(1_024).await.or_environment("the event log")?;
            if records.is_empty() {
                return Ok(false);
            }
            if records.iter().any(|record| record.key.as_ref() == chain.0) {
                return Ok(true);
            }
        }
    }

    /// Ticks to an instant with nothing to follow for now, and waits until everything before is in blocks and mailed.
    pub(crate) async fn settle(&self, ingest: &Ingest, time_ms: i64) -> Outcome {
        ingest.tick(time_ms, true).await.or_environment("ingest")?;
        let mut ends = Vec::new();
        for partition in 0..self.network.genesis.partitions {
            let end = self.log.end(READINGS, partition).await.or_environment("the event log")?;
            ends.push(Position { topic: READINGS.into(), partition, offset: end.saturating_sub(1) });
        }
        let mut progress = self.monitor.clone();
        tokio::select! {
            covered = monitor::Progress::wait_for(&mut progress, &ends) => {
                if !covered {
                    return Err(Failure::environment("the monitor has ended before its time; see the log above"));
                }
            }
            () = self.until_broken() => return Err(Failure::environment("a part has ended before its time; see the log above")),
        }
        let mut mails = self.notifier.clone();
        let idle = mails.wait_for(|progress| progress.pending == 0);
        idle.await.map(|_| ()).or_environment("the notifier")
    }

    async fn until_broken(&self) {
        while self.broken().is_none() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Anchors the heads as they are now, where any has moved. The number of chains under the anchor.
    pub(crate) async fn anchor(&self) -> Outcome<Option<u32>> {
        let anchored = self.anchorer.lock().await.anchor(self.clock.now_ms()).await.or_environment("the anchor")?;
        if let Some(record) = &anchored {
            self.anchored.store(u64::from(record.chains), Ordering::Relaxed);
        }
        Ok(anchored.map(|record| record.chains))
    }

    /// Personal chains under the last anchor of this run.
    pub(crate) fn anchored(&self) -> u64 {
        self.anchored.load(Ordering::Relaxed)
    }

    /// Opens the portal on a free port of loopback. It ends with the shutdown that is returned.
    pub(crate) async fn open_portal(&self) -> Outcome<(SocketAddr, Ingest, Shutdown)> {
        let network = &self.network;
        let custody = Arc::new(DemoCustody::new(network.clone())?);
        let ingest = Ingest::open(self.log.clone(), network.id, custody.clone(), IngestSettings::default())
            .await
            .or_environment("ingest")?;
        let settings = PortalSettings {
            audience: AUDIENCE.into(),
            issuers: network.genesis.authority.keys.clone(),
            party: id(PORTAL_PARTY)?,
            rules: claims::Rules::default(),
            location: "demo".into(),
        };
        let portal = Portal::new(Deps {
            log: self.log.clone(),
            chain: Arc::new(NodeChain::new(self.record.node().clone(), network.id)),
            custody,
            clock: self.clock.clone(),
            blobs: self.blobs.clone(),
            dir: network.home.portal(),
            index: network.home.index().join("chains"),
            ingest: ingest.clone(),
            settings,
        })
        .or_environment("the portal")?;
        let listener = kit::bind(SocketAddr::from(([127, 0, 0, 1], 0)), false).await.or_environment("the portal")?;
        let address = listener.local_addr().or_environment("the portal")?;
        let shutdown = Shutdown::new(DRAIN);
        let (router, serving) = (portal.router(), shutdown.clone());
        shutdown.spawn(async move {
            if let Err(error) = kit::serve(listener, router, &serving).await {
                tracing::error!(%error, "the portal has ended");
            }
        });
        Ok((address, ingest, shutdown))
    }

    /// An error of a part that ended before it was told to.
    pub(crate) fn broken(&self) -> Option<Failure> {
        self.working
            .iter()
            .any(JoinHandle::is_finished)
            .then(|| Failure::environment("a part has ended before its time; see the log above"))
    }

    /// Stops every part in the order of the stream; what is under way is finished.
    pub(crate) async fn stop(self) -> Outcome {
        self.monitoring.trigger();
        self.notifying.trigger();
        for part in self.working {
            part.await.or_environment("a part")??;
        }
        self.record.stop().await?;
        self.log.close().await.or_environment("the event log")
    }
}
