//! Validators that are down.

use std::time::Duration;

use ledger::KeyPair;
use record_node::Error;

use crate::network::{NETWORK, Network, SEVERAL_ROUNDS, WEIGHTS, assert_stands_still, await_power, within};
use crate::toy::{Toy, write};

/// A10: kill any one of four: writes go on.
#[tokio::test(flavor = "multi_thread")]
async fn any_three_of_four_go_on_and_the_one_that_comes_back_catches_up() {
    let mut network = Network::started(&WEIGHTS, |_| {}).await;
    let sender = KeyPair::from_seed(&[99; 32]);
    let mut sequence = 0;
    for down in 0..4 {
        network.stop(down).await;
        for _ in 0..2 {
            network.commit((down + 1) % 4, &sender, sequence).await;
            sequence += 1;
        }
        network.start(down).await;
    }
    network.commit(0, &sender, sequence).await;
    assert!(network.assert_no_fork().await >= 9);
    network.shutdown().await;
}

/// D8: under two thirds online there is no progress and no fork.
#[tokio::test(flavor = "multi_thread")]
async fn two_of_four_stand_still_without_a_fork_and_go_on_when_a_third_returns() {
    let mut network = Network::started(&WEIGHTS, |_| {}).await;
    let sender = KeyPair::from_seed(&[99; 32]);
    network.commit(0, &sender, 0).await;
    network.stop(2).await;
    network.stop(3).await;
    // 30 + 28 of 100: more than half of the nodes' weight, less than two thirds.
    let id = assert_stands_still(network.node(0), &sender, 1).await;
    network.start(2).await;
    within("the transaction committing", network.node(0).await_committed(id)).await.unwrap();
    network.start(3).await;
    network.commit(3, &sender, 2).await;
    network.assert_no_fork().await;
    network.shutdown().await;
}

/// D8: weight decides, not the number of validators.
#[tokio::test(flavor = "multi_thread")]
async fn two_validators_with_enough_weight_go_on_where_three_without_it_stand_still() {
    let sender = KeyPair::from_seed(&[99; 32]);
    let mut network = Network::started(&[60, 20, 10, 10], |_| {}).await;
    network.commit(1, &sender, 0).await;
    network.stop(1).await;
    network.stop(3).await;
    network.commit(0, &sender, 1).await;
    network.start(1).await;
    network.start(3).await;
    network.commit(3, &sender, 2).await;
    network.stop(0).await;
    assert_stands_still(network.node(1), &sender, 3).await;
    network.assert_no_fork().await;
    network.shutdown().await;
}

/// B3: an unregistered node cannot peer: it counts for nothing, and nothing it says is taken. (The engine closes its
/// connections once it has read its id; what it may overhear until then holds no health data.)
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_in_nobodys_list_counts_for_nothing_and_is_not_listened_to() {
    let mut network = Network::new(&[30, 28, 22, 20, 1], |_| {});
    // The first four know nothing of the fifth; the fifth knows all.
    for config in &mut network.configs[..4] {
        config.peers.truncate(4);
    }
    network.weights.truncate(4);
    network.configs[4].connect_wait_ms = 500;
    let identities = network.identities.split_off(4);
    for index in 0..4 {
        network.start(index).await;
    }
    let sender = KeyPair::from_seed(&[99; 32]);
    network.commit(0, &sender, 0).await;
    network.identities.extend(identities);
    network.weights.push(0);
    let validators: Vec<_> = network.validators()[..4].to_vec();
    let machine = Toy::new(NETWORK, &validators);
    let stranger = record_node::RecordNode::start(
        network.configs[4].clone(),
        network.identities[4].clone(),
        machine,
        std::sync::Arc::new(crate::network::now_ms),
    );
    let (stranger, task) = within("the stranger starting", stranger).await.unwrap();
    network.commit(1, &sender, 1).await;
    // A good transaction, told by the stranger only.
    let other = KeyPair::from_seed(&[98; 32]);
    let (id, bytes) = write(NETWORK, &other, 0, 16);
    stranger.submit(bytes).await.unwrap();
    let committed = tokio::time::timeout(SEVERAL_ROUNDS, network.node(0).await_committed(id)).await;
    assert!(committed.is_err(), "a stranger's word was taken");
    for node in network.running() {
        await_power(node, 100).await;
        assert_eq!(node.power_online(), (100, 100));
        assert_eq!(node.waiting(), 0);
    }
    network.commit(2, &sender, 2).await;
    stranger.shutdown().await;
    task.await.unwrap().unwrap();
    network.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_write_ahead_log_of_votes_stops_the_node_and_it_says_so() {
    let mut network = Network::new(&WEIGHTS, |config| config.connect_wait_ms = 200);
    // Two of four: they vote on a height that is not decided, so their votes stay in the log.
    network.start(0).await;
    network.start(1).await;
    let path = network.configs[0].data_dir.join("votes.wal");
    let votes = async {
        while std::fs::read(&path).unwrap().len() < 600 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within("votes being cast", votes).await;
    network.stop(0).await;
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    network.start(0).await;
    let node = network.nodes[0].take().unwrap();
    let outcome = within("the node stopping", node.task).await.unwrap();
    assert!(matches!(&outcome, Err(Error::Engine(reason)) if reason.contains("votes.wal")), "{outcome:?}");
    network.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_address_is_taken_does_not_start_and_names_it() {
    let network = Network::new(&WEIGHTS, |_| {});
    let config = network.configs[0].clone();
    let _taken = std::net::TcpListener::bind(config.listen).unwrap();
    let machine = Toy::new(NETWORK, &network.validators());
    let clock = std::sync::Arc::new(crate::network::now_ms);
    let started = record_node::RecordNode::start(config.clone(), network.identities[0].clone(), machine, clock);
    let error = within("an answer", started).await.err().unwrap();
    assert!(matches!(&error, Error::Config { key: "listen", .. }), "{error}");
    assert!(error.to_string().contains(&config.listen.to_string()), "{error}");
}
