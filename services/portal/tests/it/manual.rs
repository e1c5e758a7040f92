//! What a person enters by hand.

use phc::messages::PHC_BLOCKS;
use phc::{Block, OpenedBatch, Provenance, Records, Row, Scope};
use serde_json::json;
use vitals::{Category, Signal};

use crate::parameters::Watching;
use crate::records::{PATIENT, Writing};
use crate::world::{NOON_MS, World};

const MINUTE_MS: i64 = 60_000;

/// The rows of a category that stand on a chain.
async fn on_chain(world: &World, writing: &Writing, watching: &Watching, category: Category) -> Vec<Row> {
    let blobs = store::BlobStore::local(&world.dir.path().join("blobs")).unwrap();
    let key = watching.keys.get(&writing.chain, Scope::Category(category.id())).unwrap();
    let mut rows = Vec::new();
    for (chain, value) in world.topic(PHC_BLOCKS).await {
        assert_eq!(chain, writing.chain.id.0, "there is one chain");
        let block = Block::decode(&value).unwrap();
        let Some(entry) = block.header.batch(category.id()) else { continue };
        let blob = blobs.get(&entry.blob).await.unwrap();
        let batch = OpenedBatch::open(&writing.chain, key, &block.header, category.id(), &blob).unwrap();
        let Records::Readings(all) = batch.records() else { panic!("readings") };
        rows.extend(all.iter().cloned());
    }
    rows
}

/// E2: medicine taken, training and a pulse counted by hand are accepted from the patient, marked manual, and stand on the chain
/// that the watch's readings stand on.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_enters_is_marked_manual_and_stands_on_the_same_chain() {
    let world = World::new().await;
    let writing = Writing::begin(&world).await;
    let mut watching = Watching::start(&world, &writing);
    let at_s = (NOON_MS - 30 * MINUTE_MS) / 1_000;
    let batch = |device: &str, readings| {
        let patient = json!({ "system": "urn:test:patients", "value": PATIENT });
        json!({ "patient": patient, "device": device, "first_sequence": 0, "readings": readings })
    };
    let entered = json!([
        { "signal": "medication", "value": 2, "time": at_s, "manual": true },
        { "signal": "workout", "value": "0.5", "unit": "h", "time": at_s, "manual": true },
        { "signal": "heart_rate", "value": 71, "time": at_s, "manual": true },
    ]);
    let measured = json!([{ "signal": "heart_rate", "value": 72, "time": at_s }]);
    let own = world.own(PATIENT);
    for (device, readings) in [("diary", entered), ("watch", measured)] {
        let answer = world.post("/readings", &own, &batch(device, readings)).await.json();
        assert!(answer["results"].as_array().unwrap().iter().all(|line| line["result"] == "accepted"), "{answer}");
    }
    // Without a device an Observation was made by hand.
    let observation = json!({
        "resourceType": "Observation", "status": "final",
        "code": { "coding": [{ "system": "http://loinc.org", "code": "8867-4" }] },
        "subject": { "identifier": { "system": "urn:test:patients", "value": PATIENT } },
        "effectiveDateTime": "2026-03-10T11:45:00Z",
        "valueQuantity": { "value": 73, "code": "/min" },
    });
    let answer = world.post("/fhir/Observation", &own, &observation).await;
    assert!(answer.status.is_success(), "{}", answer.json());
    watching.flush(&world, 0).await;

    let shown = |row: &Row| {
        let values: Vec<_> =
            row.values.iter().map(|value| (Signal::from_id(value.signal).unwrap(), value.value_milli)).collect();
        (row.device.clone(), row.provenance, values)
    };
    let manual: Vec<_> = on_chain(&world, &writing, &watching, Category::Manual).await.iter().map(shown).collect();
    let entered = vec![(Signal::MedicationIntake, 2_000), (Signal::Training, 30_000)];
    assert_eq!(manual, [("diary".to_owned(), Provenance::Manual, entered)]);
    let vitals: Vec<_> = on_chain(&world, &writing, &watching, Category::Vitals).await.iter().map(shown).collect();
    let pulse = |device: &str, provenance, value| (device.to_owned(), provenance, vec![(Signal::HeartRate, value)]);
    let expected = [
        pulse("diary", Provenance::Manual, 71_000),
        pulse("watch", Provenance::Device, 72_000),
        pulse("fhir/manual", Provenance::Manual, 73_000),
    ];
    assert_eq!(vitals, expected);
    watching.kill().await;
}
