//! Readings out, with their proofs.

use axum::http::StatusCode;
use ledger::{Chain, Digest, KeyPair, WrapSecretKey, sha256};
use phc::{
    Block, BlockBuilder, ChainState, Opening, Place, Provenance, Reading, Record, RecordContent, RecordFile, Role,
    Span, Subject, Writer,
};
use portal::{Custody as _, IngestSettings};
use rand_core::OsRng;
use serde_json::{Value, json};
use stream::topics::PHC_BLOCKS;
use stream::{Append, Batch, EventLog as _};

use crate::events::consent;
use crate::world::{Answer, DOCTORS, HOSPITAL, INSURER, NOON_MS, World, id, signer};

/// The patient whose chain has an opening here.
pub(crate) const PATIENT: &str = "kept";
const MINUTE_MS: i64 = 60_000;

/// A patient's personal chain: a real one of [`PATIENT`] only.
pub(crate) fn chain_of(name: &str, network: Digest) -> Digest {
    if name == PATIENT { opening().chain(network).id } else { sha256(name.as_bytes()) }
}

pub(crate) fn monitor() -> KeyPair {
    KeyPair::from_seed(&[3; 32])
}

fn opening() -> Opening {
    let wrap = WrapSecretKey::from_seed(&[4; 32]).public();
    let writers = vec![Writer { role: Role::Monitor, signer: monitor().public(), wrap, until_ms: None }];
    Opening { patient: signer(PATIENT).public(), wrap, nonce: [5; 32], time_ms: NOON_MS - 1_000 * MINUTE_MS, writers }
}

/// The chain as a monitor writes it: a block has a heart rate and a respiration a minute, and a step count.
pub(crate) struct Writing {
    pub(crate) chain: Chain,
    head: ChainState,
    next_ms: i64,
}

impl Writing {
    pub(crate) async fn begin(world: &World) -> Self {
        let first = Block::open(opening(), world.network, &signer(PATIENT), &mut OsRng).unwrap();
        let (chain, head) = ChainState::open(world.network, &first).unwrap();
        append(world, &chain, &first).await;
        let registration = erm::PatientRegistration::sign(
            &world.network,
            &signer(PATIENT),
            opening().wrap,
            world.patient(PATIENT).identity.commitment(&world.network),
            &id(HOSPITAL),
            &mut OsRng,
        );
        world.send(HOSPITAL, erm::Payload::Patient(registration)).await;
        Self { chain, head, next_ms: NOON_MS - 900 * MINUTE_MS }
    }

    async fn block(&mut self, world: &World, minutes: u64) {
        let keys = world.custody.keys(&self.chain.id).unwrap();
        let mut builder = BlockBuilder::default();
        let mut record = |category, signal, sequence: u64, time_ms| {
            let value_milli = 60_000 + i64::try_from(sequence).unwrap();
            let reading =
                Reading { signal, value_milli, time_ms, offset_minutes: None, provenance: Provenance::Device };
            let record = Record {
                device: "watch".into(),
                subject: Subject::Patient,
                sequence,
                reading,
                received_ms: NOON_MS,
                raw: None,
            };
            builder.reading(category, &record, NOON_MS);
        };
        for sequence in 0..minutes {
            let sequence = self.head.height * 1_000_000 + 2 * sequence;
            record(1, 1, sequence, self.next_ms);
            record(1, 3, sequence + 1, self.next_ms);
            self.next_ms += MINUTE_MS;
        }
        record(2, 20, self.head.height, self.next_ms - MINUTE_MS);
        let span = Span { partition: 0, from: self.head.span.through, through: self.head.span.through + 1 };
        let place = Place {
            height: self.head.height + 1,
            writer: monitor().public(),
            time_ms: NOON_MS,
            span,
            model: Digest::ZERO,
        };
        let draft = builder.cut(&self.chain, &keys, place, &mut OsRng).unwrap();
        let blobs = store::BlobStore::local(&world.dir.path().join("blobs")).unwrap();
        let stored = blobs.put_pack(draft.blobs().map(bytes::Bytes::copy_from_slice).collect()).await.unwrap();
        let block = draft.finish(self.head.hash, &stored, &monitor(), &mut OsRng).unwrap();
        self.head.advance(&self.chain, &block).unwrap();
        append(world, &self.chain, &block).await;
    }

    fn path(&self, query: &str) -> String {
        format!("/phc/{}/records?{query}", self.chain.id)
    }
}

async fn append(world: &World, chain: &Chain, block: &Block) {
    let mut writer = world.log.writer("monitor").await.unwrap();
    writer
        .commit(Batch::of(vec![Append::new(PHC_BLOCKS, chain.id.0.to_vec(), NOON_MS, block.encode())]))
        .await
        .unwrap();
}

async fn written(minutes: &[u64]) -> (World, Writing) {
    let world = World::new().await;
    let mut writing = Writing::begin(&world).await;
    for minutes in minutes {
        writing.block(&world, *minutes).await;
    }
    (world, writing)
}

async fn read(world: &World, token: &str, path: &str) -> Answer {
    world.call("GET", path, token, "").await
}

/// The patient signs a consent, through the portal.
pub(crate) async fn decide(world: &World, mut consent: Value) {
    consent["patient"] = json!({ "reference": format!("Patient/{PATIENT}") });
    let token = world.own(PATIENT);
    let prepared = world.post("/fhir/Consent", &token, &consent).await;
    assert_eq!(prepared.status, StatusCode::ACCEPTED, "{}", prepared.json());
    let parameter = |n: usize| prepared.json()["parameter"][n]["valueString"].as_str().unwrap().to_owned();
    let signature = signer(PATIENT).sign(&parameter(1).parse().unwrap(), &mut OsRng).to_string();
    let url = format!("{}/StructureDefinition/signed-transaction", portal::BASE);
    let parts =
        json!([{ "url": "body", "valueString": parameter(0) }, { "url": "signature", "valueString": signature }]);
    consent["extension"] = json!([{ "url": url, "extension": parts }]);
    assert_eq!(world.post("/fhir/Consent", &token, &consent).await.status, StatusCode::CREATED);
}

fn records(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
    answer.json()["records"].as_array().unwrap().clone()
}

/// The file of a record, as somebody would save it.
fn file(record: &Value) -> Vec<u8> {
    (serde_json::to_string_pretty(&record["proof"]).unwrap() + "\n").into_bytes()
}

/// D5, E4, E5, E9, E10, E13: a live grant for the category reads each record with its proof; without one, with one for another
/// category or purpose, and on the first request after the revocation's block, the answer is 403 and an entry.
#[tokio::test]
async fn a_doctor_reads_each_record_with_its_proof_under_a_live_grant_only() {
    let (world, writing) = written(&[5, 3]).await;
    let path = writing.path("category=vitals");
    let doctors = world.party(DOCTORS);
    let refusal = read(&world, &doctors, &path).await;
    assert_eq!(refusal.status, StatusCode::FORBIDDEN);
    decide(&world, consent("permit", "active", DOCTORS, "TREAT", "activity")).await;
    decide(&world, consent("permit", "active", DOCTORS, "CLMATTCH", "vitals")).await;
    assert_eq!(read(&world, &doctors, &path).await.bytes, refusal.bytes, "another category's grant, another purpose's");
    decide(&world, consent("permit", "active", DOCTORS, "TREAT", "vitals")).await;

    let found = records(&read(&world, &doctors, &path).await);
    assert_eq!(found.len(), 8);
    for (at, record) in found.iter().enumerate() {
        let verified = RecordFile::from_json(&file(record)).unwrap().verify(&world.network).unwrap();
        assert_eq!((verified.chain, verified.patient), (writing.chain, signer(PATIENT).public()));
        assert_eq!(Some(verified.height), record["height"].as_u64());
        let RecordContent::Readings(row) = verified.content else { panic!("readings") };
        assert_eq!(row.time_ms, NOON_MS - 900 * MINUTE_MS + i64::try_from(at).unwrap() * MINUTE_MS);
        let values = record["values"].as_array().unwrap();
        assert_eq!(values.len(), 2, "heart rate and respiration of one moment are one record");
        for ((shown, value), (signal, unit)) in
            values.iter().zip(&row.values).zip([("heart_rate", "/min"), ("respiration", "/min")])
        {
            assert_eq!(shown["value"], vitals::milli::to_text(value.value_milli));
            assert_eq!(shown["sequence"].as_u64(), Some(value.sequence));
            assert_eq!((shown["signal"].as_str(), shown["unit"].as_str()), (Some(signal), Some(unit)));
        }
        assert_eq!((record["provenance"].as_str(), record["device"].as_str()), (Some("device"), Some("watch")));
    }
    assert_eq!(records(&read(&world, &doctors, &writing.path("category=activity")).await).len(), 2);
    assert_eq!(records(&read(&world, &world.own(PATIENT), &path).await), found, "the patient's own");

    // Whoever else asks, and whatever they ask for, hears the same.
    let nobody = format!("/phc/{}/records?category=vitals", Digest([9; 32]));
    for (token, path) in [
        (doctors.clone(), writing.path("category=sleep")),
        (world.party(INSURER), path.clone()),
        (world.own("p1"), path.clone()),
        (doctors.clone(), nobody),
        (doctors.clone(), "/phc/x/records?category=vitals".to_owned()),
    ] {
        let answer = read(&world, &token, &path).await;
        assert_eq!((answer.status, &answer.bytes), (StatusCode::FORBIDDEN, &refusal.bytes), "{path}");
    }
    decide(&world, consent("permit", "inactive", DOCTORS, "TREAT", "vitals")).await;
    let revoked = read(&world, &doctors, &path).await;
    assert_eq!((revoked.status, revoked.bytes), (StatusCode::FORBIDDEN, refusal.bytes));

    let requests = world.requests().await;
    let count = |permitted| requests.iter().filter(|request| request.permitted == permitted).count();
    assert_eq!((count(true), count(false)), (3, 8), "entries = requests");
    assert!(requests.iter().all(|request| request.purpose == erm::Purpose::Treatment as u8));
}

/// E5: the same proof bytes after a restart, and after the index was deleted.
#[tokio::test]
async fn proofs_stay_the_same_after_a_restart_and_without_the_index() {
    let (mut world, mut writing) = written(&[5, 1, 7]).await;
    let path = writing.path("category=vitals");
    let before = read(&world, &world.own(PATIENT), &path).await;
    assert_eq!(records(&before).len(), 13);
    world.restart(IngestSettings::default()).await;
    assert_eq!(read(&world, &world.own(PATIENT), &path).await.bytes, before.bytes);
    world.restart(IngestSettings::default()).await;
    std::fs::remove_dir_all(world.dir.path().join("index/chains")).unwrap();
    assert_eq!(read(&world, &world.own(PATIENT), &path).await.bytes, before.bytes);
    writing.block(&world, 2).await;
    let after = records(&read(&world, &world.own(PATIENT), &path).await);
    assert_eq!(after[..13], records(&before)[..], "a block more changes nothing before it");
    assert_eq!(after.len(), 15);
}

/// A page holds at most what was asked for, and pages cover everything once.
#[tokio::test]
async fn pages_are_bounded_and_cover_everything_once() {
    let (world, writing) = written(&[10, 1, 4, 25, 3]).await;
    let own = world.own(PATIENT);
    let all = records(&read(&world, &own, &writing.path("category=vitals&limit=1000")).await);
    assert_eq!(all.len(), 43);
    for limit in [1, 4, 10, 11, 42, 43] {
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let answer = read(&world, &own, &writing.path(&format!("category=vitals&limit={limit}{cursor}"))).await;
            let page = records(&answer);
            assert!(page.len() <= limit);
            paged.extend(page);
            match answer.json()["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(paged, all, "limit {limit}");
    }
    // 12 minutes from the fifth on; the end is not in it.
    let text =
        |minutes: i64| jiff::Timestamp::from_millisecond(NOON_MS - (900 - minutes) * MINUTE_MS).unwrap().to_string();
    let between = read(&world, &own, &writing.path(&format!("category=vitals&from={}&to={}", text(5), text(17)))).await;
    assert_eq!(records(&between), all[5..17]);
    assert_eq!(records(&read(&world, &own, &writing.path(&format!("category=vitals&to={}", text(1)))).await), all[..1]);
    assert!(
        records(&read(&world, &own, &writing.path(&format!("category=vitals&from={}", text(43)))).await).is_empty()
    );

    let before = world.requests().await.len();
    for query in [
        "",
        "category=mood",
        "category=vitals&limit=0",
        "category=vitals&limit=1001",
        "category=vitals&limit=-1",
        "category=vitals&cursor=1",
        "category=vitals&cursor=1.2.3.4",
        "category=vitals&cursor=01.2.3",
        "category=vitals&from=yesterday",
        "category=vitals&sort=time",
        "category=vitals&from=2026-03-10T12:00:00Z&to=2026-03-10T12:00:00Z",
    ] {
        assert_eq!(read(&world, &own, &writing.path(query)).await.status, StatusCode::BAD_REQUEST, "{query}");
    }
    assert_eq!(world.requests().await.len(), before, "what cannot be understood asks for nobody's data");
    let device = world.token(portal::Holder::Device { chain: writing.chain.id, device: "watch".into() });
    assert_eq!(read(&world, &device, &writing.path("category=vitals")).await.status, StatusCode::FORBIDDEN);
}

/// A grant for certain days reads these days and no others.
#[tokio::test]
async fn a_grant_for_certain_days_reads_only_them() {
    let (world, writing) = written(&[5]).await;
    let mut days = consent("permit", "active", DOCTORS, "TREAT", "vitals");
    days["provision"]["dataPeriod"] = json!({ "start": "2026-03-09", "end": "2026-03-10" });
    decide(&world, days).await;
    let doctors = world.party(DOCTORS);
    let within = "category=vitals&from=2026-03-09T00:00:00Z&to=2026-03-11T00:00:00Z";
    assert_eq!(records(&read(&world, &doctors, &writing.path(within)).await).len(), 5);
    for beyond in [
        "category=vitals",
        "category=vitals&from=2026-03-09T00:00:00Z&to=2026-03-11T00:00:00.001Z",
        "category=vitals&from=2026-03-09T00:00:00Z",
    ] {
        assert_eq!(read(&world, &doctors, &writing.path(beyond)).await.status, StatusCode::FORBIDDEN, "{beyond}");
    }
}

/// D6: one altered byte of a batch, and nothing of it is handed out; a chain nobody has opened has no records; a key that is gone
/// is said to be gone, to those who were permitted.
#[tokio::test]
async fn an_altered_batch_is_not_served() {
    let (world, writing) = written(&[5]).await;
    let own = world.own(PATIENT);
    let packs = world.dir.path().join("blobs/packs");
    for entry in std::fs::read_dir(packs).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.iter_mut().for_each(|byte| *byte ^= 1);
        std::fs::write(&path, bytes).unwrap();
    }
    let answer = read(&world, &own, &writing.path("category=vitals")).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    let unopened = format!("/phc/{}/records?category=vitals", chain_of("p1", world.network));
    assert!(records(&read(&world, &world.own("p1"), &unopened).await).is_empty());
    assert_eq!(
        read(&world, &own, &writing.path("category=devices")).await.status,
        StatusCode::GONE,
        "no key for it here"
    );
}
