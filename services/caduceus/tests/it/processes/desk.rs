//! The software of the institutions: speaks to a portal over HTTP, signs as the patient does.

use std::collections::BTreeMap;

use base64::Engine as _;
use ledger::{Chain, Digest};
use rand_core::{OsRng, RngCore as _};
use serde_json::{Value, json};

use super::fhir::{self, DOCTOR, HOSPITAL, INSURER, LABORATORY, PHARMACY};
use super::http::{self, Answer};
use super::network::{Network, Patient};
use super::process::done;

pub(super) const SUBMIT: &str = "/fhir/Claim/$submit";
pub(super) const VERIFY: &str = "/fhir/Claim/$verify-against-record";

/// Everybody's software, with everybody's tokens.
pub(super) struct Desk<'a> {
    network: &'a Network,
    portal: String,
    tokens: BTreeMap<String, String>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(network: &'a Network, patients: &[&Patient]) -> Self {
        let parties = [HOSPITAL, DOCTOR, PHARMACY, LABORATORY, INSURER];
        let mut tokens: BTreeMap<_, _> =
            parties.map(|party| (party.to_owned(), network.any_token(&["--party", party]))).into();
        tokens.extend(
            patients.iter().map(|patient| (patient.name.clone(), network.any_token(&["--patient", &patient.name]))),
        );
        Self { network, portal: network.setting("portal", "listen"), tokens }
    }

    pub(super) fn token(&self, who: &str) -> &str {
        &self.tokens[who]
    }

    /// Sends whatever under a token.
    pub(super) fn call(
        &self,
        method: &str,
        path: &str,
        token: &str,
        key: Option<&str>,
        body: &str,
    ) -> std::io::Result<Answer> {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("Authorization", bearer.as_str())];
        headers.extend(key.map(|key| ("Idempotency-Key", key)));
        http::exchange(method, &self.portal, path, &headers, body)
    }

    /// Posts as somebody.
    #[track_caller]
    pub(super) fn post(&self, path: &str, who: &str, body: &Value) -> Answer {
        self.call("POST", path, self.token(who), None, &body.to_string()).unwrap()
    }

    pub(super) fn get(&self, path: &str, who: &str) -> Answer {
        self.call("GET", path, self.token(who), None, "").unwrap()
    }

    /// Posts a claim as the insurer.
    pub(super) fn claim(&self, path: &str, key: Option<&str>, claim: &Value) -> std::io::Result<Answer> {
        self.call("POST", path, self.token(INSURER), key, &claim.to_string())
    }

    /// Records an event that no patient signs; gives its path.
    #[track_caller]
    pub(super) fn event(&self, who: &str, resource: &Value) -> String {
        let path = format!("/fhir/{}", resource["resourceType"].as_str().unwrap());
        let answer = self.post(&path, who, resource);
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.header("location").unwrap().to_owned()
    }

    /// Records an event of a visit: the hospital sends it, the patient signs it with a key for this visit only.
    #[track_caller]
    pub(super) fn signed(&self, patient: &Patient, resource: &Value) -> String {
        let path = format!("/fhir/{}", resource["resourceType"].as_str().unwrap());
        let draft = self.post(&path, HOSPITAL, resource);
        assert_eq!(draft.status, 202, "{}", draft.body);
        let draft = draft.json();
        let mut secret = [0; 32];
        OsRng.fill_bytes(&mut secret);
        let one_time = patient.signer.one_time(&Chain::record(self.network.id), &secret);
        let signature = one_time.sign(&parameter(&draft, "digest").parse().unwrap(), &mut OsRng);
        let part = |name: &str, value: String| json!({ "name": name, "valueString": value });
        let signed = json!({ "resourceType": "Parameters", "parameter": [
            part("draft", parameter(&draft, "draft")),
            part("secret", Digest(secret).to_string()),
            part("signature", signature.to_string()),
        ] });
        let answer = self.post("/fhir/$sign-visit", HOSPITAL, &signed);
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.header("location").unwrap().to_owned()
    }

    /// A visit with what was done and billed; gives the paths of its two records.
    #[track_caller]
    pub(super) fn visit(&self, patient: &Patient, day: &str, code: &str, amount: &str) -> [String; 2] {
        let name = &patient.name;
        [fhir::encounter(name, day), fhir::procedure(name, day, code, amount)].map(|one| self.signed(patient, &one))
    }

    /// Two steps: the portal says what to sign, the patient signs it.
    #[track_caller]
    pub(super) fn consent(&self, patient: &Patient, category: &str, status: &str) {
        let mut consent = fhir::consent(&patient.name, category, status);
        let prepared = self.post("/fhir/Consent", &patient.name, &consent);
        assert_eq!(prepared.status, 202, "{}", prepared.body);
        let prepared = prepared.json();
        let signature = patient.signer.sign(&parameter(&prepared, "digest").parse().unwrap(), &mut OsRng);
        consent["extension"] = json!([{
            "url": "https://caduceus.example/fhir/StructureDefinition/signed-transaction",
            "extension": [
                { "url": "body", "valueString": parameter(&prepared, "body") },
                { "url": "signature", "valueString": signature.to_string() },
            ],
        }]);
        let answer = self.post("/fhir/Consent", &patient.name, &consent);
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    /// The verdict of a ClaimResponse, whose receipt `caduceus verify receipt` accepts with the genesis alone.
    #[track_caller]
    pub(super) fn verdict(&self, answer: &Answer) -> String {
        assert_eq!(answer.status, 200, "{}", answer.body);
        let response = answer.json();
        let parts = response["extension"][0]["extension"].as_array().unwrap();
        let verdict = parts.iter().find(|part| part["url"] == "verdict").unwrap()["valueCode"].as_str().unwrap();
        let said = done(&["verify", "receipt", &self.keep(answer), "--genesis", &self.genesis()]);
        let line = said.lines().find(|line| line.starts_with("verdict")).unwrap();
        assert_eq!(line.split_whitespace().nth(1), Some(verdict), "{said}");
        verdict.to_owned()
    }

    pub(super) fn genesis(&self) -> String {
        self.network.dir.join("genesis.json").display().to_string()
    }

    /// Writes the receipt of a ClaimResponse to a file and gives the file's name.
    #[track_caller]
    pub(super) fn keep(&self, answer: &Answer) -> String {
        let response = answer.json();
        let data = response["contained"][0]["data"].as_str().unwrap();
        let receipt = base64::engine::general_purpose::STANDARD.decode(data).unwrap();
        let file = self.network.dir.join(format!("receipts/{}.json", response["id"].as_str().unwrap()));
        std::fs::write(&file, receipt).unwrap();
        file.display().to_string()
    }
}

#[track_caller]
fn parameter(parameters: &Value, name: &str) -> String {
    let all = parameters["parameter"].as_array().unwrap();
    all.iter().find(|one| one["name"] == name).unwrap()["valueString"].as_str().unwrap().to_owned()
}

/// The code of the first issue of an OperationOutcome.
#[track_caller]
pub(super) fn issue(answer: &Answer) -> (u16, String) {
    let code = answer.json()["issue"][0]["details"]["coding"][0]["code"].as_str().unwrap().to_owned();
    (answer.status, code)
}
