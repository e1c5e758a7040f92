//! Every part a process of its own, over a real Kafka broker, while parts are killed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use phc::ContentDigests;
use physiology::{Illness, IllnessKind, Plan};
use stream::EventLog;

use super::network::{COHORT_SEED, Network, Patient};
use super::process::{Process, until};
use super::readings::{self, Chunk, Sender};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Days of readings, the last of them with illnesses.
const DAYS: i64 = 16;
/// Hours of one patient in one request.
const CHUNK_HOURS: i64 = 12;

/// The readings of simulated people, each ill for three hours on the last day.
fn chunks(people: usize, end_ms: i64) -> Vec<Chunk> {
    let ill = |patient, kind| Illness { patient, start_ms: end_ms - 20 * HOUR_MS, end_ms: end_ms - 17 * HOUR_MS, kind };
    let illnesses = [
        ill(0, IllnessKind::Tachycardia),
        ill(1, IllnessKind::Desaturation),
        ill(2, IllnessKind::Tachycardia),
        ill(3, IllnessKind::Desaturation),
    ];
    let start_ms = end_ms - DAYS * DAY_MS;
    let plan = Plan { seed: 5, start_ms, end_ms, offset_minutes: 60, interval_minutes: 5 };
    readings::chunks(people, plan, &illnesses, CHUNK_HOURS * HOUR_MS)
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
    let mut nodes = network.start_nodes();
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
    let sender = Sender::new(&network, &patients);
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
    let before = nodes[&operators[1]].height();
    nodes.remove(&lost).unwrap().kill_9();
    // The monitors' anchors are under the same member's signature, and wait for the next block meanwhile.
    let (late, said) = network.enrol("late");
    assert!(said.contains("registered by"), "{said}");
    until("the others to decide", || (nodes[&operators[1]].height() > before).then_some(()));
    let mut back = network.start_node(&lost);
    back.ready();
    until("the validator to catch up", || (back.height() >= nodes[&operators[1]].height()).then_some(()));
    nodes.insert(lost, back);

    chunks[three_quarters..].iter().for_each(|chunk| sender.send(chunk));
    let log: Arc<dyn EventLog> = Arc::new(runtime.block_on(network.log(&broker.bootstrap())));
    runtime.block_on(network.flush(log.as_ref(), end_ms + HOUR_MS));
    let expected = runtime.block_on(network.undisturbed(log.as_ref(), &patients));
    // The last readings may lie in blocks before the end of time comes, and scores and anomalies that it brings follow.
    let counts = |all: &BTreeMap<String, ContentDigests>| -> Vec<[u64; 3]> {
        all.values().map(|content| [content.readings, content.scores, content.anomalies]).collect()
    };
    let found = until("every reading, score and anomaly to be in a block", || {
        let found = runtime.block_on(network.contents(log.as_ref(), &patients));
        let all =
            counts(&found).iter().flatten().zip(counts(&expected).iter().flatten()).all(|(found, due)| found >= due);
        all.then_some(found)
    });
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
    Sender::new(&network, std::slice::from_ref(&late)).send(&Chunk {
        patient: 0,
        first_sequence: 0,
        readings: chunks[chunks.len() - 1].readings[..1].to_vec(),
    });

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
