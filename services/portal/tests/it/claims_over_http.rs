//! Claims over HTTP: consent first, verdict, receipt.

use std::sync::atomic::Ordering;

use axum::http::StatusCode;
use base64::Engine as _;
use claims::{Receipt, Verdict};
use portal::IngestSettings;
use serde_json::{Value, json};

use crate::events::{DAY, consent, decide, encounter, procedure, record};
use crate::world::{Answer, HOSPITAL, INSURER, World};

fn claim(number: &str, patient: &str, lines: &[(&str, &str)]) -> Value {
    let item = |(sequence, (code, amount)): (usize, &(&str, &str))| {
        json!({
            "sequence": sequence, "servicedDate": DAY,
            "productOrService": { "coding": [{ "system": "urn:codes", "code": code }] },
            "net": { "value": amount.parse::<serde_json::Number>().unwrap(), "currency": "EUR" },
        })
    };
    json!({
        "resourceType": "Claim", "status": "active", "use": "claim", "created": DAY,
        "type": { "coding": [{ "code": "professional" }] },
        "identifier": [{ "system": "urn:insurer-a:claims", "value": number }],
        "patient": { "reference": format!("Patient/{patient}") },
        "insurer": { "reference": format!("Organization/{INSURER}") },
        "provider": { "reference": format!("Organization/{HOSPITAL}") },
        "careTeam": [{ "sequence": 1, "provider": { "reference": "Practitioner/dr-a" } }],
        "item": (1..).zip(lines).map(item).collect::<Vec<_>>(),
    })
}

/// The hospital saw p1 and billed 50 EUR; p1 lets the insurer check claims.
async fn usual() -> World {
    let world = World::new().await;
    record(&world, &encounter()).await;
    record(&world, &procedure("1200", "50")).await;
    let answer = decide(&world, consent("permit", "active", INSURER, "CLMATTCH", "record")).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json());
    world
}

async fn look(world: &World, claim: &Value) -> Answer {
    world.post("/fhir/Claim/$verify-against-record", &world.party(INSURER), claim).await
}

async fn submit(world: &World, claim: &Value, key: &str) -> Answer {
    let token = format!("Bearer {}", world.party(INSURER));
    let headers = [("authorization", token.as_str()), ("idempotency-key", key)];
    world.call_with("POST", "/fhir/Claim/$submit", &headers, claim.to_string()).await
}

/// The verdict, from a response whose receipt verifies offline.
fn verdict(world: &World, answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
    let response = answer.json();
    let receipt =
        base64::engine::general_purpose::STANDARD.decode(response["contained"][0]["data"].as_str().unwrap()).unwrap();
    let receipt = Receipt::from_json(&receipt).unwrap();
    let verified = claims::verify(&receipt, &world.genesis, None).unwrap();
    let shown = response["extension"][0]["extension"][0]["valueCode"].as_str().unwrap();
    assert_eq!(verified.verdict.name(), shown);
    assert_eq!(response["id"], receipt.id().to_string());
    shown.to_owned()
}

/// D11: verdict, reasons and proof in one call, without paperwork.
#[tokio::test]
async fn an_insurer_gets_verdict_reasons_and_proof_in_one_call() {
    let world = usual().await;
    assert_eq!(verdict(&world, &look(&world, &claim("1", "p1", &[("1200", "50.00")])).await), "match");
    let differs = look(&world, &claim("2", "p1", &[("1200", "51")])).await;
    assert_eq!(verdict(&world, &differs), "mismatch");
    let error = &differs.json()["error"][0];
    assert_eq!(error["itemSequence"], 1);
    assert_eq!(error["code"]["coding"][0]["code"], "amount-differs");
    assert_eq!(error["code"]["coding"][1]["code"], "45");
    assert_eq!(differs.json()["item"][0]["adjudication"][1]["reason"]["coding"][0]["code"], "amount-differs");
    let partial = look(&world, &claim("3", "p1", &[("1200", "50"), ("1400", "1")])).await;
    assert_eq!(verdict(&world, &partial), "partial");
    let mut elsewhere = claim("4", "p1", &[("1200", "50")]);
    elsewhere["item"][0]["servicedDate"] = json!("2026-03-09");
    assert_eq!(verdict(&world, &look(&world, &elsewhere).await), "not-found");
    let parameters = json!({ "resourceType": "Parameters", "parameter": [{ "name": "resource", "resource": claim("5", "p1", &[("1200", "50")]) }] });
    assert_eq!(verdict(&world, &look(&world, &parameters).await), "match");
}

/// E17: claim and response are recorded; the same service is claimed once, whoever pays.
#[tokio::test]
async fn a_submitted_claim_is_recorded_and_uses_its_lines_up() {
    let world = usual().await;
    let before = world.height();
    let first = submit(&world, &claim("1", "p1", &[("1200", "50")]), "k1").await;
    assert_eq!(verdict(&world, &first), "match");
    assert_eq!(world.height(), before + 1);
    assert_eq!(verdict(&world, &submit(&world, &claim("2", "p1", &[("1200", "50")]), "k2").await), "duplicate");
    assert_eq!(verdict(&world, &look(&world, &claim("3", "p1", &[("1200", "50")])).await), "duplicate");
    // As it was before the first was recorded.
    let path = format!("/fhir/Claim/$verify-against-record?as-of={before}");
    let then = world.post(&path, &world.party(INSURER), &claim("3", "p1", &[("1200", "50")])).await;
    assert_eq!(verdict(&world, &then), "match");
    let none = world
        .post(
            "/fhir/Claim/$verify-against-record?as-of=999",
            &world.party(INSURER),
            &claim("3", "p1", &[("1200", "50")]),
        )
        .await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    assert!(decide(&world, consent("permit", "active", "insurer-b", "CLMATTCH", "record")).await.status.is_success());
    let mut other = claim("1", "p1", &[("1200", "50")]);
    other["insurer"]["reference"] = json!("Organization/insurer-b");
    let other = world.post("/fhir/Claim/$submit", &world.party("insurer-b"), &other).await;
    assert_eq!(verdict(&world, &other), "duplicate", "across insurers");
}

/// A repeated submit is the same answer and no second claim, after a restart too.
#[tokio::test]
async fn a_repeated_submit_gives_the_same_answer() {
    let mut world = usual().await;
    let one = claim("1", "p1", &[("1200", "50")]);
    let first = submit(&world, &one, "key 1").await;
    let height = world.height();
    assert_eq!(submit(&world, &one, "key 1").await.bytes, first.bytes);
    world.restart(IngestSettings::default()).await;
    assert_eq!(submit(&world, &one, "key 1").await.bytes, first.bytes);
    assert_eq!(world.height(), height);
    let other = submit(&world, &claim("2", "p1", &[("1200", "50")]), "key 1").await;
    assert_eq!((other.status, other.issue().0.as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key"));
    let long = submit(&world, &one, &"x".repeat(129)).await;
    assert_eq!(long.status, StatusCode::BAD_REQUEST);
    // Two at once, with one key: one claim.
    let two = claim("3", "p1", &[("1200", "51")]);
    let (a, b) = tokio::join!(submit(&world, &two, "key 3"), submit(&world, &two, "key 3"));
    assert_eq!(a.bytes, b.bytes);
    assert_eq!(world.height(), height + 1);
}

/// The refusal is the same whether the patient, the record or the consent is missing; each is written down (D15).
#[tokio::test]
async fn every_refusal_is_the_same_and_every_request_is_written_down() {
    let world = World::new().await;
    let known = look(&world, &claim("1", "p1", &[("1200", "50")])).await;
    assert_eq!((known.status, known.issue().0.as_str()), (StatusCode::FORBIDDEN, "consent-missing"));
    record(&world, &encounter()).await;
    record(&world, &procedure("1200", "50")).await;
    let mut answers = vec![
        look(&world, &claim("1", "p1", &[("1200", "50")])).await,
        look(&world, &claim("1", "p1", &[("9999", "1")])).await,
        look(&world, &claim("1", "p2", &[("1200", "50")])).await,
        look(&world, &claim("1", "p3", &[("1200", "50")])).await,
        look(&world, &claim("1", "nobody", &[("1200", "50")])).await,
        submit(&world, &claim("1", "p1", &[("1200", "50")]), "k").await,
        submit(&world, &claim("1", "nobody", &[("1200", "50")]), "k").await,
    ];
    // Other purposes, other categories and denials permit nothing.
    for other in [
        consent("permit", "active", INSURER, "COVERAGE", "record"),
        consent("permit", "active", INSURER, "CLMATTCH", "image"),
        consent("permit", "active", "insurer-b", "CLMATTCH", "record"),
    ] {
        assert_eq!(decide(&world, other).await.status, StatusCode::CREATED);
        answers.push(look(&world, &claim("1", "p1", &[("1200", "50")])).await);
    }
    assert_eq!(
        decide(&world, consent("permit", "active", INSURER, "CLMATTCH", "record")).await.status,
        StatusCode::CREATED
    );
    assert_eq!(verdict(&world, &look(&world, &claim("1", "p1", &[("1200", "50")])).await), "match");
    // E9: the revocation binds the next request after its block; a denial wins over the role's grant.
    assert_eq!(
        decide(&world, consent("permit", "inactive", INSURER, "CLMATTCH", "record")).await.status,
        StatusCode::CREATED
    );
    answers.push(look(&world, &claim("1", "p1", &[("1200", "50")])).await);
    let mut role = consent("permit", "active", INSURER, "CLMATTCH", "record");
    role["provision"]["actor"][0]["reference"]["reference"] = json!("Role/insurer");
    assert_eq!(decide(&world, role).await.status, StatusCode::CREATED);
    assert_eq!(look(&world, &claim("1", "p1", &[("1200", "50")])).await.status, StatusCode::OK, "by role");
    assert_eq!(
        decide(&world, consent("deny", "active", INSURER, "CLMATTCH", "record")).await.status,
        StatusCode::CREATED
    );
    answers.push(look(&world, &claim("1", "p1", &[("1200", "50")])).await);
    for answer in &answers {
        assert_eq!((answer.status, &answer.bytes), (known.status, &known.bytes));
        assert_eq!(answer.headers, known.headers);
    }
    let requests = world.requests().await;
    let asked: Vec<_> = requests.iter().filter(|request| request.receiver == INSURER).collect();
    assert_eq!(asked.len(), answers.len() + 1 + 2, "one entry a request, refused ones too");
    assert_eq!(asked.iter().filter(|request| request.permitted).count(), 2);
}

#[tokio::test]
async fn a_claim_that_cannot_be_read_says_where() {
    let world = usual().await;
    let asked = world.requests().await.len();
    let mut cases: Vec<(Value, &str)> = Vec::new();
    let mut case = |change: &dyn Fn(&mut Value), place: &'static str| {
        let mut value = claim("1", "p1", &[("1200", "50")]);
        change(&mut value);
        cases.push((value, place));
    };
    case(&|v| v["item"] = json!([]), "Claim.item");
    case(&|v| v["item"][0]["sequence"] = json!(0), "Claim.item[0].sequence");
    case(&|v| v["item"][0]["sequence"] = json!(-1), "Claim.item[0].sequence");
    case(&|v| v["item"][0]["servicedDate"] = json!("2026-02-30"), "Claim.item[0].servicedDate");
    case(&|v| v["item"][0]["servicedDate"] = json!("2026-04-30"), "Claim.item[0].serviced");
    case(&|v| v["item"][0]["servicedDate"] = Value::Null, "Claim.item[0].servicedDate");
    case(&|v| v["item"][0]["net"] = Value::Null, "Claim.item[0].net");
    case(&|v| v["item"][0]["net"]["value"] = json!(-1), "Claim.item[0].net.value");
    case(&|v| v["item"][0]["productOrService"] = json!({}), "Claim.item[0].productOrService.coding.code");
    case(&|v| v["insurer"] = json!({ "reference": "Organization/Insurer A" }), "Claim.insurer");
    case(&|v| v["patient"] = Value::Null, "Claim.patient");
    case(&|v| v["created"] = json!("soon"), "Claim.created");
    case(&|v| v["type"] = Value::Null, "Claim.type");
    case(&|v| v["resourceType"] = json!("Invoice"), "$this.resourceType");
    for (value, place) in cases {
        let answer = look(&world, &value).await;
        assert!(matches!(answer.status, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY), "{value}");
        assert_eq!(answer.issue().1, place, "{value}");
    }
    let mut foreign = claim("1", "p1", &[("1200", "50")]);
    foreign["insurer"]["reference"] = json!("Organization/insurer-b");
    assert_eq!(look(&world, &foreign).await.status, StatusCode::FORBIDDEN, "another insurer's claim");
    assert_eq!(world.requests().await.len(), asked, "nobody's data was asked for");
}

#[tokio::test]
async fn a_receipt_is_given_again_to_its_insurer_only() {
    let world = usual().await;
    let answer = look(&world, &claim("1", "p1", &[("1200", "50")])).await;
    let path = answer.headers["content-location"].to_str().unwrap().to_owned();
    let file = world.call("GET", &path, &world.party(INSURER), "").await;
    let receipt = Receipt::from_json(&file.bytes).unwrap();
    assert_eq!(claims::verify(&receipt, &world.genesis, None).unwrap().verdict, Verdict::Match);
    assert_eq!(world.call("GET", &path, &world.party("insurer-b"), "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.call("GET", "/receipts/x", &world.party(INSURER), "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_pharmacys_bill_is_its_own_encounter() {
    let world = usual().await;
    let url = format!("{}/StructureDefinition/billed-amount", portal::BASE);
    let dispense = json!({
        "resourceType": "MedicationDispense", "status": "completed",
        "extension": [{ "url": url, "valueMoney": { "value": 12.5, "currency": "EUR" } }],
        "medicationCodeableConcept": { "coding": [{ "system": "urn:codes", "code": "A10" }] },
        "subject": { "reference": "Patient/p1" }, "quantity": { "value": 30 }, "whenHandedOver": DAY,
    });
    let answer = world.post("/fhir/MedicationDispense", &world.party("pharmacy-a"), &dispense).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let mut bill = claim("1", "p1", &[("A10", "12.5")]);
    bill["provider"]["reference"] = json!("Organization/pharmacy-a");
    bill["type"] = json!({ "coding": [{ "code": "pharmacy" }] });
    bill["careTeam"] = json!([]);
    assert_eq!(look(&world, &bill).await.status, StatusCode::FORBIDDEN, "bills are another category than records");
    decide(&world, consent("permit", "active", INSURER, "CLMATTCH", "pharmacy-bill")).await;
    assert_eq!(verdict(&world, &look(&world, &bill).await), "match");
}

/// The answer of the record chain is lost, or we die between sending and answering: sent again with its key, the claim
/// that stands is answered, and there is no second one.
#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_not_claimed_twice() {
    let mut world = usual().await;
    let one = claim("1", "p1", &[("1200", "50")]);
    world.chain.lose_answer.store(true, Ordering::Relaxed);
    let lost = submit(&world, &one, "key 1").await;
    assert_eq!(lost.status, StatusCode::SERVICE_UNAVAILABLE);
    let height = world.height();
    world.restart(IngestSettings::default()).await;
    assert_eq!(verdict(&world, &submit(&world, &one, "key 1").await), "match");
    assert_eq!(world.height(), height, "nothing is recorded again");
}

/// We die while the transaction waits at a node, and it is recorded only after we are back: the claim is not its own duplicate.
#[tokio::test]
async fn a_claim_that_is_recorded_only_after_a_restart_is_not_its_own_duplicate() {
    let mut world = usual().await;
    let one = claim("1", "p1", &[("1200", "50")]);
    let height = world.height();
    world.chain.hold.store(true, Ordering::Relaxed);
    assert_eq!(submit(&world, &one, "key 1").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.height(), height, "it waits");
    world.restart(IngestSettings::default()).await;
    let answer = submit(&world, &one, "key 1").await;
    assert_eq!(verdict(&world, &answer), "match");
    assert_eq!(world.height(), height + 1, "one claim");
    assert_eq!(submit(&world, &one, "key 1").await.bytes, answer.bytes);
}

/// The party's number was used meanwhile by another process of the same member: the claim is sent under the next one.
#[tokio::test]
async fn a_number_that_is_used_elsewhere_meanwhile_is_no_refusal() {
    let world = usual().await;
    let elsewhere = |party: &str, n: u8| {
        let (claim, response) = (ledger::Digest([n; 32]), ledger::Digest([n + 1; 32]));
        let payload = erm::Payload::Claim(erm::RecordClaim { claim, response, fingerprints: Vec::new() });
        world.transaction(party, payload)
    };
    *world.chain.overtake.lock().unwrap() = Some(elsewhere(HOSPITAL, 1));
    let answer = submit(&world, &claim("1", "p1", &[("1200", "50")]), "key 1").await;
    assert_eq!(verdict(&world, &answer), "match");
    // The same for what a facility records.
    *world.chain.overtake.lock().unwrap() = Some(elsewhere(HOSPITAL, 3));
    record(&world, &procedure("1300", "10")).await;
}

/// The same key gives the same answer for a look at the record too; another question needs another key.
#[tokio::test]
async fn a_repeated_look_gives_the_same_answer() {
    let mut world = usual().await;
    let one = claim("1", "p1", &[("1200", "50")]);
    let token = format!("Bearer {}", world.party(INSURER));
    let headers = [("authorization", token.as_str()), ("idempotency-key", "key 1")];
    let path = "/fhir/Claim/$verify-against-record";
    let first = world.call_with("POST", path, &headers, one.to_string()).await;
    assert_eq!(verdict(&world, &first), "match");
    assert_eq!(verdict(&world, &submit(&world, &one, "key 2").await), "match");
    world.restart(IngestSettings::default()).await;
    assert_eq!(world.call_with("POST", path, &headers, one.to_string()).await.bytes, first.bytes);
    assert_eq!(verdict(&world, &look(&world, &one).await), "duplicate", "without a key it is a new look");
    let as_of = format!("{path}?as-of={}", world.height());
    for other in [
        world.call_with("POST", &as_of, &headers, one.to_string()).await,
        world.call_with("POST", path, &headers, claim("2", "p1", &[("1200", "50")]).to_string()).await,
        submit(&world, &one, "key 1").await,
    ] {
        assert_eq!((other.status, other.issue().0.as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key"));
    }
    // Consent is looked at first, also for an answer that is kept.
    let revoked = decide(&world, consent("permit", "inactive", INSURER, "CLMATTCH", "record")).await;
    assert_eq!(revoked.status, StatusCode::CREATED);
    assert_eq!(world.call_with("POST", path, &headers, one.to_string()).await.status, StatusCode::FORBIDDEN);
}

/// Another portal records the same line between our look and our transaction: ours is looked at again.
#[tokio::test]
async fn a_line_that_is_claimed_elsewhere_meanwhile_is_a_duplicate() {
    let world = usual().await;
    let one = claim("1", "p1", &[("1200", "50")]);
    let patient = crate::world::signer("p1").public();
    let day = DAY.parse::<claims::Day>().unwrap().0;
    let input = erm::fingerprint_input(&world.network, &patient, day, erm::EventKind::Record, "urn:codes|1200", 0);
    let keys = portal::Custody::facility(world.custody.as_ref(), HOSPITAL).unwrap();
    let fingerprints = vec![keys.vrf.output(&input)];
    let elsewhere =
        erm::RecordClaim { claim: ledger::Digest([1; 32]), response: ledger::Digest([2; 32]), fingerprints };
    let overtaking = world.transaction("doctors-a", erm::Payload::Claim(elsewhere));
    *world.chain.overtake.lock().unwrap() = Some(overtaking);
    assert_eq!(verdict(&world, &submit(&world, &one, "key 1").await), "duplicate");
}

/// Whoever deletes a document's key erases the document; the portal says that it cannot answer and invents nothing.
#[tokio::test]
async fn an_erased_document_is_not_guessed_at() {
    let world = usual().await;
    for entry in std::fs::read_dir(world.dir.path().join("portal/documents")).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let answer = look(&world, &claim("1", "p1", &[("1200", "50")])).await;
    assert_eq!((answer.status, answer.issue().0.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "record-closed"));
}
