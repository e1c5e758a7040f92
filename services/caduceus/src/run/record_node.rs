//! The role `record-node`: a validator, and its API.

use std::sync::Arc;
use std::time::Duration;

use kit::{Condition, Shutdown};
use record_node::{ErmMachine, Error, Identity, RecordNode, SharedClock};
use tokio::task::JoinHandle;

use super::config::RecordNodeSettings;
use super::of_kit;
use super::process::Process;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::network::id;
use crate::record::Node;
use crate::record_api::router;
use crate::record_chain::NodeChain;

/// How often figures are taken where nothing changes.
const FIGURES: Duration = Duration::from_secs(5);

/// The node of this process.
pub(super) struct OwnNode {
    node: Node,
    running: JoinHandle<Result<(), Error>>,
}

impl OwnNode {
    /// Starts it, with its API and its place among the conditions.
    pub(super) async fn start(process: &Process) -> Outcome<Self> {
        let settings: RecordNodeSettings = process.config.section().map_err(of_kit)?;
        let operator = id(&settings.operator)?;
        let genesis = &process.network.genesis;
        if !genesis.operators.iter().any(|known| known.id == operator) {
            let known: Vec<_> = genesis.operators.iter().map(|operator| operator.id.as_str()).collect();
            return Err(Failure::usage(format_args!("[record_node] operator: the genesis names no {operator}; it names {}", known.join(", "))));
        }
        let identity = Identity::from_seed(&process.network.validator_seed(&operator)?);
        let config = settings.node().map_err(|reason| Failure::usage(format_args!("section [record_node]: {reason}")))?;
        let api = kit::bind(settings.api_listen, settings.api_open_to_network).await.map_err(of_kit)?;
        let machine = ErmMachine::in_memory(genesis.clone()).or_wrong("the genesis")?;
        let clock = process.clock.clone();
        let clock: SharedClock = Arc::new(move || clock.now_ms());
        tracing::info!(%operator, listen = %settings.listen, api = %settings.api_listen, node_id = %identity.node_id(), "record node");
        let (node, running) = RecordNode::start(config, identity, machine, clock).await.map_err(refused)?;

        let chain = NodeChain::new(node.clone(), process.network.id);
        let routes = router(node.clone(), chain, process.clock.clone());
        let shutdown = process.shutdown.clone();
        process.part("the record node's API", async move { kit::serve(api, routes, &shutdown).await.map_err(of_kit) });
        let condition = process.health.condition("record node");
        process.part("the record node", watch(node.clone(), condition, process.shutdown.clone()));
        Ok(Self { node, running })
    }

    pub(super) fn handle(&self) -> Node {
        self.node.clone()
    }

    /// Stops it; what it decided is on disk.
    pub(super) async fn stop(self) -> Outcome {
        self.node.shutdown().await;
        self.running.await.or_environment("the record node")?.map_err(refused)
    }
}

/// Keeps condition and figures; ends with an error when the node ends by itself.
async fn watch(node: Node, condition: Condition, shutdown: Shutdown) -> Outcome {
    let (mut heights, mut power) = (node.subscribe(), node.subscribe_power());
    loop {
        let (online, total) = node.power_online();
        if ledger::is_quorum(online, total) {
            condition.ready();
        } else {
            condition.not_ready(format!("validators of {online} of {total} units of stake are connected; more than two thirds are needed"));
        }
        figures(&node);
        tokio::select! {
            () = shutdown.triggered() => return Ok(()),
            changed = heights.changed() => changed.map_err(|_| gone())?,
            changed = power.changed() => changed.map_err(|_| gone())?,
            () = node.stopped() => return Err(gone()),
            () = tokio::time::sleep(FIGURES) => {}
        }
    }
}

fn gone() -> Failure {
    Failure::environment("the record node has stopped by itself; its log says why")
}

#[expect(clippy::cast_precision_loss, reason = "figures for people, far below 2^53")]
fn figures(node: &Node) {
    let (online, total) = node.power_online();
    metrics::gauge!("caduceus_erm_height").set(node.height() as f64);
    metrics::gauge!("caduceus_erm_stake_online").set(online as f64);
    metrics::gauge!("caduceus_erm_stake").set(total as f64);
    metrics::gauge!("caduceus_erm_transactions_waiting").set(node.waiting() as f64);
    metrics::counter!("caduceus_erm_equivocations_total").absolute(node.equivocations());
}

fn refused(error: Error) -> Failure {
    match error {
        Error::Config { .. } => Failure::usage(format_args!("section [record_node]: {error}")),
        Error::Corrupt { .. } | Error::Diverged { .. } => Failure::wrong(format_args!("the record node: {error}")),
        other => Failure::environment(format_args!("the record node: {other}")),
    }
}
