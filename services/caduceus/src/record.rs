//! The record chain of a data directory: one node an operator, all in this process.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use erm::{AnchorHeads, Body, Genesis, Id, Payload, Sender};
use kit::Port;
use ledger::{Digest, KeyPair};
use monitor::AnchorSink;
use phc::AnchorRecord;
use rand_core::OsRng;
use record_node::{Config, ErmMachine, Handle, Identity, Peer, RecordNode, SledStore};
use tokio::task::JoinHandle;

use crate::failure::{Failure, OrFail as _, Outcome};
use crate::network::Network;

/// A running node of the record chain.
pub(crate) type Node = Handle<ErmMachine<SledStore>>;

/// Heights that a transaction may wait.
const EXPIRY_HEIGHTS: u64 = 1_000;

/// How a node's task ends.
type Running = JoinHandle<Result<(), record_node::Error>>;

/// The four nodes of the demo's operators.
pub(crate) struct RecordNodes {
    nodes: Vec<(Id, Node, Running)>,
}

impl RecordNodes {
    /// Starts a node for every operator of the genesis, on ports that are free now.
    pub(crate) async fn start(network: &Network, clock: Arc<dyn kit::Clock>) -> Outcome<Self> {
        let operators: Vec<Id> = network.genesis.operators.iter().map(|operator| operator.id.clone()).collect();
        let mut seats = Vec::new();
        // Held until every node listens on its own.
        let ports = free_ports(operators.len())?;
        for (operator, port) in operators.into_iter().zip(&ports) {
            let identity = Identity::from_seed(&network.validator_seed(&operator)?);
            seats.push((operator, identity, port.number()));
        }
        let peers: Vec<Peer> = seats
            .iter()
            .map(|(_, identity, port)| Peer { address: format!("127.0.0.1:{port}"), node_id: identity.node_id() })
            .collect();
        let mut starting = Vec::new();
        for (operator, identity, port) in seats {
            let mut config = Config::new(
                operator.as_str(),
                network.home.record(operator.as_str()),
                ([127, 0, 0, 1], port).into(),
                peers.clone(),
            );
            // The injected clock runs much faster than votes travel.
            (config.clock_ahead_max_ms, config.clock_behind_max_ms) = (86_400_000, 30 * 86_400_000);
            let index = network.home.index_of(&operator, &config.data_dir);
            let machine = open_machine(network.genesis.clone(), index, config.data_dir.clone());
            let clock = clock.clone();
            let clock: record_node::SharedClock = Arc::new(move || clock.now_ms());
            starting.push(tokio::spawn(async move {
                let started = match machine.await {
                    Ok(machine) => RecordNode::start(config, identity, machine, clock).await,
                    Err(error) => Err(error),
                };
                (operator, started)
            }));
        }
        let mut nodes = Vec::new();
        for start in starting {
            let (operator, started) = start.await.or_environment("a record node did not start")?;
            let (node, running) = started
                .map_err(|error| Failure::environment(format_args!("the record node of {operator}: {error}")))?;
            nodes.push((operator, node, running));
        }
        Ok(Self { nodes })
    }

    /// The node that this process asks: the first one.
    pub(crate) fn node(&self) -> &Node {
        &self.nodes[0].1
    }

    /// All of them, the first one first.
    pub(crate) fn all(&self) -> impl ExactSizeIterator<Item = &Node> {
        self.nodes.iter().map(|(_, node, _)| node)
    }

    /// Stops all nodes; what they decided is on disk.
    pub(crate) async fn stop(self) -> Outcome {
        for (_, node, _) in &self.nodes {
            node.shutdown().await;
        }
        for (operator, _, running) in self.nodes {
            running
                .await
                .or_environment("a record node")?
                .map_err(|error| Failure::environment(format_args!("the record node of {operator}: {error}")))?;
        }
        Ok(())
    }
}

/// The chain's state over the index of a node; blocks that the index lacks are executed.
pub(crate) async fn open_machine(
    genesis: Genesis,
    index: PathBuf,
    node_dir: PathBuf,
) -> Result<ErmMachine<SledStore>, record_node::Error> {
    let opening = tokio::task::spawn_blocking(move || ErmMachine::on_disk(genesis, &index, &node_dir));
    opening.await.unwrap_or_else(|error| Err(record_node::Error::Engine(error.to_string())))
}

/// Ports of this machine that nobody uses, held until they are dropped.
pub(crate) fn free_ports(count: usize) -> Outcome<Vec<Port>> {
    (0..count).map(|_| Port::free()).collect::<Result<_, _>>().or_environment("no port is free on loopback")
}

/// Sends transactions of one sender, one after the other.
pub(crate) struct Submitter {
    node: Node,
    network: Digest,
    sender: Sender,
    key: KeyPair,
    turn: tokio::sync::Mutex<()>,
}

impl Submitter {
    pub(crate) fn new(node: Node, network: Digest, sender: Sender, key: KeyPair) -> Self {
        Self { node, network, sender, key, turn: tokio::sync::Mutex::new(()) }
    }

    /// Signs and submits; returns the height once the transaction is final.
    pub(crate) async fn submit(&self, payload: Payload) -> Result<u64, String> {
        let _turn = self.turn.lock().await;
        let (sequence, height) = self
            .node
            .read(|machine| {
                machine.state().view().sequence(&self.sender).map(|sequence| (sequence, machine.state().head().height))
            })
            .map_err(|error| error.to_string())?;
        let body = Body {
            sender: self.sender.clone(),
            sequence,
            expiry_height: height.saturating_add(EXPIRY_HEIGHTS),
            payload,
        };
        let signed = body.sign(&self.network, &self.key, &mut OsRng);
        let id = self.node.submit(signed.encode().into()).await.map_err(|error| error.to_string())?;
        let committed = self.node.await_committed(id).await.map_err(|error| error.to_string())?;
        Ok(committed.height)
    }
}

/// Anchors go to the record chain under a party's signature.
pub(crate) struct Anchors {
    party: Id,
    submitter: Submitter,
}

impl Anchors {
    pub(crate) fn new(network: &Network, node: Node, party: Id) -> Outcome<Self> {
        let key = network.party(&party)?.signer;
        let submitter = Submitter::new(node, network.id, Sender::Party(party.clone()), key);
        Ok(Self { party, submitter })
    }
}

#[async_trait]
impl AnchorSink for Anchors {
    async fn latest(&self) -> Result<Digest, String> {
        let held = self
            .submitter
            .node
            .read(|machine| machine.state().view().anchor(&self.party))
            .map_err(|error| error.to_string())?;
        Ok(held.map_or(Digest::ZERO, |held| held.anchor))
    }

    async fn submit(&self, anchor: &AnchorRecord) -> Result<(), String> {
        let heads = AnchorHeads { previous: anchor.previous, root: anchor.root, chains: anchor.chains };
        self.submitter.submit(Payload::Anchor(heads)).await.map(|_| ())
    }
}
