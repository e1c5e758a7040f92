//! Validators that come and go.

use ledger::KeyPair;
use record_node::StateMachine as _;

use crate::network::{NETWORK, Network, WEIGHTS};
use crate::toy::{Act, transaction};

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_weights_holds_from_the_next_height_on() {
    let mut network = Network::started(&WEIGHTS, |_| {}).await;
    let sender = KeyPair::from_seed(&[99; 32]);
    let leaving = network.identities[3].validator();
    let (id, bytes) = transaction(NETWORK, &sender, 0, 1_000, Act::Weight { validator: leaving, weight: 0 });
    let changed = network.commit_bytes(0, id, bytes).await;
    network.stop(3).await;
    network.commit(0, &sender, 1).await;
    network.stop(2).await;
    // 30 + 28 of 80: a quorum of the new set, not of the old one.
    let committed = network.commit(0, &sender, 2).await;
    let (_, certificate) = network.node(0).block(committed.height).await.unwrap().unwrap();
    network.node(0).read(|machine| certificate.verify(&NETWORK, &machine.validators())).unwrap();
    let old = ledger::ValidatorSet::new(network.validators()).unwrap();
    assert!(matches!(certificate.verify(&NETWORK, &old), Err(ledger::Error::NoQuorum { weight: 58, total: 100 })));
    let (_, before) = network.node(0).block(changed.height).await.unwrap().unwrap();
    before.verify(&NETWORK, &old).unwrap();
    // It comes back, follows without a vote, and votes again once it has weight.
    network.start(2).await;
    network.start(3).await;
    let (id, bytes) = transaction(NETWORK, &sender, 3, 1_000, Act::Weight { validator: leaving, weight: 20 });
    network.commit_bytes(3, id, bytes).await;
    network.stop(0).await;
    network.commit(3, &sender, 4).await;
    network.assert_no_fork().await;
    network.shutdown().await;
}
