//! What happens besides the readings: visits, bills, consents and claims, each at its hour.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use erm::{PatientRegistration, Payload};
use hyper::StatusCode;
use ledger::{Digest, KeyPair};
use portal::{Holder, Token};
use rand_core::{OsRng, RngCore as _};
use serde_json::{Value, json};

use super::client::{Answer, Client};
use super::facts::ClaimLine as Told;
use super::people::{DAY_MS, HOUR_MS, LIVE_MS};
use super::resources::{self as fhir, ClaimLine};
use crate::custody;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::network::{INSURER, Network, Patient, id};
use crate::platform::{AUDIENCE, Platform};
use crate::record::Submitter;

/// Whose visits the story follows.
pub(crate) const PATIENT: &str = "patient-3";
const HOSPITAL: &str = "general-hospital";
const DOCTOR: &str = "dr-hale";
const PHARMACY: &str = "corner-pharmacy";
const LABORATORY: &str = "city-laboratory";
/// Tokens of the demo last longer than its story.
const TOKEN_MS: i64 = 30 * DAY_MS;

/// What the institutions do, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scene {
    Visit,
    Bill,
    Prescription,
    Dispense,
    Report,
    Image,
    Limit,
    Consent,
    Claim(Case),
}

/// The claims of the story, and the verdict that each must get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Match,
    Duplicate,
    Mismatch,
    NotFound,
    WithoutConsent,
}

/// Hours after the backfill.
const SCENES: [(i64, Scene); 13] = [
    (8, Scene::Visit),
    (9, Scene::Bill),
    (10, Scene::Prescription),
    (11, Scene::Dispense),
    (13, Scene::Report),
    (15, Scene::Image),
    // After the patient's oxygen was low for half an hour.
    (16, Scene::Limit),
    (18, Scene::Consent),
    (26, Scene::Claim(Case::Match)),
    (28, Scene::Claim(Case::Duplicate)),
    (30, Scene::Claim(Case::Mismatch)),
    (32, Scene::Claim(Case::NotFound)),
    (34, Scene::Claim(Case::WithoutConsent)),
];

/// The institutions with their software.
pub(crate) struct Story {
    network: Arc<Network>,
    portal: SocketAddr,
    authority: KeyPair,
    next: usize,
    scene: String,
    claims: Vec<Told>,
}

impl Story {
    pub(crate) fn new(platform: &Platform, portal: SocketAddr) -> Outcome<Self> {
        let network = platform.network.clone();
        let authority = network.authority()?;
        Ok(Self { network, portal, authority, next: 0, scene: "the day begins".into(), claims: Vec::new() })
    }

    /// What was told so far.
    pub(crate) fn claims(&self) -> &[Told] {
        &self.claims
    }

    /// What is going on.
    pub(crate) fn scene(&self) -> &str {
        &self.scene
    }

    /// Registers a patient on the record chain, with the patient's signature.
    pub(crate) async fn register(platform: &Platform, patient: &Patient, registrar: &Submitter) -> Outcome {
        let commitment = custody::identity(patient).commitment(&platform.network.id);
        let by = id(crate::network::ANCHORING_PARTY)?;
        let registration = PatientRegistration::sign(
            &platform.network.id,
            &patient.signer,
            patient.wrap.public(),
            commitment,
            &by,
            &mut OsRng,
        );
        registrar.submit(Payload::Patient(registration)).await.map(|_| ()).or_environment("a patient's registration")
    }

    /// Plays every scene whose hour has come; the clock stands still meanwhile.
    pub(crate) async fn play(&mut self, now_ms: i64) -> Outcome {
        while let Some((hours, scene)) =
            SCENES.get(self.next).copied().filter(|(hours, _)| LIVE_MS + hours * HOUR_MS <= now_ms)
        {
            self.next += 1;
            self.one(scene, now_ms).await.map_err(|failure| {
                Failure::environment(format_args!("{scene:?}, hour {hours} of the story: {failure}"))
            })?;
        }
        Ok(())
    }

    async fn one(&mut self, scene: Scene, now_ms: i64) -> Outcome {
        let day = day(LIVE_MS);
        let day = day.as_str();
        match scene {
            Scene::Visit => {
                self.scene = format!("{PATIENT} visits {HOSPITAL} and signs for it");
                self.signed(now_ms, &fhir::encounter(PATIENT, day, DOCTOR)).await?;
                self.signed(now_ms, &fhir::procedure(PATIENT, day, DOCTOR, "consultation")).await
            }
            Scene::Bill => {
                self.scene = format!("{HOSPITAL} records its bill");
                self.signed(now_ms, &fhir::invoice(PATIENT, day, DOCTOR, "consultation", 85.0)).await
            }
            Scene::Prescription => {
                self.scene = format!("{DOCTOR} prescribes");
                self.event(now_ms, DOCTOR, &fhir::prescription(PATIENT, day, DOCTOR, "amoxicillin-500")).await
            }
            Scene::Dispense => {
                self.scene = format!("{PHARMACY} dispenses");
                self.event(now_ms, PHARMACY, &fhir::dispense(PATIENT, day, "amoxicillin-500", 12.4)).await
            }
            Scene::Report => {
                self.scene = format!("{LABORATORY} reports");
                self.event(now_ms, LABORATORY, &fhir::report(PATIENT, day, "crp")).await
            }
            Scene::Image => {
                self.scene = format!("{HOSPITAL} records an image");
                self.event(now_ms, HOSPITAL, &fhir::image(PATIENT, day, "chest-x-ray")).await
            }
            Scene::Limit => {
                self.scene = format!("{DOCTOR} may set limits for {PATIENT}, and sets one");
                self.consent(now_ms, &fhir::treatment_consent(PATIENT, DOCTOR, "parameters")).await?;
                let path = format!("/phc/{}/parameters", self.patient()?.chain.id);
                let doctor = self.party(DOCTOR, now_ms)?;
                doctor.put(&path, &fhir::limits()).await?.expect(StatusCode::OK, "a doctor's limit").map(|_| ())
            }
            Scene::Consent => {
                self.scene = format!("{PATIENT} lets {INSURER} see records and pharmacy bills for claims");
                for category in ["record", "pharmacy-bill"] {
                    self.consent(now_ms, &fhir::consent(PATIENT, INSURER, category, day)).await?;
                }
                Ok(())
            }
            Scene::Claim(case) => self.claim(now_ms, case).await,
        }
    }

    fn client(&self, holder: Holder, now_ms: i64) -> Client {
        let token = Token::new(AUDIENCE, holder, now_ms, now_ms + TOKEN_MS, &mut OsRng);
        Client::new(self.portal, token.sign(&self.network.id, &self.authority, &mut OsRng))
    }

    fn party(&self, name: &str, now_ms: i64) -> Outcome<Client> {
        Ok(self.client(Holder::Party(id(name)?), now_ms))
    }

    /// The software of a patient's device.
    pub(crate) fn device(&self, patient: &Patient, device: &str, now_ms: i64) -> Client {
        self.client(Holder::Device { chain: patient.chain.id, device: device.into() }, now_ms)
    }

    fn patient(&self) -> Outcome<Arc<Patient>> {
        self.network
            .patients()
            .get(PATIENT)
            .cloned()
            .ok_or_else(|| Failure::environment("the story's patient is missing"))
    }

    /// A record of a visit: the facility sends it, the patient signs it with a key for this visit only.
    async fn signed(&self, now_ms: i64, resource: &Value) -> Outcome {
        let hospital = self.party(HOSPITAL, now_ms)?;
        let path = format!("/fhir/{}", kind(resource));
        let draft = hospital.post(&path, resource).await?.expect(StatusCode::ACCEPTED, "a visit's record")?;
        let digest: Digest = Answer::parameter(&draft, "digest")?.parse().or_environment("the digest to sign")?;
        let mut secret = [0; 32];
        OsRng.fill_bytes(&mut secret);
        let signature =
            self.patient()?.signer.one_time(&self.network.record_chain(), &secret).sign(&digest, &mut OsRng);
        let parameter = |name: &str, value: String| json!({ "name": name, "valueString": value });
        let signed = json!({
            "resourceType": "Parameters",
            "parameter": [
                parameter("draft", Answer::parameter(&draft, "draft")?),
                parameter("secret", Digest(secret).to_string()),
                parameter("signature", signature.to_string()),
            ],
        });
        hospital
            .post("/fhir/$sign-visit", &signed)
            .await?
            .expect(StatusCode::CREATED, "the patient's signature")
            .map(|_| ())
    }

    async fn event(&self, now_ms: i64, party: &str, resource: &Value) -> Outcome {
        let path = format!("/fhir/{}", kind(resource));
        self.party(party, now_ms)?.post(&path, resource).await?.expect(StatusCode::CREATED, kind(resource)).map(|_| ())
    }

    /// Two steps: the portal says what to sign, the patient signs it.
    async fn consent(&self, now_ms: i64, consent: &Value) -> Outcome {
        let patient = self.patient()?;
        let client = self.client(Holder::Patient(patient.signer.public()), now_ms);
        let prepared = client.post("/fhir/Consent", consent).await?.expect(StatusCode::ACCEPTED, "a consent")?;
        let digest: Digest = Answer::parameter(&prepared, "digest")?.parse().or_environment("the digest to sign")?;
        let signature = patient.signer.sign(&digest, &mut OsRng);
        let mut signed = consent.clone();
        if let Some(fields) = signed.as_object_mut() {
            let part = |url: &str, value: String| json!({ "url": url, "valueString": value });
            let extension = json!([{
                "url": "https://caduceus.example/fhir/StructureDefinition/signed-transaction",
                "extension": [part("body", Answer::parameter(&prepared, "body")?), part("signature", signature.to_string())],
            }]);
            fields.insert("extension".into(), extension);
        }
        client.post("/fhir/Consent", &signed).await?.expect(StatusCode::CREATED, "a signed consent").map(|_| ())
    }

    async fn claim(&mut self, now_ms: i64, case: Case) -> Outcome {
        let (today, visit, created) = (day(LIVE_MS), day(LIVE_MS), day(LIVE_MS + DAY_MS));
        let other = day(LIVE_MS + DAY_MS);
        let base = ClaimLine {
            id: "claim-1",
            patient: PATIENT,
            insurer: INSURER,
            provider: HOSPITAL,
            doctor: Some(DOCTOR),
            created: &created,
            day: &visit,
            code: "consultation",
            quantity: 1,
            amount: 85.0,
            pharmacy: false,
        };
        let line = match case {
            Case::Match => base,
            Case::Duplicate => ClaimLine { id: "claim-2", ..base },
            Case::Mismatch => ClaimLine {
                id: "claim-3",
                provider: PHARMACY,
                doctor: None,
                code: "amoxicillin-500",
                quantity: 20,
                amount: 21.4,
                pharmacy: true,
                day: &today,
                ..base
            },
            Case::NotFound => ClaimLine { id: "claim-4", day: &other, ..base },
            Case::WithoutConsent => ClaimLine { id: "claim-5", patient: "patient-4", ..base },
        };
        let insurer = self.party(INSURER, now_ms)?;
        let answer =
            insurer.post_once("/fhir/Claim/$submit", &format!("demo-{}", line.id), &fhir::claim(&line)).await?;
        if case == Case::WithoutConsent {
            self.scene = format!("{INSURER} claims for {} without consent and is refused", line.patient);
            return answer.expect(StatusCode::FORBIDDEN, "a claim without consent").map(|_| ());
        }
        let response = answer.expect(StatusCode::OK, line.id)?;
        let verdict = verdict(&response)?;
        let receipt = receipt(&response)?;
        let file = format!("receipts/{}.json", line.id);
        kit::write_atomic(&self.network.home.dir().join(&file), &receipt, 0o644)
            .or_environment("a receipt cannot be written")?;
        self.scene = format!("{INSURER} claims {} for {}: {verdict}", line.code, line.day);
        self.claims.push(Told { id: line.id.into(), verdict, receipt: file });
        Ok(())
    }
}

/// The verdicts that the story must bring about.
pub(crate) const VERDICTS: [&str; 4] = ["match", "duplicate", "mismatch", "not-found"];

fn kind(resource: &Value) -> &str {
    resource.get("resourceType").and_then(Value::as_str).unwrap_or_default()
}

/// `YYYY-MM-DD` of an instant, UTC.
fn day(time_ms: i64) -> String {
    super::iso(time_ms).chars().take(10).collect()
}

fn verdict(response: &Value) -> Outcome<String> {
    let extensions = response.pointer("/extension/0/extension").and_then(Value::as_array);
    let found =
        extensions.and_then(|all| all.iter().find(|part| part.get("url").and_then(Value::as_str) == Some("verdict")));
    let code = found.and_then(|part| part.get("valueCode")).and_then(Value::as_str);
    code.map(str::to_owned).ok_or_else(|| Failure::environment("the ClaimResponse has no verdict"))
}

fn receipt(response: &Value) -> Outcome<Vec<u8>> {
    let data = response.pointer("/contained/0/data").and_then(Value::as_str);
    let data = data.ok_or_else(|| Failure::environment("the ClaimResponse has no receipt"))?;
    base64::engine::general_purpose::STANDARD.decode(data).or_environment("the receipt in the ClaimResponse")
}
