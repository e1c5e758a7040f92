//! The way of this process to the record chain.

use std::sync::Arc;

use kit::{Clock, Configuration};
use portal::RecordChain;

use super::config::RecordChainSettings;
use crate::failure::Outcome;
use crate::network::{Network, id};
use crate::record::Node;
use crate::record_api::RemoteChain;
use crate::record_chain::NodeChain;

/// The nodes that are configured; else the node of this process; else none.
pub(super) fn record_chain(
    config: &Configuration,
    network: &Network,
    own: Option<Node>,
    clock: &Arc<dyn Clock>,
) -> Outcome<Option<Arc<dyn RecordChain>>> {
    let settings: RecordChainSettings = config.section().map_err(super::of_kit)?;
    if !settings.nodes.is_empty() {
        let party = id(&settings.party)?;
        let key = network.party(&party)?.signer;
        let chain = RemoteChain::new(settings.nodes, network.genesis.clone(), party, key, clock.clone())?;
        return Ok(Some(Arc::new(chain)));
    }
    Ok(own.map(|node| Arc::new(NodeChain::new(node, network.id)) as Arc<dyn RecordChain>))
}
