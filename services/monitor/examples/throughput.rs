//! Readings per CPU second through the monitor: log → open → detector → block → state, on the embedded log or a Kafka broker.
//!
//! `cargo run --release -p monitor --example throughput -- [PATIENTS] [MINUTES] [kafka]`. A message holds one reading of eight
//! signals. Filling the log is not measured; reading it, opening, judging, sealing, signing and appending are. What the first
//! message of each patient costs, the chain's opening and its two signatures among it, is told by itself. On a broker, which is started
//! for it, what the client fetches while the log is filled (16 MiB at the most) is not measured either.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::cast_precision_loss)]

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger::{Digest, KeyPair, SeededRng, WrapSecretKey, rng_from_seed};
use monitor::{HeldKeys, Monitor, Parts, Randomness, Settings};
use phc::messages::{PHC_BLOCKS, READINGS};
use phc::{Block, Opening, PatientKeys, Provenance, Reading, ReadingBatch, Role, Subject, Tick, Writer};
use stream::{Append, Batch, EmbeddedLog, EventLog, KafkaLog, Position, Topics};
use vitals::Signal;

const NETWORK: Digest = Digest([7; 32]);
const START_MS: i64 = 1_700_006_400_000;
const PARTITIONS: u32 = 4;
const SIGNALS: [(Signal, i64, i64); 8] = [
    (Signal::HeartRate, 64_000, 4_000),
    (Signal::Respiration, 14_000, 1_000),
    (Signal::Spo2, 97_000, 500),
    (Signal::Temperature, 36_700, 100),
    (Signal::HrvSdnn, 50_000, 6_000),
    (Signal::Systolic, 120_000, 4_000),
    (Signal::Diastolic, 78_000, 3_000),
    (Signal::Steps, 0, 0),
];

struct Person {
    chain: ledger::Chain,
    keys: Arc<PatientKeys>,
}

/// A repeatable number from 0 to 1000.
fn noise(patient: u64, minute: i64, signal: u64) -> i64 {
    let mut state = minute.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (patient << 32) ^ signal;
    state = (state ^ (state >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    i64::try_from((state ^ (state >> 32)) % 1_001).unwrap_or(0)
}

fn message(patient: u64, minute: i64) -> ReadingBatch {
    let time_ms = START_MS + minute * 60_000;
    let readings = SIGNALS.iter().zip(0..).map(|((signal, middle, span), number)| {
        let around = span * (noise(patient, minute, number) - 500) / 500;
        let value_milli = middle + around / 100 * 100;
        Reading { signal: signal.id(), value_milli, time_ms, offset_minutes: Some(60), provenance: Provenance::Device }
    });
    ReadingBatch {
        device: "watch".into(),
        subject: Subject::Patient,
        first_sequence: minute.cast_unsigned() * SIGNALS.len() as u64,
        received_ms: time_ms + 400,
        raw: None,
        readings: readings.collect(),
    }
}

/// User and system time of this process, seconds.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / 100.0
}

/// Runs something that waits for the log while nothing else of this thread goes on.
fn alone<T: Send>(doing: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let run = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(doing);
        std::thread::Builder::new().name("filling".into()).spawn_scoped(scope, run).unwrap().join().unwrap()
    })
}

/// Appends one message a patient and minute, then a tick in each partition; where the ticks lie.
async fn fill(log: &dyn EventLog, people: &[Person], minutes: Range<i64>, rng: &mut SeededRng) -> Vec<Position> {
    let mut writer = log.writer("portal").await.unwrap();
    for minute in minutes.clone() {
        for (some, first) in people.chunks(20_000).zip((0..).step_by(20_000)) {
            let appends = some.iter().zip(first..).map(|(person, number)| {
                let batch = message(number, minute);
                let key = person.keys.stream(&person.chain).unwrap();
                let value = phc::seal_topic_value(key, &person.chain, READINGS, &batch, rng);
                Append::new(READINGS, person.chain.id.0.to_vec(), batch.received_ms, value)
            });
            writer.commit(Batch::of(appends.collect())).await.unwrap();
        }
    }
    let end = ledger::encode(&Tick { time_ms: START_MS + (minutes.end + 4) * 60_000, flush: true });
    let ticks = (0..PARTITIONS)
        .map(|partition| Append::new(READINGS, bytes::Bytes::new(), START_MS, end.clone()).in_partition(partition));
    writer.commit(Batch::of(ticks.collect())).await.unwrap()
}

async fn open(
    log: &dyn EventLog,
    operator: &KeyPair,
    keys: &HeldKeys,
    patients: i64,
    rng: &mut SeededRng,
) -> Vec<Person> {
    let mut writer = log.writer("portal").await.unwrap();
    let (mut people, mut openings) = (Vec::new(), Vec::new());
    for number in 0..patients {
        let signer = KeyPair::generate(rng);
        let wrap = WrapSecretKey::generate(rng).public();
        let writers = vec![Writer { role: Role::Monitor, signer: operator.public(), wrap, until_ms: None }];
        let opening = Opening { patient: signer.public(), wrap, nonce: [5; 32], time_ms: START_MS, writers };
        let chain = opening.chain(NETWORK);
        let block = Block::open(opening, NETWORK, &signer, rng).unwrap();
        openings.push(Append::new(PHC_BLOCKS, chain.id.0.to_vec(), START_MS, block.encode()));
        let own = Arc::new(PatientKeys::generate(vitals::Category::ALL.map(vitals::Category::id), rng));
        keys.insert(&chain, own.clone());
        people.push(Person { chain, keys: own });
        if openings.len() == 20_000 || number + 1 == patients {
            writer.commit(Batch::of(std::mem::take(&mut openings))).await.unwrap();
        }
    }
    people
}

/// The monitor stands still while the log is filled.
const STANDS_STILL: Duration = Duration::from_secs(3_600);

fn in_directory(dir: &Path) -> EmbeddedLog {
    let topics = Topics::standard(PARTITIONS).unwrap();
    let settings = stream::embedded::Settings { session: STANDS_STILL, ..stream::embedded::Settings::new(topics) };
    EmbeddedLog::open(dir, settings).unwrap()
}

async fn on_kafka(bootstrap: &str) -> KafkaLog {
    let mut settings = stream::kafka::Settings::new(bootstrap, Topics::standard(PARTITIONS).unwrap());
    (settings.create_topics, settings.allow_single_broker) = (true, true);
    settings.poll_interval = STANDS_STILL;
    KafkaLog::connect(settings).await.unwrap()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).map(|text| text.parse::<i64>().expect("a number"));
    let (patients, minutes) = (number(0).unwrap_or(1_000), number(1).unwrap_or(300));
    let dir = tempfile::tempdir().unwrap();
    let broker = arguments.get(2).map(|_| testkit::kafka::Broker::start(&[]).unwrap());
    let log: Arc<dyn EventLog> = match &broker {
        Some(broker) => Arc::new(on_kafka(&broker.bootstrap()).await),
        None => Arc::new(in_directory(&dir.path().join("log"))),
    };
    let blobs = store::BlobStore::local(&dir.path().join("blobs")).unwrap();
    let mut rng = rng_from_seed([1; 32]);
    let operator = KeyPair::generate(&mut rng);
    let keys = Arc::new(HeldKeys::default());
    let people = alone(open(&*log, &operator, &keys, patients, &mut rng));
    let first = alone(fill(&*log, &people, 0..1, &mut rng));

    let cohort = physiology::reference_cohort(1).unwrap();
    let detector = vitals::Detector::new(cohort, vitals::Settings { warm_up_days: 0, ..vitals::Settings::default() });
    let parts = Parts {
        log: log.clone(),
        blobs,
        keys,
        detector: Arc::new(detector.unwrap()),
        signer: operator,
        network: NETWORK,
        randomness: Randomness::seeded([3; 32]),
    };
    let monitor = Monitor::new(parts, Settings::default()).unwrap();
    let mut progress = monitor.progress();
    let shutdown = kit::Shutdown::new(Duration::from_secs(10));
    let asked = shutdown.clone();
    let opening = cpu_seconds();
    let task = tokio::spawn(async move { monitor.run(&asked).await });
    if progress.wait_for(|progress| progress.covers(&first)).await.is_err() {
        panic!("the monitor ended: {:?}", task.await);
    }
    let opening = cpu_seconds() - opening;
    let before = progress.borrow().clone();
    let places = alone(fill(&*log, &people, 1..minutes + 1, &mut rng));
    let (begun, cpu) = (Instant::now(), cpu_seconds());
    if progress.wait_for(|progress| progress.covers(&places)).await.is_err() {
        panic!("the monitor ended: {:?}", task.await);
    }
    let (seconds, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    let told = progress.borrow().clone();
    let messages = (patients * minutes) as f64;
    println!(
        "{{\"patients\": {patients}, \"messages\": {messages}, \"values\": {}, \"scores\": {}, \"blocks\": {}, \"commits\": {}, \"seconds\": {seconds:.3}, \"cpu_seconds\": {cpu:.3}, \"messages_per_cpu_second\": {:.0}, \"us_per_message\": {:.3}, \"us_per_patient_opened\": {:.1}}}",
        told.readings - before.readings,
        told.scores - before.scores,
        told.blocks - before.blocks,
        told.commits - before.commits,
        messages / cpu,
        cpu * 1e6 / messages,
        opening * 1e6 / patients as f64,
    );
    shutdown.trigger();
    task.await.unwrap().unwrap();
}
