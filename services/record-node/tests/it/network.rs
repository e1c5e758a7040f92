//! A network of nodes on loopback, for tests.

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use kit::Port;
use ledger::{Digest, KeyPair, PublicKey};
use record_node::{Committed, Config, Error, Handle, Identity, Peer, RecordNode, SharedClock};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::toy::{Toy, write};

pub const NETWORK: Digest = Digest([42; 32]);
/// The demonstration's weights: any one may be lost, no two.
pub const WEIGHTS: [u64; 4] = [30, 28, 22, 20];

/// The longest that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long something that must not happen is given to happen: several rounds of the tests' timeouts.
pub const SEVERAL_ROUNDS: Duration = Duration::from_secs(4);

/// Waits, and says for what where it takes too long.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("no end of: {what}"))
}

pub struct Running {
    pub handle: Handle<Toy>,
    pub task: JoinHandle<Result<(), Error>>,
}

pub struct Network {
    _dir: TempDir,
    /// Held for nodes that are not started yet or are down.
    _ports: Vec<Port>,
    pub configs: Vec<Config>,
    pub identities: Vec<Identity>,
    pub weights: Vec<u64>,
    pub nodes: Vec<Option<Running>>,
    /// See [`Toy::opaque`].
    pub opaque: bool,
    /// Clocks that stand where they were set; the other nodes have the real one.
    clocks: HashMap<usize, Arc<AtomicI64>>,
}

pub fn identity(index: usize) -> Identity {
    Identity::from_seed(&[u8::try_from(index).unwrap() + 1; 32])
}

pub fn address(port: &Port) -> SocketAddr {
    ([127, 0, 0, 1], port.number()).into()
}

pub fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

impl Network {
    /// A network that is not started; `set` adjusts the settings of every node.
    pub fn new(weights: &[u64], set: impl Fn(&mut Config)) -> Self {
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_test_writer()
            .try_init();
        let dir = tempfile::tempdir().unwrap();
        let identities: Vec<_> = (0..weights.len()).map(identity).collect();
        let ports: Vec<_> = weights.iter().map(|_| Port::free().unwrap()).collect();
        let addresses: Vec<_> = ports.iter().map(address).collect();
        let peers: Vec<_> = identities
            .iter()
            .zip(&addresses)
            .map(|(one, address)| Peer { address: address.to_string(), node_id: one.node_id() })
            .collect();
        let configs = addresses.iter().enumerate().map(|(index, address)| {
            let mut config =
                Config::new(format!("n{index}"), dir.path().join(format!("n{index}")), *address, peers.clone());
            config.heartbeat_ms = 600_000;
            config.timeouts.propose_ms = 500;
            config.timeouts.prevote_ms = 200;
            config.timeouts.precommit_ms = 200;
            config.timeouts.rebroadcast_ms = 1_000;
            config.gossip_repeat_ms = 1_000;
            set(&mut config);
            config
        });
        Self {
            configs: configs.collect(),
            _dir: dir,
            _ports: ports,
            identities,
            weights: weights.to_vec(),
            nodes: weights.iter().map(|_| None).collect(),
            opaque: false,
            clocks: HashMap::new(),
        }
    }

    /// Every node started.
    pub async fn started(weights: &[u64], set: impl Fn(&mut Config)) -> Self {
        let mut network = Self::new(weights, set);
        for index in 0..weights.len() {
            network.start(index).await;
        }
        network
    }

    pub fn validators(&self) -> Vec<(PublicKey, u64)> {
        self.identities.iter().map(Identity::validator).zip(self.weights.iter().copied()).collect()
    }

    pub async fn start(&mut self, index: usize) {
        let mut machine = Toy::new(NETWORK, &self.validators());
        machine.opaque = self.opaque;
        let (config, identity) = (self.configs[index].clone(), self.identities[index].clone());
        let clock: SharedClock = match self.clocks.get(&index).cloned() {
            Some(standing) => Arc::new(move || standing.load(Ordering::Relaxed)),
            None => Arc::new(now_ms),
        };
        let started = RecordNode::start(config, identity, machine, clock);
        let (handle, task) = within("a node starting", started).await.unwrap();
        self.nodes[index] = Some(Running { handle, task });
    }

    /// Sets a node's clock, which stands from then on: first before the node starts, later also while it runs.
    pub fn set_clock(&mut self, index: usize, time_ms: i64) {
        self.clocks.entry(index).or_default().store(time_ms, Ordering::Relaxed);
    }

    pub async fn stop(&mut self, index: usize) {
        let node = self.nodes[index].take().unwrap();
        within("a node stopping", node.handle.shutdown()).await;
        within("a node's task ending", node.task).await.unwrap().unwrap();
    }

    pub fn node(&self, index: usize) -> &Handle<Toy> {
        &self.nodes[index].as_ref().unwrap().handle
    }

    pub fn running(&self) -> impl Iterator<Item = &Handle<Toy>> {
        self.nodes.iter().flatten().map(|node| &node.handle)
    }

    /// Submits a small write to a node and waits until every running node has its block.
    pub async fn commit(&self, through: usize, sender: &KeyPair, sequence: u64) -> Committed {
        let (id, bytes) = write(NETWORK, sender, sequence, 16);
        self.commit_bytes(through, id, bytes).await
    }

    pub async fn commit_bytes(&self, through: usize, id: Digest, bytes: Bytes) -> Committed {
        assert_eq!(self.node(through).submit(bytes).await.unwrap(), id);
        let committed = within("a transaction committing", self.node(through).await_committed(id)).await.unwrap();
        for node in self.running() {
            await_height(node, committed.height).await;
        }
        committed
    }

    /// Every running node has the same blocks with valid certificates up to the lowest height, which is answered.
    pub async fn assert_no_fork(&self) -> u64 {
        let lowest = self.running().map(Handle::height).min().unwrap();
        for height in 1..=lowest {
            let mut blocks = Vec::new();
            for node in self.running() {
                blocks.push(node.block(height).await.unwrap().unwrap());
            }
            assert!(blocks.iter().all(|(block, _)| *block == blocks[0].0), "a fork at height {height}");
            assert!(blocks.iter().all(|(_, certificate)| certificate.block == blocks[0].1.block));
        }
        lowest
    }

    pub async fn shutdown(mut self) {
        for index in 0..self.nodes.len() {
            if self.nodes[index].is_some() {
                self.stop(index).await;
            }
        }
    }
}

pub async fn await_height(node: &Handle<Toy>, height: u64) {
    let mut heights = node.subscribe();
    within("a height", heights.wait_for(|seen| *seen >= height)).await.unwrap();
}

/// Submits and asserts that no block comes of it in several rounds; answers the transaction's id.
pub async fn assert_stands_still(node: &Handle<Toy>, sender: &KeyPair, sequence: u64) -> Digest {
    let height = node.height();
    let (id, bytes) = write(NETWORK, sender, sequence, 16);
    node.submit(bytes).await.unwrap();
    let committed = tokio::time::timeout(SEVERAL_ROUNDS, node.await_committed(id)).await;
    assert!(committed.is_err(), "it was committed without a quorum: {committed:?}");
    // What was under way when the quorum was lost may have come to its end.
    assert!(node.height() <= height + 1, "{} after {height}", node.height());
    id
}

pub async fn await_power(node: &Handle<Toy>, online: u64) {
    let mut power = node.subscribe_power();
    within("validators connecting", power.wait_for(|(seen, _)| *seen >= online)).await.unwrap();
}
