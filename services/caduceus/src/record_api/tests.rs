//! Over real nodes and real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use claims::Finality;
use erm::{Id, Key, Meta, PatientRegistration, Payload, Sender};
use kit::{Clock as _, Shutdown, SystemClock};
use ledger::{Digest, KeyPair, PublicKey, WrapSecretKey};
use portal::{ChainError, Holder, RecordChain, Token};
use rand_core::OsRng;

use super::client::RemoteChain;
use super::transport::{Ask, Transport};
use super::wire::{
    AUDIENCE, AnswerSnapshot, AnswerState, AskSnapshot, AskState, COMMIT, REQUEST_BYTES_MAX, SNAPSHOT, STATE, Trouble,
};
use super::{router, send};
use crate::home::Home;
use crate::network::{Network, id};
use crate::record::RecordNodes;
use crate::record_chain::NodeChain;

const HOSPITAL: &str = "general-hospital";

/// A founded network with its four nodes and the APIs of the first two.
struct World {
    _dir: tempfile::TempDir,
    network: Arc<Network>,
    nodes: RecordNodes,
    address: SocketAddr,
    second: SocketAddr,
    over: Shutdown,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let network = Arc::new(Network::open_or_found(&Home::at(dir.path()), SystemClock.now_ms()).unwrap());
        let nodes = RecordNodes::start(&network, Arc::new(SystemClock)).await.unwrap();
        let over = Shutdown::new(Duration::from_secs(5));
        let mut addresses = Vec::new();
        for node in nodes.all().take(2) {
            let routes = router(node.clone(), NodeChain::new(node.clone(), network.id), Arc::new(SystemClock));
            addresses.push(listen(routes, &over).await);
        }
        Self { _dir: dir, network, nodes, address: addresses[0], second: addresses[1], over }
    }

    fn client(&self, addresses: &[SocketAddr]) -> RemoteChain {
        let nodes = addresses.iter().map(|address| format!("http://{address}")).collect();
        let key = self.network.party(&id(HOSPITAL).unwrap()).unwrap().signer;
        RemoteChain::new(nodes, self.network.genesis.clone(), id(HOSPITAL).unwrap(), key, Arc::new(SystemClock))
            .unwrap()
    }

    /// Registers a new patient; gives the key and the height.
    async fn register(&self, chain: &dyn RecordChain) -> (PublicKey, u64) {
        let (patient, wrap) = (KeyPair::generate(&mut OsRng), WrapSecretKey::generate(&mut OsRng).public());
        let by = id(HOSPITAL).unwrap();
        let registration =
            PatientRegistration::sign(&self.network.id, &patient, wrap, Digest([3; 32]), &by, &mut OsRng);
        let signer = self.network.party(&by).unwrap().signer;
        let height = send(chain, Sender::Party(by), &signer, Payload::Patient(registration)).await.unwrap();
        (patient.public(), height)
    }

    async fn end(self) {
        self.over.trigger();
        self.nodes.stop().await.unwrap();
    }
}

async fn listen(routes: Router, over: &Shutdown) -> SocketAddr {
    let listener = kit::bind(([127, 0, 0, 1], 0).into(), false).await.unwrap();
    let address = listener.local_addr().unwrap();
    let over = over.clone();
    tokio::spawn(async move { kit::serve(listener, routes, &over).await });
    address
}

/// A process without a node writes to the record chain and reads what it can prove; a node that is away is passed over (A10).
#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_a_node_commits_and_reads_proven_state() {
    let world = World::new().await;
    // Nobody listens at the first.
    let nowhere = kit::Port::free().unwrap();
    let chain = world.client(&[([127, 0, 0, 1], nowhere.number()).into(), world.address]);
    let (patient, height) = world.register(&chain).await;

    let snapshot = chain.snapshot(None).await.unwrap();
    assert!(snapshot.finality().header.height >= height);
    let root = snapshot.finality().header.state_root;
    let (value, proof) = snapshot.prove(&Key::Patient(patient)).unwrap();
    proof.verify(&world.network.id, &root, &Key::Patient(patient), Some(&value.unwrap())).unwrap();
    let nobody = Key::Patient(KeyPair::generate(&mut OsRng).public());
    let (nothing, absence) = snapshot.prove(&nobody).unwrap();
    assert_eq!(nothing, None);
    absence.verify(&world.network.id, &root, &nobody, None).unwrap();

    // The state of an earlier height stays what it was.
    let (later, later_height) = world.register(&chain).await;
    assert!(later_height > height);
    assert_eq!(snapshot.get(&Key::Patient(later)).unwrap(), None);
    let pinned = chain.snapshot(Some(height)).await.unwrap();
    assert_eq!(pinned.finality().header.height, height);
    assert_eq!(pinned.get(&Key::Patient(later)).unwrap(), None);
    assert!(chain.snapshot(None).await.unwrap().get(&Key::Patient(later)).unwrap().is_some());
    assert!(matches!(chain.snapshot(Some(height + 1_000)).await, Err(ChainError::NoHeight(_))));

    // The same transaction again is where it was; one that breaks a rule is refused with the rule's number.
    assert!(matches!(chain.commit(b"no transaction".to_vec()).await, Err(ChainError::Refused { code: 1, .. })));
    assert!(matches!(chain.commit(vec![0; REQUEST_BYTES_MAX + 1]).await, Err(ChainError::Refused { .. })));
    world.end().await;
}

/// A monitor anchors under the signature of a member while somebody enrols for it: both are taken in, at one node and at two.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_may_send_from_two_processes_at_once() {
    let world = World::new().await;
    for nodes in [[world.address, world.address], [world.address, world.second]] {
        let [one, other] = nodes.map(|node| world.client(&[node]));
        for _ in 0..3 {
            let (first, second) = tokio::join!(world.register(&one), world.register(&other));
            assert_ne!(first.1, second.1, "the second is signed with the next sequence, after the first's block");
        }
    }
    world.end().await;
}

/// Proofs are also asked for by code that is not async, on a runtime with one thread.
#[tokio::test]
async fn proofs_are_fetched_from_a_single_threaded_runtime_too() {
    let world = std::thread::spawn(|| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let world = runtime.block_on(World::new());
        (runtime, world)
    });
    let (runtime, world) = tokio::task::spawn_blocking(move || world.join().unwrap()).await.unwrap();
    let chain = world.client(&[world.address]);
    let (patient, _) = world.register(&chain).await;
    assert!(chain.snapshot(None).await.unwrap().get(&Key::Patient(patient)).unwrap().is_some());
    tokio::task::spawn_blocking(move || runtime.block_on(world.end())).await.unwrap();
}

/// Deny by default: only members, by their own signature or the authority's.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_let_in_without_a_members_own_token() {
    let world = World::new().await;
    let transport = Transport::start(vec![format!("http://{}", world.address)]).unwrap();
    let hospital = world.network.party(&id(HOSPITAL).unwrap()).unwrap().signer;
    let insurer = world.network.party(&id("mutual-insurer").unwrap()).unwrap().signer;
    let authority = world.network.authority().unwrap();
    let now_ms = SystemClock.now_ms();
    let token = |holder: Holder, audience: &str, from_ms: i64, to_ms: i64, key: &KeyPair| {
        Token::new(audience, holder, from_ms, to_ms, &mut OsRng).sign(&world.network.id, key, &mut OsRng)
    };
    let own = |name: &str| Holder::Party(id(name).unwrap());
    let soon = now_ms + 60_000;
    let ask = |party: &str, token: String| Ask {
        path: SNAPSHOT,
        body: ledger::encode(&AskSnapshot { height: Some(u64::MAX), at_least: 0 }).into(),
        party: party.into(),
        token,
        within: Duration::from_secs(60),
        again: false,
    };
    let patient = KeyPair::generate(&mut OsRng);
    let refused = [
        ("no token", HOSPITAL, String::new()),
        ("no token at all", HOSPITAL, "AAAA".into()),
        ("another member's signature", HOSPITAL, token(own(HOSPITAL), AUDIENCE, now_ms, soon, &insurer)),
        ("another member's token", HOSPITAL, token(own("mutual-insurer"), AUDIENCE, now_ms, soon, &insurer)),
        ("in another's name", "mutual-insurer", token(own(HOSPITAL), AUDIENCE, now_ms, soon, &hospital)),
        ("a patient's", HOSPITAL, token(Holder::Patient(patient.public()), AUDIENCE, now_ms, soon, &hospital)),
        ("another audience", HOSPITAL, token(own(HOSPITAL), "portal", now_ms, soon, &hospital)),
        ("expired", HOSPITAL, token(own(HOSPITAL), AUDIENCE, now_ms - 2, now_ms - 1, &hospital)),
        ("not yet", HOSPITAL, token(own(HOSPITAL), AUDIENCE, now_ms + 3_600_000, now_ms + 7_200_000, &hospital)),
        ("no member", "nobody", token(own("nobody"), AUDIENCE, now_ms, soon, &authority)),
        ("no name", "", token(own(HOSPITAL), AUDIENCE, now_ms, soon, &hospital)),
    ];
    for (what, party, token) in refused {
        let answer = transport.ask(ask(party, token)).await;
        assert!(matches!(answer, Err(Trouble::NotLetIn(_))), "{what}: {answer:?}");
    }
    for key in [&hospital, &authority] {
        let good = token(own(HOSPITAL), AUDIENCE, now_ms, soon, key);
        assert_eq!(transport.ask(ask(HOSPITAL, good)).await, Err(Trouble::NoHeight(u64::MAX)));
    }
    // Whoever is let in is still bounded.
    let good = token(own(HOSPITAL), AUDIENCE, now_ms, soon, &hospital);
    for (path, body) in [
        (SNAPSHOT, vec![9; 3]),
        (STATE, vec![0xff; 64]),
        (STATE, ledger::encode(&AskState { height: 1, keys: vec![Key::Meta(Meta::Clock); 257] })),
    ] {
        let answer = transport.ask(Ask { path, body: body.into(), ..ask(HOSPITAL, good.clone()) }).await;
        assert!(matches!(answer, Err(Trouble::Malformed(_))), "{path}: {answer:?}");
    }
    let too_much = Ask { path: COMMIT, body: vec![0; REQUEST_BYTES_MAX + 1].into(), ..ask(HOSPITAL, good) };
    assert!(matches!(transport.ask(too_much).await, Err(Trouble::Unavailable(_))));
    world.end().await;
}

/// What a record node does to its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    Nothing,
    StateRoot,
    FewerSignatures,
    OldBlock,
    Value,
    Absence,
    OtherKey,
    NoAnswer,
}

/// The client believes no node: every lie about finality or state is found.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_lies_is_not_believed() {
    let world = World::new().await;
    // Two blocks at least, so that the first is an old one.
    let honest = world.client(&[world.address]);
    world.register(&honest).await;
    let (patient, height) = world.register(&honest).await;
    assert!(height > 1);
    let other = id("mutual-insurer").unwrap();
    for lie in [
        Lie::Nothing,
        Lie::StateRoot,
        Lie::FewerSignatures,
        Lie::OldBlock,
        Lie::Value,
        Lie::Absence,
        Lie::OtherKey,
        Lie::NoAnswer,
    ] {
        let address = listen(lying(&world, lie, other.clone()), &world.over).await;
        let chain = world.client(&[address]);
        if lie == Lie::OldBlock {
            // It has seen a later block at an honest node.
            let seen = honest.snapshot(None).await.unwrap().finality().header.height;
            chain.snapshot(Some(seen)).await.unwrap();
        }
        let read = match chain.snapshot(None).await {
            Ok(snapshot) => snapshot.get(&Key::Patient(patient)).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match lie {
            Lie::Nothing => assert!(read.unwrap().is_some()),
            _ => assert!(read.is_err(), "{lie:?} was believed: {read:?}"),
        }
    }
    world.end().await;
}

fn lying(world: &World, lie: Lie, other: Id) -> Router {
    let chain = Arc::new(NodeChain::new(world.nodes.node().clone(), world.network.id));
    let for_state = chain.clone();
    let snapshot = move |body: Bytes| async move {
        let ask: AskSnapshot = ledger::decode("ask", &body).unwrap();
        let height = if lie == Lie::OldBlock && ask.height.is_none() { Some(1) } else { ask.height };
        let found = chain.snapshot(height).await.unwrap();
        let Finality { mut header, mut certificate } = found.finality().clone();
        match lie {
            Lie::StateRoot => header.state_root = Digest([9; 32]),
            Lie::FewerSignatures => certificate.signatures.truncate(1),
            _ => {}
        }
        ledger::encode(&AnswerSnapshot {
            finality: Finality { header, certificate },
            history: found.history().to_vec(),
        })
    };
    let state = move |body: Bytes| async move {
        let ask: AskState = ledger::decode("ask", &body).unwrap();
        let found = for_state.snapshot(Some(ask.height)).await.unwrap();
        let mut proven: Vec<_> = ask.keys.iter().map(|key| found.prove(key).unwrap()).collect();
        match lie {
            Lie::Value => proven[0].0.as_mut().unwrap()[0] ^= 1,
            Lie::Absence => proven[0].0 = None,
            Lie::OtherKey => proven[0] = found.prove(&Key::Party(other)).unwrap(),
            Lie::NoAnswer => proven.clear(),
            _ => {}
        }
        ledger::encode(&AnswerState { proven })
    };
    Router::new().route(SNAPSHOT, post(snapshot)).route(STATE, post(state))
}
