use erm::{
    Block, Error, EventKind, Genesis, Head, Header, Limits, MemoryStore, NodeStore, Payload, Refusal, Signed, State,
    Writes,
};
use ledger::{Digest, Signature, sha256};

use crate::fixture::{Chain, bare_event, founding, id, key, validator};

fn bill(chain: &mut Chain, n: u32) -> Signed {
    let event = bare_event(&chain.network, "pharmacy-one", "anna", EventKind::PharmacyBill, n);
    chain.by("pharmacy-one", Payload::Event(event))
}

fn refused(result: Result<erm::Executed, Error>) -> Refusal {
    match result {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("accepted: {other:?}"),
    }
}

#[test]
fn every_changed_header_field_is_refused() {
    let mut chain = Chain::new();
    let first = bill(&mut chain, 0);
    chain.commit(&[first]).unwrap();
    let second = bill(&mut chain, 1);
    let block = chain.propose(&[second]).unwrap().block;
    chain.other.validate(&block).unwrap();
    type Change = fn(&mut Header);
    let other_set = |header: &mut Header| header.validators = sha256(b"others");
    let changes: Vec<(u16, Change)> = vec![
        (100, |header| header.height += 1),
        (100, |header| header.height = 1),
        (101, |header| header.parent = Digest::ZERO),
        (102, |header| header.time_ms -= 1_000),
        (102, |header| header.time_ms = i64::MIN),
        (103, other_set),
        (104, |header| header.next_validators = sha256(b"others")),
        (105, |header| header.transactions_root = sha256(b"others")),
        (106, |header| header.state_root = sha256(b"another state")),
        // The clock is in the state: the same block at another time has another root.
        (106, |header| header.time_ms += 1),
    ];
    for (code, change) in changes {
        let mut changed = block.clone();
        change(&mut changed.header);
        assert_eq!(refused(chain.other.validate(&changed)).code(), code);
        assert_ne!(changed.hash(&chain.network), block.hash(&chain.network));
    }
}

#[test]
fn a_block_with_other_transactions_than_its_root_is_refused() {
    let mut chain = Chain::new();
    let transactions = [bill(&mut chain, 0), bill(&mut chain, 1)];
    let block = chain.propose(&transactions).unwrap().block;
    let mut swapped = block.clone();
    swapped.transactions.swap(0, 1);
    let mut fewer = block.clone();
    fewer.transactions.pop();
    let mut doubled = block.clone();
    doubled.transactions.push(block.transactions[1].clone());
    for changed in [swapped, fewer, doubled] {
        assert_eq!(refused(chain.other.validate(&changed)), Refusal::TransactionsRoot);
    }
}

/// E21: an invalid signature is never ordered: neither admitted, nor proposed, nor accepted in a block.
#[test]
fn an_invalid_signature_is_never_ordered() {
    let mut chain = Chain::new();
    let good = bill(&mut chain, 0);
    let mut forged = bill(&mut chain, 1);
    forged.signature = Signature([7; 64]);
    let third = bill(&mut chain, 2);
    assert!(matches!(chain.state.admit(&forged), Err(Error::Refused(Refusal::Signature("the sender")))));

    let proposal = chain.propose(&[good.clone(), forged.clone(), third]).unwrap();
    assert_eq!(proposal.block.transactions, vec![good.encode()]);
    assert_eq!(proposal.dropped[0], (1, Refusal::Signature("the sender")));
    assert_eq!(proposal.dropped[1].1.code(), 10, "its predecessor is missing");

    let mut block = proposal.block;
    block.transactions.push(forged.encode());
    block.header.transactions_root = block.transactions_root();
    let expected = Refusal::Transaction { position: 1, refusal: Box::new(Refusal::Signature("the sender")) };
    assert_eq!(refused(chain.other.validate(&block)), expected);
}

#[test]
fn every_changed_byte_of_a_transaction_is_refused() {
    let mut chain = Chain::new();
    let event = chain.visit("city-hospital", "anna", EventKind::Record, 0);
    let signed = chain.by("city-hospital", Payload::Event(event));
    let bytes = signed.encode();
    chain.state.admit(&signed).unwrap();
    for offset in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[offset] ^= 1 << (offset % 8);
        if let Ok(decoded) = Signed::decode(&changed) {
            assert!(chain.state.admit(&decoded).is_err(), "byte {offset}");
        }
    }
}

#[test]
fn a_transaction_of_another_network_is_refused() {
    let mut chain = Chain::new();
    let elsewhere = Chain::of(Genesis { name: "another network".into(), ..founding() });
    let event = bare_event(&chain.network, "pharmacy-one", "anna", EventKind::PharmacyBill, 0);
    let body = chain.body(erm::Sender::Party(id("pharmacy-one")), Payload::Event(event));
    let signed = body.sign(&elsewhere.network, &key("pharmacy-one"), &mut chain.rng);
    assert_eq!(chain.refusal(&signed), Refusal::Signature("the sender"));
}

#[test]
fn sequences_are_used_once_and_without_gaps() {
    let mut chain = Chain::new();
    let signed = [bill(&mut chain, 0), bill(&mut chain, 1), bill(&mut chain, 2)];
    chain.commit(&signed[..1]).unwrap();
    assert_eq!(chain.refusal(&signed[0]), Refusal::SequenceUsed { expected: 1, found: 0 });
    // Ahead is admitted, waits, and does not get into a block alone.
    chain.state.admit(&signed[2]).unwrap();
    let proposal = chain.propose(&signed[2..]).unwrap();
    assert_eq!(proposal.dropped, vec![(0, Refusal::SequenceAhead { expected: 1, found: 2 })]);
    // Out of order in the mempool, in order in the block.
    let proposal = chain.propose(&[signed[2].clone(), signed[1].clone()]).unwrap();
    assert_eq!(proposal.block.transactions, vec![signed[1].encode(), signed[2].encode()]);
    assert!(proposal.dropped.is_empty());
    chain.other.validate(&proposal.block).unwrap();

    let mut far = signed[2].body.clone();
    far.sequence = 1 + erm::SEQUENCE_AHEAD_MAX + 1;
    let far = chain.signed_by(far, &key("pharmacy-one"));
    assert_eq!(chain.refusal(&far).code(), 10);
}

#[test]
fn a_transaction_is_executed_up_to_its_expiry_height_and_not_after() {
    let mut chain = Chain::new();
    let mut body = bill(&mut chain, 0).body;
    body.expiry_height = 2;
    let signed = chain.signed_by(body.clone(), &key("pharmacy-one"));
    chain.commit(&[]).unwrap();
    chain.state.admit(&signed).unwrap();
    chain.commit(&[]).unwrap();
    assert_eq!(chain.refusal(&signed), Refusal::Expired { height: 3, expiry_height: 2 });

    body.expiry_height = 3 + founding().limits.expiry_heights + 1;
    let far = chain.signed_by(body.clone(), &key("pharmacy-one"));
    assert_eq!(chain.refusal(&far).code(), 12);
    body.expiry_height = 3;
    let last = chain.signed_by(body, &key("pharmacy-one"));
    chain.commit(&[last]).unwrap();
}

#[test]
fn limits_bound_transactions_and_blocks() {
    let mut genesis = founding();
    genesis.limits =
        Limits { block_transactions: 3, block_bytes: 4_096, transaction_bytes: 4_096, expiry_heights: 200 };
    let mut chain = Chain::of(genesis);
    let signed: Vec<_> = (0..5).map(|n| bill(&mut chain, n)).collect();
    let encoded: Vec<_> = signed.iter().map(Signed::encode).collect();
    let proposal = chain.propose(&signed).unwrap();
    assert_eq!((proposal.block.transactions.len(), proposal.considered), (3, 3));
    // A smaller block on demand.
    let time_ms = chain.state.head().time_ms + 1;
    let small = Limits { block_bytes: u32::try_from(encoded[0].len() * 2).unwrap(), ..Limits::default() };
    let small = chain.state.propose(time_ms, &encoded, &small).unwrap();
    assert_eq!((small.block.transactions.len(), small.considered), (2, 2));

    let mut block = proposal.block;
    block.transactions.push(encoded[3].clone());
    block.header.transactions_root = block.transactions_root();
    assert_eq!(refused(chain.other.validate(&block)), Refusal::BlockTooLarge);

    let fields = (0..64).map(|number| (number, sha256(b"x"))).collect();
    let event = bare_event(&chain.network, "pharmacy-one", "anna", EventKind::PharmacyBill, 9);
    let large = erm::ClinicalEvent { fields, ..event };
    let large = chain.by("pharmacy-one", Payload::Event(large));
    assert!(large.encode().len() < 4_096);
    let many = erm::RecordClaim {
        claim: sha256(b"c"),
        response: sha256(b"r"),
        fingerprints: (0..200u8).map(|n| ledger::VrfOutput(Digest([n; 32]))).collect(),
    };
    let many = chain.by("insurer-one", Payload::Claim(many));
    assert_eq!(chain.refusal(&many).code(), 2);
    assert!(matches!(Block::decode(&vec![0; 10 << 20]), Err(Error::Refused(Refusal::BlockTooLarge))));
    assert_eq!(Signed::decode(&vec![0; 300 << 10]).unwrap_err().code(), 2);
}

#[test]
fn an_effect_is_applied_once_and_to_its_own_head_only() {
    let mut chain = Chain::new();
    let proposal = chain.propose(&[]).unwrap();
    chain.state.apply(proposal.executed.clone()).unwrap();
    assert!(matches!(chain.state.apply(proposal.executed), Err(Error::Refused(Refusal::Parent { .. }))));
}

#[test]
fn a_node_that_opens_its_store_again_stands_where_it_stood() {
    let mut chain = Chain::new();
    let acts = vec![
        erm::Act::Operator(crate::fixture::operator("eyes")),
        erm::Act::Enrol(crate::fixture::party("eye-clinic", "eyes", erm::Role::Hospital, 3)),
        erm::Act::Suspend(id("imaging-one")),
        erm::Act::Authority(erm::Authority { threshold: 1, keys: vec![key("new authority").public()] }),
    ];
    let change = chain.decide(acts);
    chain.commit(&[change]).unwrap();
    let signed = bill(&mut chain, 0);
    chain.commit(&[signed]).unwrap();

    let reopened = State::open(founding(), chain.state.store().clone()).unwrap();
    assert_eq!(reopened.head(), chain.state.head());
    assert_eq!(reopened.roster(), chain.state.roster());
    assert_eq!(reopened.authority(), chain.state.authority());
    assert_eq!(reopened.validators().weight(&validator("eyes").public()), Some(6));
    let block = chain.propose(&[]).unwrap().block;
    reopened.validate(&block).unwrap();

    assert!(matches!(State::genesis(founding(), chain.state.store().clone()), Err(Error::Store(_))));
    let other = Genesis { name: "another network".into(), ..founding() };
    assert!(matches!(State::open(other, chain.state.store().clone()), Err(Error::Store(_))));
    assert_eq!(State::open(founding(), MemoryStore::default()).unwrap().head().height, 0);
}

/// A store that loses nodes or gives wrong ones is told from a wrong transaction.
struct Broken(MemoryStore);

impl NodeStore for Broken {
    fn node(&self, _: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Err(Error::Store("the disk is gone".into()))
    }
    fn value(&self, key: &Digest, version: u64) -> Result<Option<Vec<u8>>, Error> {
        self.0.value(key, version)
    }
    fn head(&self) -> Result<Option<Vec<u8>>, Error> {
        self.0.head()
    }
    fn commit(&mut self, writes: &Writes) -> Result<(), Error> {
        self.0.commit(writes)
    }
}

#[test]
fn a_failing_store_is_no_refusal() {
    assert_eq!(
        State::genesis(founding(), Broken(MemoryStore::default())).map(|_| ()),
        Err(Error::Store("the disk is gone".into()))
    );
    let mut chain = Chain::new();
    chain.commit(&[]).unwrap();
    let mut damaged = chain.state.store().clone();
    let head: Head = ledger::decode("head", &damaged.head().unwrap().unwrap()).unwrap();
    let wrong = Head { state_root: sha256(b"another"), ..head };
    let writes = Writes { version: 1, nodes: vec![], values: vec![], stale: vec![], head: ledger::encode(&wrong) };
    damaged.commit(&writes).unwrap();
    let error = State::open(founding(), damaged).unwrap_err().to_string();
    assert!(error.contains("rebuild it from the blocks"), "{error}");
}

#[test]
fn a_block_decodes_from_its_own_bytes_only() {
    let mut chain = Chain::new();
    let signed = bill(&mut chain, 0);
    let block = chain.propose(&[signed]).unwrap().block;
    let bytes = block.encode();
    assert_eq!(Block::decode(&bytes).unwrap(), block);
    for length in 0..bytes.len() {
        assert!(Block::decode(&bytes[..length]).is_err(), "{length} bytes");
    }
    let mut longer = bytes;
    longer.push(0);
    assert!(Block::decode(&longer).is_err());
}

#[test]
fn many_are_admitted_in_one_batch_with_one_answer_each() {
    let mut chain = Chain::new();
    let good = bill(&mut chain, 0);
    let mut forged = bill(&mut chain, 1);
    forged.signature = Signature([7; 64]);
    let next = bill(&mut chain, 2);
    let encoded = vec![good.encode(), vec![1, 2, 3], forged.encode(), next.encode()];
    let answers = chain.state.admit_all(&encoded).unwrap();
    let codes: Vec<_> =
        answers.iter().map(|answer| answer.as_ref().map_err(Refusal::code).map(|found| found.id)).collect();
    assert_eq!(codes, vec![Ok(good.body.id(&chain.network)), Err(1), Err(8), Ok(next.body.id(&chain.network))]);
    let Ok(admission) = &answers[0] else { panic!("admitted") };
    chain.state.still_valid(&admission.sender, admission.sequence, admission.expiry_height).unwrap();
    chain.commit(&[good]).unwrap();
    let used = chain.state.still_valid(&admission.sender, admission.sequence, admission.expiry_height).unwrap_err();
    assert_eq!(used.refusal().map(Refusal::code), Some(9));
    let expired = chain.state.still_valid(&admission.sender, 5, 1).unwrap_err();
    assert_eq!(expired.refusal().map(Refusal::code), Some(11));
}

/// E21: what was verified before is not verified again, and nothing else passes for it.
#[test]
fn only_the_very_signatures_that_were_checked_are_not_checked_again() {
    let mut chain = Chain::new();
    let signed = bill(&mut chain, 0);
    let admitted = chain.state.admit_all(&[signed.encode()]).unwrap().remove(0).unwrap();
    let known = |digest: &Digest| *digest == admitted.checked;
    let block = chain.propose(std::slice::from_ref(&signed)).unwrap().block;
    chain.other.validate_with(&block, &known).unwrap();

    // The same body under another signature is another thing.
    let mut forged = signed.clone();
    forged.signature = Signature([7; 64]);
    let mut with_forged = block.clone();
    with_forged.transactions = vec![forged.encode()];
    with_forged.header.transactions_root = with_forged.transactions_root();
    assert_eq!(refused(chain.other.validate_with(&with_forged, &known)).code(), 108);

    // And so is the same signature once the sender's key is another.
    let rotate = erm::Act::Rotate {
        party: id("pharmacy-one"),
        signer: key("pharmacy-one 2").public(),
        vrf: crate::fixture::vrf("x").public(),
        wrap: crate::fixture::wrap("x"),
    };
    let rotate = chain.decide(vec![rotate]);
    chain.commit(&[rotate]).unwrap();
    let time_ms = chain.state.head().time_ms + 1;
    let proposal = chain.state.propose_with(time_ms, &[signed.encode()], &Limits::default(), &known).unwrap();
    assert_eq!(proposal.dropped, vec![(0, Refusal::Signature("the sender"))]);
}
