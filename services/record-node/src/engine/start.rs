//! Builds the engine for a node and runs it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_malachitebft_app_channel::app::config::{self as engine, NodeConfig};
use arc_malachitebft_app_channel::app::net::{Multiaddr, PeerId};
use arc_malachitebft_app_channel::app::types::Keypair;
use arc_malachitebft_app_channel::app::types::codec::Codec as _;
use arc_malachitebft_app_channel::app::types::core::{LinearTimeouts, ValidatorProof};
use arc_malachitebft_app_channel::{
    Channels, ConsensusContext, EngineBuilder, EngineHandle, NetworkContext, NetworkIdentity, RequestContext,
    Signer as _, SyncContext, WalContext,
};

use super::codec::BorshCodec;
use super::context::Erm;
use super::driver::Driver;
use super::signing::{Sr25519Signer, Sr25519Verifier};
use super::types::Address;
use crate::node::{Shared, SubmissionReceiver};
use crate::{Config, Error, Identity, SharedClock, StateMachine};

/// How long to wait for a former instance to let go of the write-ahead log and of its address.
const LET_GO_WAIT: Duration = Duration::from_secs(10);
/// How long the engine's parts get to stop.
const STOP_WAIT: Duration = Duration::from_secs(10);

fn connection_key(seed: &[u8; 32]) -> Result<Keypair, Error> {
    Keypair::ed25519_from_bytes(*seed).map_err(|error| Error::Engine(error.to_string()))
}

/// The node id that belongs to a connection key.
pub(crate) fn node_id_of(seed: &[u8; 32]) -> String {
    // Every 32 bytes are an ed25519 seed.
    connection_key(seed).map_or_else(|_| String::new(), |key| key.public().to_peer_id().to_string())
}

/// A node id as the engine's events spell it; none where it is no node id.
pub(super) fn node_id_bytes(node_id: &str) -> Option<Vec<u8>> {
    node_id.parse::<PeerId>().ok().map(PeerId::to_bytes)
}

struct EngineConfig {
    name: String,
    consensus: engine::ConsensusConfig,
    sync: engine::ValueSyncConfig,
}

impl NodeConfig for EngineConfig {
    fn moniker(&self) -> &str {
        &self.name
    }

    fn consensus(&self) -> &engine::ConsensusConfig {
        &self.consensus
    }

    fn consensus_mut(&mut self) -> &mut engine::ConsensusConfig {
        &mut self.consensus
    }

    fn value_sync(&self) -> &engine::ValueSyncConfig {
        &self.sync
    }

    fn value_sync_mut(&mut self) -> &mut engine::ValueSyncConfig {
        &mut self.sync
    }
}

/// `host:port` and a node id as the engine's address; the id is pinned.
pub(super) fn peer_address(address: &str, node_id: &str) -> Result<Multiaddr, Error> {
    let refuse = |reason: String| Error::Config { key: "peers", reason };
    let peer: PeerId = node_id.parse().map_err(|error| refuse(format!("node id {node_id}: {error}")))?;
    let (host, port) = address.rsplit_once(':').ok_or_else(|| refuse(format!("{address} is not host:port")))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let kind = match host.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(_)) => "ip4",
        Ok(std::net::IpAddr::V6(_)) => "ip6",
        Err(_) => "dns4",
    };
    let text = format!("/{kind}/{host}/tcp/{port}/p2p/{peer}");
    text.parse().map_err(|error| refuse(format!("{address}: {error}")))
}

fn engine_config(config: &Config, own_id: &str) -> Result<EngineConfig, Error> {
    let mut consensus =
        engine::ConsensusConfig { value_payload: engine::ValuePayload::ProposalAndParts, ..Default::default() };
    let p2p = &mut consensus.p2p;
    let kind = if config.listen.is_ipv4() { "ip4" } else { "ip6" };
    let listen = format!("/{kind}/{}/tcp/{}", config.listen.ip(), config.listen.port());
    p2p.listen_addr = listen.parse().map_err(|error| Error::Config { key: "listen", reason: format!("{error}") })?;
    for peer in config.peers.iter().filter(|peer| peer.node_id != own_id) {
        p2p.persistent_peers.push(peer_address(&peer.address, &peer.node_id)?);
    }
    // The network is closed: who is not in the list is not talked to, and nobody is looked for.
    p2p.persistent_peers_only = true;
    p2p.discovery.enabled = false;
    p2p.discovery.max_connections_per_ip = config.connections_per_ip;
    // Restarts on one address would be locked out; the list above does what this throttle is for.
    p2p.discovery.ip_throttle_duration = Duration::ZERO;
    let sync = engine::ValueSyncConfig {
        status_update_interval: Duration::from_secs(1),
        request_timeout: Duration::from_secs(5),
        parallel_requests: 3,
        ..Default::default()
    };
    Ok(EngineConfig { name: config.name.clone(), consensus, sync })
}

pub(super) fn timeouts(config: &Config) -> LinearTimeouts {
    let ms = Duration::from_millis;
    let timeouts = &config.timeouts;
    LinearTimeouts {
        propose: ms(timeouts.propose_ms),
        propose_delta: ms(timeouts.increase_ms),
        prevote: ms(timeouts.prevote_ms),
        prevote_delta: ms(timeouts.increase_ms),
        precommit: ms(timeouts.precommit_ms),
        precommit_delta: ms(timeouts.increase_ms),
        rebroadcast: ms(timeouts.rebroadcast_ms),
        max_timeout: ms(timeouts.max_ms),
    }
}

async fn build(
    config: &Config,
    identity: &Identity,
    network: ledger::Digest,
) -> Result<(Channels<Erm>, EngineHandle, ValidatorProof<Erm>), Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Engine(format!("{error:#}"));
    let key = connection_key(&identity.connection_seed)?;
    let signer = Sr25519Signer::new(network, identity.validator.clone());
    let address = Address(identity.validator());
    let peer_id = key.public().to_peer_id().to_bytes();
    let proof = signer.sign_validator_proof(address.0.0.to_vec(), peer_id).await.map_err(|error| failed(&error))?;
    let encoded = BorshCodec.encode(&proof).map_err(|error| failed(&error))?;
    let settings = engine_config(config, &identity.node_id())?;
    let network_identity = NetworkIdentity::new_validator(config.name.clone(), key, address.to_string(), encoded);
    let consensus = ConsensusContext::new_validator(address, Box::new(Sr25519Verifier { network }), Box::new(signer));
    let (channels, engine) = EngineBuilder::new(Erm { network }, settings)
        .with_default_wal(WalContext::new(config.data_dir.join("votes.wal"), BorshCodec))
        .with_default_network(NetworkContext::new(network_identity, BorshCodec))
        .with_default_sync(SyncContext::new(BorshCodec))
        .with_default_consensus(consensus)
        .with_default_request(RequestContext::new(64))
        .build()
        .await
        .map_err(|error| Error::Engine(format!("{error:#}")))?;
    Ok((channels, engine, proof))
}

/// Waits until the write-ahead log is free: a former instance in this process may still be letting go of it.
async fn wait_for_lock(path: &std::path::Path) {
    let deadline = tokio::time::Instant::now() + LET_GO_WAIT;
    while tokio::time::Instant::now() < deadline {
        let Ok(file) = std::fs::File::open(path) else { return };
        if fs4::FileExt::try_lock(&file).is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the address is free: a former instance in this process may still be letting go of it. Where it stays taken the
/// engine would only stop, and not say why.
async fn wait_for_address(address: SocketAddr) -> Result<(), Error> {
    let deadline = tokio::time::Instant::now() + LET_GO_WAIT;
    while let Err(error) = std::net::TcpListener::bind(address) {
        if tokio::time::Instant::now() > deadline {
            let reason = format!("{address}: {error}; end whoever listens there, or name another address");
            return Err(Error::Config { key: "listen", reason });
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Runs the engine until the node is told to stop or cannot go on.
pub(crate) async fn run<M: StateMachine>(
    config: Config,
    identity: Identity,
    clock: SharedClock,
    shared: Arc<Shared<M>>,
    submissions: SubmissionReceiver,
    started: tokio::sync::oneshot::Sender<()>,
) -> Result<(), Error> {
    wait_for_lock(&config.data_dir.join("votes.wal")).await;
    wait_for_address(config.listen).await?;
    let (channels, engine, proof) = build(&config, &identity, shared.network).await?;
    let signer = Sr25519Signer::new(shared.network, identity.validator.clone());
    let outcome = match Driver::new(config, signer, proof, clock, shared.clone(), channels, submissions) {
        Ok(driver) => {
            let _ = started.send(());
            driver.run(engine.handle).await
        }
        Err(error) => Err(error),
    };
    let cell = engine.actor.get_cell();
    cell.stop_children_and_wait(Some("the node stops".into()), Some(STOP_WAIT)).await;
    cell.stop(Some("the node stops".into()));
    outcome
}
