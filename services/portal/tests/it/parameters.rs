//! What a doctor sets for one patient, over HTTP and through a monitor onto the chain.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use kit::Shutdown;
use ledger::{DataKey, Digest};
use monitor::{HeldKeys, Monitor, Parts, Randomness, Settings};
use phc::messages::{ALERTS, PHC_BLOCKS};
use phc::{
    Alert, Authority, Block, CATEGORY_PARAMETERS, OpenedBatch, ParametersRecord, ParametersSet, PatientKeys,
    RecordContent, RecordFile, Records, Scope, open_topic_value,
};
use portal::{Custody as _, Holder, IngestSettings};
use serde_json::{Value, json};
use stream::EventLog as _;
use stream::topics::READINGS;
use vitals::{Anomaly, Change, Detector, Parameters, Signal};

use crate::events::consent;
use crate::records::{PATIENT, Writing, decide, monitor};
use crate::world::{Answer, DOCTORS, HOSPITAL, INSURER, NOON_MS, PHARMACY, World};

const MINUTE_MS: i64 = 60_000;

/// A grant to read and to update.
fn update(status: &str, grantee: &str, purpose: &str, category: &str) -> Value {
    let mut consent = consent("permit", status, grantee, purpose, category);
    consent["provision"]["action"] = json!([{ "coding": [{ "code": "correct" }] }]);
    consent
}

fn low_spo2(low: i64) -> Value {
    json!({ "limits": [{ "signal": "spo2", "low": low, "severity": "urgent" }] })
}

/// A patient with a chain, and the path of the parameters.
async fn patient() -> (World, Writing, String) {
    let world = World::new().await;
    let writing = Writing::begin(&world).await;
    let path = format!("/phc/{}/parameters", writing.chain.id);
    (world, writing, path)
}

async fn put(world: &World, who: &str, path: &str, body: &Value) -> Answer {
    world.call("PUT", path, &world.party(who), body.to_string()).await
}

/// What was set, as it stands in the log.
async fn in_log(world: &World, writing: &Writing) -> Vec<ParametersSet> {
    let keys = world.custody.keys(&writing.chain.id).unwrap();
    let key = keys.stream(&writing.chain).unwrap();
    let values = world.topic(&READINGS).await;
    values.iter().filter_map(|(_, value)| ParametersSet::open(key, &writing.chain, value).ok()).collect()
}

/// A monitor over the world's log.
pub(crate) struct Watching {
    /// What it reads and seals with.
    pub(crate) keys: Arc<PatientKeys>,
    progress: tokio::sync::watch::Receiver<monitor::Progress>,
    task: tokio::task::JoinHandle<monitor::Result<()>>,
}

impl Watching {
    pub(crate) fn start(world: &World, writing: &Writing) -> Self {
        let mut all = world.custody.keys(&writing.chain.id).unwrap();
        // The portal was given less than a monitor needs.
        for (category, seed) in vitals::Category::ALL.into_iter().zip(1u8..) {
            if all.get(&writing.chain, Scope::Category(category.id())).is_err() {
                all.insert(Scope::Category(category.id()), DataKey::from_bytes([seed; 32]));
            }
        }
        let all = Arc::new(all);
        let keys = Arc::new(HeldKeys::default());
        keys.insert(&writing.chain, all.clone());
        let parts = Parts {
            log: Arc::new(world.log.clone()),
            blobs: store::BlobStore::local(&world.dir.path().join("blobs")).unwrap(),
            keys,
            detector: Arc::new(Detector::without_forest(vitals::Settings::home()).unwrap()),
            signer: monitor(),
            network: world.network,
            randomness: Randomness::System,
        };
        let monitor = Monitor::new(parts, Settings { wait: Duration::from_millis(20), ..Settings::default() }).unwrap();
        let progress = monitor.progress();
        let task = tokio::spawn(async move { monitor.run(&Shutdown::new(Duration::from_secs(10))).await });
        Self { keys: all, progress, task }
    }

    /// Event time reaches an instant, and everything that was read is in blocks.
    pub(crate) async fn flush(&mut self, world: &World, minute: i64) {
        world.portal.ingest().tick(NOON_MS + minute * MINUTE_MS, true).await.unwrap();
        let mut ends = Vec::new();
        for partition in 0..4 {
            ends.push((partition, world.log.end(&READINGS, partition).await.unwrap()));
        }
        let reached = self.progress.wait_for(|progress| {
            ends.iter()
                .all(|(partition, end)| progress.committed.get(partition).is_some_and(|committed| committed >= end))
        });
        tokio::time::timeout(Duration::from_secs(300), reached).await.expect("in time").expect("the monitor works");
    }

    pub(crate) async fn kill(self) {
        self.task.abort();
        self.task.await.ok();
    }
}

async fn send(world: &World, writing: &Writing, sequence: u64, minute: i64, value: i64) {
    let token = world.token(Holder::Device { chain: writing.chain.id, device: "watch".into() });
    let line = json!({ "signal": "spo2", "value": value, "time": (NOON_MS + minute * MINUTE_MS) / 1_000 });
    let patient = json!({ "system": "urn:test:patients", "value": PATIENT });
    let body = json!({ "patient": patient, "device": "watch", "first_sequence": sequence, "readings": [line] });
    let answer = world.post("/readings", &token, &body).await;
    assert_eq!(answer.json()["results"][0]["result"], "accepted", "{}", answer.json());
}

/// Change and minute of every alert.
async fn alerts(world: &World, writing: &Writing) -> Vec<(Change, i64)> {
    let keys = world.custody.keys(&writing.chain.id).unwrap();
    let mut all = Vec::new();
    for (_, value) in world.topic(ALERTS).await {
        let key = keys.stream(&writing.chain).unwrap();
        let alert: Alert = open_topic_value(key, &writing.chain, ALERTS, "alert", &value).unwrap();
        let anomaly: Anomaly = ledger::decode("anomaly", &alert.anomaly).unwrap();
        assert_eq!(anomaly.signal, Signal::Spo2);
        all.push((anomaly.change, (anomaly.time_ms - NOON_MS) / MINUTE_MS));
    }
    all
}

/// D13, E4: a doctor sets a limit over HTTP. The reading before it does not alert, the next one beyond it does, after a restart of
/// portal and monitor too; who set what and when is on the chain, with its proof.
#[tokio::test(flavor = "multi_thread")]
async fn a_doctors_limit_takes_effect_at_the_next_reading_and_stands_on_the_chain() {
    let (mut world, writing, path) = patient().await;
    decide(&world, update("active", DOCTORS, "TREAT", "parameters")).await;
    let mut watching = Watching::start(&world, &writing);
    send(&world, &writing, 0, -30, 91).await;
    let answer = put(&world, DOCTORS, &path, &low_spo2(92)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
    send(&world, &writing, 1, -29, 91).await;
    watching.flush(&world, -25).await;
    assert_eq!(alerts(&world, &writing).await, [(Change::Opened, -28)], "91 % is no alert for everybody");
    send(&world, &writing, 2, -24, 96).await;
    watching.flush(&world, -20).await;
    watching.kill().await;

    // Another time, another portal and another monitor: it is in force, and sent again it is no second one.
    world.restart(IngestSettings::default()).await;
    world.clock.advance(60_000);
    let mut watching = Watching::start(&world, &writing);
    let again = put(&world, DOCTORS, &path, &low_spo2(92)).await;
    assert_eq!(
        (again.status, &again.bytes),
        (StatusCode::OK, &answer.bytes),
        "what is in the log, and when it was set"
    );
    let read = world.call("GET", &path, &world.own(PATIENT), "").await;
    assert_eq!((read.status, &read.bytes), (StatusCode::OK, &answer.bytes));
    send(&world, &writing, 3, -15, 91).await;
    watching.flush(&world, -10).await;
    watching.kill().await;
    let expected = [(Change::Opened, -28), (Change::Resolved, -23), (Change::Opened, -14)];
    assert_eq!(alerts(&world, &writing).await, expected);

    // On the chain, once, with its proof.
    let blocks: Vec<Block> =
        world.topic(PHC_BLOCKS).await.iter().map(|(_, value)| Block::decode(value).unwrap()).collect();
    let opening = blocks.iter().find_map(|block| block.body.opening.clone()).unwrap();
    let keys = world.custody.keys(&writing.chain.id).unwrap();
    let blobs = store::BlobStore::local(&world.dir.path().join("blobs")).unwrap();
    let mut found = Vec::new();
    for block in &blocks {
        let Some(entry) = block.header.batch(CATEGORY_PARAMETERS) else { continue };
        let key = keys.get(&writing.chain, Scope::of_batch(CATEGORY_PARAMETERS)).unwrap();
        let blob = blobs.get(&entry.blob).await.unwrap();
        let batch = OpenedBatch::open(&writing.chain, key, &block.header, CATEGORY_PARAMETERS, &blob).unwrap();
        let Records::Parameters(records) = batch.records() else { panic!("parameters") };
        for index in 0..records.len() as u64 {
            let authority = Authority { opening: opening.clone(), directives: Vec::new() };
            let file = RecordFile { proof: batch.prove(block, index).unwrap(), authority };
            let file = RecordFile::from_json(file.to_json().unwrap().as_bytes()).unwrap();
            found.push(file.verify(&world.network).unwrap().content);
        }
    }
    let [RecordContent::Parameters(ParametersRecord { set, after_ms })] = &found[..] else { panic!("{found:?}") };
    assert_eq!((set.by.as_str(), set.set_ms, *after_ms), (DOCTORS, NOON_MS, Some(NOON_MS - 30 * MINUTE_MS)));
    let parameters = Parameters::from_bytes(&set.parameters).unwrap();
    assert_eq!(parameters.limit(Signal::Spo2).unwrap().low_milli, Some(92_000));
    assert_eq!(in_log(&world, &writing).await.len(), 1);
}

/// D13, D15, E10, E13: only a hospital or a doctor, and only with the patient's grant to update parameters for treatment. Everybody
/// else hears the same refusal, and each is written down.
#[tokio::test]
async fn nobody_sets_parameters_without_role_and_grant_and_every_refusal_is_written_down() {
    let (world, writing, path) = patient().await;
    let refusal = put(&world, DOCTORS, &path, &low_spo2(92)).await;
    assert_eq!((refusal.status, refusal.issue().0.as_str()), (StatusCode::FORBIDDEN, "consent-missing"));
    let mut refused = 1;
    for grant in [
        consent("permit", "active", DOCTORS, "TREAT", "parameters"),
        update("active", DOCTORS, "HRESCH", "parameters"),
        update("active", DOCTORS, "TREAT", "prescription"),
        update("active", DOCTORS, "TREAT", "vitals"),
        update("active", PHARMACY, "TREAT", "parameters"),
        update("active", INSURER, "TREAT", "parameters"),
    ] {
        decide(&world, grant).await;
        for who in [DOCTORS, PHARMACY, INSURER, HOSPITAL] {
            let answer = put(&world, who, &path, &low_spo2(92)).await;
            assert_eq!((answer.status, &answer.bytes), (StatusCode::FORBIDDEN, &refusal.bytes), "{who}");
            refused += 1;
        }
    }
    for (token, path) in [
        (world.own(PATIENT), path.clone()),
        (world.own("p1"), path.clone()),
        (world.party(DOCTORS), format!("/phc/{}/parameters", Digest([9; 32]))),
        (world.party(DOCTORS), "/phc/x/parameters".into()),
    ] {
        let answer = world.call("PUT", &path, &token, low_spo2(92).to_string()).await;
        assert_eq!((answer.status, &answer.bytes), (StatusCode::FORBIDDEN, &refusal.bytes), "{path}");
        refused += 1;
    }
    let device = world.token(Holder::Device { chain: writing.chain.id, device: "watch".into() });
    let answer = world.call("PUT", &path, &device, low_spo2(92).to_string()).await;
    assert_eq!((answer.status, answer.issue().0.as_str()), (StatusCode::FORBIDDEN, "role"));
    assert!(in_log(&world, &writing).await.is_empty());

    // With the grant; a reader of it reads and sets nothing; after the revocation nobody does.
    assert_eq!(world.call("GET", &path, &world.party(DOCTORS), "").await.status, StatusCode::OK, "a grant to read");
    decide(&world, update("active", DOCTORS, "TREAT", "parameters")).await;
    assert_eq!(put(&world, DOCTORS, &path, &low_spo2(92)).await.status, StatusCode::OK);
    let mut hospital = consent("permit", "active", HOSPITAL, "TREAT", "parameters");
    decide(&world, hospital.clone()).await;
    let read = world.call("GET", &path, &world.party(HOSPITAL), "").await;
    assert_eq!(
        (read.json()["by"].as_str(), &read.json()["parameters"]["limits"][0]["low"]),
        (Some(DOCTORS), &json!(92))
    );
    hospital["status"] = json!("inactive");
    decide(&world, hospital).await;
    decide(&world, update("inactive", DOCTORS, "TREAT", "parameters")).await;
    for who in [HOSPITAL, DOCTORS] {
        assert_eq!(world.call("GET", &path, &world.party(who), "").await.status, StatusCode::FORBIDDEN);
        assert_eq!(put(&world, who, &path, &low_spo2(93)).await.status, StatusCode::FORBIDDEN);
        refused += 2;
    }
    assert_eq!(in_log(&world, &writing).await.len(), 1);

    let requests = world.requests().await;
    let count = |permitted| requests.iter().filter(|request| request.permitted == permitted).count();
    assert_eq!((count(true), count(false)), (3, refused), "entries = requests");
    assert!(requests.iter().all(|request| request.category == CATEGORY_PARAMETERS && request.purpose == 0));
}

/// What cannot be meant is refused with the field's name before anybody is asked; nothing of it is in the log.
#[tokio::test]
async fn what_is_malformed_is_refused_with_its_field_and_changes_nothing() {
    let (world, writing, path) = patient().await;
    decide(&world, update("active", DOCTORS, "TREAT", "parameters")).await;
    let limit = |key: &str, value: Value| {
        let mut body = low_spo2(92);
        body["limits"][0][key] = value;
        body
    };
    for (body, field) in [
        (json!({}), "parameters.limits"),
        (limit("signal", json!("mood")), "parameters.limits[0].signal"),
        (limit("low", json!(400)), "parameters.limits[0].low"),
        (limit("high", json!(80)), "parameters.limits[0].high"),
        (limit("k", json!(40)), "parameters.limits[0].k"),
        (limit("sevrity", json!("urgent")), "parameters.limits[0].sevrity"),
        (json!({ "limits": [], "alerts_per_week": "many" }), "parameters.alerts_per_week"),
    ] {
        let answer = put(&world, DOCTORS, &path, &body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer.json()["resourceType"], "OperationOutcome");
        assert_eq!(answer.issue().1, field, "{body}");
    }
    let long = "x".repeat(65 << 10);
    let answer = world.call("PUT", &path, &world.party(DOCTORS), long).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(in_log(&world, &writing).await.is_empty() && world.requests().await.is_empty());
    let nothing = world.call("GET", &path, &world.party(DOCTORS), "").await.json();
    assert_eq!((&nothing["by"], &nothing["parameters"]["limits"]), (&Value::Null, &json!([])));
}

/// The same from the same member is one record; another member's, and other parameters between, are records of their own.
#[tokio::test]
async fn the_same_request_twice_is_one_record() {
    let (mut world, writing, path) = patient().await;
    decide(&world, update("active", DOCTORS, "TREAT", "parameters")).await;
    decide(&world, update("active", HOSPITAL, "TREAT", "parameters")).await;
    let mut expected = Vec::new();
    for (who, low, new) in
        [(DOCTORS, 92, true), (DOCTORS, 92, false), (HOSPITAL, 92, true), (DOCTORS, 90, true), (DOCTORS, 92, true)]
    {
        world.clock.advance(1_000);
        assert_eq!(put(&world, who, &path, &low_spo2(low)).await.status, StatusCode::OK);
        if new {
            expected.push((who, low));
        }
        world.restart(IngestSettings::default()).await;
        // Readings between do not matter.
        send(&world, &writing, expected.len() as u64 + 10 * u64::from(!new), -30, 95).await;
    }
    let held = in_log(&world, &writing).await;
    let low =
        |set: &ParametersSet| Parameters::from_bytes(&set.parameters).unwrap().limits()[0].low_milli.unwrap() / 1_000;
    assert_eq!(held.iter().map(|set| (set.by.as_str(), low(set))).collect::<Vec<_>>(), expected);
}
