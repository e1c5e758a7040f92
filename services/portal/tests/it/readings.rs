use axum::http::StatusCode;
use ledger::{Digest, sha256};
use phc::{ReadingBatch, Subject, Tick, open_topic_value};
use portal::{Holder, IngestSettings, Line, LineResult, Submission};
use proptest::prelude::*;
use serde_json::{Value, json};
use stream::topics::READINGS;
use vitals::{Provenance, Reading, Signal};

use crate::world::{Answer, HOSPITAL, NOON_MS, World};

fn line(signal: &str, value: impl Into<Value>, time: impl Into<Value>) -> Value {
    json!({ "signal": signal, "value": value.into(), "time": time.into() })
}

fn batch(first_sequence: u64, readings: &[Value]) -> Value {
    let patient = json!({ "system": "urn:test:patients", "value": "p1" });
    json!({ "patient": patient, "device": "watch", "first_sequence": first_sequence, "readings": readings })
}

fn device(world: &World) -> String {
    world.token(Holder::Device { chain: sha256(b"p1"), device: "watch".into() })
}

fn results(answer: &Answer) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let results = answer.json()["results"].as_array().cloned().unwrap_or_default();
    results.iter().map(|result| (text(&result["result"]), text(&result["code"]))).collect()
}

async fn held(world: &World) -> Vec<(u64, i64)> {
    let mut all = Vec::new();
    for (key, value) in world.topic(&READINGS).await {
        if key.is_empty() {
            continue;
        }
        let chain = ledger::Chain { network: world.network, id: Digest(key.try_into().unwrap()) };
        let keys = portal::Custody::keys(world.custody.as_ref(), &chain.id).unwrap();
        let batch: ReadingBatch =
            open_topic_value(keys.stream(&chain).unwrap(), &chain, &READINGS, "batch", &value).unwrap();
        all.extend((batch.first_sequence..).zip(batch.readings.iter().map(|reading| reading.value_milli)));
    }
    all.sort_unstable();
    all
}

/// D2: typed signals with unit and range; what is unknown or implausible is refused by line, with a reason, and kept.
#[tokio::test]
async fn each_line_is_accepted_or_refused_with_a_reason_and_kept() {
    let world = World::new().await;
    let readings = [
        line("heart_rate", 71, "2026-03-10T11:59:00+01:00"),
        line("8867-4", "72.5", "2026-03-10T11:58:00Z"),
        json!({ "signal": "temp", "value": 98.6, "unit": "[degF]", "time": NOON_MS / 1_000 }),
        line("mood", 5, "2026-03-10T11:59:00Z"),
        line("heart_rate", 900, "2026-03-10T11:59:00Z"),
        line("heart_rate", "many", "2026-03-10T11:59:00Z"),
        json!({ "signal": "heart_rate", "value": 71, "unit": "furlong", "time": "2026-03-10T11:59:00Z" }),
        line("heart_rate", 71, "yesterday"),
        line("heart_rate", 71, "2026-03-10T12:10:00Z"),
        line("heart_rate", 71, "2025-03-10T12:00:00Z"),
        json!("garbage"),
    ];
    let answer = world.post("/readings", &device(&world), &batch(0, &readings)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
    let refused = |code: &str| ("refused".to_owned(), code.to_owned());
    let accepted = ("accepted".to_owned(), String::new());
    let expected = [
        accepted.clone(),
        accepted.clone(),
        accepted,
        refused("unknown-signal"),
        refused("out-of-range"),
        refused("malformed"),
        refused("unknown-unit"),
        refused("malformed"),
        refused("in-future"),
        refused("too-old"),
        refused("malformed"),
    ];
    assert_eq!(results(&answer), expected);
    assert_eq!(held(&world).await, [(0, 71_000), (1, 72_500), (2, 37_000)]);
    let reasons = [
        "in-future",
        "malformed",
        "malformed",
        "malformed",
        "out-of-range",
        "too-old",
        "unknown-signal",
        "unknown-unit",
    ];
    assert_eq!(world.reasons().await, reasons);
    assert!(
        world.rejected().await.iter().any(|rejected| rejected.line == b"\"garbage\""),
        "the line is kept as it was sent"
    );
}

/// E3: what was buffered offline is sent, and sent again after a restart: nothing is lost and nothing doubled.
#[tokio::test]
async fn sending_again_changes_nothing_and_other_content_is_a_conflict() {
    let mut world = World::new().await;
    let lines: Vec<Value> = (0..50).map(|n| line("heart_rate", 60 + n, NOON_MS / 1_000 - 3_600 + n)).collect();
    let token = device(&world);
    world.post("/readings", &token, &batch(0, &lines[..30])).await;
    // The answer was lost; the device sends all of it.
    let answer = world.post("/readings", &token, &batch(0, &lines)).await;
    let names: Vec<String> = results(&answer).into_iter().map(|(name, _)| name).collect();
    assert!(names[..30].iter().all(|name| name == "already-held") && names[30..].iter().all(|name| name == "accepted"));
    world.restart(IngestSettings::default()).await;
    assert_eq!(world.portal.ingest().through(sha256(b"p1"), "watch").await.unwrap(), Some(49));
    // Forty days later they are too old, and held all the same.
    world.clock.advance(40 * 86_400_000);
    let token = device(&world);
    let answer = world.post("/readings", &token, &batch(0, &lines)).await;
    assert!(results(&answer).iter().all(|(name, _)| name == "already-held"));
    let expected: Vec<(u64, i64)> = (0..50u64).zip((60..).map(|value| value * 1_000)).collect();
    assert_eq!(held(&world).await, expected);
    let other = world.post("/readings", &token, &batch(7, &[line("heart_rate", 99, NOON_MS / 1_000)])).await;
    assert_eq!(results(&other), [("conflict".to_owned(), String::new())]);
    assert_eq!(world.reasons().await, ["conflict"]);
}

#[tokio::test]
async fn a_number_far_behind_is_refused_because_a_reader_would_not_know_it() {
    let world = World::new().await;
    let token = device(&world);
    let one = |sequence: u64| batch(sequence, &[line("heart_rate", 71, NOON_MS / 1_000)]);
    assert_eq!(results(&world.post("/readings", &token, &one(100)).await)[0].0, "accepted");
    assert_eq!(results(&world.post("/readings", &token, &one(37)).await)[0].0, "accepted", "63 behind");
    assert_eq!(results(&world.post("/readings", &token, &one(36)).await)[0].1, "sequence-behind");
}

#[tokio::test]
async fn only_the_patient_and_the_patients_devices_send_readings() {
    let world = World::new().await;
    let body = batch(0, &[line("heart_rate", 71, NOON_MS / 1_000)]);
    assert_eq!(world.post("/readings", &world.own("p1"), &body).await.status, StatusCode::OK);
    for token in [
        world.own("p2"),
        world.party(HOSPITAL),
        world.token(Holder::Device { chain: sha256(b"p2"), device: "watch".into() }),
        world.token(Holder::Device { chain: sha256(b"p1"), device: "scale".into() }),
    ] {
        let answer = world.post("/readings", &token, &body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
    assert_eq!(held(&world).await.len(), 1);
}

#[tokio::test]
async fn garbage_and_too_much_are_refused_whole() {
    let world = World::new().await;
    let token = device(&world);
    for body in ["", "{", "[]", "{\"patient\":1}", "\u{0}"] {
        let answer = world.call("POST", "/readings", &token, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
    let answer = world.call("POST", "/readings", &token, vec![b' '; (4 << 20) + 1]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let many = batch(0, &vec![Value::Null; 10_001]);
    assert_eq!(world.post("/readings", &token, &many).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.post("/readings", &token, &batch(u64::MAX, &[Value::Null])).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.post("/readings", &token, &batch(0, &[])).await.status, StatusCode::BAD_REQUEST);
    assert!(world.topic(&READINGS).await.is_empty());
}

#[tokio::test]
async fn a_tick_reaches_every_partition() {
    let world = World::new().await;
    world.portal.ingest().tick(NOON_MS, true).await.unwrap();
    let ticks = world.topic(&READINGS).await;
    assert_eq!(ticks.len(), 4);
    for (key, value) in ticks {
        assert!(key.is_empty());
        assert_eq!(value, ledger::encode(&Tick { time_ms: NOON_MS, flush: true }));
    }
}

#[tokio::test]
async fn many_senders_at_once_share_barriers_and_lose_nothing() {
    let world = World::new().await;
    let before = world.log.counts().barriers;
    let ingest = world.portal.ingest().clone();
    let send = |n: u64| {
        let ingest = ingest.clone();
        tokio::spawn(async move {
            let reading = Reading {
                signal: Signal::HeartRate,
                value_milli: 60_000 + i64::try_from(n).unwrap(),
                time_ms: NOON_MS,
                offset_minutes: None,
                provenance: Provenance::Device,
            };
            ingest
                .submit(sha256(b"p1"), &format!("device {n}"), Subject::Patient, 0, &[reading], NOON_MS)
                .await
                .unwrap()
        })
    };
    let tasks: Vec<_> = (0..200).map(send).collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), [LineResult::Accepted]);
    }
    assert_eq!(held(&world).await.len(), 200);
    assert_eq!(ingest.accepted(), 200);
    let barriers = world.log.counts().barriers - before;
    assert!(barriers < 100, "{barriers} barriers for 200 submissions");
}

/// One device's submissions, more than wait at once and more than a task is polled for without a pause: none overtakes.
#[tokio::test(flavor = "multi_thread")]
async fn submissions_of_one_device_go_in_one_after_the_other_however_many_there_are() {
    let world = World::new().await;
    let ingest = world.portal.ingest().clone();
    let submission = |first: u64| {
        let line = |sequence: u64| Line {
            reading: Ok(Reading {
                signal: Signal::HeartRate,
                value_milli: 60_000 + i64::try_from(sequence).unwrap() % 50_000,
                time_ms: NOON_MS - 100_000_000 + i64::try_from(sequence).unwrap() * 1_000,
                offset_minutes: None,
                provenance: Provenance::Device,
            }),
            sent: Vec::new(),
        };
        Submission {
            chain: sha256(b"p1"),
            device: "watch".into(),
            subject: Subject::Patient,
            first_sequence: Some(first),
            received_ms: NOON_MS,
            lines: (first..first + 100).map(line).collect(),
        }
    };
    let results = ingest.submit_all((0..400).map(|number| submission(number * 100)).collect()).await.unwrap();
    assert_eq!(results.len(), 400);
    assert!(results.iter().flatten().all(|result| *result == LineResult::Accepted));
    assert!(held(&world).await.into_iter().map(|(sequence, _)| sequence).eq(0..40_000));
}

/// What a replay does: long batches, then a restart that knows them all. The rate is printed with `--nocapture`.
#[tokio::test]
async fn a_hundred_thousand_readings_are_taken_in_and_known_again() {
    let mut world = World::new().await;
    let ingest = world.portal.ingest().clone();
    let reading = |n: i64| Reading {
        signal: Signal::HeartRate,
        value_milli: 60_000 + n % 50_000,
        time_ms: NOON_MS - 200_000_000 + n * 1_000,
        offset_minutes: Some(60),
        provenance: Provenance::Device,
    };
    let start = std::time::Instant::now();
    for first in (0..100_000u64).step_by(5_000) {
        let from = i64::try_from(first).unwrap();
        let readings: Vec<Reading> = (from..from + 5_000).map(reading).collect();
        let results = ingest.submit(sha256(b"p1"), "watch", Subject::Patient, first, &readings, NOON_MS).await.unwrap();
        assert!(results.iter().all(|result| *result == LineResult::Accepted));
    }
    println!("100,000 readings in {:?}", start.elapsed());
    let start = std::time::Instant::now();
    world.restart(IngestSettings::default()).await;
    println!("known again after {:?}", start.elapsed());
    assert_eq!(world.portal.ingest().through(sha256(b"p1"), "watch").await.unwrap(), Some(99_999));
    assert_eq!(held(&world).await.len(), 100_000);
}

fn observation(value: Value, time: &str) -> Value {
    json!({
        "resourceType": "Observation",
        "status": "final",
        "code": { "coding": [{ "system": "http://loinc.org", "code": "8867-4" }] },
        "subject": { "reference": "Patient/p1" },
        "device": { "reference": "Device/watch" },
        "effectiveDateTime": time,
        "valueQuantity": { "value": value, "unit": "beats/minute", "system": "http://unitsofmeasure.org", "code": "/min" },
    })
}

#[tokio::test]
async fn an_observation_is_named_by_signal_and_instant() {
    let mut world = World::new().await;
    let token = device(&world);
    let first = observation(json!(71), "2026-03-10T11:00:00Z");
    let post = async |world: &World, value: &Value| world.post("/fhir/Observation", &token, value).await;
    assert_eq!(post(&world, &first).await.status, StatusCode::CREATED);
    assert_eq!(post(&world, &first).await.status, StatusCode::OK);
    world.restart(IngestSettings::default()).await;
    assert_eq!(post(&world, &first).await.status, StatusCode::OK, "after a restart too");
    let other = post(&world, &observation(json!(72), "2026-03-10T11:00:00Z")).await;
    assert_eq!((other.status, other.issue().0.as_str()), (StatusCode::CONFLICT, "conflict"));
    let refused = post(&world, &observation(json!(900), "2026-03-10T11:01:00Z")).await;
    assert_eq!((refused.status, refused.issue().0.as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "out-of-range"));
    assert_eq!(post(&world, &observation(json!(72), "2026-03-10T11:01:00Z")).await.status, StatusCode::CREATED);
    assert_eq!(held(&world).await, [(0, 71_000), (1, 72_000)]);
    assert_eq!(world.reasons().await, ["conflict", "out-of-range"]);
}

/// Malformed FHIR: the place is named as FHIRPath, and what was sent is kept.
#[tokio::test]
async fn a_malformed_observation_names_the_place_and_is_kept() {
    let world = World::new().await;
    let token = device(&world);
    let mut cases = Vec::new();
    let good = observation(json!(71), "2026-03-10T11:00:00Z");
    let mut case = |change: &dyn Fn(&mut Value), place: &str| {
        let mut value = good.clone();
        change(&mut value);
        cases.push((value.to_string(), place.to_owned()));
    };
    case(&|v| _ = v.as_object_mut().unwrap().remove("status"), "Observation.status");
    case(&|v| v["status"] = json!("cancelled"), "Observation.status");
    case(&|v| v["effectiveDateTime"] = json!("2026-03-10"), "Observation.effectiveDateTime");
    case(&|v| v["code"]["coding"][0]["code"] = Value::Null, "Observation.code.coding.code");
    case(&|v| v["valueQuantity"]["value"] = json!("71"), "Observation.valueQuantity.value");
    case(&|v| _ = v.as_object_mut().unwrap().remove("valueQuantity"), "Observation.valueQuantity");
    case(&|v| v["subject"] = json!({}), "Observation.subject.reference");
    case(&|v| v["code"]["coding"] = json!("x"), "Observation.code.coding");
    case(&|v| v["resourceType"] = json!("Patient"), "$this.resourceType");
    cases.push(("{".into(), "$this".into()));
    let count = cases.len();
    for (body, place) in cases {
        let answer = world.call("POST", "/fhir/Observation", &token, body.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer.issue().1, place, "{body}");
    }
    let kept = world.rejected().await;
    assert_eq!(kept.len(), count);
    assert!(kept.iter().any(|rejected| rejected.line == b"{"));
}

#[tokio::test]
async fn every_entry_of_a_bundle_has_its_own_answer() {
    let world = World::new().await;
    let panel = json!({
        "resourceType": "Observation", "status": "final",
        "code": { "coding": [{ "system": "http://loinc.org", "code": "85354-9" }] },
        "subject": { "reference": "Patient/p1" }, "device": { "reference": "Device/watch" },
        "effectiveDateTime": "2026-03-10T11:00:00+01:00",
        "component": [
            { "code": { "coding": [{ "system": "http://loinc.org", "code": "8480-6" }] }, "valueQuantity": { "value": 120, "code": "mm[Hg]" } },
            { "code": { "coding": [{ "system": "http://loinc.org", "code": "8462-4" }] }, "valueQuantity": { "value": 80, "code": "mm[Hg]" } },
        ],
    });
    let entry = |resource: Value| json!({ "resource": resource });
    let bundle = json!({ "resourceType": "Bundle", "type": "batch", "entry": [
        entry(panel), entry(observation(json!(900), "2026-03-10T11:00:00Z")), entry(json!({ "resourceType": "Patient" })), {},
    ] });
    let answer = world.post("/fhir", &device(&world), &bundle).await;
    assert_eq!(answer.status, StatusCode::OK);
    let entries = answer.json()["entry"].clone();
    let statuses: Vec<&str> =
        entries.as_array().unwrap().iter().map(|e| e["response"]["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["201", "422", "400", "400"]);
    assert_eq!(held(&world).await.len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Whatever bytes come, the answer is an error that says so, and never a broken portal.
    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200), path in 0..4usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let path = ["/readings", "/fhir/Observation", "/fhir", "/fhir/Claim/$submit"][path];
            let token = if path.contains("Claim") { world.party("insurer-a") } else { device(&world) };
            let answer = world.call("POST", path, &token, bytes).await;
            assert!(answer.status.is_client_error(), "{}", answer.status);
        });
    }
}
