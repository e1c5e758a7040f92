//! The record chain itself under consensus, checked from outside by its own light client.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use erm::{
    Act, Authority, Block, Body, Category, Consent, ConsentAct, Genesis, Grantee, Id, Limits, MembershipDecision, Mode,
    Operator, Party, PatientRegistration, Payload, Purpose, Role, RoleWeight, Sender, SetChange, TrustRoot,
    verify_header,
};
use ledger::{Digest, KeyPair, VrfKeyPair, WrapSecretKey, rng_from_seed, sha256};
use record_node::{ErmMachine, Handle, RecordNode, StateMachine as _, SubmitError};

use crate::network::{Network, WEIGHTS, identity, now_ms, within};

type Node = Handle<ErmMachine>;

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

fn key(name: &str) -> KeyPair {
    KeyPair::from_seed(&sha256(name.as_bytes()).0)
}

fn founding() -> Genesis {
    let operators = ["a-hospital", "b-doctors", "c-services", "d-insurer"];
    let roles = [Role::Hospital, Role::Doctor, Role::Laboratory, Role::Insurer];
    let party = |(operator, role): (&str, Role), weight: u64| Party {
        id: id(&format!("{operator}-party")),
        operator: id(operator),
        role,
        signer: key(operator).public(),
        vrf: VrfKeyPair::from_seed(&sha256(operator.as_bytes()).0).public(),
        wrap: WrapSecretKey::from_seed(&sha256(operator.as_bytes()).0).public(),
        units: weight,
    };
    Genesis {
        version: 1,
        name: "test network".into(),
        time_ms: 1_767_225_600_000,
        partitions: 8,
        authority: Authority { threshold: 1, keys: vec![key("authority").public()] },
        weights: Role::ALL.into_iter().map(|role| RoleWeight { role, weight: 1 }).collect(),
        operators: operators
            .iter()
            .enumerate()
            .map(|(i, name)| Operator { id: id(name), validator: identity(i).validator() })
            .collect(),
        parties: operators.into_iter().zip(roles).zip(WEIGHTS).map(|(who, weight)| party(who, weight)).collect(),
        limits: Limits::default(),
    }
}

async fn started() -> (Network, Vec<Node>, Vec<tokio::task::JoinHandle<Result<(), record_node::Error>>>) {
    let network = Network::new(&WEIGHTS, |_| {});
    let (mut nodes, mut tasks) = (Vec::new(), Vec::new());
    for index in 0..4 {
        let machine = ErmMachine::in_memory(founding()).unwrap();
        let (config, identity) = (network.configs[index].clone(), network.identities[index].clone());
        let (node, task) =
            within("a node starting", RecordNode::start(config, identity, machine, Arc::new(now_ms))).await.unwrap();
        nodes.push(node);
        tasks.push(task);
    }
    (network, nodes, tasks)
}

async fn stop(nodes: Vec<Node>, tasks: Vec<tokio::task::JoinHandle<Result<(), record_node::Error>>>) {
    for (node, task) in nodes.into_iter().zip(tasks) {
        within("a node stopping", node.shutdown()).await;
        task.await.unwrap().unwrap();
    }
}

fn signed(network: Digest, sender: Sender, sequence: u64, payload: Payload, key: &KeyPair) -> (Digest, Bytes) {
    let body = Body { sender, sequence, expiry_height: 5_000, payload };
    let id = body.id(&network);
    (id, body.sign(&network, key, &mut rng_from_seed(id.0)).encode().into())
}

fn registration(network: Digest, patient: &KeyPair, sequence: u64) -> (Digest, Bytes) {
    let by = id("a-hospital-party");
    let wrap = WrapSecretKey::from_seed(&patient.public().0).public();
    let identity = sha256(&patient.public().0);
    let registration = PatientRegistration::sign(&network, patient, wrap, identity, &by, &mut rng_from_seed([1; 32]));
    signed(network, Sender::Party(by), sequence, Payload::Patient(registration), &key("a-hospital"))
}

fn consent(network: Digest, patient: &KeyPair, sequence: u64) -> (Digest, Bytes) {
    let consent = Consent {
        grantee: Grantee::Party(id("b-doctors-party")),
        category: Category(1),
        purpose: Purpose::Treatment,
        decision: if sequence.is_multiple_of(2) { ConsentAct::Grant } else { ConsentAct::Revoke },
        mode: Mode::Read,
        service_from_day: None,
        service_to_day: None,
        expires_ms: None,
    };
    signed(network, Sender::Patient(patient.public()), sequence, Payload::Consent(consent), patient)
}

/// D8, D17: a record is final with a certificate that anyone can verify offline, also after the validators changed.
#[tokio::test(flavor = "multi_thread")]
async fn blocks_of_the_record_chain_verify_from_the_genesis_through_a_change_of_stake() {
    let (_network, nodes, tasks) = started().await;
    let network = founding().network();
    let patient = key("patient");
    let (first, bytes) = registration(network, &patient, 0);
    nodes[2].submit(bytes).await.unwrap();
    let registered = within("the registration", nodes[0].await_committed(first)).await.unwrap();
    // The authority lowers the doctors' stake: 30, 24, 22, 20.
    let decision =
        MembershipDecision { sequence: 0, acts: vec![Act::Stake { party: id("b-doctors-party"), units: 24 }] };
    let membership = decision.sign(&network, &[key("authority")], &mut rng_from_seed([2; 32]));
    let (change, bytes) = signed(network, Sender::Authority, 0, Payload::Membership(membership), &key("authority"));
    nodes[1].submit(bytes).await.unwrap();
    let changed = within("the change", nodes[0].await_committed(change)).await.unwrap();
    let (granted, bytes) = consent(network, &patient, 0);
    nodes[3].submit(bytes).await.unwrap();
    let granted = within("the consent", nodes[0].await_committed(granted)).await.unwrap();
    assert!(registered.height < changed.height && changed.height < granted.height);

    let at = async |height| {
        let (block, certificate) = nodes[0].block(height).await.unwrap().unwrap();
        (Block::decode(&block).unwrap().header, certificate)
    };
    let genesis = founding();
    let (header, certificate) = at(registered.height).await;
    verify_header(TrustRoot::Genesis(&genesis), &[], &header, &certificate).unwrap();
    let (header, certificate) = at(changed.height).await;
    let next = nodes[0].read(|machine| machine.validators());
    assert_eq!(next.total(), 96);
    let change = SetChange { header, certificate, next };
    let (header, certificate) = at(granted.height).await;
    verify_header(TrustRoot::Genesis(&genesis), std::slice::from_ref(&change), &header, &certificate).unwrap();
    assert!(verify_header(TrustRoot::Genesis(&genesis), &[], &header, &certificate).is_err(), "without the change");
    let elsewhere = Genesis { name: "another network".into(), ..founding() };
    assert!(verify_header(TrustRoot::Genesis(&elsewhere), &[change], &header, &certificate).is_err());

    // What the state's rules forbid is refused at the door: a stake that takes the clinical majority away.
    let decision =
        MembershipDecision { sequence: 1, acts: vec![Act::Stake { party: id("b-doctors-party"), units: 1 }] };
    let membership = decision.sign(&network, &[key("authority")], &mut rng_from_seed([3; 32]));
    let (_, bytes) = signed(network, Sender::Authority, 1, Payload::Membership(membership), &key("authority"));
    assert!(matches!(nodes[0].submit(bytes).await, Err(SubmitError::Refused(_))));
    stop(nodes, tasks).await;
}

/// Run by hand: `cargo test -p record-node --test it -- --ignored --nocapture erm_chain`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn load_of_consents() {
    const PATIENTS: u64 = 16;
    const EACH: u64 = 512;
    let (_network, nodes, tasks) = started().await;
    let network = founding().network();
    let patients: Vec<_> = (0..PATIENTS).map(|i| key(&format!("patient {i}"))).collect();
    let mut last = Digest::ZERO;
    for (sequence, patient) in (0..).zip(&patients) {
        let (id, bytes) = registration(network, patient, sequence);
        nodes[0].submit(bytes).await.unwrap();
        last = id;
    }
    within("the patients", nodes[0].await_committed(last)).await.unwrap();
    let consents: Vec<Vec<_>> =
        patients.iter().map(|patient| (0..EACH).map(|n| consent(network, patient, n)).collect()).collect();
    let (begun, height) = (Instant::now(), nodes[0].height());
    let loads = consents.into_iter().enumerate().map(|(i, own)| {
        let node = nodes[i % 4].clone();
        tokio::spawn(async move {
            let mut latencies = Vec::new();
            for chunk in own.chunks(128) {
                let begun = Instant::now();
                let answers = node.submit_all(chunk.iter().map(|(_, bytes)| bytes.clone()).collect()).await;
                assert!(answers.iter().all(Result::is_ok), "{answers:?}");
                within("a chunk", node.await_committed(chunk.last().unwrap().0)).await.unwrap();
                latencies.push(begun.elapsed());
            }
            latencies
        })
    });
    let mut latencies: Vec<Duration> = Vec::new();
    for load in loads.collect::<Vec<_>>() {
        latencies.extend(load.await.unwrap());
    }
    latencies.sort_unstable();
    let elapsed = begun.elapsed();
    println!(
        "consents through the record chain: {} in {elapsed:.2?}, {:.0} tx/s, {} blocks, latency p50 {:.0?} max {:.0?}",
        PATIENTS * EACH,
        (PATIENTS * EACH) as f64 / elapsed.as_secs_f64(),
        nodes[0].height() - height,
        latencies[latencies.len() / 2],
        latencies[latencies.len() - 1],
    );
    stop(nodes, tasks).await;
}
