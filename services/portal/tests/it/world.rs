//! A hospital's portal with everything behind it, and a record chain that executes one block a transaction.

mod chain;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use claims::{Identifier, Identity, Rules};
use erm::{
    Authority, Genesis, Id, Limits, MemoryStore, Operator, Party, PatientRegistration, Payload, Role, RoleWeight,
    Sender, State,
};
use http_body_util::BodyExt as _;
use kit::{Clock as _, ManualClock};
use ledger::{Chain, DataKey, Digest, KeyPair, PublicKey, SaltSeed, VrfKeyPair, WrapSecretKey, rng_from_seed, sha256};
use phc::{AccessRequest, PatientKeys, Rejected, RejectedValue, open_topic_value};
use portal::{
    Custody, Deps, FacilityKeys, Holder, Ingest, IngestSettings, Patient, Portal, PortalSettings, RecordChain, Token,
    reference_system,
};
use rand_core::OsRng;
use serde_json::Value;
use store::BlobStore;
use stream::embedded::{EmbeddedLog, Settings};
use stream::topics::{ACCESS_REQUESTS, READINGS_REJECTED};
use stream::{EventLog as _, Topics};
use tower::ServiceExt as _;

use self::chain::{Node, OneNode};

/// 2026-03-10, noon.
pub(crate) const NOON_MS: i64 = 1_773_144_000_000;
pub(crate) const HOSPITAL: &str = "hospital-a";
pub(crate) const INSURER: &str = "insurer-a";
pub(crate) const DOCTORS: &str = "doctors-a";
pub(crate) const PHARMACY: &str = "pharmacy-a";
pub(crate) const LABORATORY: &str = "laboratory-a";
const PARTIES: [(&str, &str, Role, u64); 6] = [
    (DOCTORS, "doctors", Role::Doctor, 28),
    (HOSPITAL, "hospital", Role::Hospital, 30),
    (INSURER, "insurer", Role::Insurer, 15),
    ("insurer-b", "insurer", Role::Insurer, 5),
    (LABORATORY, "services", Role::Laboratory, 11),
    (PHARMACY, "services", Role::Pharmacy, 11),
];
const OPERATORS: [&str; 4] = ["doctors", "hospital", "insurer", "services"];
const AUDIENCE: &str = "https://portal.example";

fn seed(of: &str, what: &str) -> [u8; 32] {
    sha256(format!("{of}/{what}").as_bytes()).0
}

pub(crate) fn signer(name: &str) -> KeyPair {
    KeyPair::from_seed(&seed(name, "signer"))
}

pub(crate) fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

fn genesis() -> Genesis {
    let party = |(party, operator, role, units): &(&str, &str, Role, u64)| Party {
        id: id(party),
        operator: id(operator),
        role: *role,
        signer: signer(party).public(),
        vrf: VrfKeyPair::from_seed(&seed(party, "vrf")).public(),
        wrap: WrapSecretKey::from_seed(&seed(party, "wrap")).public(),
        units: *units,
    };
    let operator =
        |name: &&str| Operator { id: id(name), validator: KeyPair::from_seed(&seed(name, "validator")).public() };
    Genesis {
        version: 1,
        name: "test".into(),
        time_ms: NOON_MS - 30 * 86_400_000,
        partitions: 4,
        authority: Authority { threshold: 1, keys: vec![signer("authority").public()] },
        weights: Role::ALL.map(|role| RoleWeight { role, weight: 1 }).to_vec(),
        operators: OPERATORS.iter().map(operator).collect(),
        parties: PARTIES.iter().map(party).collect(),
        limits: Limits::default(),
    }
}

/// All keys in one place.
pub(crate) struct Keys {
    patients: Vec<(Patient, PatientKeys)>,
    facilities: BTreeMap<String, Arc<FacilityKeys>>,
}

impl Custody for Keys {
    fn facility(&self, party: &str) -> Option<Arc<FacilityKeys>> {
        self.facilities.get(party).cloned()
    }
    fn patient(&self, identifier: &Identifier) -> Option<Patient> {
        let found = self.patients.iter().find(|(patient, _)| patient.identity.identifiers().contains(identifier));
        found.map(|(patient, _)| patient.clone())
    }
    fn patient_of_key(&self, key: &PublicKey) -> Option<Patient> {
        self.patients.iter().find(|(patient, _)| patient.key == *key).map(|(patient, _)| patient.clone())
    }
    fn patient_of_chain(&self, chain: &Digest) -> Option<Patient> {
        self.patients.iter().find(|(patient, _)| patient.chain == *chain).map(|(patient, _)| patient.clone())
    }
    fn keys(&self, chain: &Digest) -> Option<PatientKeys> {
        self.patients.iter().find(|(patient, _)| patient.chain == *chain).map(|(_, keys)| keys.clone())
    }
    fn own_key(&self) -> DataKey {
        DataKey::from_bytes(seed("portal", "own"))
    }
}

pub(crate) struct World {
    pub(crate) genesis: Genesis,
    pub(crate) network: Digest,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) chain: Arc<OneNode>,
    pub(crate) custody: Arc<Keys>,
    pub(crate) log: EmbeddedLog,
    pub(crate) portal: Portal,
    pub(crate) dir: tempfile::TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// The code of an outcome's first issue, and where it is.
    pub(crate) fn issue(&self) -> (String, String) {
        let value = self.json();
        let issue = &value["issue"][0];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&issue["details"]["coding"][0]["code"]), text(&issue["expression"][0]))
    }
}

impl World {
    /// Patients p1 and p2 are registered; p3 is known here and not on the record chain.
    pub(crate) async fn new() -> Self {
        let genesis = genesis();
        let network = genesis.network();
        let mut rng = rng_from_seed([5; 32]);
        let patient = |name: &str| {
            let identity = Identity::new(SaltSeed(seed(name, "identity")), vec![identifier(name), reference(name)]);
            let chain = crate::records::chain_of(name, network);
            let keys = PatientKeys::generate([1, 2, 3], &mut rng_from_seed(seed(name, "keys")));
            (Patient { key: signer(name).public(), chain, identity }, keys)
        };
        let facility = |party: &str| FacilityKeys {
            signer: signer(party),
            vrf: VrfKeyPair::from_seed(&seed(party, "vrf")),
            wrap: WrapSecretKey::from_seed(&seed(party, "wrap")),
        };
        let acts_for = [HOSPITAL, DOCTORS, PHARMACY, LABORATORY];
        let custody = Arc::new(Keys {
            patients: ["p1", "p2", "p3", "example", "kept"].iter().map(|name| patient(name)).collect(),
            facilities: acts_for.iter().map(|party| ((*party).to_owned(), Arc::new(facility(party)))).collect(),
        });
        let clock = Arc::new(ManualClock::at(NOON_MS));
        let state = State::genesis(genesis.clone(), MemoryStore::default()).unwrap();
        let inner = Arc::new(Mutex::new(Node { state, finals: BTreeMap::new() }));
        let chain = Arc::new(OneNode {
            network,
            clock: clock.clone(),
            lose_answer: AtomicBool::new(false),
            hold: AtomicBool::new(false),
            overtake: Mutex::new(None),
            inner,
        });
        let dir = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(&dir.path().join("log"), Settings::new(Topics::standard(4).unwrap())).unwrap();
        let portal = start(&log, &chain, &custody, &clock, dir.path(), IngestSettings::default()).await;
        let world = Self { genesis, network, clock, chain, custody, log, portal, dir };
        for name in ["p1", "p2"] {
            let wrap = WrapSecretKey::from_seed(&seed(name, "wrap")).public();
            let identity = world.patient(name).identity.commitment(&network);
            let registration =
                PatientRegistration::sign(&network, &signer(name), wrap, identity, &id(HOSPITAL), &mut rng);
            world.send(HOSPITAL, Payload::Patient(registration)).await;
        }
        world
    }

    /// The same again over the same log and folder, as after a restart.
    pub(crate) async fn restart(&mut self, settings: IngestSettings) {
        self.portal = start(&self.log, &self.chain, &self.custody, &self.clock, self.dir.path(), settings).await;
    }

    pub(crate) async fn send(&self, party: &str, payload: Payload) -> u64 {
        self.chain.commit(self.transaction(party, payload)).await.unwrap()
    }

    /// A party's next transaction, signed.
    pub(crate) fn transaction(&self, party: &str, payload: Payload) -> Vec<u8> {
        let sender = Sender::Party(id(party));
        let (sequence, height) = {
            let node = self.chain.inner.lock().unwrap();
            (node.state.view().sequence(&sender).unwrap(), node.state.head().height)
        };
        let body = erm::Body { sender, sequence, expiry_height: height + 10, payload };
        body.sign(&self.network, &signer(party), &mut OsRng).encode()
    }

    pub(crate) fn height(&self) -> u64 {
        self.chain.inner.lock().unwrap().state.head().height
    }

    pub(crate) fn event(&self, key: &str) -> Option<erm::EventRecord> {
        let key = ledger::VrfOutput(key.parse().unwrap());
        self.chain.inner.lock().unwrap().state.view().event(&key).unwrap()
    }

    pub(crate) fn patient(&self, name: &str) -> Patient {
        self.custody.patient(&identifier(name)).unwrap()
    }

    pub(crate) fn token(&self, holder: Holder) -> String {
        let token = Token::new(AUDIENCE, holder, self.clock.now_ms(), self.clock.now_ms() + 3_600_000, &mut OsRng);
        token.sign(&self.network, &signer("authority"), &mut OsRng)
    }

    pub(crate) fn party(&self, party: &str) -> String {
        self.token(Holder::Party(id(party)))
    }

    pub(crate) fn own(&self, name: &str) -> String {
        self.token(Holder::Patient(signer(name).public()))
    }

    pub(crate) async fn call(&self, method: &str, path: &str, token: &str, body: impl Into<Body>) -> Answer {
        self.call_with(method, path, &[("authorization", &format!("Bearer {token}"))], body).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.call("POST", path, token, body.to_string()).await
    }

    pub(crate) async fn call_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let request = headers
            .iter()
            .fold(Request::builder().method(method).uri(path), |request, (name, value)| request.header(*name, *value));
        let response = self.portal.router().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes().to_vec();
        Answer { status, headers, bytes }
    }

    /// Everything of a topic: key and value, in no order across partitions.
    pub(crate) async fn topic(&self, topic: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut all = Vec::new();
        for partition in 0..self.log.partitions(topic).await.unwrap() {
            let mut scan = self.log.scan(topic, partition, 0).await.unwrap();
            loop {
                let records = scan.next(100).await.unwrap();
                if records.is_empty() {
                    break;
                }
                all.extend(records.into_iter().map(|record| (record.key.to_vec(), record.value.to_vec())));
            }
        }
        all
    }

    fn chain_of(&self, key: &[u8]) -> Chain {
        Chain { network: self.network, id: Digest(key.try_into().unwrap()) }
    }

    /// What was refused of a patient's readings.
    pub(crate) async fn rejected(&self) -> Vec<Rejected> {
        let open = |(key, value): &(Vec<u8>, Vec<u8>)| {
            let chain = self.chain_of(key);
            let keys = self.custody.keys(&chain.id)?;
            RejectedValue::decode(value).unwrap().open(keys.stream(&chain).unwrap(), &chain).unwrap()
        };
        self.topic(&READINGS_REJECTED).await.iter().filter_map(open).collect()
    }

    pub(crate) async fn reasons(&self) -> Vec<String> {
        let mut reasons: Vec<String> = self.rejected().await.into_iter().map(|rejected| rejected.reason).collect();
        reasons.sort();
        reasons
    }

    /// Every request that was written down, oldest first.
    pub(crate) async fn requests(&self) -> Vec<AccessRequest> {
        let open = |(key, value): &(Vec<u8>, Vec<u8>)| -> AccessRequest {
            let chain = self.chain_of(key);
            let own = self.custody.keys(&chain.id).map(|keys| keys.stream(&chain).unwrap().clone());
            let key = own.unwrap_or_else(|| self.custody.own_key());
            open_topic_value(&key, &chain, &ACCESS_REQUESTS, "request", value).unwrap()
        };
        let mut all: Vec<AccessRequest> = self.topic(&ACCESS_REQUESTS).await.iter().map(open).collect();
        all.sort_by_key(|request| request.time_ms);
        all
    }
}

async fn start(
    log: &EmbeddedLog,
    chain: &Arc<OneNode>,
    custody: &Arc<Keys>,
    clock: &Arc<ManualClock>,
    dir: &std::path::Path,
    settings: IngestSettings,
) -> Portal {
    let ingest = Ingest::open(Arc::new(log.clone()), chain.network(), custody.clone(), settings).await.unwrap();
    let settings = PortalSettings {
        audience: AUDIENCE.into(),
        issuers: vec![signer("authority").public()],
        party: id(HOSPITAL),
        rules: Rules::default(),
        location: "test".into(),
    };
    let deps = Deps {
        log: Arc::new(log.clone()),
        chain: chain.clone(),
        custody: custody.clone(),
        clock: clock.clone(),
        blobs: BlobStore::local(&dir.join("blobs")).unwrap(),
        dir: dir.join("portal"),
        index: dir.join("index/chains"),
        ingest,
        settings,
    };
    Portal::new(deps).unwrap()
}

pub(crate) fn identifier(name: &str) -> Identifier {
    Identifier { system: "urn:test:patients".into(), value: name.into() }
}

fn reference(name: &str) -> Identifier {
    Identifier { system: reference_system("Patient"), value: name.into() }
}
