//! What a doctor sets for one patient's detector (capability D13): `PUT` sets it anew as a whole, `GET` tells what was set last.
//!
//! `/phc/{chain}/parameters`, plain JSON. It is asked as an update of category `parameters` for treatment: a grant of its own,
//! because whoever moves a limit decides what nobody is woken for. Only hospitals and doctors may, as with prescriptions.

mod wire;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use erm::{Asker, Category, Key, Mode, PartyRecord, Purpose};
use ledger::Digest;
use phc::ParametersSet;
use serde_json::{Value, json};
use vitals::Parameters;

use crate::access::Ask;
use crate::chain::read;
use crate::fhir::time;
use crate::portal::body;
use crate::records::erased;
use crate::{Error, Holder, Outcome, Portal};

/// Most bytes of parameters.
const BODY_MAX: usize = 64 << 10;

/// `PUT /phc/{chain}/parameters`: durable, and in order with the patient's readings, when this answers.
pub(crate) async fn put(
    State(portal): State<Portal>,
    Path(chain): Path<String>,
    request: Request,
) -> Result<Response, Outcome> {
    let (parts, content) = request.into_parts();
    let asker = asker(portal.authorise(&parts.headers)?)?;
    let content = body(content, BODY_MAX).await?;
    let parameters = wire::read(&content)?;
    let ask = ask(&portal, chain, asker.clone(), Mode::ReadWrite);
    if !orders(&portal, &asker).await? {
        return Err(portal.0.access.refuse(&ask).await?);
    }
    let now_ms = ask.now_ms;
    let permit = portal.0.access.ask(ask).await?;
    let Asker::Party(by) = asker else { return Err(Outcome::forbidden()) };
    portal.0.custody.keys(&permit.patient.chain).ok_or_else(erased)?;
    let set = ParametersSet { by: by.to_string(), set_ms: now_ms, parameters: parameters.to_bytes() };
    let set = portal.0.ingest.set_parameters(permit.patient.chain, set).await?;
    Ok(Json(shown(&permit.patient.chain, Some(&set))?).into_response())
}

/// `GET /phc/{chain}/parameters`.
pub(crate) async fn get(
    State(portal): State<Portal>,
    Path(chain): Path<String>,
    request: Request,
) -> Result<Response, Outcome> {
    let asker = asker(portal.authorise(request.headers())?)?;
    let permit = portal.0.access.ask(ask(&portal, chain, asker, Mode::Read)).await?;
    let set = portal.0.ingest.parameters(permit.patient.chain).await?;
    Ok(Json(shown(&permit.patient.chain, set.as_ref())?).into_response())
}

fn asker(holder: Holder) -> Result<Asker, Outcome> {
    match holder {
        Holder::Party(id) => Ok(Asker::Party(id)),
        Holder::Patient(key) => Ok(Asker::Patient(key)),
        Holder::Device { .. } => Err(Outcome::role("devices neither set nor read parameters")),
    }
}

fn ask(portal: &Portal, chain: String, asker: Asker, mode: Mode) -> Ask {
    let patient = chain.parse().ok().and_then(|chain: Digest| portal.0.custody.patient_of_chain(&chain));
    Ask {
        patient,
        asked_for: chain,
        asker,
        purpose: Purpose::Treatment,
        mode,
        wants: vec![(Category::PARAMETERS, None)],
        record: Digest::ZERO,
        location: portal.0.settings.location.clone(),
        now_ms: portal.0.clock.now_ms(),
    }
}

/// Whether this kind of asker orders treatment at all: whoever may prescribe. The patient's consent is asked for after that.
async fn orders(portal: &Portal, asker: &Asker) -> Result<bool, Outcome> {
    let Asker::Party(id) = asker else { return Ok(false) };
    let snapshot = portal.0.chain.snapshot(None).await?;
    let record: Option<PartyRecord> = read(snapshot.as_ref(), &Key::Party(id.clone()))?;
    let prescribes = erm::Action::Record(erm::EventKind::Prescription);
    Ok(record.filter(PartyRecord::active).is_some_and(|record| erm::may(record.role, prescribes)))
}

/// What was set last; nothing was where nobody has set anything, and then the settings for everybody hold.
fn shown(chain: &Digest, set: Option<&ParametersSet>) -> Result<Value, Outcome> {
    let parameters = match set {
        None => Parameters::default(),
        Some(set) => {
            Parameters::from_bytes(&set.parameters).map_err(|error| Error::storage("read parameters", error))?
        }
    };
    Ok(json!({
        "chain": chain,
        "by": set.map(|set| set.by.as_str()),
        "set": set.map(|set| time::to_text(set.set_ms)),
        "parameters": wire::show(&parameters),
    }))
}
