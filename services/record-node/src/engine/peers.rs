//! Which validators are connected, and whether they are heard.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_malachitebft_app_channel::NetworkRequest;
use arc_malachitebft_app_channel::app::net::Multiaddr;
use ledger::{PublicKey, ValidatorSet};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::StateMachine;
use crate::node::Shared;

/// How often connections are counted until a quorum is there, and afterwards.
const FAST: Duration = Duration::from_millis(100);
const SLOW: Duration = Duration::from_millis(500);

/// A node that is connected and not heard for so long is connected to anew. Every node greets the others every two seconds.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// What other nodes said of themselves, by node id.
#[derive(Clone, Default)]
pub(super) struct Greetings(Arc<Mutex<HashMap<Vec<u8>, Greeting>>>);

/// See [`Greetings`].
#[derive(Clone, Copy)]
struct Greeting {
    /// The validator's key, from a proof that was verified.
    ///
    /// The engine has such proofs of its own, sent once a connection; it loses those that come before all its parts run.
    key: PublicKey,
    heard: Instant,
}

impl Greetings {
    /// Remembers a proof that was verified.
    pub(super) fn insert(&self, node_id: Vec<u8>, key: PublicKey) {
        let greeting = Greeting { key, heard: Instant::now() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(node_id, greeting);
    }

    fn get(&self, node_id: &[u8]) -> Option<Greeting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(node_id).copied()
    }
}

/// Since when each connected node could have been heard.
///
/// Gossip tells a peer what a node listens to when the first connection to it opens, and never again. A node that comes
/// back while the others have not noticed yet that its old connections are gone opens a second one to them: it is told
/// nothing, and sends them nothing from then on, though both count as connected. Only a new connection mends it.
#[derive(Default)]
struct Connected(HashMap<Vec<u8>, Instant>);

impl Connected {
    /// Takes in who is connected now; answers those that were not heard for too long, once each time.
    fn silent(&mut self, now: Instant, connected: &[Vec<u8>], greetings: &Greetings) -> Vec<Vec<u8>> {
        self.0.retain(|node_id, _| connected.contains(node_id));
        let mut silent = Vec::new();
        for node_id in connected {
            let since = self.0.entry(node_id.clone()).or_insert(now);
            let heard = greetings.get(node_id).map_or(*since, |greeting| greeting.heard.max(*since));
            if now.saturating_duration_since(heard) >= SILENCE_MAX {
                *since = now;
                silent.push(node_id.clone());
            }
        }
        silent
    }
}

/// Closes all connections to a node and opens a new one. Both nodes take it for a new acquaintance.
async fn connect_anew(requests: &mpsc::Sender<NetworkRequest>, address: &Multiaddr) {
    tracing::warn!(%address, "a node is connected and not heard: connecting to it anew");
    // What fails is tried again: it is not heard.
    if let Ok(Err(error)) = NetworkRequest::remove_persistent_peer(requests, address.clone()).await {
        tracing::warn!(%address, ?error, "not disconnected");
    }
    if let Ok(Err(error)) = NetworkRequest::add_persistent_peer(requests, address.clone()).await {
        tracing::warn!(%address, ?error, "not connected anew");
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
    greetings: Greetings,
    addresses: HashMap<Vec<u8>, Multiaddr>,
    requests: mpsc::Sender<NetworkRequest>,
) {
    let mut known = Connected::default();
    loop {
        let mut connected = Vec::new();
        let mut online_keys = HashSet::from([own]);
        if let Ok(Some(dump)) = NetworkRequest::dump_state(&requests).await {
            connected = dump.peers.keys().map(|node_id| node_id.to_bytes()).collect();
            for (node_id, peer) in &dump.peers {
                // A key counts only where the connection proved that it belongs to it.
                let proved = peer.consensus_public_key.as_deref().and_then(|key| Some(PublicKey(key.try_into().ok()?)));
                online_keys.extend(proved.or_else(|| Some(greetings.get(&node_id.to_bytes())?.key)));
            }
        }
        let validators = shared.machine().validators();
        let online = validators.iter().filter(|(key, _)| online_keys.contains(key)).map(|(_, weight)| weight).sum();
        let power = (online, validators.total());
        let assured = assured(&validators, &own, online, connected.len());
        let changed = shared.power.send_if_modified(|seen| std::mem::replace(seen, power) != power);
        if shared.assured.swap(assured, Ordering::Relaxed) != assured || changed {
            shared.wake.notify_one();
        }
        for address in known.silent(Instant::now(), &connected, &greetings).iter().filter_map(|one| addresses.get(one))
        {
            connect_anew(&requests, address).await;
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

    #[test]
    fn a_node_that_is_connected_and_silent_is_told_of_once_and_again_after_as_long() {
        let (greetings, mut known, begun) = (Greetings::default(), Connected::default(), Instant::now());
        let (heard, silent) = (vec![1], vec![2]);
        let both = [heard.clone(), silent.clone()];
        let second = |n: u64| begun + Duration::from_secs(n);
        assert!(known.silent(begun, &both, &greetings).is_empty());
        assert!(known.silent(second(9), &both, &greetings).is_empty());
        greetings.0.lock().unwrap().insert(heard, Greeting { key: PublicKey([1; 32]), heard: second(9) });
        assert_eq!(known.silent(second(10), &both, &greetings), std::slice::from_ref(&silent));
        assert!(known.silent(second(11), &both, &greetings).is_empty());
        assert_eq!(known.silent(second(20), &both, &greetings).len(), 2);
        // Gone and back: its time begins anew.
        assert!(known.silent(second(21), &[], &greetings).is_empty());
        assert!(known.silent(second(40), &[silent], &greetings).is_empty());
    }
}
