//! Nodes over the state on disk.

use std::sync::Arc;

use bytes::Bytes;
use record_node::{ErmMachine, Handle, RecordNode};

use super::world::{Change, Machine, founding, propose};
use crate::network::{Network, WEIGHTS, now_ms, within};

type Started = (Handle<Machine>, tokio::task::JoinHandle<Result<(), record_node::Error>>);

async fn start(network: &Network) -> Vec<Started> {
    let mut starting = Vec::new();
    for (config, identity) in network.configs.iter().cloned().zip(network.identities.clone()) {
        let machine = ErmMachine::on_disk(founding(), &config.data_dir.join("index"), &config.data_dir).unwrap();
        starting.push(tokio::spawn(RecordNode::start(config, identity, machine, Arc::new(now_ms))));
    }
    let mut nodes = Vec::new();
    for node in starting {
        nodes.push(within("a node starting", node).await.unwrap().unwrap());
    }
    nodes
}

async fn stop(nodes: Vec<Started>) {
    for (node, task) in nodes {
        within("a node stopping", node.shutdown()).await;
        within("a node ending", task).await.unwrap().unwrap();
    }
}

async fn commit(nodes: &[Started], change: Change) -> u64 {
    let proposal = nodes[0].0.read(|machine| propose(machine.state(), &[change]));
    let bytes: Bytes = proposal.block.transactions[0].clone().into();
    let id = within("a submission", nodes[0].0.submit(bytes)).await.unwrap();
    let height = within("a commit", nodes[0].0.await_committed(id)).await.unwrap().height;
    for (node, _) in nodes {
        within("a height", node.subscribe().wait_for(|seen| *seen >= height)).await.unwrap();
    }
    height
}

fn roots(nodes: &[Started], height: u64) -> Vec<ledger::Digest> {
    nodes.iter().map(|(node, _)| node.read(|machine| machine.state().at(height).unwrap().root().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_go_on_after_a_restart_also_where_the_index_was_deleted() {
    let network = Network::new(&WEIGHTS, |_| {});
    let nodes = start(&network).await;
    commit(&nodes, Change::Register(1)).await;
    let height = commit(&nodes, Change::Consent(1, 1)).await;
    let before = roots(&nodes, height);
    assert!(before.iter().all(|root| *root == before[0]));
    stop(nodes).await;

    std::fs::remove_dir_all(network.configs[1].data_dir.join("index")).unwrap();
    let nodes = start(&network).await;
    assert_eq!(roots(&nodes, height), before);
    let height = commit(&nodes, Change::Stake(25)).await;
    let after = roots(&nodes, height);
    assert!(after.iter().all(|root| *root == after[0]));
    stop(nodes).await;
}
