//! What `caduceus found` and `caduceus enrol` have made, with the keys that lie there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use kit::{Keystore, Passphrase, Port, Shutdown};
use ledger::{Chain, Digest, KeyPair, WrapSecretKey};
use monitor::{HeldKeys, Monitor, Parts, Randomness};
use phc::messages::{ALERTS, PHC_BLOCKS, READINGS};
use phc::{
    Block, ChainVerifier, ContentDigests, Contents, KeyRing, OpenedBatch, Opening, PatientKeys, Scope, Tick,
    open_anomaly,
};
use store::BlobStore;
use stream::kafka::Settings as KafkaSettings;
use stream::{Append, Batch, EmbeddedLog, EventLog, KafkaLog, Position, Topics};
use vitals::Detector;

use super::process::{Process, done};

/// Also given to the processes.
pub(super) const COHORT_SEED: u64 = 7;

pub(super) struct Network {
    pub(super) dir: PathBuf,
    pub(super) id: Digest,
    pub(super) partitions: u32,
    _ports: Vec<Port>,
}

pub(super) struct Patient {
    pub(super) name: String,
    pub(super) chain: Chain,
    pub(super) partition: u32,
    pub(super) keys: Arc<PatientKeys>,
    pub(super) signer: KeyPair,
}

impl Network {
    pub(super) fn found(dir: PathBuf, kafka: Option<&str>) -> Self {
        let mut arguments = vec!["found", "--data-dir", dir.to_str().unwrap()];
        arguments.extend(kafka.iter().flat_map(|address| ["--kafka", *address]));
        // The ports in its files are its own from now on; in the rare case that somebody was quicker, it is founded again.
        let ports = loop {
            done(&arguments);
            if let Some(ports) = ports(&dir, kafka) {
                break ports;
            }
            std::fs::remove_dir_all(&dir).unwrap();
        };
        let genesis = erm::Genesis::from_json(&std::fs::read(dir.join("genesis.json")).unwrap()).unwrap();
        Self { dir, id: genesis.network(), partitions: genesis.partitions, _ports: ports }
    }

    pub(super) fn config(&self) -> PathBuf {
        self.dir.join("caduceus.toml")
    }

    pub(super) fn operators(&self) -> Vec<String> {
        let genesis = erm::Genesis::from_json(&std::fs::read(self.dir.join("genesis.json")).unwrap()).unwrap();
        genesis.operators.iter().map(|operator| operator.id.to_string()).collect()
    }

    pub(super) fn node_config(&self, operator: &str) -> PathBuf {
        self.dir.join(format!("record-node-{operator}.toml"))
    }

    /// A setting that the files hold.
    pub(super) fn setting(&self, section: &str, key: &str) -> String {
        let file: toml::Table = std::fs::read_to_string(self.config()).unwrap().parse().unwrap();
        file[section][key].as_str().unwrap().to_owned()
    }

    /// `caduceus enrol`; also what it said.
    pub(super) fn enrol(&self, name: &str) -> (Patient, String) {
        let said = done(&["enrol", "--patient", name, "--config", self.config().to_str().unwrap()]);
        let seed = |kind: &str| *self.keystore().require(&format!("patient/{name}/{kind}")).unwrap();
        let wrap = WrapSecretKey::from_seed(&seed("wrap"));
        let signer = KeyPair::from_seed(&seed("signer"));
        let opening = Opening {
            patient: signer.public(),
            wrap: wrap.public(),
            nonce: seed("nonce"),
            time_ms: 0,
            writers: Vec::new(),
        };
        let chain = opening.chain(self.id);
        let ring = KeyRing::decode(&std::fs::read(self.dir.join(KeyRing::object_name(&chain.id))).unwrap()).unwrap();
        let keys = Arc::new(ring.open(&chain, &wrap).unwrap());
        let partition = stream::partition_of(&chain.id.0, self.partitions);
        (Patient { name: name.into(), chain, partition, keys, signer }, said)
    }

    /// `caduceus token` for a device.
    pub(super) fn token(&self, patient: &Patient, device: &str) -> String {
        self.any_token(&["--patient", &patient.name, "--device", device])
    }

    /// `caduceus token` with these arguments.
    pub(super) fn any_token(&self, arguments: &[&str]) -> String {
        let config = self.config();
        let all = [&["token", "--config", config.to_str().unwrap()], arguments].concat();
        done(&all).trim().to_owned()
    }

    /// Starts the record nodes of all operators and waits until they are ready.
    pub(super) fn start_nodes(&self) -> BTreeMap<String, Process> {
        let mut nodes: BTreeMap<_, _> =
            self.operators().into_iter().map(|operator| (operator.clone(), self.start_node(&operator))).collect();
        nodes.values_mut().for_each(Process::ready);
        nodes
    }

    pub(super) fn start_node(&self, operator: &str) -> Process {
        Process::start(operator, &["record-node"], &self.node_config(operator), &[])
    }

    /// The event log of a broker.
    pub(super) async fn log(&self, bootstrap: &str) -> KafkaLog {
        let mut settings = KafkaSettings::new(bootstrap, Topics::standard(self.partitions).unwrap());
        settings.allow_single_broker = true;
        KafkaLog::connect(settings).await.unwrap()
    }

    fn keystore(&self) -> Keystore {
        let passphrase = Passphrase::from_file(&self.dir.join("keystore/demo-custody.passphrase")).unwrap();
        Keystore::open(&self.dir.join("keystore/keys"), &passphrase).unwrap()
    }

    fn blobs(&self) -> BlobStore {
        BlobStore::local(&self.dir.join("blobs")).unwrap()
    }

    /// Verifies a patient's chain as it stands on the log, with every batch and anomaly, and says what it holds.
    pub(super) async fn content(&self, log: &dyn EventLog, blobs: &BlobStore, patient: &Patient) -> ContentDigests {
        let blocks = records(log, PHC_BLOCKS, patient.partition).await;
        let blocks = blocks
            .into_iter()
            .filter(|(key, _)| **key == patient.chain.id.0)
            .map(|(_, value)| Block::decode(&value).unwrap());
        let blocks: Vec<Block> = blocks.collect();
        let mut verifier = ChainVerifier::open(self.id, &blocks[0]).unwrap();
        let mut contents = Contents::default();
        for block in &blocks[1..] {
            verifier.push(block).unwrap();
            for entry in &block.header.batches {
                let key = patient.keys.get(&patient.chain, Scope::of_batch(entry.category)).unwrap();
                let sealed = blobs.get(&entry.blob).await.unwrap();
                contents.records(
                    OpenedBatch::open(&patient.chain, key, &block.header, entry.category, &sealed).unwrap().records(),
                );
            }
            let key = patient.keys.get(&patient.chain, Scope::Category(phc::CATEGORY_ANOMALIES)).unwrap();
            for (entry, index) in block.body.anomalies.iter().zip(0..) {
                let sealed = blobs.get(&entry.detail).await.unwrap();
                contents.anomaly(&open_anomaly(&patient.chain, key, block, index, &sealed).unwrap());
            }
        }
        verifier.finish().unwrap();
        contents.finish()
    }

    /// What all these patients' chains hold.
    pub(super) async fn contents(&self, log: &dyn EventLog, patients: &[Patient]) -> BTreeMap<String, ContentDigests> {
        let blobs = self.blobs();
        let mut all = BTreeMap::new();
        for patient in patients {
            all.insert(patient.name.clone(), self.content(log, &blobs, patient).await);
        }
        all
    }

    /// The number of alerts on the log about these patients.
    pub(super) async fn alerts(&self, log: &dyn EventLog, patients: &[Patient]) -> u64 {
        let mut count = 0;
        for partition in 0..self.partitions {
            let alerts = records(log, ALERTS, partition).await;
            count += alerts.iter().filter(|(key, _)| patients.iter().any(|patient| **key == patient.chain.id.0)).count()
                as u64;
        }
        count
    }

    /// Says that nothing follows: whatever is gathered goes into blocks.
    pub(super) async fn flush(&self, log: &dyn EventLog, time_ms: i64) {
        let value = ledger::encode(&Tick { time_ms, flush: true });
        let ticks = (0..self.partitions)
            .map(|partition| Append::new(READINGS, Bytes::new(), time_ms, value.clone()).in_partition(partition));
        log.writer("test").await.unwrap().commit(Batch::of(ticks.collect())).await.unwrap();
    }

    /// The same readings, in the same order, to one monitor that nothing happens to.
    pub(super) async fn undisturbed(
        &self,
        log: &dyn EventLog,
        patients: &[Patient],
    ) -> BTreeMap<String, ContentDigests> {
        let dir = tempfile::tempdir().unwrap();
        let topics = Topics::standard(self.partitions).unwrap();
        let calm = EmbeddedLog::open(&dir.path().join("log"), stream::embedded::Settings::new(topics)).unwrap();
        let mut writer = calm.writer("test").await.unwrap();
        let mut ends: Vec<Position> = Vec::new();
        for partition in 0..self.partitions {
            for topic in [PHC_BLOCKS, READINGS] {
                for (key, value) in records(log, topic, partition).await {
                    // Of the blocks only the openings: the others are what is asked for.
                    if topic == PHC_BLOCKS && Block::decode(&value).unwrap().header.height > 0 {
                        continue;
                    }
                    let copied = writer
                        .commit(Batch::of(vec![Append::new(topic, key, 0, value).in_partition(partition)]))
                        .await
                        .unwrap();
                    ends.retain(|end| topic != READINGS || end.partition != partition);
                    ends.extend(copied.into_iter().filter(|_| topic == READINGS));
                }
            }
        }
        let keys = Arc::new(HeldKeys::default());
        for patient in patients {
            keys.insert(&patient.chain, patient.keys.clone());
        }
        let blobs = BlobStore::local(&dir.path().join("blobs")).unwrap();
        let signer = KeyPair::from_seed(self.keystore().require("service/monitor/signer").unwrap());
        let cohort = physiology::reference_cohort(COHORT_SEED).unwrap();
        let detector = Arc::new(Detector::new(cohort, vitals::Settings::default()).unwrap());
        let parts = Parts {
            log: Arc::new(calm.clone()),
            blobs: blobs.clone(),
            keys,
            detector,
            signer,
            network: self.id,
            randomness: Randomness::System,
        };
        let monitor = Monitor::new(parts, monitor::Settings::default()).unwrap();
        let (mut progress, shutdown) = (monitor.progress(), Shutdown::new(super::process::PATIENCE));
        let running = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { monitor.run(&shutdown).await }
        });
        let covered =
            tokio::time::timeout(super::process::PATIENCE, progress.wait_for(|progress| progress.covers(&ends))).await;
        covered.expect("in time").expect("the monitor works");
        shutdown.trigger();
        running.await.unwrap().unwrap();
        let mut all = BTreeMap::new();
        for patient in patients {
            all.insert(patient.name.clone(), self.content(&calm, &blobs, patient).await);
        }
        all
    }
}

/// Holds every port that the files of a network name, but the broker's; `None` where one is in use.
fn ports(dir: &Path, kafka: Option<&str>) -> Option<Vec<Port>> {
    let files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut numbers = BTreeSet::new();
    for file in files.filter(|file| file.extension().is_some_and(|extension| extension == "toml")) {
        let text = std::fs::read_to_string(file).unwrap();
        let addresses = text.split(|c: char| !(c.is_ascii_digit() || ['.', ':'].contains(&c)));
        let own = addresses.filter(|address| Some(*address) != kafka);
        numbers.extend(own.filter_map(|address| address.strip_prefix("127.0.0.1:")?.parse::<u16>().ok()));
    }
    assert!(numbers.len() >= 14, "portal, health and three of each node: {numbers:?}");
    numbers.into_iter().map(|number| Port::hold(number).ok()).collect()
}

/// Keys and values of a partition.
pub(super) async fn records(log: &dyn EventLog, topic: &str, partition: u32) -> Vec<(Bytes, Bytes)> {
    let mut scan = log.scan(topic, partition, 0).await.unwrap();
    let mut all = Vec::new();
    loop {
        let records = scan.next(1_000).await.unwrap();
        if records.is_empty() {
            return all;
        }
        all.extend(records.into_iter().map(|record| (record.key, record.value)));
    }
}
