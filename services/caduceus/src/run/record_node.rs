//! The role `record-node`: a validator, and its API.

use std::sync::Arc;
use std::time::Duration;

use kit::{Condition, Shutdown};
use record_node::{Error, Identity, RecordNode, SharedClock};
use tokio::sync::watch;

use super::config::RecordNodeSettings;
use super::of_kit;
use super::process::{Process, listen};
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::network::id;
use crate::record::{Node, open_machine};
use crate::record_api::router;
use crate::record_chain::NodeChain;

/// How often figures are taken where nothing changes.
const FIGURES: Duration = Duration::from_secs(5);

/// How the node ended; none while it runs.
type Ended = watch::Receiver<Option<Result<(), String>>>;

/// The node of this process.
pub(super) struct OwnNode {
    node: Node,
    ended: Ended,
}

impl OwnNode {
    /// Starts it, with its API and its place among the conditions.
    pub(super) async fn start(process: &Process) -> Outcome<Self> {
        let settings: RecordNodeSettings = process.config.section().map_err(of_kit)?;
        let operator = id(&settings.operator)?;
        let genesis = &process.network.genesis;
        if !genesis.operators.iter().any(|known| known.id == operator) {
            let known: Vec<_> = genesis.operators.iter().map(|operator| operator.id.as_str()).collect();
            return Err(Failure::usage(format_args!(
                "[record_node] operator: the genesis names no {operator}; it names {}",
                known.join(", ")
            )));
        }
        let identity = Identity::from_seed(&process.network.validator_seed(&operator)?);
        let config =
            settings.node().map_err(|reason| Failure::usage(format_args!("section [record_node]: {reason}")))?;
        let api = listen(settings.api_listen, settings.api_open_to_network, "[record_node] api_listen").await?;
        let index = process.network.home.index_of(&operator, &config.data_dir);
        let machine = open_machine(genesis.clone(), index, config.data_dir.clone()).await.map_err(refused)?;
        let clock = process.clock.clone();
        let clock: SharedClock = Arc::new(move || clock.now_ms());
        tracing::info!(%operator, listen = %settings.listen, api = %settings.api_listen, node_id = %identity.node_id(), "record node");
        let (node, running) = RecordNode::start(config, identity, machine, clock).await.map_err(refused)?;

        let chain = NodeChain::new(node.clone(), process.network.id);
        let routes = router(node.clone(), chain, process.clock.clone());
        let shutdown = process.shutdown.clone();
        process.part("the record node's API", async move { kit::serve(api, routes, &shutdown).await.map_err(of_kit) });
        let (told, ended) = watch::channel(None);
        tokio::spawn(async move {
            let outcome = running
                .await
                .map_err(|error| error.to_string())
                .and_then(|outcome| outcome.map_err(|error| error.to_string()));
            told.send_replace(Some(outcome));
        });
        let condition = process.health.condition("record node");
        process.part("the record node", observe(node.clone(), ended.clone(), condition, process.shutdown.clone()));
        Ok(Self { node, ended })
    }

    pub(super) fn handle(&self) -> Node {
        self.node.clone()
    }

    /// Stops it; what it decided is on disk.
    pub(super) async fn stop(mut self) -> Outcome {
        self.node.shutdown().await;
        how(&mut self.ended).await.or_environment("the record node")
    }
}

/// Keeps condition and figures; ends with an error when the node ends by itself.
async fn observe(node: Node, mut ended: Ended, condition: Condition, shutdown: Shutdown) -> Outcome {
    let (mut heights, mut power) = (node.subscribe(), node.subscribe_power());
    loop {
        let (online, total) = node.power_online();
        if ledger::is_quorum(online, total) {
            condition.ready();
        } else {
            condition.not_ready(format!(
                "validators of {online} of {total} units of stake are connected; more than two thirds are needed"
            ));
        }
        figures(&node);
        tokio::select! {
            () = shutdown.triggered() => return Ok(()),
            // Neither channel closes before the node has ended.
            _ = heights.changed() => {}
            _ = power.changed() => {}
            outcome = how(&mut ended) => {
                return outcome.and(Err("it has stopped by itself".to_owned())).or_environment("the record node");
            }
            () = tokio::time::sleep(FIGURES) => {}
        }
    }
}

/// Waits for the node's end; says how it ended.
async fn how(ended: &mut Ended) -> Result<(), String> {
    let outcome = ended.wait_for(Option::is_some).await.map_err(|error| error.to_string())?.clone();
    outcome.unwrap_or(Ok(()))
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
