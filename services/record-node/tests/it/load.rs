//! How much goes through: run by hand, `cargo test -p record-node --test it -- --ignored --nocapture load`.

use std::time::{Duration, Instant};

use bytes::Bytes;
use ledger::{Digest, KeyPair};
use record_node::{Handle, SubmitError};

use crate::network::{NETWORK, Network, WEIGHTS, within};
use crate::toy::{Toy, write};

const SENDERS: usize = 16;
/// Bytes of a value that makes a transaction of 256 bytes.
const VALUE_BYTES: usize = 135;
const CHUNK: usize = 256;

fn signed(sender: usize, count: u64) -> Vec<(Digest, Bytes)> {
    let key = KeyPair::from_seed(&[100 + u8::try_from(sender).unwrap(); 32]);
    (0..count).map(|sequence| write(NETWORK, &key, sequence, VALUE_BYTES)).collect()
}

/// Submits all in order, slowing down where the mempool is full; answers the latency of every chunk's last one.
async fn load(node: Handle<Toy>, transactions: Vec<(Digest, Bytes)>) -> (Vec<Duration>, u64) {
    let (mut latencies, mut refused) = (Vec::new(), 0);
    for chunk in transactions.chunks(CHUNK) {
        let mut rest: Vec<Bytes> = chunk.iter().map(|(_, bytes)| bytes.clone()).collect();
        let mut begun = Instant::now();
        while !rest.is_empty() {
            begun = Instant::now();
            let answers = node.submit_all(rest.clone()).await;
            let full = |answer: &Result<_, SubmitError>| {
                matches!(answer, Err(SubmitError::Full { .. } | SubmitError::SenderFull { .. }))
            };
            rest = rest.into_iter().zip(&answers).filter(|(_, answer)| full(answer)).map(|(bytes, _)| bytes).collect();
            refused += rest.len() as u64;
            if !rest.is_empty() {
                let _ = tokio::time::timeout(Duration::from_millis(200), node.subscribe().changed()).await;
            }
        }
        let last = chunk.last().unwrap().0;
        within("a chunk committing", node.await_committed(last)).await.unwrap();
        latencies.push(begun.elapsed());
    }
    (latencies, refused)
}

async fn measure(label: &str, opaque: bool, per_sender: u64) {
    let mut network = Network::new(&WEIGHTS, |config| config.timeouts.propose_ms = 3_000);
    network.opaque = opaque;
    for index in 0..4 {
        network.start(index).await;
    }
    let transactions: Vec<_> = (0..SENDERS).map(|sender| signed(sender, per_sender)).collect();
    assert!(transactions[0][0].1.len().abs_diff(256) <= 1, "{}", transactions[0][0].1.len());
    let total = SENDERS as u64 * per_sender;
    let warm_height = network.node(0).height();
    let begun = Instant::now();
    let tasks: Vec<_> = transactions
        .into_iter()
        .enumerate()
        .map(|(i, own)| tokio::spawn(load(network.node(i % 4).clone(), own)))
        .collect();
    let (mut latencies, mut refused) = (Vec::new(), 0);
    for task in tasks {
        let (of_sender, full) = task.await.unwrap();
        latencies.extend(of_sender);
        refused += full;
    }
    let elapsed = begun.elapsed();
    latencies.sort_unstable();
    let at = |share: usize| latencies[(latencies.len() * share / 100).min(latencies.len() - 1)];
    let heights = network.node(0).height() - warm_height;
    println!(
        "{label}: {total} transactions of 256 B in {elapsed:.2?}, {:.0} tx/s, {heights} blocks, latency p50 {:.0?} p99 {:.0?}, refused for room {refused}",
        total as f64 / elapsed.as_secs_f64(),
        at(50),
        at(99),
    );
    network.assert_no_fork().await;
    network.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn load_of_256_byte_transactions() {
    for round in 0..2 {
        measure(&format!("every signature checked by every validator, round {round}"), false, 1_024).await;
        measure(&format!("opaque transactions, round {round}"), true, 1_024).await;
    }
}
