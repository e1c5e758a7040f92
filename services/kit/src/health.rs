//! `/livez`, `/readyz`, `/metrics`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};

/// How a process is: alive until something failed for good, ready when every named condition holds. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    failed: Option<String>,
    // The reason why a condition does not hold, `None` where it does.
    conditions: BTreeMap<&'static str, Option<String>>,
}

/// One named condition of readiness. Its part of the process keeps it.
#[derive(Clone, Debug)]
pub struct Condition {
    health: Health,
    name: &'static str,
}

impl Health {
    /// Alive, without conditions, and so ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// A condition that does not hold yet.
    pub fn condition(&self, name: &'static str) -> Condition {
        let condition = Condition { health: self.clone(), name };
        condition.not_ready("starting");
        condition
    }

    /// The process cannot recover: `/livez` fails from now on, so that it is started anew. The first reason stays.
    /// Reasons are shown to whoever asks: no patient data in them.
    pub fn failed(&self, reason: impl Into<String>) {
        self.with(|inner| {
            inner.failed.get_or_insert(reason.into());
        });
    }

    /// The reason given to [`failed`](Self::failed).
    pub fn failure(&self) -> Option<String> {
        self.with(|inner| inner.failed.clone())
    }

    /// Whether nothing failed and all conditions hold.
    pub fn is_ready(&self) -> bool {
        self.with(|inner| inner.failed.is_none() && inner.conditions.values().all(Option::is_none))
    }

    fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        // A panic elsewhere cannot leave the map half changed.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Condition {
    /// It holds.
    pub fn ready(&self) {
        self.health.with(|inner| inner.conditions.insert(self.name, None));
    }

    /// It does not hold; the reason is shown at `/readyz`: no patient data in it.
    pub fn not_ready(&self, reason: impl Into<String>) {
        self.health.with(|inner| inner.conditions.insert(self.name, Some(reason.into())));
    }
}

/// The three routes. `/livez` and `/readyz` answer 200 or 503, `/metrics` in Prometheus' text format.
pub fn health_router(health: Health) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(health)
}

async fn livez(State(health): State<Health>) -> Response {
    match health.failure() {
        None => (StatusCode::OK, "alive\n").into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

#[derive(serde::Serialize)]
struct Readiness {
    ready: bool,
    /// "ok", or why not.
    conditions: BTreeMap<&'static str, String>,
}

async fn readyz(State(health): State<Health>) -> Response {
    let ready = health.is_ready();
    let conditions = health.with(|inner| {
        inner.conditions.iter().map(|(name, reason)| (*name, reason.clone().unwrap_or_else(|| "ok".into()))).collect()
    });
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, conditions })).into_response()
}

async fn metrics() -> Response {
    match crate::telemetry::render_metrics() {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
