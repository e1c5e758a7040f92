//! A network of patients on an embedded log in a temporary directory, and monitors that come and go.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use kit::Shutdown;
use ledger::{Chain, Digest, KeyPair, SeededRng, WrapSecretKey, rng_from_seed};
use monitor::{HeldKeys, Limits, Monitor, Parts, Progress, Randomness, Settings};
use phc::messages::{ACCESS_REQUESTS, ALERTS, PHC_BLOCKS, READINGS, READINGS_REJECTED};
use phc::{
    Alert, Block, ChainVerifier, ContentDigests, Contents, OpenedBatch, Opening, PatientKeys, Provenance, Reading,
    ReadingBatch, RejectedValue, Role, Scope, Subject, Tick, Writer, open_anomaly, open_topic_value, seal_topic_value,
};
use store::BlobStore;
use stream::{Append, Batch, EmbeddedLog, EventLog, Position, Record, Topics};
use tokio::sync::watch;
use vitals::{CohortModel, Detector};

pub const NETWORK: Digest = Digest([7; 32]);
pub const PARTITIONS: u32 = 2;
pub const MINUTE_MS: i64 = 60_000;
/// How long what has to come may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(300);
/// Midnight UTC of some day.
pub const START_MS: i64 = 1_700_006_400_000;

pub struct Patient {
    pub chain: Chain,
    pub keys: Arc<PatientKeys>,
}

pub struct World {
    pub dir: tempfile::TempDir,
    pub log: EmbeddedLog,
    pub blobs: BlobStore,
    pub keys: Arc<HeldKeys>,
    pub operator: KeyPair,
    pub settings: Settings,
    /// What monitors see of the log.
    pub over: Arc<dyn EventLog>,
    writer: Box<dyn stream::Writer>,
    rng: SeededRng,
    seed: u8,
}

/// A monitor at work.
pub struct Running {
    pub progress: watch::Receiver<Progress>,
    task: tokio::task::JoinHandle<monitor::Result<()>>,
    shutdown: Shutdown,
}

impl Running {
    /// As kill -9: nothing is finished.
    pub async fn kill(self) {
        self.task.abort();
        self.task.await.ok();
    }

    pub async fn stop(self) {
        self.shutdown.trigger();
        self.task.await.unwrap().unwrap();
    }

    pub async fn failure(self) -> monitor::Error {
        self.task.await.unwrap().unwrap_err()
    }

    pub async fn until(&mut self, what: impl FnMut(&Progress) -> bool) {
        tokio::time::timeout(PATIENCE, self.progress.wait_for(what))
            .await
            .expect("in time")
            .expect("the monitor works");
    }
}

pub fn detector() -> Arc<Detector> {
    static DETECTOR: OnceLock<Arc<Detector>> = OnceLock::new();
    let make = || {
        let cohort: CohortModel = physiology::reference_cohort(1).unwrap();
        Arc::new(
            Detector::new(cohort, vitals::Settings { warm_up_days: 1, fast_alone_k: 0, ..vitals::Settings::home() })
                .unwrap(),
        )
    };
    DETECTOR.get_or_init(make).clone()
}

impl World {
    pub async fn new(seed: u8) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(
            &dir.path().join("log"),
            stream::embedded::Settings::new(Topics::standard(PARTITIONS).unwrap()),
        )
        .unwrap();
        let blobs = BlobStore::local(&dir.path().join("blobs")).unwrap();
        let mut rng = rng_from_seed([seed; 32]);
        let operator = KeyPair::generate(&mut rng);
        let writer = log.writer("portal").await.unwrap();
        let settings = Settings {
            limits: Limits { records: 100, age_ms: 60 * MINUTE_MS },
            records_per_read: 64,
            wait: Duration::from_millis(20),
            ..Settings::default()
        };
        Self {
            dir,
            over: Arc::new(log.clone()),
            log,
            blobs,
            keys: Arc::default(),
            operator,
            settings,
            writer,
            rng,
            seed,
        }
    }

    pub fn monitor(&mut self) -> Monitor {
        self.seed = self.seed.wrapping_add(1);
        let parts = Parts {
            log: self.over.clone(),
            blobs: self.blobs.clone(),
            keys: self.keys.clone(),
            detector: detector(),
            signer: self.operator.clone(),
            network: NETWORK,
            randomness: Randomness::seeded([self.seed; 32]),
        };
        Monitor::new(parts, self.settings.clone()).unwrap()
    }

    pub fn start(&mut self) -> Running {
        let monitor = self.monitor();
        let (progress, shutdown) = (monitor.progress(), Shutdown::new(Duration::from_secs(10)));
        let asked = shutdown.clone();
        Running { progress, task: tokio::spawn(async move { monitor.run(&asked).await }), shutdown }
    }

    /// A patient whose chain is opened in the log, and whose keys are granted.
    pub async fn enrol(&mut self) -> Patient {
        let patient = self.enrol_until(None).await;
        self.keys.insert(&patient.chain, patient.keys.clone());
        patient
    }

    /// Without granting keys.
    pub async fn enrol_until(&mut self, until_ms: Option<i64>) -> Patient {
        let signer = KeyPair::generate(&mut self.rng);
        let wrap = WrapSecretKey::generate(&mut self.rng).public();
        let writers = vec![Writer { role: Role::Monitor, signer: self.operator.public(), wrap, until_ms }];
        let opening = Opening { patient: signer.public(), wrap, nonce: [5; 32], time_ms: START_MS, writers };
        let chain = opening.chain(NETWORK);
        let block = Block::open(opening, NETWORK, &signer, &mut self.rng).unwrap();
        self.append(vec![Append::new(PHC_BLOCKS, chain.id.0.to_vec(), START_MS, block.encode())]).await;
        let keys = Arc::new(PatientKeys::generate(vitals::Category::ALL.map(vitals::Category::id), &mut self.rng));
        Patient { chain, keys }
    }

    pub async fn append(&mut self, records: Vec<Append>) -> Vec<Position> {
        self.writer.commit(Batch::of(records)).await.unwrap()
    }

    pub fn sealed(&mut self, patient: &Patient, batch: &ReadingBatch) -> Append {
        let key = patient.keys.stream(&patient.chain).unwrap();
        let value = seal_topic_value(key, &patient.chain, READINGS, batch, &mut self.rng);
        Append::new(READINGS, patient.chain.id.0.to_vec(), batch.received_ms, value)
    }

    pub fn sealed_request(&mut self, patient: &Patient, request: &phc::AccessRequest) -> Append {
        let key = patient.keys.stream(&patient.chain).unwrap();
        let value = seal_topic_value(key, &patient.chain, ACCESS_REQUESTS, request, &mut self.rng);
        Append::new(ACCESS_REQUESTS, patient.chain.id.0.to_vec(), request.time_ms, value)
    }

    pub async fn send(&mut self, patient: &Patient, batch: &ReadingBatch) {
        let append = self.sealed(patient, batch);
        self.append(vec![append]).await;
    }

    pub async fn tick(&mut self, time_ms: i64, flush: bool) -> Vec<Position> {
        self.append(ticks(time_ms, flush)).await
    }

    /// A final tick, and everything is in blocks.
    pub async fn flush(&mut self, running: &mut Running, time_ms: i64) {
        let places = self.tick(time_ms, true).await;
        running.until(|progress| progress.covers(&places)).await;
    }

    /// Final ticks of this time, again and again, until the monitor has committed something since it was started: from then on it has
    /// partitions and the name's latest writer. A tick that says nothing new changes no content.
    pub async fn tick_until_committed(&mut self, running: &mut Running, time_ms: i64) {
        let committed = |progress: &Progress| progress.commits > 0;
        for _ in 0..PATIENCE.as_secs() * 10 {
            self.tick(time_ms, true).await;
            // No answer to this tick where the partitions are still another's.
            let answered = tokio::time::timeout(Duration::from_millis(100), running.progress.wait_for(committed)).await;
            if let Ok(progress) = answered {
                progress.expect("the monitor works");
                return;
            }
        }
        panic!("the monitor commits nothing");
    }

    pub async fn records(&self, topic: &str) -> Vec<Record> {
        let mut all = Vec::new();
        for partition in 0..PARTITIONS {
            let mut scan = self.log.scan(topic, partition, 0).await.unwrap();
            loop {
                let records = scan.next(1_000).await.unwrap();
                if records.is_empty() {
                    break;
                }
                all.extend(records);
            }
        }
        all
    }

    pub async fn blocks(&self, patient: &Patient) -> Vec<Block> {
        let records = self.records(PHC_BLOCKS).await;
        records
            .iter()
            .filter(|record| *record.key == patient.chain.id.0)
            .map(|record| Block::decode(&record.value).unwrap())
            .collect()
    }

    pub async fn alerts(&self, patient: &Patient) -> Vec<Alert> {
        let key = patient.keys.stream(&patient.chain).unwrap();
        let records = self.records(ALERTS).await;
        let own = records.iter().filter(|record| *record.key == patient.chain.id.0);
        own.map(|record| open_topic_value(key, &patient.chain, ALERTS, "alert", &record.value).unwrap()).collect()
    }

    /// Reasons of what was rejected.
    pub async fn rejected(&self, patient: &Patient) -> Vec<String> {
        let key = patient.keys.stream(&patient.chain).unwrap();
        let reason = |record: &Record| match RejectedValue::decode(&record.value).unwrap() {
            RejectedValue::Unopened { reason, .. } => reason,
            sealed => sealed.open(key, &patient.chain).unwrap().unwrap().reason,
        };
        self.records(READINGS_REJECTED).await.iter().map(reason).collect()
    }

    /// Verifies the patient's chain with every batch and anomaly, and says what it holds.
    pub async fn content(&self, patient: &Patient) -> ContentDigests {
        let blocks = self.blocks(patient).await;
        let mut verifier = ChainVerifier::open(NETWORK, &blocks[0]).unwrap();
        let mut contents = Contents::default();
        for block in &blocks[1..] {
            verifier.push(block).unwrap();
            for entry in &block.header.batches {
                let blob = self.blobs.get(&entry.blob).await.unwrap();
                let key = patient.keys.get(&patient.chain, Scope::of_batch(entry.category)).unwrap();
                let opened = OpenedBatch::open(&patient.chain, key, &block.header, entry.category, &blob).unwrap();
                contents.records(opened.records());
            }
            let key = patient.keys.get(&patient.chain, Scope::Category(phc::CATEGORY_ANOMALIES)).unwrap();
            for (entry, index) in block.body.anomalies.iter().zip(0..) {
                let blob = self.blobs.get(&entry.detail).await.unwrap();
                contents.anomaly(&open_anomaly(&patient.chain, key, block, index, &blob).unwrap());
            }
        }
        verifier.finish().unwrap();
        contents.finish()
    }
}

pub fn ticks(time_ms: i64, flush: bool) -> Vec<Append> {
    let value = ledger::encode(&Tick { time_ms, flush });
    (0..PARTITIONS)
        .map(|partition| Append::new(READINGS, Bytes::new(), time_ms, value.clone()).in_partition(partition))
        .collect()
}

pub fn reading(signal: vitals::Signal, minute: i64, value_milli: i64) -> Reading {
    Reading {
        signal: signal.id(),
        value_milli,
        time_ms: START_MS + minute * MINUTE_MS,
        offset_minutes: Some(60),
        provenance: Provenance::Device,
    }
}

pub fn batch(first_sequence: u64, readings: Vec<Reading>) -> ReadingBatch {
    let received_ms = readings.last().map_or(0, |reading| reading.time_ms) + 400;
    ReadingBatch { device: "watch".into(), subject: Subject::Patient, first_sequence, received_ms, raw: None, readings }
}

/// Heart rate, steps and respiration of one minute; from minute 1,800 on half an hour above the hard limit.
pub fn minute(patient: u64, minute: i64) -> ReadingBatch {
    let noise = |salt: u64, span: i64| {
        let mut state = (minute as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (patient << 32) ^ salt;
        state = (state ^ (state >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((state ^ (state >> 32)) % (2 * span as u64 + 1)) as i64 - span
    };
    let ill = (1_800..1_830).contains(&minute);
    let heart_rate = if ill { 150 } else { 62 + noise(1, 4) };
    let steps = if !ill && minute % 1_440 > 480 && noise(2, 10) > 6 { 40 + noise(3, 30) } else { 0 };
    let readings = vec![
        reading(vitals::Signal::HeartRate, minute, heart_rate * 1_000),
        reading(vitals::Signal::Steps, minute, steps * 1_000),
        reading(vitals::Signal::Respiration, minute, (14 + noise(4, 1)) * 1_000),
    ];
    batch(minute as u64 * 3, readings)
}

/// Digests by chain.
pub type Contents32 = BTreeMap<Digest, ContentDigests>;
