//! Clinical events in: the document is sealed and kept, then its commitments go onto the record chain.
//!
//! A visit's record needs the patient's signature over the commitments, so it takes two steps: the resource gives a
//! draft with the digest to sign; the signature makes it final. Other kinds, and break-glass, take one.

use std::sync::PoisonError;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use claims::{Document, Facts, Kind, SAME_MAX};
use erm::{
    BreakGlass, Category, ClinicalEvent, EventRecord, Id, Key, Mode, PartyRecord, Payload, Purpose, Role, Visit,
};
use ledger::{Chain, DataKey, Digest, OneTimeKey, PublicKey, SaltSeed, Signature, VrfOutput, sha256};
use rand_core::OsRng;
use serde_json::{Value, json};

use crate::access::Ask;
use crate::chain::read;
use crate::fhir::event::{self, RESOURCES};
use crate::fhir::node::{Node, resource};
use crate::outcome::fhir;
use crate::portal::{body, party};
use crate::{Holder, Outcome, Patient, Portal};

/// Most bytes of a resource.
const BODY_MAX: usize = 1 << 20;
/// How long a draft waits for the patient's signature, milliseconds.
const DRAFT_MS: i64 = 15 * 60_000;
/// Most drafts that wait.
const DRAFTS_MAX: usize = 1_000;

/// An event that waits for the patient's signature.
#[derive(Clone)]
pub struct Draft {
    /// Its name.
    pub id: Digest,
    /// What the patient's one-time key has to sign.
    pub digest: Digest,
    facility: Id,
    resource: String,
    patient: Patient,
    event: ClinicalEvent,
    sealed: Vec<u8>,
    key: DataKey,
    made_ms: i64,
}

/// How a visit is agreed to.
pub enum Agreement {
    /// The patient signed [`Draft::digest`] with a one-time key; `secret` shows that the key is the patient's.
    Patient {
        /// The secret that the key was derived with.
        secret: [u8; 32],
        /// The signature.
        signature: Signature,
    },
    /// Nobody signed; the record is flagged for good.
    BreakGlass(BreakGlass),
    /// No visit: of bills, reports, prescriptions and images.
    None,
}

/// A recorded event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its key in the state.
    pub key: VrfOutput,
    /// Height of its block.
    pub height: u64,
    /// FHIR resource type.
    pub resource: String,
}

impl Portal {
    /// Reads a resource and prepares its event; nothing is kept or sent yet.
    pub async fn prepare_event(&self, facility: &Id, content: &[u8]) -> Result<(Draft, Option<BreakGlass>), Outcome> {
        let value = resource(content, &RESOURCES)?;
        let keys = self.facility(facility.as_str())?;
        let snapshot = self.0.chain.snapshot(None).await?;
        let record: Option<PartyRecord> = read(snapshot.as_ref(), &Key::Party(facility.clone()))?;
        let role = record
            .filter(PartyRecord::active)
            .map(|record| record.role)
            .ok_or_else(|| Outcome::role("no member in good standing"))?;
        let bills = if role == Role::Pharmacy { Kind::PharmacyBill } else { Kind::Record };
        let found = event::read(&value, facility.as_str(), bills)?;
        if !erm::may(role, erm::Action::Record(found.kind())) {
            return Err(Outcome::role("this role does not record this kind of event"));
        }
        let unknown = || {
            let message = "nobody is registered with this identifier; register the patient first";
            Outcome::new(StatusCode::UNPROCESSABLE_ENTITY, "not-found", "patient-unknown", message)
                .at(format!("{}.subject", Node::root(&value).path))
        };
        let patient = self.0.custody.patient(&found.patient).ok_or_else(unknown)?;
        if read::<erm::PatientRecord>(snapshot.as_ref(), &Key::Patient(patient.key))?.is_none() {
            return Err(unknown());
        }
        let break_glass = found.break_glass;
        let facts: Facts = found.facts(patient.key);
        let fields = facts.fields().map_err(|error| Outcome::invalid(Node::root(&value).path, error.to_string()))?;
        let document =
            Document { kind: facts.kind, seed: SaltSeed::generate(&mut OsRng), fields, content: content.to_vec() };
        // The first key that is absent: a gap would hide what comes after it from the facility's own proofs.
        let mut next = None;
        for n in 0..=SAME_MAX {
            let name = keys.vrf.output(&erm::event_input(&self.0.network, &patient.key, facts.day.0, facts.kind, n));
            if read::<EventRecord>(snapshot.as_ref(), &Key::Event(name))?.is_none() {
                next = Some(name);
                break;
            }
        }
        let full =
            || Outcome::new(StatusCode::CONFLICT, "too-costly", "too-many", "too many events of one day and kind");
        let name = next.ok_or_else(full)?;
        let key = DataKey::generate(&mut OsRng);
        let sealed = self.0.documents.seal(&name, &document, &key);
        let event = ClinicalEvent {
            key: name,
            kind: facts.kind,
            fields: document.commitments(&self.0.network),
            document: sha256(&sealed),
            document_bytes: sealed.len() as u64,
            visit: Visit::None,
        };
        let digest = event.visit_digest(&self.0.network, facility);
        let resource = facts.document;
        let made_ms = self.0.clock.now_ms();
        let draft =
            Draft { id: digest, digest, facility: facility.clone(), resource, patient, event, sealed, key, made_ms };
        Ok((draft, break_glass))
    }

    /// Keeps the document and records the event; answers when it is final.
    pub async fn record_event(&self, draft: Draft, agreement: Agreement) -> Result<Recorded, Outcome> {
        let keys = self.facility(draft.facility.as_str())?;
        let mut event = draft.event;
        event.visit = match agreement {
            Agreement::Patient { secret, signature } => {
                let unsigned = || {
                    Outcome::new(
                        StatusCode::UNPROCESSABLE_ENTITY,
                        "invalid",
                        "visit-signature",
                        "the patient's signature over this visit does not verify",
                    )
                };
                let one_time = OneTimeKey::derive(&draft.patient.key, &Chain::record(self.0.network), &secret)
                    .map_err(|_| unsigned())?;
                one_time.verify(&draft.digest, &signature).map_err(|_| unsigned())?;
                Visit::Patient { one_time, signature }
            }
            Agreement::BreakGlass(reason) => Visit::BreakGlass { reason },
            Agreement::None => Visit::None,
        };
        let key = event.key;
        let category = Category::of_event(event.kind);
        let ask = Ask {
            patient: Some(draft.patient.clone()),
            asked_for: String::new(),
            asker: erm::Asker::Party(draft.facility.clone()),
            purpose: Purpose::Treatment,
            mode: Mode::ReadWrite,
            wants: vec![(category, None)],
            record: key.0,
            location: self.0.settings.location.clone(),
            now_ms: self.0.clock.now_ms(),
        };
        // A facility's own record of a visit needs the visit's signature, not a grant; the patient sees that it was made.
        self.0.access.note(&ask, true, Digest::ZERO).await?;
        self.0.documents.put(&key, draft.sealed, &draft.key, &keys.wrap.public()).await?;
        let turn = self.0.senders.turn(&draft.facility).await;
        let height = self.0.senders.send(&turn, &keys.signer, Payload::Event(event)).await?;
        Ok(Recorded { key, height, resource: draft.resource })
    }

    fn keep_draft(&self, draft: &Draft) -> Result<(), Outcome> {
        let now_ms = self.0.clock.now_ms();
        let mut drafts = self.0.drafts.lock().unwrap_or_else(PoisonError::into_inner);
        drafts.retain(|_, draft| now_ms.saturating_sub(draft.made_ms) < DRAFT_MS);
        if drafts.len() >= DRAFTS_MAX {
            return Err(Outcome::new(
                StatusCode::TOO_MANY_REQUESTS,
                "throttled",
                "too-many",
                "too many drafts wait for signatures; try again",
            ));
        }
        drafts.insert(draft.id, draft.clone());
        Ok(())
    }

    fn take_draft(&self, facility: &Id, id: &Digest) -> Result<Draft, Outcome> {
        let now_ms = self.0.clock.now_ms();
        let mut drafts = self.0.drafts.lock().unwrap_or_else(PoisonError::into_inner);
        let own = drafts
            .get(id)
            .is_some_and(|draft| draft.facility == *facility && now_ms.saturating_sub(draft.made_ms) < DRAFT_MS);
        let draft = if own { drafts.remove(id) } else { None };
        draft.ok_or_else(|| Outcome::not_found("no such draft waits; send the resource again"))
    }
}

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
