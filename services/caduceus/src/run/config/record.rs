//! `[record_node]` and `[record_chain]`: a validator, and how the others reach one.

use std::net::SocketAddr;
use std::path::PathBuf;

use kit::{Documented, Key};
use record_node::{Config, Peer};
use serde::{Deserialize, Serialize};

use crate::network::ANCHORING_PARTY;

/// Most nodes that one can be told of.
const NODES_MAX: usize = 16;

/// `[record_node]`: the validator of this process.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordNodeSettings {
    pub(crate) operator: String,
    pub(crate) data_dir: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) peers: Vec<String>,
    pub(crate) heartbeat_ms: u64,
    pub(crate) block_interval_min_ms: u64,
    pub(crate) connect_wait_ms: u64,
    pub(crate) clock_ahead_max_ms: i64,
    pub(crate) clock_behind_max_ms: i64,
    pub(crate) api_listen: SocketAddr,
    pub(crate) api_open_to_network: bool,
}

impl Default for RecordNodeSettings {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 7_001));
        let node = Config::new("hospital", "data/record/hospital", listen, Vec::new());
        Self {
            operator: node.name,
            data_dir: node.data_dir,
            listen,
            peers: Vec::new(),
            heartbeat_ms: node.heartbeat_ms,
            block_interval_min_ms: node.block_interval_min_ms,
            connect_wait_ms: node.connect_wait_ms,
            clock_ahead_max_ms: node.clock_ahead_max_ms,
            clock_behind_max_ms: node.clock_behind_max_ms,
            api_listen: SocketAddr::from(([127, 0, 0, 1], 7_101)),
            api_open_to_network: false,
        }
    }
}

impl RecordNodeSettings {
    /// The settings in the node's own form.
    pub(crate) fn node(&self) -> Result<Config, String> {
        let peers = self.peers.iter().map(|text| peer(text)).collect::<Result<_, _>>()?;
        let mut config = Config::new(&self.operator, &self.data_dir, self.listen, peers);
        config.heartbeat_ms = self.heartbeat_ms;
        config.block_interval_min_ms = self.block_interval_min_ms;
        config.connect_wait_ms = self.connect_wait_ms;
        config.clock_ahead_max_ms = self.clock_ahead_max_ms;
        config.clock_behind_max_ms = self.clock_behind_max_ms;
        Ok(config)
    }
}

fn peer(text: &str) -> Result<Peer, String> {
    let refused =
        || format!("peers: {text:?} is no peer; write \"node id@host:port\", as the other node logs it when it starts");
    let (node_id, address) = text.split_once('@').ok_or_else(refused)?;
    let port =
        address.rsplit_once(':').and_then(|(host, port)| (!host.is_empty()).then(|| port.parse::<u16>().ok())?);
    if node_id.is_empty() || port.is_none_or(|port| port == 0) {
        return Err(refused());
    }
    Ok(Peer { address: address.into(), node_id: node_id.into() })
}

impl Documented for RecordNodeSettings {
    const SECTION: &'static str = "record_node";
    const ABOUT: &'static str =
        "A validator of the record chain, one operator a process, and its API for portals and monitors.";
    const KEYS: &'static [Key] = &[
        Key::new("operator", "", "Whose validator this is, as the genesis names it; its seed is in the key store."),
        Key::new("data_dir", "", "Folder of its blocks; one process at a time."),
        Key::new(
            "listen",
            "ip:port",
            "Address for the other validators; they know each other's keys and let nobody else in.",
        ),
        Key::new("peers", "node id@host:port", "The other validators."),
        Key::new("heartbeat_ms", "ms", "With nothing to commit, a block is made after this time."),
        Key::new("block_interval_min_ms", "ms", "Least time between two blocks: what arrives meanwhile shares one."),
        Key::new(
            "connect_wait_ms",
            "ms",
            "At start, how long to wait for more than two thirds of the weight before the first block.",
        ),
        Key::new("clock_ahead_max_ms", "ms", "A proposed time further ahead of this clock is voted against."),
        Key::new("clock_behind_max_ms", "ms", "A proposed time further behind this clock is voted against."),
        Key::new(
            "api_listen",
            "ip:port",
            "Address of the API: transactions in, state with proofs out, for members of the network only.",
        ),
        Key::new(
            "api_open_to_network",
            "",
            "Whether other machines may reach the API; put a TLS proxy in front of it.",
        ),
    ];

    fn check(&self) -> Result<(), String> {
        super::reachable("api_listen", self.api_listen, "api_open_to_network", self.api_open_to_network)?;
        self.node().map(drop)
    }
}

/// `[record_chain]`: how this process reaches the record chain.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordChainSettings {
    pub(crate) nodes: Vec<String>,
    pub(crate) party: String,
}

impl Default for RecordChainSettings {
    fn default() -> Self {
        Self { nodes: Vec::new(), party: ANCHORING_PARTY.into() }
    }
}

impl Documented for RecordChainSettings {
    const SECTION: &'static str = "record_chain";
    const ABOUT: &'static str = "How monitors, portals and `enrol` reach the record chain. What a node answers is verified against the genesis.";
    const KEYS: &'static [Key] = &[
        Key::new(
            "nodes",
            "",
            "APIs of record nodes, http://host:port; where one does not answer, the next is asked. Empty: the node of this process.",
        ),
        Key::new("party", "", "The member whose key, in the key store, signs requests, anchors and registrations."),
    ];

    fn check(&self) -> Result<(), String> {
        if self.nodes.len() > NODES_MAX {
            return Err(format!("nodes: at most {NODES_MAX}"));
        }
        for node in &self.nodes {
            let address = node.strip_prefix("http://").and_then(|rest| rest.rsplit_once(':'));
            let meant = address.is_some_and(|(host, port)| {
                !host.is_empty() && !host.contains(['/', '@', '?']) && port.parse::<u16>().is_ok_and(|port| port != 0)
            });
            if !meant {
                return Err(format!(
                    "nodes: {node:?} is no API of a record node; write http://host:port (TLS is for a proxy on this machine)"
                ));
            }
        }
        Ok(())
    }
}
