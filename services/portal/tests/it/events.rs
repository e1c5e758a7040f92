//! Clinical events and consents over HTTP.

use axum::http::StatusCode;
use claims::Finality;
use erm::Visit;
use ledger::{Chain, Digest, Signature};
use rand_core::OsRng;
use serde_json::{Value, json};

use crate::world::{Answer, DOCTORS, HOSPITAL, INSURER, LABORATORY, NOON_MS, PHARMACY, World, signer};

pub(crate) const DAY: &str = "2026-03-10";

pub(crate) fn encounter() -> Value {
    json!({
        "resourceType": "Encounter", "id": "e1", "status": "finished", "class": { "code": "AMB" },
        "subject": { "reference": "Patient/p1" },
        "participant": [{ "individual": { "reference": "Practitioner/dr-a" } }],
        "period": { "start": format!("{DAY}T08:00:00Z"), "end": format!("{DAY}T09:00:00Z") },
    })
}

fn billed(value: &str) -> Value {
    let url = format!("{}/StructureDefinition/billed-amount", portal::BASE);
    json!([{ "url": url, "valueMoney": { "value": value.parse::<serde_json::Number>().unwrap(), "currency": "EUR" } }])
}

fn coded(code: &str) -> Value {
    json!({ "coding": [{ "system": "urn:codes", "code": code }] })
}

pub(crate) fn procedure(code: &str, amount: &str) -> Value {
    json!({
        "resourceType": "Procedure", "status": "completed", "extension": billed(amount), "code": coded(code),
        "subject": { "reference": "Patient/p1" }, "performedDateTime": DAY,
        "performer": [{ "actor": { "reference": "Practitioner/dr-a" } }],
    })
}

fn dispense() -> Value {
    json!({
        "resourceType": "MedicationDispense", "status": "completed", "extension": billed("12.5"),
        "medicationCodeableConcept": coded("A10"), "subject": { "reference": "Patient/p1" },
        "quantity": { "value": 30 }, "whenHandedOver": DAY,
    })
}

/// Posts a record as the hospital, signs the visit as the patient and gives the event's key.
pub(crate) async fn record(world: &World, resource: &Value) -> String {
    let (draft, digest) = draft(world, resource).await;
    let answer = sign(world, &draft, &digest, "p1").await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json());
    key_of(&answer)
}

async fn draft(world: &World, resource: &Value) -> (String, String) {
    let path = format!("/fhir/{}", resource["resourceType"].as_str().unwrap());
    let answer = world.post(&path, &world.party(HOSPITAL), resource).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.json());
    let parameter = |n: usize| answer.json()["parameter"][n]["valueString"].as_str().unwrap().to_owned();
    (parameter(0), parameter(1))
}

async fn sign(world: &World, draft: &str, digest: &str, patient: &str) -> Answer {
    let secret = [7; 32];
    let one_time = signer(patient).one_time(&Chain::record(world.network), &secret);
    let signature = one_time.sign(&digest.parse().unwrap(), &mut OsRng);
    post_signature(world, draft, &Digest(secret), &signature).await
}

async fn post_signature(world: &World, draft: &str, secret: &Digest, signature: &Signature) -> Answer {
    let parameter = |name: &str, value: String| json!({ "name": name, "valueString": value });
    let parameters = [
        parameter("draft", draft.into()),
        parameter("secret", secret.to_string()),
        parameter("signature", signature.to_string()),
    ];
    let body = json!({ "resourceType": "Parameters", "parameter": parameters });
    world.post("/fhir/$sign-visit", &world.party(HOSPITAL), &body).await
}

fn key_of(answer: &Answer) -> String {
    answer.headers["location"].to_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

pub(crate) fn consent(kind: &str, status: &str, grantee: &str, purpose: &str, category: &str) -> Value {
    json!({
        "resourceType": "Consent", "status": status, "patient": { "reference": "Patient/p1" },
        "provision": {
            "type": kind,
            "actor": [{ "reference": { "reference": format!("Organization/{grantee}") } }],
            "purpose": [{ "code": purpose }],
            "class": [{ "code": category }],
        },
    })
}

/// The two steps of a consent: what is to be signed, and the signature.
pub(crate) async fn decide(world: &World, mut consent: Value) -> Answer {
    let token = world.own("p1");
    let prepared = world.post("/fhir/Consent", &token, &consent).await;
    assert_eq!(prepared.status, StatusCode::ACCEPTED, "{}", prepared.json());
    let parameter = |n: usize| prepared.json()["parameter"][n]["valueString"].as_str().unwrap().to_owned();
    let signature = signer("p1").sign(&parameter(1).parse().unwrap(), &mut OsRng);
    consent["extension"] = signed(&parameter(0), &signature.to_string());
    world.post("/fhir/Consent", &token, &consent).await
}

fn signed(body: &str, signature: &str) -> Value {
    let url = format!("{}/StructureDefinition/signed-transaction", portal::BASE);
    json!([{ "url": url, "extension": [{ "url": "body", "valueString": body }, { "url": "signature", "valueString": signature }] }])
}

/// B4: a visit is recorded with the patient's signature, or flagged as break-glass; unsigned it is not recorded.
#[tokio::test]
async fn a_visit_needs_the_patients_signature_or_break_glass() {
    let world = World::new().await;
    let height = world.height();
    let (draft, digest) = draft(&world, &encounter()).await;
    assert_eq!(world.height(), height, "nothing is recorded without a signature");
    let wrong = sign(&world, &draft, &digest, "p2").await;
    assert_eq!((wrong.status, wrong.issue().0.as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "visit-signature"));
    assert_eq!(sign(&world, &draft, &digest, "p1").await.status, StatusCode::NOT_FOUND, "a failed draft is gone");
    let key = record(&world, &encounter()).await;
    assert!(matches!(world.event(&key).unwrap().event.visit, Visit::Patient { .. }));
    let mut urgent = encounter();
    urgent["extension"] =
        json!([{ "url": format!("{}/StructureDefinition/break-glass", portal::BASE), "valueCode": "emergency" }]);
    let answer = world.post("/fhir/Encounter", &world.party(HOSPITAL), &urgent).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert!(matches!(world.event(&key_of(&answer)).unwrap().event.visit, Visit::BreakGlass { .. }), "flagged for good");
    // The patient sees both, in what was written down.
    assert_eq!(world.requests().await.len(), 2);
}

#[tokio::test]
async fn a_draft_is_its_facilitys_own_and_expires() {
    let world = World::new().await;
    let (draft, digest) = draft(&world, &encounter()).await;
    world.clock.advance(15 * 60_000);
    assert_eq!(sign(&world, &draft, &digest, "p1").await.status, StatusCode::NOT_FOUND);
}

/// D7: the kinds of event, each by the role that may record it; others are refused.
#[tokio::test]
async fn each_role_records_its_own_kinds() {
    let world = World::new().await;
    let report = json!({
        "resourceType": "DiagnosticReport", "status": "final", "code": coded("L1"), "extension": billed("20"),
        "subject": { "reference": "Patient/p1" }, "effectiveDateTime": DAY,
    });
    let prescription = json!({
        "resourceType": "MedicationRequest", "status": "active", "intent": "order", "authoredOn": DAY,
        "medicationCodeableConcept": coded("A10"), "subject": { "reference": "Patient/p1" },
    });
    let image = json!({
        "resourceType": "ImagingStudy", "status": "available", "started": format!("{DAY}T10:00:00Z"),
        "identifier": [{ "system": "urn:dicom:uid", "value": "urn:oid:1.2.3" }], "subject": { "reference": "Patient/p1" },
    });
    let invoice = json!({
        "resourceType": "Invoice", "status": "issued", "date": DAY, "subject": { "reference": "Patient/p1" },
        "totalNet": { "value": 3.2, "currency": "EUR" },
        "lineItem": [{
            "chargeItemCodeableConcept": coded("A10"),
            "priceComponent": [{ "type": "base", "factor": 2, "amount": { "value": 3.2, "currency": "EUR" } }],
        }],
    });
    for (party, resource, status) in [
        (PHARMACY, dispense(), StatusCode::CREATED),
        (PHARMACY, invoice.clone(), StatusCode::CREATED),
        (LABORATORY, report.clone(), StatusCode::CREATED),
        (DOCTORS, prescription.clone(), StatusCode::CREATED),
        (HOSPITAL, image.clone(), StatusCode::CREATED),
        (HOSPITAL, procedure("1200", "50"), StatusCode::ACCEPTED),
        (HOSPITAL, invoice, StatusCode::ACCEPTED),
        (PHARMACY, encounter(), StatusCode::FORBIDDEN),
        (PHARMACY, report, StatusCode::FORBIDDEN),
        (LABORATORY, prescription, StatusCode::FORBIDDEN),
        (LABORATORY, image, StatusCode::FORBIDDEN),
    ] {
        let name = resource["resourceType"].as_str().unwrap().to_owned();
        let answer = world.post(&format!("/fhir/{name}"), &world.party(party), &resource).await;
        assert_eq!(answer.status, status, "{party} {name} {}", answer.json());
    }
    let other = json!({ "resourceType": "Flag", "subject": { "reference": "Patient/p1" } });
    assert_eq!(world.post("/fhir/Flag", &world.party(HOSPITAL), &other).await.status, StatusCode::NOT_FOUND);
    let answer = world.post("/fhir/Encounter", &world.party(HOSPITAL), &other).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

/// B7, and malformed FHIR: an unknown patient is refused; what is wrong is named by its place.
#[tokio::test]
async fn a_resource_that_cannot_be_recorded_says_where() {
    let world = World::new().await;
    let mut cases: Vec<(Value, &str, &str)> = Vec::new();
    let mut case = |change: &dyn Fn(&mut Value), code: &'static str, place: &'static str| {
        let mut value = procedure("1200", "50");
        change(&mut value);
        cases.push((value, code, place));
    };
    case(&|v| v["subject"]["reference"] = json!("Patient/nobody"), "patient-unknown", "Procedure.subject");
    case(&|v| v["subject"]["reference"] = json!("Patient/p3"), "patient-unknown", "Procedure.subject");
    case(&|v| v["subject"] = Value::Null, "required", "Procedure.subject");
    case(&|v| v["code"] = json!({}), "required", "Procedure.code.coding.code");
    case(&|v| v["performedDateTime"] = json!("2026"), "invalid", "Procedure.performedDateTime");
    case(&|v| v["performedDateTime"] = Value::Null, "required", "Procedure.performedPeriod");
    case(
        &|v| v["extension"][0]["valueMoney"]["value"] = json!(1.005),
        "invalid",
        "Procedure.extension[0].valueMoney.value",
    );
    case(
        &|v| v["extension"][0]["valueMoney"]["currency"] = json!("euro"),
        "invalid",
        "Procedure.extension[0].valueMoney.currency",
    );
    case(&|v| v["performer"] = json!(1), "invalid", "Procedure.performer");
    case(&|v| v["code"]["coding"][0]["code"] = json!("x".repeat(300)), "invalid", "Procedure.code.coding[0].code");
    let height = world.height();
    for (value, code, place) in cases {
        let answer = world.post("/fhir/Procedure", &world.party(HOSPITAL), &value).await;
        assert!(answer.status.is_client_error());
        assert_eq!(answer.issue(), (code.to_owned(), place.to_owned()), "{value}");
    }
    let big = format!("{{\"resourceType\":\"Procedure\",\"note\":\"{}\"}}", "x".repeat(1 << 20));
    let answer = world.call("POST", "/fhir/Procedure", &world.party(HOSPITAL), big).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(world.height(), height);
}

/// D17: the proof that the record chain holds an event verifies without the portal.
#[tokio::test]
async fn the_proof_of_an_event_verifies_against_the_genesis() {
    let world = World::new().await;
    let key = record(&world, &encounter()).await;
    let answer = world.call("GET", &format!("/events/{key}/proof"), &world.party(INSURER), "").await;
    assert_eq!(answer.status, StatusCode::OK);
    let value = answer.json();
    let proven: claims::Proven = serde_json::from_value(value["proven"].clone()).unwrap();
    let block: Finality = serde_json::from_value(value["block"].clone()).unwrap();
    erm::verify_header(erm::TrustRoot::Genesis(&world.genesis), &[], &block.header, &block.certificate).unwrap();
    proven.proof.verify(&world.network, &block.header.state_root, &proven.key, proven.value.as_deref()).unwrap();
    let record: erm::EventRecord = ledger::decode("event", &proven.value.unwrap()).unwrap();
    assert_eq!(record.facility.as_str(), HOSPITAL);
}

/// D5, D15, E9: a doctor reads a document while a grant lives; without one 403 and an entry; both are written down.
#[tokio::test]
async fn a_document_is_read_under_a_live_grant_only() {
    let world = World::new().await;
    let key = record(&world, &procedure("1200", "50")).await;
    let path = format!("/fhir/Procedure/{key}");
    let read = async |world: &World, token: String| world.call("GET", &path, &token, "").await;
    let refused = read(&world, world.party(DOCTORS)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    world.clock.advance(10);
    assert_eq!(
        decide(&world, consent("permit", "active", DOCTORS, "TREAT", "record")).await.status,
        StatusCode::CREATED
    );
    let answer = read(&world, world.party(DOCTORS)).await;
    assert_eq!(answer.json(), procedure("1200", "50"));
    assert_eq!(read(&world, world.own("p1")).await.status, StatusCode::OK, "the patient's own");
    assert_eq!(read(&world, world.own("p2")).await.status, StatusCode::FORBIDDEN);
    world.clock.advance(10);
    assert_eq!(
        decide(&world, consent("permit", "inactive", DOCTORS, "TREAT", "record")).await.status,
        StatusCode::CREATED
    );
    let again = read(&world, world.party(DOCTORS)).await;
    assert_eq!(again.bytes, refused.bytes, "revoked is as if it had never been");
    let unknown = format!("/fhir/Procedure/{}", Digest([9; 32]));
    let nothing = world.call("GET", &unknown, &world.party(DOCTORS), "").await;
    assert_eq!((nothing.status, &nothing.bytes), (refused.status, &refused.bytes), "nor is it said that there is none");
    let requests: Vec<bool> =
        world.requests().await.iter().filter(|request| request.receiver != HOSPITAL).map(|r| r.permitted).collect();
    assert_eq!(requests.len(), 6);
    assert_eq!(requests.iter().filter(|permitted| **permitted).count(), 2);
}

#[tokio::test]
async fn a_consent_is_what_the_patient_signed() {
    let world = World::new().await;
    let height = world.height();
    let grant = consent("permit", "active", INSURER, "CLMATTCH", "record");
    let prepared = world.post("/fhir/Consent", &world.own("p1"), &grant).await;
    let parameter = |n: usize| prepared.json()["parameter"][n]["valueString"].as_str().unwrap().to_owned();
    let (body, digest) = (parameter(0), parameter(1).parse::<Digest>().unwrap());
    let good = signer("p1").sign(&digest, &mut OsRng).to_string();
    let forged = signer("p2").sign(&digest, &mut OsRng).to_string();
    let send = async |mut consent: Value, body: &str, signature: &str, who: &str| {
        consent["extension"] = signed(body, signature);
        world.post("/fhir/Consent", &world.own(who), &consent).await.status
    };
    assert_eq!(send(grant.clone(), &body, &forged, "p1").await, StatusCode::UNPROCESSABLE_ENTITY);
    let other = consent("permit", "active", "insurer-b", "CLMATTCH", "record");
    assert_eq!(send(other, &body, &good, "p1").await, StatusCode::BAD_REQUEST, "another grantee than was signed");
    assert_eq!(send(grant.clone(), &body, &good, "p2").await, StatusCode::FORBIDDEN, "another patient's");
    assert_eq!(send(grant.clone(), "zz", &good, "p1").await, StatusCode::BAD_REQUEST);
    assert_eq!(world.height(), height);
    assert_eq!(send(grant.clone(), &body, &good, "p1").await, StatusCode::CREATED);
    assert_eq!(send(grant, &body, &good, "p1").await, StatusCode::CONFLICT, "the same transaction is not taken twice");
}

/// No word of a document lies in clear under the portal's folder or in the log.
#[tokio::test]
async fn what_a_document_says_lies_nowhere_in_clear() {
    let world = World::new().await;
    record(&world, &procedure("canary-code-7731", "50")).await;
    let mut files = 0;
    let mut folders = vec![world.dir.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let bytes = std::fs::read(&path).unwrap();
            for canary in [&b"canary-code"[..], b"dr-a", b"Patient/p1"] {
                assert!(!bytes.windows(canary.len()).any(|window| window == canary), "{}", path.display());
            }
        }
    }
    assert!(files >= 3, "{files} files");
    assert_eq!(NOON_MS, world.requests().await[0].time_ms);
}
