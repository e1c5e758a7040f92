//! Readings out, with their proofs.

use axum::http::StatusCode;
use ledger::{Chain, Digest, KeyPair, WrapSecretKey, sha256};
use phc::{
    Block, BlockBuilder, ChainVerifier, Opening, Place, Provenance, Reading, Record, RecordProof, Role, Span, Subject,
    Writer,
};
use portal::{Custody as _, IngestSettings};
use rand_core::OsRng;
use stream::topics::PHC_BLOCKS;
use stream::{Append, Batch, EventLog as _};

use crate::events::{consent, decide};
use crate::world::{DOCTORS, NOON_MS, World, signer};

/// One block with two heart rates, as a monitor writes it. The chain's id is the test's own, so only the batch counts.
async fn write_block(world: &World) -> Chain {
    let monitor = KeyPair::from_seed(&[3; 32]);
    let wrap = WrapSecretKey::from_seed(&[4; 32]).public();
    let writers = vec![Writer { role: Role::Monitor, signer: monitor.public(), wrap, until_ms: None }];
    let opening = Opening { patient: signer("p1").public(), wrap, nonce: [0; 32], time_ms: NOON_MS - 10, writers };
    let first = Block::open(opening, world.network, &signer("p1"), &mut OsRng).unwrap();
    assert!(ChainVerifier::open(world.network, &first).is_ok());
    let chain = Chain { network: world.network, id: sha256(b"p1") };
    let keys = world.custody.keys(&chain.id).unwrap();
    let mut builder = BlockBuilder::default();
    for sequence in 0..2u64 {
        let reading = Reading {
            signal: 1,
            value_milli: 71_000 + i64::try_from(sequence).unwrap(),
            time_ms: NOON_MS - 5,
            offset_minutes: None,
            provenance: Provenance::Device,
        };
        let record = Record {
            device: "watch".into(),
            subject: Subject::Patient,
            sequence,
            reading,
            received_ms: NOON_MS,
            raw: None,
        };
        builder.reading(1, record, NOON_MS);
    }
    let span = Span { partition: 0, from: 0, through: 1 };
    let place = Place { height: 1, writer: monitor.public(), time_ms: NOON_MS, span, model: Digest::ZERO };
    let draft = builder.cut(&chain, &keys, place, &mut OsRng).unwrap();
    let blobs = store::BlobStore::local(&world.dir.path().join("blobs")).unwrap();
    let stored = blobs.put_pack(draft.blobs().map(bytes::Bytes::copy_from_slice).collect()).await.unwrap();
    let block = draft.finish(Digest([1; 32]), &stored, &monitor, &mut OsRng).unwrap();
    let mut writer = world.log.writer("monitor").await.unwrap();
    let append = Append::new(PHC_BLOCKS, chain.id.0.to_vec(), NOON_MS, block.encode());
    writer.commit(Batch::of(vec![append])).await.unwrap();
    chain
}

/// D5, E5, E9, E10: a live grant for the category reads each record with its proof, after a restart too; without one
/// the answer is 403 and an entry.
#[tokio::test]
async fn a_doctor_reads_a_patients_record_with_its_proof_under_a_live_grant() {
    let mut world = World::new().await;
    let chain = write_block(&world).await;
    let path = format!("/phc/{}/records?category=vitals", chain.id);
    let read = async |world: &World, path: &str| world.call("GET", path, &world.party(DOCTORS), "").await;
    assert_eq!(read(&world, &path).await.status, StatusCode::FORBIDDEN);
    assert_eq!(
        decide(&world, consent("permit", "active", DOCTORS, "TREAT", "sleep")).await.status,
        StatusCode::CREATED
    );
    assert_eq!(read(&world, &path).await.status, StatusCode::FORBIDDEN, "another category's grant");
    assert_eq!(
        decide(&world, consent("permit", "active", DOCTORS, "TREAT", "vitals")).await.status,
        StatusCode::CREATED
    );
    world.restart(IngestSettings::default()).await;
    let answer = read(&world, &path).await;
    assert_eq!(answer.status, StatusCode::OK);
    let records = answer.json()["records"].as_array().unwrap().clone();
    assert_eq!(records.len(), 2);
    for record in &records {
        assert_eq!((record["signal"].as_str(), record["unit"].as_str()), (Some("heart_rate"), Some("/min")));
        let proof = RecordProof::decode(&hex::decode(record["proof"].as_str().unwrap()).unwrap()).unwrap();
        assert_eq!(proof.verify().unwrap().height, 1);
        assert_eq!(proof.chain, chain);
    }
    assert_eq!(read(&world, &format!("{path}&height=2")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(read(&world, &format!("{path}&index=1")).await.json()["records"].as_array().unwrap().len(), 1);
    assert_eq!(read(&world, &format!("/phc/{}/records?category=mood", chain.id)).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        read(&world, &format!("/phc/{}/records?category=vitals", Digest([9; 32]))).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(world.call("GET", &path, &world.own("p1"), "").await.status, StatusCode::OK, "the patient's own");
    assert_eq!(
        decide(&world, consent("permit", "inactive", DOCTORS, "TREAT", "vitals")).await.status,
        StatusCode::CREATED
    );
    assert_eq!(read(&world, &path).await.status, StatusCode::FORBIDDEN);
    let requests = world.requests().await;
    assert_eq!(requests.iter().filter(|request| !request.permitted).count(), 4);
    assert_eq!(requests.iter().filter(|request| request.permitted).count(), 4);
}
