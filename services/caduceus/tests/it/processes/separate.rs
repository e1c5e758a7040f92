//! Every part a process of its own, over a real Kafka broker, while parts are killed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use physiology::{Illness, IllnessKind, PatientStream, Plan};
use stream::kafka::Settings as KafkaSettings;
use stream::{EventLog, KafkaLog, Topics};
use vitals::Reading;

use super::http;
use super::network::{COHORT_SEED, Network, Patient};
use super::process::{Process, until};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Days of readings, the last of them with illnesses.
const DAYS: i64 = 16;
/// Hours of one patient in one request.
const CHUNK_HOURS: i64 = 12;
const DEVICE: &str = "watch";

/// One request.
struct Chunk {
    patient: usize,
    first_sequence: u64,
    readings: Vec<Reading>,
}

/// The readings of simulated people, in the order of time, a chunk a person.
fn chunks(people: usize, end_ms: i64) -> Vec<Chunk> {
    let start_ms = end_ms - DAYS * DAY_MS;
    let ill = |patient, kind| Illness { patient, start_ms: end_ms - 20 * HOUR_MS, end_ms: end_ms - 19 * HOUR_MS, kind };
    let illnesses = [
        ill(0, IllnessKind::Tachycardia),
        ill(1, IllnessKind::Desaturation),
        ill(2, IllnessKind::Tachycardia),
        ill(3, IllnessKind::Desaturation),
    ];
    let plan = Plan { seed: 5, start_ms, end_ms, offset_minutes: 60, interval_minutes: 5 };
    let mut streams: Vec<_> =
        (0u32..).take(people).map(|number| PatientStream::new(plan, number, &illnesses).peekable()).collect();
    let mut sequences = vec![0u64; people];
    let mut all = Vec::new();
    for part in 1..=DAYS * 24 / CHUNK_HOURS {
        let until_ms = start_ms + part * CHUNK_HOURS * HOUR_MS;
        for (patient, stream) in streams.iter_mut().enumerate() {
            let readings: Vec<Reading> =
                std::iter::from_fn(|| stream.next_if(|reading| reading.time_ms < until_ms)).collect();
            let first_sequence = sequences[patient];
            sequences[patient] += readings.len() as u64;
            all.push(Chunk { patient, first_sequence, readings });
        }
    }
    all
}

/// Patients in both halves of the partitions, two each, so that each of two monitors has work.
fn enrol(network: &Network) -> Vec<Patient> {
    let (mut lower, mut upper) = (Vec::new(), Vec::new());
    for number in 1..=40 {
        let (patient, _) = network.enrol(&format!("person-{number}"));
        let half = if patient.partition < network.partitions / 2 { &mut lower } else { &mut upper };
        if half.len() < 2 {
            half.push(patient);
        }
        if lower.len() == 2 && upper.len() == 2 {
            lower.append(&mut upper);
            return lower;
        }
    }
    panic!("40 patients all fell into one half of the partitions");
}

/// The HTTP side: sends chunks, again where no answer came or none that says they are durable.
struct Sender<'a> {
    portal: String,
    patients: &'a [Patient],
    tokens: Vec<String>,
}

impl Sender<'_> {
    fn send(&self, chunk: &Chunk) {
        let patient = &self.patients[chunk.patient];
        let readings: Vec<_> = chunk.readings.iter().map(line).collect();
        let identifier = serde_json::json!({ "system": "urn:caduceus:demo:patient", "value": patient.name });
        let body = serde_json::json!({ "patient": identifier, "device": DEVICE, "first_sequence": chunk.first_sequence, "readings": readings }).to_string();
        let results = until("readings to be accepted", || {
            match http::request("POST", &self.portal, "/readings", Some(&self.tokens[chunk.patient]), &body) {
                Ok((200, answer)) => Some(answer),
                // The broker is away: nothing was promised.
                Ok((500..=599, _)) | Err(_) => None,
                Ok((status, answer)) => panic!("{status}: {answer}"),
            }
        });
        let results: serde_json::Value = serde_json::from_str(&results).unwrap();
        let results = results["results"].as_array().unwrap();
        assert_eq!(results.len(), chunk.readings.len());
        for result in results {
            assert!(["accepted", "already-held"].contains(&result["result"].as_str().unwrap()), "{result}");
        }
    }
}

fn line(reading: &Reading) -> serde_json::Value {
    let milli = reading.value_milli;
    let sign = if milli < 0 { "-" } else { "" };
    let value = format!("{sign}{}.{:03}", milli.abs() / 1_000, milli.abs() % 1_000);
    let time = format!("{}.{:03}", reading.time_ms / 1_000, reading.time_ms % 1_000);
    let time: serde_json::Number = serde_json::from_str(&time).unwrap();
    serde_json::json!({ "signal": reading.signal.name(), "value": value, "time": time, "offset_minutes": reading.offset_minutes })
}

fn height(node: &Process) -> f64 {
    node.figure("caduceus_erm_height")
}

/// D1, D8, D14, E3, E7, A9, A10: the whole path as separate processes. A monitor is killed in mid-stream and the other takes over, the broker is
/// killed and comes back, a validator is killed and catches up; the chains say what they say when nothing happens.
#[test]
fn the_parts_run_as_separate_processes_over_a_real_broker_and_the_loss_of_any_changes_nothing() {
    let Some(mut broker) = testkit::kafka::broker_for("the_parts_run_as_separate_processes", &[]).unwrap() else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let network = Network::found(dir.path().join("d"), Some(&broker.bootstrap()));
    let config = network.config();

    let operators = network.operators();
    let mut nodes: BTreeMap<String, Process> = BTreeMap::new();
    for operator in &operators {
        nodes.insert(operator.clone(), Process::start(operator, &["record-node"], &network.node_config(operator), &[]));
    }
    nodes.values_mut().for_each(Process::ready);
    let patients = enrol(&network);

    let cohort = COHORT_SEED.to_string();
    let monitor = |name: &str| {
        Process::start(
            name,
            &["monitor"],
            &config,
            &[("CADUCEUS_MONITOR__NAME", name), ("CADUCEUS_MONITOR__COHORT_SEED", &cohort)],
        )
    };
    let (mut first, mut second) = (monitor("monitor-1"), monitor("monitor-2"));
    let mut notify = Process::start("notify", &["notify"], &config, &[]);
    // Time is told by the readings alone, so that the order of what the monitors see is that of the log.
    let mut portal = Process::start("portal", &["portal"], &config, &[("CADUCEUS_PORTAL__TICK_SECONDS", "0")]);
    [&mut first, &mut second, &mut notify, &mut portal].into_iter().for_each(Process::ready);

    let end_ms = (jiff::Timestamp::now().as_millisecond() / HOUR_MS - 1) * HOUR_MS;
    let chunks = chunks(patients.len(), end_ms);
    let sent: u64 = chunks.iter().map(|chunk| chunk.readings.len() as u64).sum();
    let tokens = patients.iter().map(|patient| network.token(patient, DEVICE)).collect();
    let sender = Sender { portal: network.setting("portal", "listen"), patients: &patients, tokens };
    let (quarter, half, three_quarters) = (chunks.len() / 4, chunks.len() / 2, chunks.len() * 3 / 4);

    until("both monitors to have partitions", || {
        [&first, &second].iter().all(|monitor| monitor.said().contains("took a partition over")).then_some(())
    });
    chunks[..quarter].iter().for_each(|chunk| sender.send(chunk));
    let readings = |process: &Process| process.figure("caduceus_monitor_readings_total");
    until("both monitors to have put readings into blocks", || {
        (readings(&first) > 0.0 && readings(&second) > 0.0).then_some(())
    });
    first.kill_9();

    chunks[quarter..half].iter().for_each(|chunk| sender.send(chunk));
    broker.kill_9().unwrap();
    // What is sent meanwhile is answered when it is durable, or sent again.
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| chunks[half..three_quarters].iter().for_each(|chunk| sender.send(chunk)));
        until("the portal to notice that the log is away", || (portal.get("/readyz")?.0 == 503).then_some(()));
        assert!(!sending.is_finished(), "nothing was sent in the broker's absence");
        broker.restart().unwrap();
        sending.join().unwrap();
    });

    // One of four validators is lost, the one that everybody asks first: the others decide without it.
    let lost = operators[0].clone();
    let before = height(&nodes[&operators[1]]);
    nodes.remove(&lost).unwrap().kill_9();
    let (late, said) = network.enrol("late");
    assert!(said.contains("registered by") && said.contains("at height"), "{said}");
    assert!(height(&nodes[&operators[1]]) > before);
    let mut back = Process::start(&lost, &["record-node"], &network.node_config(&lost), &[]);
    back.ready();
    until("the validator to catch up", || (height(&back) >= height(&nodes[&operators[1]])).then_some(()));
    nodes.insert(lost, back);

    chunks[three_quarters..].iter().for_each(|chunk| sender.send(chunk));
    let topics = Topics::standard(network.partitions).unwrap();
    let log: Arc<dyn EventLog> = runtime.block_on(async {
        let mut settings = KafkaSettings::new(broker.bootstrap(), topics);
        settings.allow_single_broker = true;
        Arc::new(KafkaLog::connect(settings).await.unwrap())
    });
    runtime.block_on(network.flush(log.as_ref(), end_ms + HOUR_MS));
    let found = until("every reading to be in a block", || {
        let found = runtime.block_on(network.contents(log.as_ref(), &patients));
        (found.values().map(|content| content.readings).sum::<u64>() >= sent).then_some(found)
    });

    let expected = runtime.block_on(network.undisturbed(log.as_ref(), &patients));
    assert_eq!(found, expected);
    assert_eq!(found.values().map(|content| content.readings).sum::<u64>(), sent);
    for (name, content) in &found {
        assert!(content.scores > 0 && content.anomalies > 0, "{name}: {content:?}");
    }
    // The alerts went along in the same steps: each anomaly once.
    let anomalies: u64 = found.values().map(|content| content.anomalies).sum();
    assert_eq!(runtime.block_on(network.alerts(log.as_ref(), &patients)), anomalies);

    until("every episode to be mailed", || (mails(&network) >= patients.len()).then_some(()));
    until("the heads to be anchored", || (second.figure("caduceus_phc_anchors_total") > 0.0).then_some(()));
    // Who was enrolled while the portal ran is known to it.
    let token = network.token(&late, DEVICE);
    let sender = Sender { portal: sender.portal, patients: std::slice::from_ref(&late), tokens: vec![token] };
    sender.send(&Chunk { patient: 0, first_sequence: 0, readings: chunks[chunks.len() - 1].readings[..1].to_vec() });

    for process in [second, notify, portal].into_iter().chain(nodes.into_values()) {
        process.terminate();
    }
    runtime.shutdown_timeout(Duration::from_secs(1));
}

fn mails(network: &Network) -> usize {
    let entries = std::fs::read_dir(network.dir.join("mail")).unwrap();
    entries
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "eml"))
        .count()
}
