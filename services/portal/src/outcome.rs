//! What is wrong with a request: an OperationOutcome on FHIR's paths, RFC 9457's problem+json elsewhere.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::{ChainError, Error, TokenRefusal};

/// The code system of the codes in `details`.
pub const OUTCOME_SYSTEM: &str = "https://caduceus.example/fhir/CodeSystem/outcome";

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// FHIR's issue type: `invalid`, `required`, `value`, `forbidden`, `login`, `not-found`, `conflict`, `too-long`, …
    pub kind: &'static str,
    /// Our stable code.
    pub code: &'static str,
    /// What is wrong and what to do, without patient data.
    pub message: String,
    /// Where, as FHIRPath.
    pub expression: Option<String>,
}

/// An answer that says what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// HTTP status.
    pub status: StatusCode,
    /// At least one.
    pub issues: Vec<Issue>,
}

/// As problem+json.
#[derive(Debug)]
pub struct Problem(pub Outcome);

impl Outcome {
    /// One issue.
    pub fn new(status: StatusCode, kind: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, issues: vec![Issue { kind, code, message: message.into(), expression: None }] }
    }

    /// The same, at a place.
    #[must_use]
    pub fn at(mut self, expression: impl Into<String>) -> Self {
        if let Some(issue) = self.issues.last_mut() {
            issue.expression = Some(expression.into());
        }
        self
    }

    /// 400: a place of the resource is not as it has to be.
    pub fn invalid(expression: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", "invalid", message).at(expression)
    }

    /// 400: a place of the resource is missing.
    pub fn required(expression: impl Into<String>) -> Self {
        let expression = expression.into();
        Self::new(StatusCode::BAD_REQUEST, "required", "required", format!("{expression} is needed")).at(expression)
    }

    /// 403: the one refusal, the same whatever is missing.
    pub fn forbidden() -> Self {
        let message = "this request is not permitted; no more is said about whether there is anything";
        Self::new(StatusCode::FORBIDDEN, "forbidden", "consent-missing", message)
    }

    /// 403: this kind of holder may not do this at all.
    pub fn role(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "role", message)
    }

    /// 404, where saying so tells nothing.
    pub fn not_found(message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "not-found", message)
    }

    /// The resource.
    pub fn to_json(&self) -> Value {
        let issue = |issue: &Issue| {
            let mut value = json!({
                "severity": "error",
                "code": issue.kind,
                "details": { "coding": [{ "system": OUTCOME_SYSTEM, "code": issue.code }] },
                "diagnostics": issue.message,
            });
            if let (Some(expression), Some(map)) = (&issue.expression, value.as_object_mut()) {
                map.insert("expression".into(), json!([expression]));
            }
            value
        };
        json!({ "resourceType": "OperationOutcome", "issue": self.issues.iter().map(issue).collect::<Vec<_>>() })
    }
}

impl IntoResponse for Outcome {
    fn into_response(self) -> Response {
        for issue in &self.issues {
            metrics::counter!("caduceus_portal_refusals_total", "code" => issue.code).increment(1);
        }
        let mut response = fhir(self.status, &self.to_json());
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self(outcome) = self;
        let first = outcome.issues.first();
        let body = json!({
            "type": format!("{OUTCOME_SYSTEM}#{}", first.map_or("", |issue| issue.code)),
            "title": first.map_or("", |issue| issue.message.as_str()),
            "status": outcome.status.as_u16(),
            "errors": outcome.issues.iter().map(|issue| json!({
                "code": issue.code, "detail": issue.message, "pointer": issue.expression,
            })).collect::<Vec<_>>(),
        });
        let status = outcome.status;
        let mut response = outcome.into_response();
        *response.body_mut() = axum::body::Body::from(body.to_string());
        *response.status_mut() = status;
        response.headers_mut().remove(header::CONTENT_LENGTH);
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

/// A FHIR resource as an answer.
pub(crate) fn fhir(status: StatusCode, resource: &Value) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/fhir+json; charset=utf-8")];
    (status, kind, resource.to_string()).into_response()
}

impl From<TokenRefusal> for Outcome {
    fn from(refusal: TokenRefusal) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "login", refusal.code(), refusal.to_string())
    }
}

impl From<ChainError> for Outcome {
    fn from(error: ChainError) -> Self {
        match error {
            ChainError::Refused { code, reason } => {
                let message = format!("the record chain refuses this ({code}): {reason}");
                Self::new(StatusCode::CONFLICT, "business-rule", "record-chain", message)
            }
            ChainError::NoHeight(height) => Self::not_found(&format!("the record chain does not hold height {height}")),
            ChainError::Unavailable(reason) => {
                tracing::warn!(%reason, "the record chain does not answer");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "transient",
                    "record-chain",
                    "the record chain does not answer now; try again",
                )
            }
        }
    }
}

impl From<Error> for Outcome {
    fn from(error: Error) -> Self {
        match error {
            Error::Chain(error) => error.into(),
            Error::Invalid(reason) => Self::new(StatusCode::BAD_REQUEST, "invalid", "invalid", reason),
            other => {
                tracing::error!(error = %other, "a request failed");
                let message = "this could not be done now; nothing was acknowledged, try again";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "transient", "unavailable", message)
            }
        }
    }
}
