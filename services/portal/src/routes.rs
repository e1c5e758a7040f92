//! All routes in one table; the CapabilityStatement is made from the same.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use serde_json::{Value, json};

use crate::fhir::event::RESOURCES;
use crate::outcome::{Problem, fhir};
use crate::{Outcome, Portal, claim_http, consents, event_http, parameters, readings, records};

/// What a route is in FHIR's terms.
enum Role {
    /// An interaction with a resource type.
    Interaction(&'static str, &'static str),
    /// An operation on a resource type.
    Operation(&'static str, &'static str),
    /// On the whole system.
    System(&'static str),
    /// Not FHIR.
    Plain,
}

struct Route {
    path: String,
    role: Role,
    handler: MethodRouter<Portal>,
}

fn table() -> Vec<Route> {
    let route = |path: &str, role, handler| Route { path: path.to_owned(), role, handler };
    let mut all = vec![
        route("/readings", Role::Plain, post(readings::post_batch)),
        route("/phc/{chain}/records", Role::Plain, get(records::get)),
        route("/phc/{chain}/parameters", Role::Plain, get(parameters::get).put(parameters::put)),
        route("/events/{key}/proof", Role::Plain, get(event_http::get_proof)),
        route("/receipts/{id}", Role::Plain, get(claim_http::get_receipt)),
        route("/fhir/metadata", Role::Plain, get(metadata)),
        route("/fhir", Role::System("batch"), post(readings::post_bundle)),
        route("/fhir/Observation", Role::Interaction("Observation", "create"), post(readings::post_observation)),
        route("/fhir/Consent", Role::Interaction("Consent", "create"), post(consents::post_consent)),
        route("/fhir/Claim/$submit", Role::Operation("Claim", "submit"), post(claim_http::submit)),
        route(
            "/fhir/Claim/$verify-against-record",
            Role::Operation("Claim", "verify-against-record"),
            post(claim_http::verify),
        ),
        route("/fhir/$sign-visit", Role::Plain, post(event_http::sign_visit)),
        route("/fhir/{resource}/{key}", Role::Plain, get(event_http::get_event)),
    ];
    for name in RESOURCES {
        all.push(route(&format!("/fhir/{name}"), Role::Interaction(name, "create"), post(event_http::post_event)));
    }
    all
}

impl Portal {
    /// The portal's routes.
    pub fn router(&self) -> Router {
        let routes = table().into_iter().fold(Router::new(), |router, route| router.route(&route.path, route.handler));
        routes.fallback(nothing).method_not_allowed_fallback(not_so).with_state(self.clone())
    }
}

async fn nothing() -> Response {
    Problem(Outcome::not_found("there is nothing here; see /fhir/metadata")).into_response()
}

async fn not_so() -> Response {
    let message = "this method is not for this path; see /fhir/metadata";
    Outcome::new(StatusCode::METHOD_NOT_ALLOWED, "not-supported", "method", message).into_response()
}

async fn metadata(State(portal): State<Portal>) -> Response {
    fhir(StatusCode::OK, &portal.0.metadata)
}

/// The CapabilityStatement of the table.
pub(crate) fn capability_statement(name: &str) -> Value {
    let mut resources: BTreeMap<&str, (Vec<Value>, Vec<Value>)> = BTreeMap::new();
    let mut system = Vec::new();
    for route in table() {
        match route.role {
            Role::Interaction(resource, code) => resources.entry(resource).or_default().0.push(json!({ "code": code })),
            Role::Operation(resource, name) => {
                let definition = format!("{}/OperationDefinition/{name}", crate::fhir::BASE);
                resources.entry(resource).or_default().1.push(json!({ "name": name, "definition": definition }));
            }
            Role::System(code) => system.push(json!({ "code": code })),
            Role::Plain => {}
        }
    }
    for name in RESOURCES {
        resources.entry(name).or_default().0.push(json!({ "code": "read" }));
    }
    let resource = |(name, (interactions, operations)): (&str, (Vec<Value>, Vec<Value>))| {
        let mut value = json!({ "type": name });
        if let Some(map) = value.as_object_mut() {
            if !interactions.is_empty() {
                map.insert("interaction".into(), interactions.into());
            }
            if !operations.is_empty() {
                map.insert("operation".into(), operations.into());
            }
        }
        value
    };
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-01-01",
        "kind": "instance",
        "implementation": { "description": name },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [{
            "mode": "server",
            "security": { "description": "bearer tokens signed by the network" },
            "resource": resources.into_iter().map(resource).collect::<Vec<_>>(),
            "interaction": system,
        }],
    })
}
