//! Tokens, and what everybody is told who may not.

use axum::http::StatusCode;
use ledger::{Digest, KeyPair};
use portal::{Holder, Token};
use rand_core::OsRng;

use crate::world::{INSURER, NOON_MS, World, id, signer};

/// Every route but the CapabilityStatement refuses whoever has no good token, before it looks at anything else.
#[tokio::test]
async fn without_a_good_token_every_route_answers_401() {
    let world = World::new().await;
    let holder = || Holder::Party(id(INSURER));
    let good = Token::new("https://portal.example", holder(), NOON_MS, NOON_MS + 1_000, &mut OsRng);
    let sign = |token: &Token, network: &Digest, key: &KeyPair| token.sign(network, key, &mut OsRng);
    let authority = signer("authority");
    let text = sign(&good, &world.network, &authority);
    let tampered = format!("{}{}", if text.starts_with('A') { "B" } else { "A" }, &text[1..]);
    let late = Token { expires_ms: NOON_MS, ..good.clone() };
    let early = Token { issued_ms: NOON_MS + 300_001, ..good.clone() };
    let elsewhere = Token { audience: "https://other.example".into(), ..good.clone() };
    let cases = [
        (sign(&late, &world.network, &authority), "token-expired"),
        (sign(&early, &world.network, &authority), "token-not-yet"),
        (sign(&elsewhere, &world.network, &authority), "token-audience"),
        (sign(&good, &Digest([1; 32]), &authority), "token-signature"),
        (sign(&good, &world.network, &signer(INSURER)), "token-signature"),
        (tampered, "token-malformed"),
        ("x".repeat(5_000), "token-malformed"),
        (String::new(), "token-malformed"),
    ];
    let routes = [
        ("POST", "/readings"),
        ("POST", "/fhir"),
        ("POST", "/fhir/Observation"),
        ("POST", "/fhir/Consent"),
        ("POST", "/fhir/Encounter"),
        ("POST", "/fhir/$sign-visit"),
        ("POST", "/fhir/Claim/$submit"),
        ("POST", "/fhir/Claim/$verify-against-record?as-of=x"),
        ("GET", "/fhir/Encounter/00"),
        ("GET", "/events/00/proof"),
        ("GET", "/receipts/00"),
        ("GET", "/phc/00/records"),
        ("GET", "/phc/00/parameters"),
        ("PUT", "/phc/00/parameters"),
    ];
    for (method, path) in routes {
        let answer = world.call_with(method, path, &[], "{").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        for (token, code) in &cases {
            let answer = world.call(method, path, token, "{").await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path} {code}");
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
            if path.starts_with("/fhir") {
                assert_eq!(answer.issue().0, *code, "{path}");
            }
        }
    }
    assert!(world.requests().await.is_empty());
    assert_eq!(world.call_with("GET", "/fhir/metadata", &[], "").await.status, StatusCode::OK);
}

/// D15: deny by default, by what a holder is.
#[tokio::test]
async fn each_holder_is_refused_what_is_not_theirs() {
    let world = World::new().await;
    let device = || world.token(Holder::Device { chain: ledger::sha256(b"p1"), device: "watch".into() });
    for (path, tokens) in [
        ("/fhir/Consent", vec![world.party(INSURER), device()]),
        ("/fhir/Encounter", vec![world.own("p1"), device(), world.party(INSURER)]),
        ("/fhir/$sign-visit", vec![world.own("p1"), device()]),
        ("/fhir/Claim/$submit", vec![world.own("p1"), device()]),
        ("/fhir/Observation", vec![world.party(INSURER)]),
    ] {
        for token in tokens {
            let answer = world.call("POST", path, &token, "{\"resourceType\":\"Encounter\"}").await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        }
    }
}

/// The statement names what the routes do, because it is made from them.
#[tokio::test]
async fn the_capability_statement_is_made_from_the_routes() {
    let world = World::new().await;
    let statement = world.call_with("GET", "/fhir/metadata", &[], "").await.json();
    assert_eq!(statement["fhirVersion"], "4.0.1");
    let resources = statement["rest"][0]["resource"].as_array().unwrap();
    let names: Vec<&str> = resources.iter().map(|resource| resource["type"].as_str().unwrap()).collect();
    let expected = [
        "Claim",
        "Consent",
        "DiagnosticReport",
        "Encounter",
        "ImagingStudy",
        "Invoice",
        "MedicationDispense",
        "MedicationRequest",
        "Observation",
        "Procedure",
    ];
    assert_eq!(names, expected);
    let claim = resources.iter().find(|resource| resource["type"] == "Claim").unwrap();
    assert_eq!(claim["operation"].as_array().unwrap().len(), 2);
    assert_eq!(world.call_with("GET", "/nothing", &[], "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.call_with("DELETE", "/readings", &[], "").await.status, StatusCode::METHOD_NOT_ALLOWED);
}
