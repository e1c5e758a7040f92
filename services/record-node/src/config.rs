//! Settings of a node.

use std::path::PathBuf;

use ledger::{Chain, Digest, Domain, KeyPair, PublicKey};

use crate::engine::node_id_of;
use crate::{Error, MempoolLimits};

/// Settings of a node; every key but the first four has a default.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The node's name in logs and in the engine's metrics.
    pub name: String,
    /// Where blocks, proposed blocks and the engine's write-ahead log lie.
    pub data_dir: PathBuf,
    /// Address to listen on for the other validators, `ip:port`.
    pub listen: std::net::SocketAddr,
    /// The other validators. Nobody else can connect. An entry for this node itself is passed over.
    pub peers: Vec<Peer>,
    /// With nothing to commit, a block is made after this time, milliseconds. Default 60,000.
    #[serde(default = "defaults::heartbeat_ms")]
    pub heartbeat_ms: u64,
    /// Least time between the starts of two heights, milliseconds: what arrives meanwhile shares a block. Default 20.
    #[serde(default = "defaults::block_interval_min_ms")]
    pub block_interval_min_ms: u64,
    /// Most bytes of transactions in a block. Default 1 MiB, at most 4 MiB.
    #[serde(default = "defaults::block_bytes_max")]
    pub block_bytes_max: usize,
    /// A proposed time further ahead of the own clock is voted against, milliseconds. Default 10,000.
    #[serde(default = "defaults::clock_ahead_max_ms")]
    pub clock_ahead_max_ms: i64,
    /// A proposed time further behind the own clock is voted against, milliseconds. Default 60,000.
    #[serde(default = "defaults::clock_behind_max_ms")]
    pub clock_behind_max_ms: i64,
    /// At start, how long to wait for more than two thirds of the weight before the first height, milliseconds. Default 10,000.
    #[serde(default = "defaults::connect_wait_ms")]
    pub connect_wait_ms: u64,
    /// How often transactions submitted here and not in a block yet are told to the others again, milliseconds. Default 3,000.
    #[serde(default = "defaults::gossip_repeat_ms")]
    pub gossip_repeat_ms: u64,
    /// Connections that one address may open. Default 64: validators on one machine share theirs.
    #[serde(default = "defaults::connections_per_ip")]
    pub connections_per_ip: usize,
    /// How long each step of a round waits.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// Bounds of the mempool.
    #[serde(default)]
    pub mempool: MempoolLimits,
}

/// Another validator's node.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// `host:port`; the host is an IP address or a DNS name.
    pub address: String,
    /// Its node id ([`Identity::node_id`]): the connection is refused where another key answers.
    pub node_id: String,
}

/// How long each step of a round waits, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// For the proposal. A height whose proposer is down costs this once. Default 1,000.
    pub propose_ms: u64,
    /// For more prevotes, after a quorum of different ones. Default 500.
    pub prevote_ms: u64,
    /// For more precommits, after a quorum of different ones. Default 500.
    pub precommit_ms: u64,
    /// Added to each, every round. Default 250.
    pub increase_ms: u64,
    /// Until votes are sent again. Default 2,000.
    pub rebroadcast_ms: u64,
    /// The most that any of them grows to. Default 20,000.
    pub max_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            propose_ms: 1_000,
            prevote_ms: 500,
            precommit_ms: 500,
            increase_ms: 250,
            rebroadcast_ms: 2_000,
            max_ms: 20_000,
        }
    }
}

mod defaults {
    pub(super) fn heartbeat_ms() -> u64 {
        60_000
    }
    pub(super) fn block_interval_min_ms() -> u64 {
        20
    }
    pub(super) fn block_bytes_max() -> usize {
        1 << 20
    }
    pub(super) fn clock_ahead_max_ms() -> i64 {
        10_000
    }
    pub(super) fn clock_behind_max_ms() -> i64 {
        60_000
    }
    pub(super) fn connect_wait_ms() -> u64 {
        10_000
    }
    pub(super) fn gossip_repeat_ms() -> u64 {
        3_000
    }
    pub(super) fn connections_per_ip() -> usize {
        64
    }
}

impl Config {
    /// Settings for a node with every default.
    pub fn new(
        name: impl Into<String>,
        data_dir: impl Into<PathBuf>,
        listen: std::net::SocketAddr,
        peers: Vec<Peer>,
    ) -> Self {
        Self {
            name: name.into(),
            data_dir: data_dir.into(),
            listen,
            peers,
            heartbeat_ms: defaults::heartbeat_ms(),
            block_interval_min_ms: defaults::block_interval_min_ms(),
            block_bytes_max: defaults::block_bytes_max(),
            clock_ahead_max_ms: defaults::clock_ahead_max_ms(),
            clock_behind_max_ms: defaults::clock_behind_max_ms(),
            connect_wait_ms: defaults::connect_wait_ms(),
            gossip_repeat_ms: defaults::gossip_repeat_ms(),
            connections_per_ip: defaults::connections_per_ip(),
            timeouts: Timeouts::default(),
            mempool: MempoolLimits::default(),
        }
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        let refuse = |key, reason: &str| Err(Error::Config { key, reason: reason.into() });
        if self.name.is_empty() || self.name.len() > 64 {
            return refuse("name", "1 to 64 characters");
        }
        if self.listen.port() == 0 {
            return refuse("listen", "needs a fixed port: the other validators must know it");
        }
        if !(1_024..=4 << 20).contains(&self.block_bytes_max) {
            return refuse("block_bytes_max", "1 KiB to 4 MiB: a sync response has to hold a block");
        }
        let transaction = self.mempool.transaction_bytes;
        if transaction == 0 || transaction > 120_000 || transaction > self.block_bytes_max {
            return refuse(
                "mempool.transaction_bytes",
                "1 to 120,000 and not more than block_bytes_max: it has to fit a gossip message and a block",
            );
        }
        if self.heartbeat_ms == 0 || self.gossip_repeat_ms == 0 {
            return refuse("heartbeat_ms, gossip_repeat_ms", "more than 0");
        }
        if self.timeouts.propose_ms == 0
            || self.timeouts.rebroadcast_ms == 0
            || self.timeouts.max_ms < self.timeouts.propose_ms
        {
            return refuse("timeouts", "more than 0, and max_ms not below propose_ms");
        }
        Ok(())
    }
}

/// A node's secrets: the validator's signing key and the key of its connections, from one seed.
#[derive(Clone)]
pub struct Identity {
    pub(crate) validator: KeyPair,
    pub(crate) connection_seed: [u8; 32],
}

impl Identity {
    /// From the 32 bytes that the keystore holds.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let validator = KeyPair::from_seed(seed);
        let connection_seed = Chain::record(Digest::ZERO).digest_parts(Domain::Peer, &[b"connection key", seed]).0;
        Self { validator, connection_seed }
    }

    /// The validator's public key, as in the validator set.
    pub fn validator(&self) -> PublicKey {
        self.validator.public()
    }

    /// The id by which the others know this node's connections.
    pub fn node_id(&self) -> String {
        node_id_of(&self.connection_seed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SMALLEST: &str = "name = 'n'\ndata_dir = '/tmp/n'\nlisten = '127.0.0.1:4001'\npeers = [{ address = 'a.example:4001', node_id = 'x' }]\n";

    #[test]
    fn the_smallest_file_has_every_default_and_an_unknown_key_is_refused() {
        let config: Config = toml::from_str(SMALLEST).unwrap();
        assert_eq!(config, Config::new("n", "/tmp/n", "127.0.0.1:4001".parse().unwrap(), config.peers.clone()));
        config.validate().unwrap();
        for unknown in ["heartbeat = 1", "[timeouts]\npropose = 1", "[mempool]\ncount = 1"] {
            assert!(toml::from_str::<Config>(&format!("{SMALLEST}{unknown}")).is_err(), "{unknown}");
        }
    }

    #[test]
    fn settings_that_cannot_work_are_refused_by_name() {
        let good = Config::new("n", "/tmp/n", "127.0.0.1:4001".parse().unwrap(), Vec::new());
        let refused = |change: fn(&mut Config)| {
            let mut config = good.clone();
            change(&mut config);
            matches!(config.validate(), Err(Error::Config { .. }))
        };
        assert!(refused(|config| config.name.clear()));
        assert!(refused(|config| config.listen.set_port(0)));
        assert!(refused(|config| config.block_bytes_max = 5 << 20));
        assert!(refused(|config| config.mempool.transaction_bytes = 200_000));
        assert!(refused(|config| config.heartbeat_ms = 0));
        assert!(refused(|config| config.timeouts.max_ms = 1));
    }

    #[test]
    fn one_seed_gives_one_identity_and_another_seed_another() {
        let (one, again, other) =
            (Identity::from_seed(&[1; 32]), Identity::from_seed(&[1; 32]), Identity::from_seed(&[2; 32]));
        assert_eq!((one.validator(), one.node_id()), (again.validator(), again.node_id()));
        assert!(one.validator() != other.validator() && one.node_id() != other.node_id());
    }
}
