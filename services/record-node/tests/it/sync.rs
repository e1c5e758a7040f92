//! Nodes that lag.

use ledger::KeyPair;

use crate::network::{Network, WEIGHTS, await_height};
use crate::toy::Toy;

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_away_fetches_what_it_missed_though_nothing_new_happens() {
    let mut network = Network::started(&WEIGHTS, |_| {}).await;
    let sender = KeyPair::from_seed(&[99; 32]);
    network.commit(0, &sender, 0).await;
    network.stop(3).await;
    for sequence in 1..12 {
        network.commit(0, &sender, sequence).await;
    }
    let height = network.node(0).height();
    network.start(3).await;
    await_height(network.node(3), height).await;
    assert_eq!(network.node(3).read(|machine| machine.sequence(&sender.public())), 12);
    network.assert_no_fork().await;
    network.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_data_was_wiped_fetches_the_whole_chain() {
    let mut network = Network::started(&WEIGHTS, |config| config.block_interval_min_ms = 0).await;
    let sender = KeyPair::from_seed(&[99; 32]);
    for sequence in 0..20 {
        network.commit(1, &sender, sequence).await;
    }
    network.stop(0).await;
    std::fs::remove_dir_all(&network.configs[0].data_dir).unwrap();
    let height = network.node(1).height();
    network.start(0).await;
    await_height(network.node(0), height).await;
    assert_eq!(network.node(0).read(|machine| machine.sequence(&sender.public())), 20);
    network.commit(0, &sender, 20).await;
    network.assert_no_fork().await;
    let roots: Vec<_> = network.running().map(|node| node.read(Toy::root)).collect();
    assert!(roots.windows(2).all(|pair| pair[0] == pair[1]));
    network.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graceful_restart_of_all_goes_on_where_it_stopped() {
    let mut network = Network::started(&WEIGHTS, |_| {}).await;
    let sender = KeyPair::from_seed(&[99; 32]);
    network.commit(0, &sender, 0).await;
    let before = network.node(2).block(1).await.unwrap().unwrap();
    for index in 0..4 {
        network.stop(index).await;
    }
    for index in 0..4 {
        network.start(index).await;
    }
    network.commit(3, &sender, 1).await;
    assert_eq!(network.node(2).block(1).await.unwrap().unwrap(), before);
    network.assert_no_fork().await;
    network.shutdown().await;
}
