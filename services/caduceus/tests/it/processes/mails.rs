//! Mails over Kafka: each step of an episode once, while notifiers are killed and started again.

use std::collections::BTreeMap;

use notify::PatientRef;
use notify::outbox::OutboxRecord;
use phc::{Alert, open_topic_value};
use physiology::{Illness, IllnessKind, Plan};
use stream::topics::{ALERTS, NOTIFY_OUTBOX};
use stream::{EventLog, KafkaLog};
use tokio::runtime::Runtime;
use vitals::{Anomaly, Change};

use super::network::{Network, Patient, records};
use super::process::{Process, promptly, until};
use super::readings::{Sender, chunks};

const MINUTE_MS: i64 = 60_000;
/// Minutes of one patient in one request.
const CHUNK_MINUTES: i64 = 30;
/// Requests of one patient after which everybody is ill.
const UNTIL_ILL: usize = 3;

/// Patient's reference, episode, step: as in the name of a mail's file.
type Step = (String, String, String);

/// Who fell ill is mailed about once, who recovers once more.
pub(super) fn each_step_is_mailed_once(network: &Network, runtime: &Runtime, log: &KafkaLog, patients: &[Patient]) {
    let end_ms = (jiff::Timestamp::now().as_millisecond() / MINUTE_MS - 60) * MINUTE_MS;
    let start_ms = end_ms - 6 * CHUNK_MINUTES * MINUTE_MS;
    let plan = Plan { seed: 11, start_ms, end_ms, offset_minutes: 60, interval_minutes: 1 };
    let ill = |patient: usize| {
        let (patient, kind) = (u32::try_from(patient).unwrap(), IllnessKind::Desaturation);
        Illness { patient, start_ms: start_ms + 60 * MINUTE_MS, end_ms: start_ms + 105 * MINUTE_MS, kind }
    };
    let illnesses: Vec<_> = (0..patients.len()).map(ill).collect();
    let chunks = chunks(patients.len(), plan, &illnesses, CHUNK_MINUTES * MINUTE_MS);
    let sent: u64 = chunks.iter().map(|chunk| chunk.readings.len() as u64).sum();
    let sender = Sender::new(network, patients);
    let (until_ill, after) = chunks.split_at(UNTIL_ILL * patients.len());
    let of = |patient: usize| until_ill.iter().filter(move |chunk| chunk.patient == patient);
    let mailed = || mails(network).values().sum::<usize>();

    let first = start(network, "notify-1");
    of(0).for_each(|chunk| sender.send(chunk));
    promptly("the first mail", || mailed() >= 1);
    first.kill_9();
    // Nobody is there to tell.
    (1..patients.len()).for_each(|patient| of(patient).for_each(|chunk| sender.send(chunk)));
    until("everybody to be found ill", || {
        (runtime.block_on(steps(network, log, patients)).len() >= patients.len()).then_some(())
    });
    assert_eq!(mailed(), 1);
    // Killed with mails under way.
    let second = start(network, "notify-1");
    promptly("the second mail", || mailed() >= 2);
    second.kill_9();
    let third = start(network, "notify-1");
    until("everybody's illness to be mailed", || (mails(network).len() >= patients.len()).then_some(()));
    // Two share the work now; one is killed, and the other takes over.
    let fourth = start(network, "notify-2");
    after.iter().for_each(|chunk| sender.send(chunk));
    promptly("the first recovery to be mailed", || mailed() > patients.len());
    third.kill_9();

    runtime.block_on(network.flush(log, end_ms + CHUNK_MINUTES * MINUTE_MS));
    until("every reading to be in a block", || {
        let found = runtime.block_on(network.contents(log, patients));
        (found.values().map(|content| content.readings).sum::<u64>() >= sent).then_some(())
    });
    // The end of time may come after the last reading's block.
    let expected = until("everybody to be found well", || {
        let steps = runtime.block_on(steps(network, log, patients));
        (steps.keys().filter(|(_, _, step)| step == "resolved").count() >= patients.len()).then_some(steps)
    });
    let of_kind = |kind: &str| expected.keys().filter(|(_, _, step)| step == kind).count();
    assert_eq!((of_kind("opened"), of_kind("resolved")), (patients.len(), patients.len()), "{expected:?}");
    until("every step to be mailed", || (mails(network).len() >= expected.len()).then_some(()));
    until("nothing to be left to mail", || {
        let (queued, sent, dead) = runtime.block_on(outbox(network, log, patients));
        assert_eq!((queued, dead), (expected.len(), 0), "each step is queued once");
        assert!(sent <= queued, "{sent} of {queued} are recorded as sent");
        (sent == queued).then_some(())
    });
    fourth.terminate();
    let once: BTreeMap<Step, usize> = expected.into_keys().map(|step| (step, 1)).collect();
    assert_eq!(mails(network), once, "each step is mailed once, and nothing else is");
    threads_hold(network);
}

fn start(network: &Network, name: &str) -> Process {
    // Whoever was killed is missed soon.
    let settings = [("CADUCEUS_NOTIFY__NAME", name), ("CADUCEUS_LOG__SESSION_MS", "2000")];
    let mut process = Process::start(name, &["notify"], &network.config(), &settings);
    process.ready();
    process
}

fn files(network: &Network) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(network.dir.join("mail")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "eml")).collect()
}

/// How many mails of each step lie there.
fn mails(network: &Network) -> BTreeMap<Step, usize> {
    let mut all = BTreeMap::new();
    for path in files(network) {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let parts: Vec<_> = name.split('-').collect();
        let [_, patient, episode, _, step] = parts[..] else { panic!("{name}") };
        *all.entry((patient.to_owned(), episode.to_owned(), step.to_owned())).or_default() += 1;
    }
    all
}

/// The steps that the alerts on the log tell of.
async fn steps(network: &Network, log: &dyn EventLog, patients: &[Patient]) -> BTreeMap<Step, usize> {
    assert!(patients.iter().all(|patient| patient.chain.network == network.id));
    let mut all = BTreeMap::new();
    for patient in patients {
        let key = patient.keys.stream(&patient.chain).unwrap();
        for (owner, value) in records(log, &ALERTS, patient.partition).await {
            if *owner != patient.chain.id.0 {
                continue;
            }
            let alert: Alert = open_topic_value(key, &patient.chain, &ALERTS, "alert", &value).unwrap();
            let anomaly: Anomaly = ledger::decode("anomaly", &alert.anomaly).unwrap();
            let step = if anomaly.change == Change::Resolved { "resolved" } else { "opened" };
            let reference = PatientRef::of(&patient.chain).short().to_owned();
            *all.entry((reference, anomaly.episode.to_string(), step.to_owned())).or_default() += 1;
        }
    }
    all
}

/// Records of the outbox: queued, sent, given up.
async fn outbox(network: &Network, log: &dyn EventLog, patients: &[Patient]) -> (usize, usize, usize) {
    let (mut queued, mut sent, mut dead) = (0, 0, 0);
    for partition in 0..network.partitions {
        for (owner, value) in records(log, &NOTIFY_OUTBOX, partition).await {
            let patient = patients.iter().find(|patient| *owner == patient.chain.id.0).unwrap();
            let key = patient.keys.stream(&patient.chain).unwrap();
            match open_topic_value(key, &patient.chain, &NOTIFY_OUTBOX, "outbox record", &value).unwrap() {
                OutboxRecord::Queued(_) => queued += 1,
                OutboxRecord::Sent { .. } => sent += 1,
                OutboxRecord::Dead { .. } => dead += 1,
            }
        }
    }
    (queued, sent, dead)
}

/// Every mail has an id of its own, and a recovery's mail names the id of the illness's.
fn threads_hold(network: &Network) {
    let (mut ids, mut answered) = (Vec::new(), Vec::new());
    for path in files(network) {
        let text = std::fs::read_to_string(&path).unwrap();
        let header = |name: &str| {
            text.lines().take_while(|line| !line.is_empty()).find_map(|line| line.strip_prefix(name)).map(str::to_owned)
        };
        ids.push(header("Message-ID: ").unwrap());
        answered.extend(header("In-Reply-To: "));
    }
    let mails = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), mails);
    assert_eq!(answered.len() * 2, mails);
    assert!(answered.iter().all(|id| ids.contains(id)));
}
