//! The ClaimResponse.

use base64::Engine as _;
use claims::{CHECKS, CODE_SYSTEM, Content, Finding};
use serde_json::{Value, json};

use super::{extension, time};
use crate::Outcome;
use crate::outcome::Issue;
use axum::http::StatusCode;

/// CARC numbers' system, as HL7 registers it.
const CARC: &str = "https://x12.org/codes/claim-adjustment-reason-codes";

/// The answer to a claim, with the receipt beside it.
pub(crate) fn claim_response(content: &Content, id: &str, receipt: &str) -> Value {
    let claim = &content.claim;
    let reference = |id: &claims::Identifier| json!({ "identifier": { "system": id.system, "value": id.value } });
    let item = |item: &claims::Item| {
        let findings = content.findings.iter().filter(|finding| finding.item == Some(item.sequence));
        let mut adjudication = vec![json!({
            "category": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/adjudication", "code": "submitted" }] },
            "amount": { "value": minor(item.amount.minor), "currency": item.amount.currency.to_string() },
        })];
        adjudication.extend(findings.map(|finding| {
            json!({
                "category": { "coding": [{ "system": CODE_SYSTEM, "code": "record-check" }] },
                "reason": concept(finding),
            })
        }));
        json!({ "itemSequence": item.sequence, "adjudication": adjudication })
    };
    let error = |finding: &Finding| {
        let mut value = json!({ "code": concept(finding) });
        if let (Some(sequence), Some(map)) = (finding.item, value.as_object_mut()) {
            map.insert("itemSequence".into(), json!(sequence));
        }
        value
    };
    json!({
        "resourceType": "ClaimResponse",
        "id": id,
        "contained": [{
            "resourceType": "Binary",
            "id": "receipt",
            "contentType": "application/json",
            "data": base64::engine::general_purpose::STANDARD.encode(receipt),
        }],
        "extension": [{
            "url": extension("verification"),
            "extension": [
                { "url": "verdict", "valueCode": content.verdict.name() },
                { "url": "height", "valueDecimal": content.block.header.height },
                { "url": "as-of", "valueInstant": time::to_text(content.as_of_ms) },
                { "url": "checks", "valueString": CHECKS.map(|check| check.to_string()).join(",") },
                { "url": "receipt", "valueUri": format!("/receipts/{id}") },
            ],
        }],
        "identifier": [{ "system": extension("receipt"), "value": id }],
        "status": "active",
        "type": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "professional" }] },
        "use": "claim",
        "patient": reference(&claim.patient),
        "created": time::to_text(content.as_of_ms),
        "insurer": { "identifier": { "value": claim.insurer } },
        "requestor": { "identifier": { "value": claim.provider } },
        "request": reference(&claim.id),
        "outcome": "complete",
        "disposition": format!("facts held against the record: {}; payment is not adjudicated", content.verdict),
        "item": claim.items.iter().map(item).collect::<Vec<_>>(),
        "error": content.findings.iter().map(error).collect::<Vec<_>>(),
    })
}

/// Findings of check 1 as an outcome.
pub(crate) fn schema_outcome(findings: &[Finding]) -> Outcome {
    let issue = |finding: &Finding| Issue {
        kind: "value",
        code: finding.code.name(),
        message: format!("{} is needed", finding.expected),
        expression: Some(finding.path.clone()),
    };
    Outcome { status: StatusCode::UNPROCESSABLE_ENTITY, issues: findings.iter().map(issue).collect() }
}

fn concept(finding: &Finding) -> Value {
    let mut coding =
        vec![json!({ "system": CODE_SYSTEM, "code": finding.code.name(), "display": finding.code.display() })];
    if let Some(carc) = finding.code.carc() {
        coding.push(json!({ "system": CARC, "code": carc }));
    }
    json!({
        "coding": coding,
        "text": format!("{}: expected {}, found {}", finding.path, finding.expected, finding.found),
    })
}

/// Hundredths as a JSON number of at most two digits after the point.
fn minor(minor: i64) -> Value {
    let text = vitals::milli::to_text(minor.saturating_mul(10));
    text.parse().map_or(Value::Null, Value::Number)
}
