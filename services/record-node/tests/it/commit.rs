//! Transactions become blocks.

use ledger::KeyPair;

use crate::network::{NETWORK, Network, WEIGHTS, await_power, within};

/// D8: final only with a certificate of more than two thirds of the weight.
#[tokio::test(flavor = "multi_thread")]
async fn four_validators_in_one_process_commit_transactions_with_certificates_that_verify() {
    let network = Network::started(&WEIGHTS, |_| {}).await;
    let sender = KeyPair::from_seed(&[99; 32]);
    for sequence in 0..5u64 {
        let through = usize::try_from(sequence % 4).unwrap();
        let committed = network.commit(through, &sender, sequence).await;
        for node in network.running() {
            let (_, certificate) = node.block(committed.height).await.unwrap().unwrap();
            node.read(|machine| {
                use record_node::StateMachine as _;
                certificate.verify(&NETWORK, &machine.validators()).unwrap();
            });
        }
    }
    network.assert_no_fork().await;
    assert!(network.running().all(|node| node.read(|machine| machine.value(7)) == Some(vec![1; 16])));
    let roots: Vec<_> = network.running().map(|node| node.read(crate::toy::Toy::root)).collect();
    assert!(roots.iter().all(|root| *root == roots[0]));
    network.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_learns_which_validators_are_connected_and_which_are_gone() {
    let mut network = Network::started(&WEIGHTS, |_| {}).await;
    for node in network.running() {
        await_power(node, 100).await;
    }
    network.stop(1).await;
    for node in network.running() {
        let mut power = node.subscribe_power();
        within("one being missed", power.wait_for(|seen| *seen == (72, 100))).await.unwrap();
    }
    network.start(1).await;
    for node in network.running() {
        await_power(node, 100).await;
    }
    network.shutdown().await;
}
