//! One process: its roles begin together, are watched, and end in order.

use std::collections::BTreeSet;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kit::{Clock, Configuration, Health, Passphrase, Shutdown, SystemClock};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::config::{HealthSettings, LogKind, LogSettings, NetworkSettings};
use super::event_log::{OpenLog, probe};
use super::record_node::OwnNode;
use super::{load, monitor, notify, of_kit, portal, reach};
use crate::cli::{self, Role};
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::home::Home;
use crate::network::Network;

/// How long threads that still wait for a broker may hold up the end.
const THREADS: Duration = Duration::from_secs(2);

/// `caduceus run`.
pub(crate) fn run(arguments: &cli::Run) -> Outcome {
    let config = load(&arguments.config)?;
    let settings: HealthSettings = config.section().map_err(of_kit)?;
    let roles: BTreeSet<Role> = arguments.roles.iter().copied().collect();
    kit::telemetry::init(settings.log_format, &settings.log_filter).map_err(of_kit)?;
    kit::telemetry::init_metrics().map_err(of_kit)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .or_environment("the runtime cannot be started")?;
    let outcome = runtime.block_on(work(config, settings, roles));
    runtime.shutdown_timeout(THREADS);
    outcome
}

/// What all parts of a process share.
#[derive(Clone)]
pub(super) struct Process {
    pub(super) config: Configuration,
    pub(super) network: Arc<Network>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) health: Health,
    pub(super) shutdown: Shutdown,
    ended: mpsc::UnboundedSender<(&'static str, Outcome)>,
}

/// What was opened, to be closed when the parts have ended.
struct Opened {
    node: Option<OwnNode>,
    log: Option<OpenLog>,
}

async fn work(config: Configuration, settings: HealthSettings, roles: BTreeSet<Role>) -> Outcome {
    let shutdown = Shutdown::on_signals(Duration::from_secs(settings.drain_seconds)).map_err(of_kit)?;
    let health = Health::new();
    let started = health.condition("started");
    // A second process finds out here, before it misses anything else that the first one holds.
    let network = Arc::new(open_network(&config)?);
    let log: LogSettings = config.section().map_err(of_kit)?;
    let needs_log = roles.iter().any(|role| *role != Role::RecordNode);
    let embedded = match log.kind {
        LogKind::Embedded if needs_log => Some(OpenLog::open(&log, network.genesis.partitions).await?),
        _ => None,
    };
    let listener = listen(settings.listen, settings.open_to_network, "[health] listen").await?;
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "/livez, /readyz and /metrics");
    }
    // Health is answered until the very end.
    let over = Shutdown::new(Duration::from_secs(1));
    let asked = tokio::spawn({
        let (router, over) = (kit::health_router(health.clone()), over.clone());
        async move { kit::serve(listener, router, &over).await }
    });

    let (ended, mut ends) = mpsc::unbounded_channel();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let process = Process { config, network, clock, health, shutdown: shutdown.clone(), ended };
    let starting = process.start(&roles, &log, embedded);
    let opened = tokio::select! {
        started = starting => started?,
        () = shutdown.triggered() => return Ok(()),
    };
    started.ready();
    tracing::info!(roles = ?roles, "running");

    let mut failure = None;
    while !shutdown.is_triggered() {
        tokio::select! {
            () = shutdown.triggered() => {}
            Some((part, outcome)) = ends.recv() => {
                // A part may end between the signal and this look at it.
                let early = || Failure::environment("it ended before its time");
                let Some(reason) = outcome.err().or_else(|| (!shutdown.is_triggered()).then(early)) else { continue };
                tracing::error!(part, %reason, "a part has ended; ending the process");
                process.health.failed(format!("{part} has ended"));
                failure = Some(reason);
                shutdown.trigger();
            }
        }
    }
    let drained = shutdown.drain().await.map_err(of_kit);
    while let Ok((part, outcome)) = ends.try_recv() {
        if let Err(reason) = outcome {
            tracing::error!(part, %reason, "a part did not end well");
            failure.get_or_insert(reason);
        }
    }
    let closed = opened.close().await;
    over.trigger();
    let served = asked.await.or_environment("health")?.map_err(of_kit);
    match failure {
        Some(failure) => Err(failure),
        None => drained.and(closed).and(served),
    }
}

impl Process {
    /// Starts the roles; an embedded log is open already, a broker is reached here.
    async fn start(
        &self,
        roles: &BTreeSet<Role>,
        settings: &LogSettings,
        embedded: Option<OpenLog>,
    ) -> Outcome<Opened> {
        let node = match roles.contains(&Role::RecordNode) {
            true => Some(OwnNode::start(self).await?),
            false => None,
        };
        if roles.iter().all(|role| *role == Role::RecordNode) {
            return Ok(Opened { node, log: None });
        }
        let chain = reach::record_chain(&self.config, &self.network, node.as_ref().map(OwnNode::handle), &self.clock)?;
        let log = match embedded {
            Some(log) => log,
            None => OpenLog::open(settings, self.network.genesis.partitions).await?,
        };
        self.part(
            "event log",
            probe(log.log.clone(), self.health.condition("event log answers"), self.shutdown.clone()),
        );
        if roles.contains(&Role::Monitor) {
            monitor::start(self, &log.log, chain.clone()).await?;
        }
        if roles.contains(&Role::Notify) {
            notify::start(self, &log.log)?;
        }
        if roles.contains(&Role::Portal) {
            portal::start(self, &log.log, chain).await?;
        }
        Ok(Opened { node, log: Some(log) })
    }

    /// Runs a part: its end before the shutdown ends the process.
    pub(super) fn part(&self, name: &'static str, work: impl Future<Output = Outcome> + Send + 'static) {
        let ended = self.ended.clone();
        self.shutdown.spawn(async move {
            let outcome = work.await;
            // Whoever listens is there until the process ends.
            let _ = ended.send((name, outcome));
        });
    }
}

impl Opened {
    /// In the order of the stream: what was said last is on disk last.
    async fn close(self) -> Outcome {
        if let Some(log) = self.log {
            log.close().await?;
        }
        match self.node {
            Some(node) => node.stop().await,
            None => Ok(()),
        }
    }
}

/// Listens; what goes wrong names the setting.
pub(super) async fn listen(address: SocketAddr, open_to_network: bool, setting: &str) -> Outcome<TcpListener> {
    kit::bind(address, open_to_network).await.map_err(|error| match error {
        kit::Error::Environment { .. } => {
            Failure::environment(format_args!("{setting}: {error}; choose another port, or end what listens there"))
        }
        other => Failure::usage(format_args!("{setting}: {other}")),
    })
}

/// The network and this process's keys.
pub(super) fn open_network(config: &Configuration) -> Outcome<Network> {
    let settings: NetworkSettings = config.section().map_err(of_kit)?;
    let home = Home::at(&settings.dir);
    if !home.genesis().is_file() {
        return Err(Failure::usage(format_args!(
            "[network] dir: there is no {}; name the folder of a network, or make one with `caduceus found --data-dir {}`",
            home.genesis().display(),
            home.dir().display()
        )));
    }
    let passphrase = match &settings.passphrase_file {
        Some(path) => Passphrase::from_file(path),
        None if home.passphrase().exists() => Passphrase::from_file(&home.passphrase()),
        None => Passphrase::ask(&format!("Passphrase of {}", home.keystore().display())),
    };
    Network::open_with(&home, &passphrase.map_err(of_kit)?)
}
