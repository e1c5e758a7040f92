//! Speaks HTTP to the portal, as a hospital's, a device's or an insurer's software would.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::failure::{Failure, OrFail as _, Outcome};

/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 32 << 20;

/// Somebody's software with its token.
#[derive(Clone)]
pub(crate) struct Client {
    http: HttpClient<HttpConnector, Full<Bytes>>,
    portal: SocketAddr,
    token: String,
}

/// What the portal answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Client {
    pub(crate) fn new(portal: SocketAddr, token: String) -> Self {
        Self { http: HttpClient::builder(TokioExecutor::new()).build_http(), portal, token }
    }

    /// Posts JSON.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Outcome<Answer> {
        self.send(Method::POST, path, None, Some(body)).await
    }

    /// Posts JSON under an Idempotency-Key.
    pub(crate) async fn post_once(&self, path: &str, key: &str, body: &Value) -> Outcome<Answer> {
        self.send(Method::POST, path, Some(key), Some(body)).await
    }

    /// Puts JSON.
    pub(crate) async fn put(&self, path: &str, body: &Value) -> Outcome<Answer> {
        self.send(Method::PUT, path, None, Some(body)).await
    }

    async fn send(&self, method: Method, path: &str, key: Option<&str>, body: Option<&Value>) -> Outcome<Answer> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.portal))
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(CONTENT_TYPE, "application/fhir+json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let content = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let request = request.body(Full::new(content)).or_environment("the portal")?;
        let response = self.http.request(request).await.or_environment("the portal does not answer")?;
        let status = response.status();
        let limited = http_body_util::Limited::new(response.into_body(), ANSWER_BYTES_MAX);
        let bytes = limited
            .collect()
            .await
            .map_err(|error| Failure::environment(format_args!("the portal's answer: {error}")))?
            .to_bytes();
        let body = serde_json::from_slice(&bytes).or_environment("the portal's answer")?;
        Ok(Answer { status, body })
    }
}

impl Answer {
    /// The body, where the status is the expected one; else what the portal said.
    pub(crate) fn expect(self, status: StatusCode, doing: &str) -> Outcome<Value> {
        if self.status == status {
            return Ok(self.body);
        }
        let issue = self
            .body
            .pointer("/issue/0/diagnostics")
            .or(self.body.pointer("/issue/0/details/text"))
            .and_then(Value::as_str);
        Err(Failure::environment(format_args!(
            "{doing}: the portal answered {}: {}",
            self.status,
            issue.unwrap_or("no reason")
        )))
    }

    /// A parameter of a FHIR Parameters resource.
    pub(crate) fn parameter(body: &Value, name: &str) -> Outcome<String> {
        let parameters = body.get("parameter").and_then(Value::as_array);
        let found = parameters
            .and_then(|all| all.iter().find(|parameter| parameter.get("name").and_then(Value::as_str) == Some(name)));
        let value = found.and_then(|parameter| parameter.get("valueString")).and_then(Value::as_str);
        value
            .map(str::to_owned)
            .ok_or_else(|| Failure::environment(format_args!("the portal's answer lacks the parameter {name}")))
    }
}
