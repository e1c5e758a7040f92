//! Clinical events over HTTP.

use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use claims::{Document, Kind};
use erm::{Category, EventRecord, Key, Mode, Purpose};
use ledger::{Digest, PublicKey, Signature, VrfOutput};
use serde_json::{Value, json};

use crate::access::Ask;
use crate::chain::read;
use crate::events::{Agreement, Recorded};
use crate::fhir::event::RESOURCES;
use crate::fhir::node::{Node, resource};
use crate::outcome::fhir;
use crate::portal::{body, party};
use crate::{Holder, Outcome, Portal};

/// Most bytes of a resource.
const BODY_MAX: usize = 1 << 20;

fn created(recorded: &Recorded) -> Response {
    let Recorded { key, height, resource } = recorded;
    let value = json!({
        "resourceType": "OperationOutcome",
        "issue": [{ "severity": "information", "code": "informational", "diagnostics": format!("final at height {height}") }],
    });
    let mut response = fhir(StatusCode::CREATED, &value);
    if let Ok(location) = HeaderValue::from_str(&format!("/fhir/{resource}/{}", key.0)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// `POST /fhir/{resource}` of a clinical event.
pub(crate) async fn post_event(State(portal): State<Portal>, request: Request) -> Result<Response, Outcome> {
    let (parts, content) = request.into_parts();
    let holder = portal.authorise(&parts.headers)?;
    let facility = party(&holder)?;
    let content = body(content, BODY_MAX).await?;
    let named = parts.uri.path().rsplit('/').next().unwrap_or_default();
    let value = resource(&content, &RESOURCES)?;
    if value.get("resourceType").and_then(Value::as_str) != Some(named) {
        return Err(Outcome::invalid("$this.resourceType", format!("{named} is expected here")));
    }
    let (draft, break_glass) = portal.prepare_event(facility, &content).await?;
    let agreement = match break_glass {
        Some(reason) => Agreement::BreakGlass(reason),
        None if draft.event.kind == Kind::Record => {
            portal.keep_draft(&draft)?;
            let parameter = |name: &str, value: String| json!({ "name": name, "valueString": value });
            let value = json!({
                "resourceType": "Parameters",
                "parameter": [parameter("draft", draft.id.to_string()), parameter("digest", draft.digest.to_string())],
            });
            return Ok(fhir(StatusCode::ACCEPTED, &value));
        }
        None => Agreement::None,
    };
    Ok(created(&portal.record_event(draft, agreement).await?))
}

/// `POST /fhir/$sign-visit`: Parameters with `draft`, `secret` and `signature`, all hex.
pub(crate) async fn sign_visit(State(portal): State<Portal>, request: Request) -> Result<Response, Outcome> {
    let (parts, content) = request.into_parts();
    let holder = portal.authorise(&parts.headers)?;
    let facility = party(&holder)?;
    let value = resource(&body(content, BODY_MAX).await?, &["Parameters"])?;
    let parameters = Node::root(&value).list("parameter")?;
    let text = |name: &str| {
        let node = parameters.iter().find(|node| node.value.get("name").and_then(Value::as_str) == Some(name));
        let place = format!("Parameters.parameter.where(name = '{name}').valueString");
        let text = node.and_then(|node| node.value.get("valueString")).and_then(Value::as_str);
        text.map(|text| (text.to_owned(), place.clone())).ok_or_else(|| Outcome::required(place))
    };
    let hex = |(text, place): (String, String)| {
        text.parse::<Digest>().map_err(|error| Outcome::invalid(place, error.to_string()))
    };
    let draft = hex(text("draft")?)?;
    let secret = hex(text("secret")?)?.0;
    let (signature, place) = text("signature")?;
    let signature: Signature =
        signature.parse().map_err(|error: ledger::Error| Outcome::invalid(place, error.to_string()))?;
    let draft = portal.take_draft(facility, &draft)?;
    Ok(created(&portal.record_event(draft, Agreement::Patient { secret, signature }).await?))
}

/// `GET /fhir/{resource}/{key}`: the document, to whom the patient permits it.
pub(crate) async fn get_event(
    State(portal): State<Portal>,
    Path((name, key)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Outcome> {
    let (parts, _) = request.into_parts();
    let holder = portal.authorise(&parts.headers)?;
    let asker = match &holder {
        Holder::Party(id) => erm::Asker::Party(id.clone()),
        Holder::Patient(key) => erm::Asker::Patient(*key),
        Holder::Device { .. } => return Err(Outcome::role("devices read nothing")),
    };
    let key = VrfOutput(key.parse().map_err(|_| Outcome::forbidden())?);
    let snapshot = portal.0.chain.snapshot(None).await?;
    let record: Option<EventRecord> = read(snapshot.as_ref(), &Key::Event(key))?;
    // Whose document it is stands only inside; nothing of it leaves before the permit.
    let mut found = None;
    if let Some(record) = &record
        && let Some(keys) = portal.0.custody.facility(record.facility.as_str())
    {
        found = portal.0.documents.get(&key, &record.event.document, &keys.wrap).await?;
    }
    let about = found.as_ref().and_then(about);
    let patient = about.and_then(|(patient, _)| portal.0.custody.patient_of_key(&patient));
    let kind = record.as_ref().map_or(Kind::Record, |record| record.event.kind);
    let ask = Ask {
        patient,
        asked_for: key.0.to_string(),
        asker,
        purpose: Purpose::Treatment,
        mode: Mode::Read,
        wants: vec![(Category::of_event(kind), about.map(|(_, day)| day))],
        record: key.0,
        location: portal.0.settings.location.clone(),
        now_ms: portal.0.clock.now_ms(),
    };
    portal.0.access.ask(ask).await?;
    let document = found.ok_or_else(Outcome::forbidden)?;
    let value: Value = serde_json::from_slice(&document.content).map_err(|_| Outcome::forbidden())?;
    if value.get("resourceType").and_then(Value::as_str) != Some(name.as_str()) {
        return Err(Outcome::forbidden());
    }
    Ok(fhir(StatusCode::OK, &value))
}

fn about(document: &Document) -> Option<(PublicKey, claims::Day)> {
    use claims::Value::{Day, Key};
    match (document.fields.get(&claims::event::field::PATIENT)?, document.fields.get(&claims::event::field::DAY)?) {
        (Key(patient), Day(day)) => Some((*patient, *day)),
        _ => None,
    }
}

/// `GET /events/{key}/proof`: that the record chain holds the event. Commitments only, so any member may see it.
pub(crate) async fn get_proof(
    State(portal): State<Portal>,
    Path(key): Path<String>,
    request: Request,
) -> Result<Response, Outcome> {
    let holder = portal.authorise(request.headers())?;
    party(&holder)?;
    let key = Key::Event(VrfOutput(key.parse().map_err(|_| Outcome::not_found("this is no key of an event"))?));
    let snapshot = portal.0.chain.snapshot(None).await?;
    let (value, proof) = snapshot.prove(&key).map_err(|error| crate::ChainError::Unavailable(error.to_string()))?;
    let proven = claims::Proven { key, value, proof };
    let history = hex::encode(ledger::encode(&snapshot.history()));
    Ok(axum::response::IntoResponse::into_response(axum::Json(json!({
        "network": portal.0.network, "proven": proven, "block": snapshot.finality(), "history": history,
    }))))
}
