//! The FHIR resources that the demo's institutions send.

use serde_json::{Value, json};

use crate::custody::PATIENT_SYSTEM;

/// Code system of the demo's services and products.
const SERVICES: &str = "urn:caduceus:demo:service";

pub(crate) fn patient(name: &str) -> Value {
    json!({ "identifier": { "system": PATIENT_SYSTEM, "value": name } })
}

fn practitioner(name: &str) -> Value {
    json!({ "reference": format!("Practitioner/{name}") })
}

fn concept(code: &str) -> Value {
    json!({ "coding": [{ "system": SERVICES, "code": code }] })
}

fn euros(value: f64) -> Value {
    json!({ "value": value, "currency": "EUR" })
}

/// A visit that begins and ends on one day.
pub(crate) fn encounter(name: &str, day: &str, doctor: &str) -> Value {
    json!({
        "resourceType": "Encounter",
        "status": "finished",
        "class": { "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB" },
        "identifier": [{ "system": "urn:caduceus:demo:encounter", "value": format!("{name}-{day}") }],
        "subject": patient(name),
        "participant": [{ "individual": practitioner(doctor) }],
        "period": { "start": day, "end": day },
    })
}

/// What was done.
pub(crate) fn procedure(name: &str, day: &str, doctor: &str, code: &str) -> Value {
    json!({
        "resourceType": "Procedure",
        "status": "completed",
        "code": concept(code),
        "subject": patient(name),
        "performedDateTime": day,
        "performer": [{ "actor": practitioner(doctor) }],
    })
}

/// What it costs.
pub(crate) fn invoice(name: &str, day: &str, doctor: &str, code: &str, amount: f64) -> Value {
    json!({
        "resourceType": "Invoice",
        "status": "issued",
        "subject": patient(name),
        "date": day,
        "participant": [{ "actor": practitioner(doctor) }],
        "lineItem": [{
            "chargeItemCodeableConcept": concept(code),
            "priceComponent": [{ "type": "base", "factor": 1, "amount": euros(amount) }],
        }],
        "totalNet": euros(amount),
    })
}

pub(crate) fn prescription(name: &str, day: &str, doctor: &str, code: &str) -> Value {
    json!({
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": concept(code),
        "subject": patient(name),
        "authoredOn": day,
        "requester": practitioner(doctor),
        "dispenseRequest": { "quantity": { "value": 20 } },
    })
}

pub(crate) fn dispense(name: &str, day: &str, code: &str, amount: f64) -> Value {
    json!({
        "resourceType": "MedicationDispense",
        "status": "completed",
        "extension": [{
            "url": "https://caduceus.example/fhir/StructureDefinition/billed-amount",
            "valueMoney": euros(amount),
        }],
        "medicationCodeableConcept": concept(code),
        "subject": patient(name),
        "quantity": { "value": 20 },
        "whenHandedOver": day,
    })
}

pub(crate) fn report(name: &str, day: &str, code: &str) -> Value {
    json!({
        "resourceType": "DiagnosticReport",
        "status": "final",
        "code": concept(code),
        "subject": patient(name),
        "effectiveDateTime": day,
    })
}

pub(crate) fn image(name: &str, day: &str, code: &str) -> Value {
    json!({
        "resourceType": "ImagingStudy",
        "status": "available",
        "identifier": [{ "system": "urn:dicom:uid", "value": "urn:oid:1.2.826.0.1.3680043.8.498.1" }],
        "subject": patient(name),
        "started": day,
        "procedureCode": [concept(code)],
    })
}

/// The patient lets an insurer see one category of events for claims.
pub(crate) fn consent(name: &str, insurer: &str, category: &str, from: &str) -> Value {
    json!({
        "resourceType": "Consent",
        "status": "active",
        "scope": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy" }] },
        "category": [{ "coding": [{ "system": "http://loinc.org", "code": "59284-0" }] }],
        "patient": patient(name),
        "provision": {
            "type": "permit",
            "actor": [{
                "role": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP" }] },
                "reference": { "reference": format!("Organization/{insurer}") },
            }],
            "class": [{ "system": "https://caduceus.example/fhir/CodeSystem/category", "code": category }],
            "purpose": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "CLMATTCH" }],
            "dataPeriod": { "start": from },
        },
    })
}

/// The patient lets a doctor update one category for treatment.
pub(crate) fn treatment_consent(name: &str, doctor: &str, category: &str) -> Value {
    let mut consent = consent(name, doctor, category, "");
    if let Some(provision) = consent.get_mut("provision").and_then(Value::as_object_mut) {
        provision.remove("dataPeriod");
        let system = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
        provision.insert("purpose".into(), json!([{ "system": system, "code": "TREAT" }]));
        let system = "http://terminology.hl7.org/CodeSystem/consentaction";
        provision.insert("action".into(), json!([{ "coding": [{ "system": system, "code": "correct" }] }]));
    }
    consent
}

/// A doctor wants to hear of less oxygen than everybody does.
pub(crate) fn limits() -> Value {
    json!({ "limits": [{ "signal": "spo2", "low": 90, "margin": 1, "k": 3, "n": 5, "severity": "critical" }] })
}

/// One line of a claim.
pub(crate) struct ClaimLine<'a> {
    pub(crate) id: &'a str,
    pub(crate) patient: &'a str,
    pub(crate) insurer: &'a str,
    pub(crate) provider: &'a str,
    pub(crate) doctor: Option<&'a str>,
    pub(crate) created: &'a str,
    pub(crate) day: &'a str,
    pub(crate) code: &'a str,
    pub(crate) quantity: u32,
    pub(crate) amount: f64,
    pub(crate) pharmacy: bool,
}

pub(crate) fn claim(line: &ClaimLine<'_>) -> Value {
    let kind = if line.pharmacy { "pharmacy" } else { "professional" };
    let mut claim = json!({
        "resourceType": "Claim",
        "identifier": [{ "system": "urn:caduceus:demo:claim", "value": line.id }],
        "status": "active",
        "type": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": kind }] },
        "use": "claim",
        "patient": patient(line.patient),
        "created": line.created,
        "insurer": { "reference": format!("Organization/{}", line.insurer) },
        "provider": { "reference": format!("Organization/{}", line.provider) },
        "priority": { "coding": [{ "code": "normal" }] },
        "insurance": [{ "sequence": 1, "focal": true, "coverage": { "display": "demo" } }],
        "item": [{
            "sequence": 1,
            "productOrService": concept(line.code),
            "servicedDate": line.day,
            "quantity": { "value": line.quantity },
            "net": euros(line.amount),
        }],
    });
    if let (Some(doctor), Some(fields)) = (line.doctor, claim.as_object_mut()) {
        fields.insert("careTeam".into(), json!([{ "sequence": 1, "provider": practitioner(doctor) }]));
        fields.insert("billablePeriod".into(), json!({ "start": line.day, "end": line.day }));
    }
    claim
}
