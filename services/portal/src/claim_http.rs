//! Claims over HTTP.

use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use claims::Operation;
use serde::Deserialize;

use crate::claim_service::failed;
use crate::fhir::{claim as fhir_claim, response};
use crate::outcome::fhir;
use crate::portal::{body, party};
use crate::{ClaimRequest, Outcome, Portal};

/// Most bytes of a Claim.
const BODY_MAX: usize = 1 << 20;
/// Longest Idempotency-Key.
const KEY_BYTES_MAX: usize = 128;

/// Query of `$verify-against-record`.
#[derive(Deserialize)]
pub(crate) struct AsOf {
    #[serde(rename = "as-of")]
    as_of: Option<u64>,
}

/// `POST /fhir/Claim/$submit`.
pub(crate) async fn submit(State(portal): State<Portal>, request: Request) -> Result<Response, Outcome> {
    answer(&portal, request, Operation::Submit, None).await
}

/// `POST /fhir/Claim/$verify-against-record`.
pub(crate) async fn verify(
    State(portal): State<Portal>,
    query: Result<Query<AsOf>, axum::extract::rejection::QueryRejection>,
    request: Request,
) -> Result<Response, Outcome> {
    portal.authorise(request.headers())?;
    let Query(query) = query.map_err(|_| Outcome::invalid("as-of", "a height is needed"))?;
    answer(&portal, request, Operation::Verify, query.as_of).await
}

async fn answer(
    portal: &Portal,
    request: Request,
    operation: Operation,
    as_of: Option<u64>,
) -> Result<Response, Outcome> {
    let (parts, content) = request.into_parts();
    let holder = portal.authorise(&parts.headers)?;
    let insurer = party(&holder)?.clone();
    let idempotency_key = idempotency_key(&parts.headers)?;
    let claim = fhir_claim::read(&body(content, BODY_MAX).await?)?;
    let request = ClaimRequest { insurer, claim, operation, idempotency_key, as_of };
    let receipt = portal.verify_claim(request).await?;
    let json = receipt.to_json().map_err(failed)?;
    let id = receipt.id().to_string();
    let mut answer = fhir(StatusCode::OK, &response::claim_response(&receipt.content, &id, &json));
    if let Ok(location) = HeaderValue::from_str(&format!("/receipts/{id}")) {
        answer.headers_mut().insert(header::CONTENT_LOCATION, location);
    }
    Ok(answer)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Outcome> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| !text.is_empty() && text.len() <= KEY_BYTES_MAX);
    let invalid = || Outcome::invalid("Idempotency-Key", "1 to 128 visible characters are possible");
    text.map(|text| Some(text.to_owned())).ok_or_else(invalid)
}

/// `GET /receipts/{id}`: the file, to the insurer that it was given to.
pub(crate) async fn get_receipt(
    State(portal): State<Portal>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Outcome> {
    let holder = portal.authorise(request.headers())?;
    let insurer = party(&holder)?;
    let unknown = || Outcome::not_found("no receipt of this id was given to you");
    let id = id.parse().map_err(|_| unknown())?;
    let receipt = portal.receipt(insurer, id).await?.ok_or_else(unknown)?;
    let json = receipt.to_json().map_err(failed)?;
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], json).into_response())
}
