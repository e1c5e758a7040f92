//! What hospitals, doctors, pharmacies, laboratories, patients and insurers send.

use std::sync::OnceLock;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub(super) const HOSPITAL: &str = "general-hospital";
pub(super) const DOCTOR: &str = "dr-hale";
pub(super) const PHARMACY: &str = "corner-pharmacy";
pub(super) const LABORATORY: &str = "city-laboratory";
pub(super) const INSURER: &str = "mutual-insurer";

/// `YYYY-MM-DD`, so many days ahead of the one on which it was asked first: the same before and after midnight. Who joined a network
/// that day has stood for nothing before.
pub(super) fn day(ahead: i64) -> String {
    static BEGUN: OnceLock<Timestamp> = OnceLock::new();
    let begun = *BEGUN.get_or_init(Timestamp::now);
    (begun + SignedDuration::from_hours(24 * ahead)).strftime("%Y-%m-%d").to_string()
}

fn patient(name: &str) -> Value {
    json!({ "identifier": { "system": "urn:caduceus:demo:patient", "value": name } })
}

fn coded(code: &str) -> Value {
    json!({ "coding": [{ "system": "urn:test:service", "code": code }] })
}

fn doctor() -> Value {
    json!({ "reference": format!("Practitioner/{DOCTOR}") })
}

fn euros(value: &str) -> Value {
    json!({ "value": value.parse::<serde_json::Number>().unwrap(), "currency": "EUR" })
}

fn billed(value: &str) -> Value {
    json!([{ "url": "https://caduceus.example/fhir/StructureDefinition/billed-amount", "valueMoney": euros(value) }])
}

/// A visit of one day.
pub(super) fn encounter(name: &str, day: &str) -> Value {
    json!({
        "resourceType": "Encounter", "id": format!("{name}-{day}"), "status": "finished", "class": { "code": "AMB" },
        "subject": patient(name), "participant": [{ "individual": doctor() }], "period": { "start": day, "end": day },
    })
}

/// What was done there, with its bill.
pub(super) fn procedure(name: &str, day: &str, code: &str, amount: &str) -> Value {
    json!({
        "resourceType": "Procedure", "status": "completed", "extension": billed(amount), "code": coded(code),
        "subject": patient(name), "performedDateTime": day, "performer": [{ "actor": doctor() }],
    })
}

pub(super) fn prescription(name: &str, day: &str, code: &str) -> Value {
    json!({
        "resourceType": "MedicationRequest", "status": "active", "intent": "order",
        "medicationCodeableConcept": coded(code), "subject": patient(name), "authoredOn": day,
        "requester": doctor(), "dispenseRequest": { "quantity": { "value": 20 } },
    })
}

pub(super) fn dispense(name: &str, day: &str, code: &str, amount: &str) -> Value {
    json!({
        "resourceType": "MedicationDispense", "status": "completed", "extension": billed(amount),
        "medicationCodeableConcept": coded(code), "subject": patient(name), "quantity": { "value": 20 },
        "whenHandedOver": day,
    })
}

pub(super) fn report(name: &str, day: &str) -> Value {
    json!({
        "resourceType": "DiagnosticReport", "status": "final", "code": coded("crp"), "subject": patient(name),
        "effectiveDateTime": day,
    })
}

pub(super) fn image(name: &str, day: &str) -> Value {
    json!({
        "resourceType": "ImagingStudy", "status": "available", "subject": patient(name), "started": day,
        "identifier": [{ "system": "urn:dicom:uid", "value": "urn:oid:1.2.826.0.1.3680043.8.498.7" }],
        "procedureCode": [coded("chest-x-ray")],
    })
}

/// The patient lets the insurer see a category for claims; `status` inactive takes it back.
pub(super) fn consent(name: &str, category: &str, status: &str) -> Value {
    json!({
        "resourceType": "Consent", "status": status, "patient": patient(name),
        "provision": {
            "type": "permit",
            "actor": [{ "reference": { "reference": format!("Organization/{INSURER}") } }],
            "class": [{ "code": category }],
            "purpose": [{ "code": "CLMATTCH" }],
        },
    })
}

/// A claim of one line for a visit.
pub(super) fn claim(id: &str, name: &str, day: &str, code: &str, amount: &str) -> Value {
    json!({
        "resourceType": "Claim", "status": "active", "use": "claim", "created": self::day(0),
        "identifier": [{ "system": "urn:test:claim", "value": id }],
        "type": { "coding": [{ "code": "professional" }] },
        "patient": patient(name),
        "insurer": { "reference": format!("Organization/{INSURER}") },
        "provider": { "reference": format!("Organization/{HOSPITAL}") },
        "careTeam": [{ "sequence": 1, "provider": doctor() }],
        "billablePeriod": { "start": day, "end": day },
        "item": [{
            "sequence": 1, "servicedDate": day, "productOrService": coded(code), "quantity": { "value": 1 },
            "net": euros(amount),
        }],
    })
}

/// A claim for what a pharmacy handed over.
pub(super) fn pharmacy_claim(id: &str, name: &str, day: &str, code: &str, amount: &str) -> Value {
    let mut claim = claim(id, name, day, code, amount);
    claim["type"] = json!({ "coding": [{ "code": "pharmacy" }] });
    claim["provider"] = json!({ "reference": format!("Organization/{PHARMACY}") });
    claim["item"][0]["quantity"]["value"] = json!(20);
    for key in ["careTeam", "billablePeriod"] {
        claim.as_object_mut().unwrap().remove(key);
    }
    claim
}
