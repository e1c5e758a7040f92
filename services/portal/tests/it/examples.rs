//! HL7's own R4 examples, where they are at hand.

use std::path::PathBuf;

use axum::http::StatusCode;
use portal::IngestSettings;
use serde_json::{Value, json};
use vitals::Admission;

use crate::world::{HOSPITAL, INSURER, World};

fn example(name: &str) -> Option<Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/fhir/hl7_r4_examples").join(name);
    match std::fs::read(&path) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).unwrap()),
        Err(_) => {
            println!("skipped {name}: {} is not there", path.display());
            None
        }
    }
}

/// HL7's vital signs are taken in as they are; a cancelled one, and one that is no vital sign, are refused.
#[tokio::test]
async fn hl7s_vital_signs_are_taken_in_as_they_are() {
    let mut world = World::new().await;
    let admission = Admission { max_age_ms: i64::MAX, ..Admission::default() };
    world.restart(IngestSettings { admission, ..IngestSettings::default() }).await;
    let token = world.own("example");
    for (name, status) in [
        ("Observation-heart-rate.json", StatusCode::CREATED),
        ("Observation-respiratory-rate.json", StatusCode::CREATED),
        ("Observation-body-temperature.json", StatusCode::CREATED),
        ("Observation-satO2.json", StatusCode::CREATED),
        ("Observation-blood-pressure.json", StatusCode::CREATED),
        ("Observation-blood-pressure-cancel.json", StatusCode::BAD_REQUEST),
        ("Observation-bmi.json", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let Some(mut value) = example(name) else { continue };
        // Some examples name a day and no time; a reading has an instant.
        if value["effectiveDateTime"].as_str().is_some_and(|time| time.len() == 10) {
            value["effectiveDateTime"] = json!(format!("{}T12:00:00Z", value["effectiveDateTime"].as_str().unwrap()));
        }
        let answer = world.post("/fhir/Observation", &token, &value).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.json());
    }
}

/// No official example of a Claim or an Encounter, which name no party of ours, does more than be refused by place.
#[tokio::test]
async fn hl7s_claims_and_encounters_are_refused_by_place() {
    let world = World::new().await;
    for (path, name, party) in [
        ("/fhir/Claim/$submit", "Claim-100150.json", INSURER),
        ("/fhir/Claim/$submit", "Claim-MED-00050.json", INSURER),
        ("/fhir/Encounter", "Encounter-example.json", HOSPITAL),
        ("/fhir/Encounter", "Encounter-f001.json", HOSPITAL),
        ("/fhir/Procedure", "Procedure-example.json", HOSPITAL),
    ] {
        let Some(value) = example(name) else { continue };
        let answer = world.post(path, &world.party(party), &value).await;
        assert!(answer.status.is_client_error(), "{name}: {}", answer.json());
        assert_eq!(answer.json()["resourceType"], "OperationOutcome", "{name}");
    }
}
