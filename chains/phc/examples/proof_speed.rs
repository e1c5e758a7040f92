//! What a proof costs for batches of 1 to 10,000 records (capability E8's axis). One line a size:
//! `cargo run --release -p phc --example proof_speed`.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::cast_possible_truncation)]

use std::time::{Duration, Instant};

use ledger::{BlobRef, Digest, KeyPair, WrapSecretKey, sha256};
use phc::*;

const SAMPLES: usize = 200;

fn main() {
    let mut rng = ledger::rng_from_seed([1; 32]);
    let network = Digest([9; 32]);
    let (patient, monitor) = (KeyPair::generate(&mut rng), KeyPair::generate(&mut rng));
    let wrap = WrapSecretKey::generate(&mut rng).public();
    let writers = vec![Writer { role: Role::Monitor, signer: monitor.public(), wrap, until_ms: None }];
    let first = Block::open(
        Opening { patient: patient.public(), wrap, nonce: [3; 32], time_ms: 0, writers },
        network,
        &patient,
        &mut rng,
    )
    .unwrap();
    let (chain, head) = ChainState::open(network, &first).unwrap();
    let keys = PatientKeys::generate([1], &mut rng);
    let authority = Authority { opening: first.body.opening.unwrap(), directives: Vec::new() };

    println!(
        "records  path  open_ms  make_all_us_each  make_one_us  verify_p50_us  verify_p99_us  inclusion_p50_us  inclusion_p99_us  file_bytes"
    );
    for records in [1u64, 10, 100, 1_000, 10_000] {
        let mut builder = BlockBuilder::default();
        for at in 0..records {
            let time_ms = at as i64 * 1_000;
            let reading = Reading {
                signal: 1,
                value_milli: 60_000 + at as i64 % 40_000,
                time_ms,
                offset_minutes: None,
                provenance: Provenance::Device,
            };
            builder.reading(
                1,
                &Record {
                    device: "watch".into(),
                    subject: Subject::Patient,
                    sequence: at,
                    reading,
                    received_ms: time_ms,
                    raw: None,
                },
                time_ms,
            );
        }
        let span = Span { partition: 0, from: 0, through: 1 };
        let place = Place { height: 1, writer: monitor.public(), time_ms: 100_000_000, span, model: Digest::ZERO };
        let draft = builder.cut(&chain, &keys, place, &mut rng).unwrap();
        let blob = draft.blobs().next().unwrap().to_vec();
        let stored = BlobRef { pack: sha256(&blob), offset: 0, length: blob.len() as u32, digest: sha256(&blob) };
        let block = draft.finish(head.hash, &[stored], &monitor, &mut rng).unwrap();

        let start = Instant::now();
        let batch =
            OpenedBatch::open(&chain, keys.get(&chain, Scope::Category(1)).unwrap(), &block.header, 1, &blob).unwrap();
        let opened = start.elapsed();
        let all: Vec<u64> = (0..records).collect();
        let start = Instant::now();
        let proofs = batch.prove_all(&block, &all).unwrap();
        let made = start.elapsed();
        let start = Instant::now();
        let one = batch.prove(&block, records / 2).unwrap();
        let made_one = start.elapsed();
        assert!(one == proofs[(records / 2) as usize]);

        let entry = *block.header.batch(1).unwrap();
        let (mut whole, mut inclusion) = (Vec::new(), Vec::new());
        for at in 0..SAMPLES {
            let proof = &proofs[at * 7_919 % proofs.len()];
            let file = RecordFile { proof: proof.clone(), authority: authority.clone() };
            let start = Instant::now();
            file.verify(&network).unwrap();
            whole.push(start.elapsed());
            let start = Instant::now();
            let commitment = proof.salt.commit(&chain, &proof.record);
            proof.inclusion.verify(&commitment.0, &entry.root).unwrap();
            inclusion.push(start.elapsed());
        }
        whole.sort();
        inclusion.sort();
        let micros = |time: Duration| time.as_nanos() as f64 / 1_000.0;
        let at = |times: &[Duration], part: usize| micros(times[times.len() * part / 100]);
        let bytes = RecordFile { proof: one, authority: authority.clone() }.to_json().unwrap().len();
        println!(
            "{records:>7}  {:>4}  {:>7.2}  {:>16.1}  {:>11.1}  {:>13.1}  {:>13.1}  {:>16.2}  {:>16.2}  {bytes:>10}",
            proofs[0].inclusion.path.len(),
            micros(opened) / 1_000.0,
            micros(made) / records as f64,
            micros(made_one),
            at(&whole, 50),
            at(&whole, 99),
            at(&inclusion, 50),
            at(&inclusion, 99),
        );
    }
}
