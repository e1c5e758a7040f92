//! The mempool, from outside.

use std::time::Duration;

use ledger::KeyPair;
use record_node::{Refusal, SubmitError};

use crate::network::{NETWORK, Network, WEIGHTS, within};
use crate::toy::{Act, transaction, write};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_refused_with_its_reason_and_what_was_full_takes_again() {
    let mut network = Network::new(&WEIGHTS, |config| {
        config.mempool.transactions = 10;
        config.mempool.per_sender = 6;
        config.mempool.transaction_bytes = 1_000;
    });
    // Two of four: nothing is committed, so the mempool fills.
    network.configs[0].connect_wait_ms = 200;
    network.start(0).await;
    network.start(1).await;
    let node = network.node(0).clone();
    let (ann, bob) = (KeyPair::from_seed(&[99; 32]), KeyPair::from_seed(&[98; 32]));
    let (id, bytes) = write(NETWORK, &ann, 0, 16);
    node.submit(bytes.clone()).await.unwrap();
    assert_eq!(node.submit(bytes.clone()).await, Err(SubmitError::AlreadyWaiting(id)));
    let other = node.submit(write(NETWORK, &ann, 0, 17).1).await;
    assert_eq!(other, Err(SubmitError::SequenceTaken { sequence: 0, by: id }));
    let gone = tokio::spawn({
        let node = node.clone();
        async move { node.await_gone(id).await }
    });
    let mut forged = write(NETWORK, &ann, 1, 16).1.to_vec();
    *forged.last_mut().unwrap() ^= 1;
    assert!(matches!(node.submit(forged.into()).await, Err(SubmitError::Refused(Refusal::Signature(_)))));
    let elsewhere = write(ledger::Digest([43; 32]), &ann, 1, 16).1;
    assert!(
        matches!(node.submit(elsewhere).await, Err(SubmitError::Refused(Refusal::Signature(_)))),
        "another network's"
    );
    assert!(matches!(node.submit(vec![1, 2, 3].into()).await, Err(SubmitError::Refused(Refusal::Malformed(_)))));
    let expired = transaction(NETWORK, &ann, 1, 0, Act::Write { key: 1, value: vec![1] }).1;
    assert!(matches!(node.submit(expired).await, Err(SubmitError::Refused(Refusal::Expired { .. }))));
    let large = write(NETWORK, &ann, 1, 1_000).1;
    assert!(matches!(node.submit(large).await, Err(SubmitError::TooLarge { max_bytes: 1_000, .. })));
    for sequence in 1..6 {
        node.submit(write(NETWORK, &ann, sequence, 16).1).await.unwrap();
    }
    assert_eq!(node.submit(write(NETWORK, &ann, 6, 16).1).await, Err(SubmitError::SenderFull { count: 6 }));
    for sequence in 0..4 {
        node.submit(write(NETWORK, &bob, sequence, 16).1).await.unwrap();
    }
    assert!(matches!(node.submit(write(NETWORK, &bob, 4, 16).1).await, Err(SubmitError::Full { count: 10, .. })));
    assert!(!gone.is_finished(), "the first still waits");
    // With a quorum it drains, and what was submitted before the others were there reaches them.
    network.start(2).await;
    network.start(3).await;
    let last = write(NETWORK, &bob, 3, 16).0;
    let committed = within("the waiting ones committing", node.await_committed(last)).await.unwrap();
    within("the first being gone", gone).await.unwrap().unwrap();
    within("what never waited being gone", node.await_gone(ledger::Digest([44; 32]))).await.unwrap();
    assert_eq!(
        node.submit(bytes).await,
        Err(SubmitError::AlreadyCommitted { id, height: node_height_of(&node, id).await })
    );
    assert!(committed.height >= 1);
    network.commit(0, &bob, 4).await;
    let stale = node.submit(write(NETWORK, &bob, 2, 99).1).await;
    assert_eq!(stale, Err(SubmitError::Refused(Refusal::Stale { given: 2, next: 5 })));
    network.shutdown().await;
}

async fn node_height_of(node: &record_node::Handle<crate::toy::Toy>, id: ledger::Digest) -> u64 {
    within("a committed transaction", node.await_committed(id)).await.unwrap().height
}

/// Nobody but the node that holds the second knows of it, and no block follows that would have the node look.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_with_one_sequence_at_two_nodes_one_is_committed_and_the_other_told_at_once() {
    let network = Network::started(&WEIGHTS, |_| {}).await;
    let sender = KeyPair::from_seed(&[99; 32]);
    for sequence in 0..5 {
        let (first, second) = (write(NETWORK, &sender, sequence, 16), write(NETWORK, &sender, sequence, 17));
        let outcome = async |node: usize, (id, bytes): (ledger::Digest, bytes::Bytes)| {
            let node = network.node(node);
            match node.submit(bytes).await {
                Ok(_) => node.await_committed(id).await.is_ok(),
                Err(SubmitError::SequenceTaken { .. } | SubmitError::Refused(Refusal::Stale { .. })) => false,
                Err(other) => panic!("{other}"),
            }
        };
        let both = async { tokio::join!(outcome(0, first), outcome(1, second)) };
        let (first, second) = within("a verdict on both", both).await;
        assert!(first != second, "one of the two: {first}, {second}");
    }
    network.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_much_larger_than_a_part_travel_and_are_the_same_everywhere() {
    let network = Network::started(&WEIGHTS, |config| config.block_bytes_max = 2 << 20).await;
    let sender = KeyPair::from_seed(&[99; 32]);
    // The first comes last, when all nodes have the others: they share a block, whoever proposes it.
    let mut ids = Vec::new();
    for sequence in (0..30).rev() {
        if sequence == 0 {
            for node in network.running() {
                within("a node hearing of all", async {
                    while node.waiting() < 29 {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                })
                .await;
            }
        }
        let (id, bytes) = write(NETWORK, &sender, sequence, 60_000);
        network.node(usize::try_from(sequence % 4).unwrap()).submit(bytes).await.unwrap();
        ids.push(id);
    }
    let mut largest = 0;
    for id in ids {
        let committed = within("a large transaction committing", network.node(0).await_committed(id)).await.unwrap();
        let (block, _) = network.node(0).block(committed.height).await.unwrap().unwrap();
        largest = largest.max(block.len());
    }
    assert!(largest > 3 * 128 * 1024, "the largest block had {largest} bytes: it fitted few parts");
    network.assert_no_fork().await;
    network.shutdown().await;
}
