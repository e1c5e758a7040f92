//! Readings over HTTP: a plain JSON batch, and FHIR Observations alone or in a Bundle. Every line has its own answer.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use claims::Identifier;
use ledger::Digest;
use phc::Subject;
use serde::Deserialize;
use serde_json::{Value, json};
use vitals::{Admission, Provenance, RawReading, Reading, Refusal};

use crate::fhir::node::{Node, resource};
use crate::fhir::{observation, time};
use crate::ingest::held::UNNUMBERED;
use crate::outcome::{Problem, fhir};
use crate::portal::body;
use crate::{Holder, Line, LineResult, Outcome, Portal, Submission};

/// Most bytes of a batch.
const BODY_MAX: usize = 4 << 20;
/// Instants are judged by ingest, which knows what is held already.
const ANY_TIME: Admission = Admission { max_age_ms: i64::MAX, future_tolerance_ms: i64::MAX };

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    patient: Identifier,
    device: String,
    #[serde(default)]
    location: Option<String>,
    first_sequence: u64,
    readings: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    signal: String,
    value: Value,
    #[serde(default)]
    unit: Option<String>,
    time: Value,
    #[serde(default)]
    offset_minutes: Option<i16>,
    #[serde(default)]
    manual: bool,
}

/// `POST /readings`.
pub(crate) async fn post_batch(State(portal): State<Portal>, request: Request) -> Response {
    match batch(&portal, request).await {
        Ok(response) => response,
        Err(outcome) => Problem(outcome).into_response(),
    }
}

async fn batch(portal: &Portal, request: Request) -> Result<Response, Outcome> {
    let (parts, content) = request.into_parts();
    let holder = portal.authorise(&parts.headers)?;
    let (own, device) = own_chain(portal, &holder)?;
    let content = body(content, BODY_MAX).await?;
    let batch: Batch = serde_json::from_slice(&content).map_err(|error| Outcome::invalid("$", error.to_string()))?;
    let chain = chain_of(portal, own, &batch.patient)?;
    if device.is_some_and(|device| device != batch.device) {
        return Err(Outcome::role("this token is another device's"));
    }
    let lines = batch
        .readings
        .iter()
        .map(|value| Line { reading: typed(value), sent: value.to_string().into_bytes() })
        .collect();
    let submission = Submission {
        chain,
        device: batch.device,
        subject: batch.location.map_or(Subject::Patient, Subject::Location),
        first_sequence: Some(batch.first_sequence),
        received_ms: portal.0.clock.now_ms(),
        lines,
    };
    let results = portal.0.ingest.submit_lines(submission).await?;
    let line = |(sequence, result): (u64, &LineResult)| {
        let mut value = json!({ "sequence": sequence, "result": result.name() });
        if let (LineResult::Refused { code, message }, Some(map)) = (result, value.as_object_mut()) {
            map.insert("code".into(), json!(code));
            map.insert("message".into(), json!(message));
        }
        value
    };
    let results: Vec<Value> = (batch.first_sequence..).zip(&results).map(line).collect();
    Ok(Json(json!({ "results": results })).into_response())
}

/// One line of the plain batch.
fn typed(value: &Value) -> Result<Reading, Refusal> {
    let malformed = |field, expected| Refusal::Malformed { field, expected };
    let sent =
        Sent::deserialize(value).map_err(|_| malformed("line", "send signal, value, time and, where known, unit"))?;
    let number = match &sent.value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return Err(malformed("value", "send a finite decimal number")),
    };
    let (time_ms, offset) = match &sent.time {
        Value::Number(seconds) => time::parse_epoch_s(&seconds.to_string()).map(|time_ms| (time_ms, None)),
        Value::String(text) => time::parse(text),
        _ => None,
    }
    .ok_or_else(|| malformed("time", "send ISO 8601, or seconds since 1970"))?;
    let provenance = if sent.manual { Provenance::Manual } else { Provenance::Device };
    let raw = RawReading {
        signal: &sent.signal,
        value: &number,
        unit: sent.unit.as_deref(),
        time_ms,
        offset_minutes: sent.offset_minutes.or(offset),
        provenance,
    };
    ANY_TIME.admit(&raw, 0)
}

/// The chain that a token lets write to, and the device where it is one.
fn own_chain<'a>(portal: &Portal, holder: &'a Holder) -> Result<(Digest, Option<&'a str>), Outcome> {
    match holder {
        Holder::Device { chain, device } => Ok((*chain, Some(device))),
        Holder::Patient(key) => {
            let patient = portal.0.custody.patient_of_key(key);
            patient.map(|patient| (patient.chain, None)).ok_or_else(Outcome::forbidden)
        }
        Holder::Party(_) => Err(Outcome::role("readings come from the patient and the patient's devices only")),
    }
}

/// The named patient's chain, if it is the holder's own.
fn chain_of(portal: &Portal, own: Digest, patient: &Identifier) -> Result<Digest, Outcome> {
    let named = portal.0.custody.patient(patient).map(|patient| patient.chain);
    if named == Some(own) { Ok(own) } else { Err(Outcome::forbidden()) }
}

/// `POST /fhir/Observation`.
pub(crate) async fn post_observation(State(portal): State<Portal>, request: Request) -> Result<Response, Outcome> {
    let (parts, content) = request.into_parts();
    let holder = portal.authorise(&parts.headers)?;
    let (own, device) = own_chain(&portal, &holder)?;
    let content = body(content, BODY_MAX).await?;
    let value = match resource(&content, &["Observation"]) {
        Ok(value) => value,
        Err(outcome) => return Err(keep(&portal, own, &content, outcome).await?),
    };
    Ok(observe(&portal, own, device, &value).await?.into_response())
}

/// `POST /fhir`: a Bundle of Observations.
pub(crate) async fn post_bundle(State(portal): State<Portal>, request: Request) -> Result<Response, Outcome> {
    let (parts, content) = request.into_parts();
    let holder = portal.authorise(&parts.headers)?;
    let (own, device) = own_chain(&portal, &holder)?;
    let content = body(content, BODY_MAX).await?;
    let value = match resource(&content, &["Bundle"]) {
        Ok(value) => value,
        Err(outcome) => return Err(keep(&portal, own, &content, outcome).await?),
    };
    let mut entries = Vec::new();
    for entry in Node::root(&value).list("entry")? {
        let answer = match entry.need("resource") {
            Ok(node) if node.value.get("resourceType").and_then(Value::as_str) == Some("Observation") => {
                observe(&portal, own, device, node.value).await?
            }
            Ok(node) => {
                let outcome = Outcome::invalid(node.path.clone(), "only Observations are taken in a Bundle");
                keep(&portal, own, node.value.to_string().as_bytes(), outcome).await?
            }
            Err(outcome) => outcome,
        };
        let status = answer.status.as_u16().to_string();
        entries.push(json!({ "response": { "status": status, "outcome": answer.to_json() } }));
    }
    let bundle = json!({ "resourceType": "Bundle", "type": "batch-response", "entry": entries });
    Ok(fhir(StatusCode::OK, &bundle))
}

/// Keeps what could not be read, with its reason, and gives the outcome back.
async fn keep(portal: &Portal, chain: Digest, sent: &[u8], outcome: Outcome) -> Result<Outcome, Outcome> {
    let refusal = Refusal::Malformed { field: "resource", expected: "send a FHIR R4 Observation" };
    let lines = vec![Line { reading: Err(refusal), sent: sent.iter().copied().take(64 << 10).collect() }];
    let (device, received_ms) = (format!("{UNNUMBERED}unknown"), portal.0.clock.now_ms());
    let submission = Submission { chain, device, subject: Subject::Patient, first_sequence: None, received_ms, lines };
    portal.0.ingest.submit_lines(submission).await?;
    Ok(outcome)
}

async fn observe(portal: &Portal, own: Digest, device: Option<&str>, value: &Value) -> Result<Outcome, Outcome> {
    let received_ms = portal.0.clock.now_ms();
    let sent = value.to_string().into_bytes();
    let read = match observation::read(value, &ANY_TIME, received_ms) {
        Ok(read) => read,
        Err(outcome) => return keep(portal, own, &sent, outcome).await,
    };
    let chain = chain_of(portal, own, &read.patient)?;
    if device.is_some_and(|device| device != read.device) {
        return Err(Outcome::role("this token is another device's"));
    }
    let lines = read.readings.into_iter().map(|reading| Line { reading, sent: sent.clone() }).collect();
    let device = format!("{UNNUMBERED}{}", read.device);
    let submission = Submission { chain, device, subject: Subject::Patient, first_sequence: None, received_ms, lines };
    let results = portal.0.ingest.submit_lines(submission).await?;
    Ok(outcome_of(&results))
}

/// The worst of the lines decides the status.
fn outcome_of(results: &[LineResult]) -> Outcome {
    let mut status = StatusCode::OK;
    let mut issues = Vec::new();
    for result in results {
        let (own, kind, code, message): (_, _, _, String) = match result {
            LineResult::Accepted => (StatusCode::CREATED, "informational", "accepted", "held".into()),
            LineResult::AlreadyHeld => (StatusCode::OK, "informational", "already-held", "held already".into()),
            LineResult::Conflict => {
                let message = "another value is held for this device, signal and instant; both are kept";
                (StatusCode::CONFLICT, "conflict", "conflict", message.into())
            }
            LineResult::Refused { code, message } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "value", *code, message.clone())
            }
        };
        status = status.max(own);
        issues.push(crate::Issue { kind, code, message, expression: None });
    }
    Outcome { status, issues }
}
