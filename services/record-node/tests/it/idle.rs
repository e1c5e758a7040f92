//! Nothing to do.

use std::time::Duration;

use ledger::KeyPair;
use record_node::StateMachine as _;

use crate::network::{NETWORK, Network, WEIGHTS, await_height, within};
use crate::toy::{Act, transaction, write};

/// That a transaction does not wait for the heartbeat, all other tests show: theirs is longer than anything they wait for.
#[tokio::test(flavor = "multi_thread")]
async fn idle_nodes_make_no_blocks_but_the_heartbeat() {
    const HEARTBEAT_MS: u32 = 1_500;
    let network = Network::started(&WEIGHTS, |config| config.heartbeat_ms = HEARTBEAT_MS.into()).await;
    let sender = KeyPair::from_seed(&[99; 32]);
    network.commit(0, &sender, 0).await;
    // Blocks that the start and the transaction made may still be on their way: from a heartbeat on it is quiet.
    let first = network.node(0).height() + 1;
    await_height(network.node(0), first + 3).await;
    let mut before_ms = None;
    for height in first..=first + 3 {
        let (block, _) = network.node(0).block(height).await.unwrap().unwrap();
        assert!(block.len() < 200, "a heartbeat's block is empty");
        let time_ms = network.node(0).read(|machine| machine.summarize(&block)).unwrap().time_ms;
        // By the blocks' own times, however late this test hears of them: a block is built after the one before it was
        // decided and a heartbeat has passed. The clock that counts and the one that tells the time may differ a little.
        let pause_ms = before_ms.replace(time_ms).map_or(i64::MAX, |before| time_ms - before);
        assert!(pause_ms >= i64::from(HEARTBEAT_MS) - 50, "{pause_ms} ms before height {height}");
    }
    network.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_waits_for_an_earlier_one_makes_no_endless_empty_blocks_and_commits_after_it() {
    let network = Network::started(&WEIGHTS, |_| {}).await;
    let sender = KeyPair::from_seed(&[99; 32]);
    let (later, bytes) = write(NETWORK, &sender, 1, 16);
    network.node(0).submit(bytes).await.unwrap();
    let mut heights = network.node(0).subscribe();
    // It cannot be included: the nodes try for some heights, then wait.
    let mut quiet = false;
    while !quiet {
        quiet = tokio::time::timeout(Duration::from_secs(2), heights.changed()).await.is_err();
        assert!(*heights.borrow() < 30, "they do not stop making empty blocks");
    }
    let (_, bytes) = write(NETWORK, &sender, 0, 16);
    network.node(1).submit(bytes).await.unwrap();
    within("both committing", network.node(0).await_committed(later)).await.unwrap();
    network.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_can_never_be_included_is_dropped_and_its_submitter_told() {
    let network = Network::started(&WEIGHTS, |_| {}).await;
    let sender = KeyPair::from_seed(&[99; 32]);
    network.commit(0, &sender, 0).await;
    let forbidden = Act::Write { key: 1, value: b"forbidden".to_vec() };
    let height = network.node(0).height();
    let (id, bytes) = transaction(NETWORK, &sender, 1, height + 2, forbidden);
    network.node(0).submit(bytes).await.unwrap();
    let waited = within("a verdict", network.node(0).await_committed(id));
    // Another sender's transactions carry the chain past its expiry where no proposer drops it before.
    let other = KeyPair::from_seed(&[98; 32]);
    let carry = async {
        for sequence in 0..4 {
            network.commit(1, &other, sequence).await;
        }
    };
    let (outcome, ()) = tokio::join!(waited, carry);
    assert!(matches!(outcome, Err(record_node::AwaitError::Dropped(_))), "{outcome:?}");
    network.shutdown().await;
}
