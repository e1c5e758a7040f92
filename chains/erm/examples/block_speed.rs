//! What a block costs: signatures alone, checking and executing it, proposing it, applying it, proving from it.
//! `cargo run -p erm --example block_speed [-- transactions blocks]`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

use std::time::Instant;

use erm::{Body, ClinicalEvent, EventKind, Genesis, Id, Key, Limits, MemoryStore, Payload, Sender, State, Visit};
use ledger::{Digest, KeyPair, VrfOutput, rng_from_seed, sha256};

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().expect("a number"));
    let count = arguments.next().unwrap_or(1_000);
    let blocks = arguments.next().unwrap_or(5);
    let genesis = Genesis::from_json(include_bytes!("../tests/it/genesis.json")).unwrap();
    let limits = Limits { block_transactions: 65_536, block_bytes: erm::BLOCK_BYTES_MAX, ..genesis.limits };
    let genesis = Genesis { limits, ..genesis };
    let network = genesis.network();
    let mut state = State::genesis(genesis.clone(), MemoryStore::default()).unwrap();
    let mut rng = rng_from_seed([1; 32]);
    let by = Id::new("pharmacy-one").unwrap();
    let signer = KeyPair::from_seed(&sha256(b"pharmacy-one").0);
    for block in 0..blocks {
        let mut encoded = Vec::new();
        let mut items = Vec::new();
        for n in 0..count {
            let sequence = block * count + n;
            let patient = KeyPair::generate(&mut rng);
            let event = ClinicalEvent {
                key: VrfOutput(sha256(&sequence.to_le_bytes())),
                kind: EventKind::PharmacyBill,
                fields: (0..8).map(|field| (field, Digest([1; 32]))).collect(),
                document: Digest([2; 32]),
                document_bytes: 10_000,
                visit: Visit::None,
            }
            .sign_visit(&network, &by, &patient, &mut rng);
            if let Visit::Patient { one_time, signature } = event.visit {
                items.push((one_time, event.visit_digest(&network, &by), signature));
            }
            let body = Body {
                sender: Sender::Party(by.clone()),
                sequence,
                expiry_height: 100,
                payload: Payload::Event(event),
            };
            let signed = body.sign(&network, &signer, &mut rng);
            items.push((signer.public(), signed.body.id(&network), signed.signature));
            encoded.push(signed.encode());
        }
        let start = Instant::now();
        ledger::verify_batch(&items).unwrap();
        let signatures = start.elapsed();
        let time_ms = state.head().time_ms + 1_000;
        let start = Instant::now();
        let proposal = state.propose(time_ms, &encoded, &limits).unwrap();
        let proposed = start.elapsed();
        let start = Instant::now();
        let executed = state.validate(&proposal.block).unwrap();
        let validated = start.elapsed();
        let start = Instant::now();
        state.apply(executed).unwrap();
        let applied = start.elapsed();
        let start = Instant::now();
        let mut siblings = 0;
        for n in 0..100u64 {
            let key = Key::Event(VrfOutput(sha256(&n.to_le_bytes())));
            let (value, proof) = state.view().prove(&key).unwrap();
            proof.verify(&network, &state.head().state_root, &key, value.as_deref()).unwrap();
            siblings += proof.siblings.len();
        }
        let proved = start.elapsed() / 100;
        println!(
            "block {block}: {} transactions, {} signatures: {signatures:.1?}; propose {proposed:.1?}; validate \
             {validated:.1?}; apply {applied:.1?}; prove and verify {proved:.1?} ({} siblings); {} bytes a transaction",
            proposal.block.transactions.len(),
            items.len(),
            siblings / 100,
            encoded[0].len(),
        );
    }
}
