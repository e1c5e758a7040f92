//! A network with patients, an embedded event log, and notifiers that can be started and killed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kit::{Clock, ManualClock, Shutdown};
use ledger::{Chain, DataKey, Digest};
use notify::{Content, HeldKeys, Notifier, Progress, Settings};
use phc::{Alert, seal_topic_value};
use stream::{Append, Batch, EmbeddedLog, EventLog, Topics};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use vitals::{Anomaly, Change, Contribution, Crossed, EpisodeId, Persisted, Route, Severity, Side, Signal, Usual};

/// 2026-03-01 13:20 UTC.
pub(crate) const NOW_MS: i64 = 1_772_371_200_000;
pub(crate) const MINUTE_MS: i64 = 60_000;
/// How long what has to come may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);
pub(crate) const NETWORK: Digest = Digest([9; 32]);

pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) log: Arc<EmbeddedLog>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) keys: Arc<HeldKeys>,
}

pub(crate) struct Running {
    pub(crate) progress: watch::Receiver<Progress>,
    pub(crate) shutdown: Shutdown,
    pub(crate) task: JoinHandle<notify::Result<()>>,
}

impl World {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = stream::embedded::Settings::new(Topics::standard(2).unwrap());
        let log = Arc::new(EmbeddedLog::open(&dir.path().join("log"), settings).unwrap());
        let keys = Arc::new(HeldKeys::default());
        for patient in 1..=3 {
            keys.insert(chain(patient).id, key(patient));
        }
        Self { dir, log, clock: Arc::new(ManualClock::at(NOW_MS)), keys }
    }

    pub(crate) fn mail_dir(&self) -> PathBuf {
        self.dir.path().join("mail")
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            recipients: vec!["Dr Example <on-call@clinic.example>".into(), "deputy@clinic.example".into()],
            content: Content::Full,
            zone: "Europe/Vienna".into(),
            mail_dir: self.mail_dir().to_str().unwrap().into(),
            ..Settings::default()
        }
    }

    pub(crate) fn start(&self, settings: &Settings) -> Running {
        let (log, clock): (Arc<dyn EventLog>, Arc<dyn Clock>) = (self.log.clone(), self.clock.clone());
        let notifier = Notifier::new(log, self.keys.clone(), clock, NETWORK, settings).unwrap();
        let (progress, shutdown) = (notifier.progress(), Shutdown::new(Duration::from_secs(10)));
        let task = tokio::spawn(notifier.run(shutdown.clone()));
        Running { progress, shutdown, task }
    }

    pub(crate) async fn alert(&self, patient: u8, anomaly: &Anomaly) {
        self.append(patient, alert_of(anomaly)).await;
    }

    pub(crate) async fn append(&self, patient: u8, alert: Alert) {
        let chain = chain(patient);
        let sealed = seal_topic_value(&key(patient), &chain, "alerts", &alert, &mut rand_core::OsRng);
        self.append_raw(&chain.id.0, sealed).await;
    }

    pub(crate) async fn append_raw(&self, key: &[u8], value: Vec<u8>) {
        let mut writer = self.log.writer("monitor").await.unwrap();
        writer.commit(Batch::of(vec![Append::new("alerts", key.to_vec(), NOW_MS, value)])).await.unwrap();
    }

    /// The mails in the directory, in the order of their names.
    pub(crate) fn mails(&self) -> Vec<(String, Vec<u8>)> {
        files(&self.mail_dir())
    }
}

impl Running {
    pub(crate) async fn until(&mut self, what: &str, holds: impl Fn(&Progress) -> bool) -> Progress {
        let waited = tokio::time::timeout(PATIENCE, self.progress.wait_for(|progress| holds(progress))).await;
        let reached = waited.map(|known| known.map(|progress| progress.clone()));
        match reached {
            Ok(Ok(progress)) => progress,
            Ok(Err(_)) => panic!("the notifier ended while waiting {what}"),
            Err(_) => panic!("waited {what}; it stands at {:?}", *self.progress.borrow()),
        }
    }

    pub(crate) async fn stop(self) {
        self.shutdown.trigger();
        self.task.await.unwrap().unwrap();
    }

    /// As a crash would end it: nothing is finished.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.is_err());
    }
}

pub(crate) fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut all: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect();
    all.sort();
    all
}

pub(crate) fn chain(patient: u8) -> Chain {
    Chain { network: NETWORK, id: Digest([patient; 32]) }
}

pub(crate) fn key(patient: u8) -> DataKey {
    DataKey::from_bytes([patient; 32])
}

/// A heart rate that the forest finds unusual, far inside the hard limits.
pub(crate) fn forest(episode: u8, change: Change) -> Anomaly {
    Anomaly {
        episode: EpisodeId([0x4f, 0x2a, episode, 1, 2, 3, 4, 5]),
        route: Route::Forest,
        change,
        severity: Severity::Urgent,
        signal: Signal::HeartRate,
        start_ms: NOW_MS - 65 * MINUTE_MS,
        time_ms: NOW_MS,
        offset_minutes: Some(60),
        value_milli: Some(96_340),
        usual: Some(Usual { median_milli: 66_000, spread_milli: 2_100 }),
        limit: None,
        score_micro: Some(712_345),
        threshold_micro: Some(620_000),
        contributions: vec![
            Contribution { signal: Signal::HeartRate, deviation_milli: 6_240, share_micro: 121_000 },
            Contribution { signal: Signal::Respiration, deviation_milli: 3_100, share_micro: 54_400 },
            Contribution { signal: Signal::HrvSdnn, deviation_milli: -1_460, share_micro: -8_200 },
            Contribution { signal: Signal::Temperature, deviation_milli: 400, share_micro: 100 },
        ],
        missing: vec![Signal::Spo2],
        news2: None,
        persisted: Persisted { held: 10, of: 12, needed: 10 },
        from_ms: NOW_MS - 60 * MINUTE_MS,
        to_ms: NOW_MS,
        model: [0xab; 32],
        seed: 1,
        window: [0xac; 32],
    }
}

/// A heart rate above the hard limit.
pub(crate) fn limit(episode: u8, change: Change) -> Anomaly {
    Anomaly {
        route: Route::HardLimit,
        severity: Severity::Critical,
        start_ms: NOW_MS - 6 * MINUTE_MS,
        value_milli: Some(137_667),
        limit: Some(Crossed { side: Side::Above, limit_milli: 130_000 }),
        score_micro: None,
        threshold_micro: None,
        contributions: Vec::new(),
        missing: Vec::new(),
        persisted: Persisted { held: 5, of: 6, needed: 5 },
        ..forest(episode, change)
    }
}

pub(crate) fn alert_of(anomaly: &Anomaly) -> Alert {
    Alert {
        anomaly: ledger::encode(anomaly),
        alerting: true,
        height: 17,
        block: Digest([0xcd; 32]),
        entry: 0,
        chart: day_until(anomaly),
    }
}

/// A day of minutes: lower at night, noise, two hours without the device, a rise since the episode's start.
fn day_until(anomaly: &Anomaly) -> Vec<(i64, i64)> {
    let (mut noise, mut points) = (7_u32, Vec::new());
    for minute in (0..1_440).rev() {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let time = anomaly.time_ms - minute * MINUTE_MS;
        if (600..720).contains(&minute) {
            continue;
        }
        let day = ((time / MINUTE_MS % 1_440) as f64 / 1_440.0 * std::f64::consts::TAU - 2.4).sin();
        let usual = 63_000.0 + 7_000.0 * day + f64::from(noise >> 20) - 2_000.0;
        let since = (time - anomaly.start_ms) as f64 / (anomaly.time_ms - anomaly.start_ms) as f64;
        let target = anomaly.value_milli.unwrap_or(66_000) as f64;
        let value = if since > 0.0 { usual + (target - usual) * since.min(1.0).sqrt() } else { usual };
        points.push((time, value.round() as i64));
    }
    points
}
