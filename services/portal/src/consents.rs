//! Consents: the patient signs the transaction; the portal only carries it.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use erm::{Body, Consent, Key, Payload, Sender, Signed};
use ledger::{PublicKey, Signature};
use serde_json::json;

use crate::chain::read;
use crate::fhir::consent;
use crate::fhir::node::resource;
use crate::outcome::fhir;
use crate::portal::body;
use crate::{Holder, Outcome, Portal};

/// Most bytes of a Consent.
const BODY_MAX: usize = 64 << 10;
/// How far ahead a consent's transaction expires, in heights.
const EXPIRY_HEIGHTS: u64 = 1_000;

impl Portal {
    /// The transaction that a patient has to sign.
    pub async fn prepare_consent(&self, patient: &PublicKey, consent: Consent) -> Result<Body, Outcome> {
        let snapshot = self.0.chain.snapshot(None).await?;
        let sender = Sender::Patient(*patient);
        let sequence = read(snapshot.as_ref(), &Key::Sequence(sender.clone()))?.unwrap_or(0);
        let expiry_height = snapshot.finality().header.height.saturating_add(EXPIRY_HEIGHTS);
        Ok(Body { sender, sequence, expiry_height, payload: Payload::Consent(consent) })
    }

    /// Sends what the patient signed; gives the height at which it is final.
    pub async fn record_consent(&self, body: Body, signature: Signature) -> Result<u64, Outcome> {
        Ok(self.0.chain.commit(Signed { body, signature }.encode()).await?)
    }
}

/// `POST /fhir/Consent`: without a signature 202 and the transaction to sign; with it 201 when it is final.
pub(crate) async fn post_consent(State(portal): State<Portal>, request: Request) -> Result<Response, Outcome> {
    let (parts, content) = request.into_parts();
    let Holder::Patient(holder) = portal.authorise(&parts.headers)? else {
        return Err(Outcome::role("only the patient grants, denies and revokes"));
    };
    let value = resource(&body(content, BODY_MAX).await?, &["Consent"])?;
    let found = consent::read(&value)?;
    let patient = portal.0.custody.patient(&found.patient).filter(|patient| patient.key == holder);
    let patient = patient.ok_or_else(Outcome::forbidden)?;
    let Some((transaction, signature)) = found.signed else {
        let prepared = portal.prepare_consent(&patient.key, found.consent).await?;
        let parameter = |name: &str, value: String| json!({ "name": name, "valueString": value });
        let value = json!({
            "resourceType": "Parameters",
            "parameter": [
                parameter("body", hex::encode(ledger::encode(&prepared))),
                parameter("digest", prepared.id(&portal.0.network).to_string()),
            ],
        });
        return Ok(fhir(StatusCode::ACCEPTED, &value));
    };
    let place = "Consent.extension.extension";
    let bytes = hex::decode(&transaction).map_err(|error| Outcome::invalid(place, error.to_string()))?;
    let prepared: Body =
        ledger::decode("transaction body", &bytes).map_err(|error| Outcome::invalid(place, error.to_string()))?;
    if prepared.sender != Sender::Patient(patient.key) || prepared.payload != Payload::Consent(found.consent) {
        return Err(Outcome::invalid(place, "the signed transaction says something else than the resource"));
    }
    let signature: Signature =
        signature.parse().map_err(|error: ledger::Error| Outcome::invalid(place, error.to_string()))?;
    let verified = patient.key.verify(&prepared.id(&portal.0.network), &signature);
    verified.map_err(|_| {
        Outcome::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid",
            "signature",
            "the patient's signature does not verify",
        )
        .at(place)
    })?;
    let height = portal.record_consent(prepared, signature).await?;
    let value = json!({
        "resourceType": "OperationOutcome",
        "issue": [{ "severity": "information", "code": "informational", "diagnostics": format!("final at height {height}") }],
    });
    Ok(fhir(StatusCode::CREATED, &value))
}
