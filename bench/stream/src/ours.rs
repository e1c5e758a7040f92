//! The real monitor on the real log.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use monitor::{HeldKeys, Monitor, Parts, Progress, Randomness};
use phc::Limits;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use vitals::{Detector, Settings};

use crate::gate::{Gate, Gated};
use crate::plan::MINUTE_MS;
use crate::population::{NETWORK, Population};
use crate::{Answers, kafka};

/// Threads that wait for the broker stay, so that their time can be read while the process runs.
const KEEP_ALIVE: Duration = Duration::from_secs(86_400);

/// How the monitor is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    /// As it is; only, usual values count after half an hour, and nobody is warmed up for days.
    AsItIs,
    /// The forest scores each message, as the peers' do, not each window of five minutes.
    EachMessage,
    /// As many patients as there are, each message the same work: a score a message, a block every ten messages.
    Growth,
}

impl Variant {
    pub(crate) fn named(name: &str) -> Result<Self> {
        match name {
            "ours" => Ok(Self::AsItIs),
            "ours-each-message" => Ok(Self::EachMessage),
            "ours-growth" => Ok(Self::Growth),
            _ => bail!("no pipeline {name:?}"),
        }
    }

    fn settings(self) -> &'static str {
        match self {
            Self::AsItIs => {
                "profile home, cohort forest 100 × 256 on windows of 5 minutes; usual values count after 6 windows, no days of \
                 warm-up; a block a patient and hour or alert"
            }
            Self::EachMessage => {
                "the same, with windows of a minute: the forest scores each message; usual values count after 30"
            }
            Self::Growth => {
                "profile home, windows of a minute: the forest scores each message; a block a patient and 10 messages"
            }
        }
    }

    fn detector(self) -> Settings {
        let home = Settings::home();
        let (window_ms, enough_windows) = match self {
            Self::AsItIs => (home.window_ms, 6),
            Self::EachMessage => (home.step_ms, 30),
            Self::Growth => (home.step_ms, 5),
        };
        let baseline = vitals::BaselineSettings { enough_windows, ..home.baseline };
        Settings { warm_up_days: 0, window_ms, baseline, ..home }
    }

    fn monitor(self, name: &str) -> monitor::Settings {
        let standard = monitor::Settings::default();
        let (age_ms, pending_max) = match self {
            Self::AsItIs | Self::EachMessage => (standard.limits.age_ms, standard.pending_max),
            Self::Growth => (10 * MINUTE_MS, 100 * standard.patients_max),
        };
        monitor::Settings {
            group: name.into(),
            name: name.into(),
            limits: Limits { age_ms, ..standard.limits },
            records_per_read: kafka::MOST,
            pending_max,
            ..standard
        }
    }
}

pub(crate) struct Ours {
    variant: Variant,
    runtime: Runtime,
    gate: Gate,
    progress: watch::Receiver<Progress>,
    running: JoinHandle<monitor::Result<()>>,
}

impl Ours {
    /// Starts the monitor, which takes over what the broker holds and then waits at the gate.
    pub(crate) fn start(variant: Variant, bootstrap: &str, patients: u32, folder: &Path) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_keep_alive(KEEP_ALIVE)
            .enable_all()
            .build()
            .context("the runtime")?;
        let population = Population::new();
        let keys = Arc::new(HeldKeys::default());
        for number in 0..patients {
            let person = population.person(number);
            keys.insert(&person.chain, person.keys);
        }
        let cohort = physiology::reference_cohort(1)?;
        let gate = Gate::open();
        let log = runtime.block_on(kafka::connect(bootstrap))?;
        let parts = Parts {
            log: Arc::new(Gated { log, gate: gate.clone() }),
            blobs: store::BlobStore::local(folder)?,
            keys,
            detector: Arc::new(Detector::new(cohort, variant.detector())?),
            signer: population.operator,
            network: NETWORK,
            randomness: Randomness::System,
        };
        let monitor = Monitor::new(parts, variant.monitor("anchors-ours"))?;
        let progress = monitor.progress();
        let shutdown = kit::Shutdown::new(Duration::from_secs(10));
        let running = runtime.spawn(async move { Box::pin(monitor.run(&shutdown)).await });
        Ok(Self { variant, runtime, gate, progress, running })
    }

    /// Waits until the monitor knows every patient and has kept their first states; then it waits at the gate.
    fn open(&mut self, patients: u64) -> Result<()> {
        let (gate, mut progress) = (self.gate.clone(), self.progress.clone());
        self.worked_off(async move {
            let _ = progress.wait_for(|progress| progress.patients >= patients).await;
            gate.pass(0).await;
        })
    }

    fn pass(&mut self, messages: u64) -> Result<()> {
        let gate = self.gate.clone();
        self.worked_off(async move { gate.pass(messages).await })
    }

    /// Waits for something that the monitor does, or for its end.
    fn worked_off(&mut self, what: impl Future<Output = ()>) -> Result<()> {
        let running = &mut self.running;
        self.runtime.block_on(async {
            tokio::select! {
                () = what => Ok(()),
                ended = running => match ended {
                    Ok(Ok(())) => bail!("the monitor ended"),
                    Ok(Err(error)) => Err(error).context("the monitor"),
                    Err(error) => Err(error).context("the monitor's task"),
                },
            }
        })
    }

    fn told(&self) -> Progress {
        self.progress.borrow().clone()
    }
}

impl Answers for Ours {
    fn answer(&mut self, words: &[&str]) -> Result<Value> {
        match words {
            ["hello"] => Ok(json!({
                "versions": { "caduceus": env!("CARGO_PKG_VERSION") },
                "settings": self.variant.settings(),
            })),
            ["open", patients] => {
                self.open(patients.parse().context("no number of patients")?)?;
                Ok(json!({ "patients": self.told().patients }))
            }
            ["train", _, messages] => {
                let messages = messages.parse().context("no number of messages")?;
                self.pass(messages)?;
                Ok(json!({ "readings": messages }))
            }
            ["run", _, messages] => {
                let messages: u64 = messages.parse().context("no number of messages")?;
                let (begin, before) = (Instant::now(), self.told());
                self.pass(messages)?;
                let wall_ns = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
                let after = self.told();
                Ok(json!({
                    "wall_ns": wall_ns,
                    "readings": messages,
                    "alerts": after.anomalies - before.anomalies,
                    "blocks": after.blocks - before.blocks,
                    "commits": after.commits - before.commits,
                    "scores": after.scores - before.scores,
                    "refused": after.rejected + after.duplicates - before.rejected - before.duplicates,
                }))
            }
            _ => bail!("unknown command {words:?}"),
        }
    }
}
