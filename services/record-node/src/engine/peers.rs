//! Which validators are connected.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_malachitebft_app_channel::NetworkRequest;
use ledger::{PublicKey, ValidatorSet};
use tokio::sync::mpsc;

use crate::StateMachine;
use crate::node::Shared;

/// How often connections are counted until a quorum is there, and afterwards.
const FAST: Duration = Duration::from_millis(100);
const SLOW: Duration = Duration::from_millis(500);

/// Validator keys of the nodes that showed theirs, by node id.
///
/// The engine has such proofs of its own, sent once a connection; it loses those that come before all its parts run.
#[derive(Clone, Default)]
pub(super) struct Keys(Arc<Mutex<HashMap<Vec<u8>, PublicKey>>>);

impl Keys {
    /// Remembers a proof that was verified.
    pub(super) fn insert(&self, node_id: Vec<u8>, key: PublicKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(node_id, key);
    }

    fn get(&self, node_id: &[u8]) -> Option<PublicKey> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(node_id).copied()
    }
}

/// Weight that is surely connected: known validators, or, where more nodes are connected than are known, the lightest
/// that they can be. Every node that can connect is a validator's.
fn assured(validators: &ValidatorSet, own: &PublicKey, online: u64, connected: usize) -> u64 {
    let mut others: Vec<u64> = validators.iter().filter(|(key, _)| key != own).map(|(_, weight)| *weight).collect();
    others.sort_unstable();
    let lightest: u64 = others.iter().take(connected).sum();
    online.max(lightest + validators.weight(own).unwrap_or(0))
}

/// Keeps the connected weight current until the node stops.
pub(super) async fn watch<M: StateMachine>(
    shared: Arc<Shared<M>>,
    own: PublicKey,
    keys: Keys,
    requests: mpsc::Sender<NetworkRequest>,
) {
    loop {
        let mut connected = 0;
        let mut online_keys = HashSet::from([own]);
        if let Ok(Some(dump)) = NetworkRequest::dump_state(&requests).await {
            connected = dump.peers.len();
            for (node_id, peer) in &dump.peers {
                // A key counts only where the connection proved that it belongs to it.
                let proved = peer.consensus_public_key.as_deref().and_then(|key| Some(PublicKey(key.try_into().ok()?)));
                online_keys.extend(proved.or_else(|| keys.get(&node_id.to_bytes())));
            }
        }
        let validators = shared.machine().validators();
        let online = validators.iter().filter(|(key, _)| online_keys.contains(key)).map(|(_, weight)| weight).sum();
        let power = (online, validators.total());
        let assured = assured(&validators, &own, online, connected);
        let changed = shared.power.send_if_modified(|seen| std::mem::replace(seen, power) != power);
        if shared.assured.swap(assured, Ordering::Relaxed) != assured || changed {
            shared.wake.notify_one();
        }
        let pause = if ledger::is_quorum(online, power.1) { SLOW } else { FAST };
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn nodes_whose_validator_is_not_known_count_as_the_lightest_that_they_can_be() {
        let key = |byte| PublicKey([byte; 32]);
        let set = ValidatorSet::new(vec![(key(1), 30), (key(2), 28), (key(3), 22), (key(4), 20)]).unwrap();
        assert_eq!(assured(&set, &key(1), 30, 0), 30);
        assert_eq!(assured(&set, &key(1), 30, 2), 72);
        assert_eq!(assured(&set, &key(4), 20, 2), 70);
        assert_eq!(assured(&set, &key(4), 78, 2), 78, "what is known may be more");
        assert_eq!(assured(&set, &key(9), 0, 2), 42, "a node that is no validator");
    }
}
