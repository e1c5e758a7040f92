//! Which validators are connected.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use arc_malachitebft_app_channel::NetworkRequest;
use ledger::PublicKey;
use tokio::sync::mpsc;

use crate::StateMachine;
use crate::node::Shared;

/// How often connections are counted until a quorum is there, and afterwards.
const FAST: Duration = Duration::from_millis(100);
const SLOW: Duration = Duration::from_millis(500);

/// Keeps the connected weight current until the node stops.
pub(super) async fn watch<M: StateMachine>(shared: Arc<Shared<M>>, own: PublicKey, requests: mpsc::Sender<NetworkRequest>) {
    loop {
        let mut keys = HashSet::from([own]);
        if let Ok(Some(dump)) = NetworkRequest::dump_state(&requests).await {
            // A key is listed only where the connection proved that it belongs to it.
            let proved = dump.peers.values().filter_map(|peer| peer.consensus_public_key.as_deref());
            keys.extend(proved.filter_map(|key| Some(PublicKey(key.try_into().ok()?))));
        }
        let validators = shared.machine().validators();
        let online = validators.iter().filter(|(key, _)| keys.contains(key)).map(|(_, weight)| weight).sum();
        let power = (online, validators.total());
        let changed = shared.power.send_if_modified(|seen| std::mem::replace(seen, power) != power);
        if changed {
            shared.wake.notify_one();
        }
        let pause = if ledger::is_quorum(power.0, power.1) { SLOW } else { FAST };
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}
