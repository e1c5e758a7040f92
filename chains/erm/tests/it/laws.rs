//! Laws that hold for any sequence of transactions.

use erm::{
    Act, AnchorHeads, Category, ClinicalEvent, EventKind, Grantee, Key, Limits, MemoryStore, NodeStore, Payload,
    Purpose, RecordClaim, Role, Sender, Signed, State, Writes,
};
use ledger::{Digest, VrfOutput, sha256};
use proptest::prelude::*;

use crate::fixture::{Chain, bare_event, emergency, founding, grant, id, key, operator, party};

/// A store of another build: everything in one sorted map, values found by walking it.
#[derive(Default)]
struct SortedStore(std::collections::BTreeMap<Vec<u8>, Vec<u8>>);

impl SortedStore {
    fn value_key(key: &Digest, version: u64) -> Vec<u8> {
        [b"v".as_slice(), &key.0, &version.to_be_bytes()].concat()
    }
}

impl NodeStore for SortedStore {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, erm::Error> {
        Ok(self.0.get(&[b"n", key].concat()).cloned())
    }
    fn value(&self, key: &Digest, version: u64) -> Result<Option<Vec<u8>>, erm::Error> {
        let range = Self::value_key(key, 0)..=Self::value_key(key, version);
        Ok(self.0.range(range).next_back().map(|(_, value)| value.clone()))
    }
    fn head(&self) -> Result<Option<Vec<u8>>, erm::Error> {
        Ok(self.0.get(b"head".as_slice()).cloned())
    }
    fn commit(&mut self, writes: &Writes) -> Result<(), erm::Error> {
        for (key, node) in &writes.nodes {
            self.0.insert([b"n", key.as_slice()].concat(), node.clone());
        }
        for (key, value) in &writes.values {
            self.0.insert(Self::value_key(key, writes.version), value.clone());
        }
        // It forgets at once what only older versions need.
        for key in &writes.stale {
            self.0.remove(&[b"n", key.as_slice()].concat());
        }
        self.0.insert(b"head".to_vec(), writes.head.clone());
        Ok(())
    }
}

/// What somebody tries; many of these are refused.
#[derive(Debug, Clone)]
enum Attempt {
    Bill(u8),
    Emergency(u8, u8),
    Register(u8),
    Consent(u8, u8),
    Claim(u8, u8),
    Anchor(u8),
    Stake(u8, u16),
    Suspend(u8),
    Reinstate(u8),
    Enrol(u8, u8, u8),
    Forged(u8),
}

fn attempts() -> impl Strategy<Value = Vec<Vec<Attempt>>> {
    let any = prop_oneof![
        (0u8..6).prop_map(Attempt::Bill),
        (0u8..4, 0u8..4).prop_map(|(a, b)| Attempt::Emergency(a, b)),
        (0u8..3).prop_map(Attempt::Register),
        (0u8..3, 0u8..9).prop_map(|(a, b)| Attempt::Consent(a, b)),
        (0u8..4, 0u8..4).prop_map(|(a, b)| Attempt::Claim(a, b)),
        (0u8..2).prop_map(Attempt::Anchor),
        (0u8..10, 0u16..40).prop_map(|(a, b)| Attempt::Stake(a, b)),
        (0u8..10).prop_map(Attempt::Suspend),
        (0u8..10).prop_map(Attempt::Reinstate),
        (0u8..3, 0u8..9, 0u8..20).prop_map(|(a, b, c)| Attempt::Enrol(a, b, c)),
        (0u8..6).prop_map(Attempt::Forged),
    ];
    prop::collection::vec(prop::collection::vec(any, 0..10), 1..5)
}

fn name(n: u8) -> String {
    founding().parties[usize::from(n)].id.to_string()
}

fn transaction(chain: &mut Chain, attempt: &Attempt) -> Signed {
    let bill = |chain: &Chain, n: u8| {
        Payload::Event(bare_event(&chain.network, "pharmacy-one", "anna", EventKind::PharmacyBill, u32::from(n)))
    };
    match *attempt {
        Attempt::Bill(n) => {
            let payload = bill(chain, n);
            chain.by("pharmacy-one", payload)
        }
        Attempt::Emergency(n, by) => {
            let by = ["city-hospital", "dr-adams", "insurer-one", "imaging-one"][usize::from(by)];
            let event: ClinicalEvent =
                emergency(bare_event(&chain.network, by, "anna", EventKind::Record, u32::from(n)));
            chain.by(by, Payload::Event(event))
        }
        Attempt::Register(n) => {
            let payload = chain.registration(&format!("patient {n}"), "city-hospital");
            chain.by("city-hospital", payload)
        }
        Attempt::Consent(n, role) => {
            let grantee = Grantee::Role(Role::ALL[usize::from(role)]);
            chain.by_patient(&format!("patient {n}"), grant(grantee, Category::RECORDS, Purpose::Claim))
        }
        Attempt::Claim(n, line) => {
            let payload = Payload::Claim(RecordClaim {
                claim: sha256(&[n]),
                response: sha256(b"response"),
                fingerprints: vec![VrfOutput(sha256(&[line, 1]))],
            });
            chain.by("insurer-one", payload)
        }
        Attempt::Anchor(n) => {
            let last =
                chain.state.view().anchor(&id("city-hospital")).unwrap().map_or(Digest::ZERO, |last| last.anchor);
            let payload = Payload::Anchor(AnchorHeads { previous: last, root: sha256(&[n]), chains: 1 });
            chain.by("city-hospital", payload)
        }
        Attempt::Stake(n, units) => chain.decide(vec![Act::Stake { party: id(&name(n)), units: u64::from(units) }]),
        Attempt::Suspend(n) => chain.decide(vec![Act::Suspend(id(&name(n)))]),
        Attempt::Reinstate(n) => chain.decide(vec![Act::Reinstate(id(&name(n)))]),
        Attempt::Enrol(n, role, units) => {
            let (own, by) = (format!("new-{n}"), format!("new-operator-{n}"));
            let new = party(&own, &by, Role::ALL[usize::from(role)], u64::from(units));
            chain.decide(vec![Act::Operator(operator(&by)), Act::Enrol(new)])
        }
        Attempt::Forged(n) => {
            let payload = bill(chain, n);
            let body = chain.body(Sender::Party(id("pharmacy-one")), payload);
            chain.signed_by(body, &key("somebody else"))
        }
    }
}

fn invariants_hold(state: &State<MemoryStore>) {
    let shares = state.roster().shares().unwrap();
    assert!(shares.clinical * 2 > shares.total, "{shares:?}");
    assert!(shares.insurers * 3 < shares.total, "{shares:?}");
    assert!(shares.operators.values().all(|weight| weight * 3 < shares.total), "{shares:?}");
    assert_eq!(state.validators().total(), shares.total);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever is proposed is accepted by every node, over any storage, with the same root; and after any accepted
    /// sequence of changes the stake's invariants hold (D9).
    #[test]
    fn what_is_proposed_is_accepted_everywhere_and_keeps_the_invariants(blocks in attempts()) {
        let mut chain = Chain::new();
        let mut sorted = State::genesis(founding(), SortedStore::default()).unwrap();
        for attempts in blocks {
            let transactions: Vec<_> = attempts.iter().map(|attempt| transaction(&mut chain, attempt)).collect();
            let proposal = chain.propose(&transactions).unwrap();
            prop_assert_eq!(proposal.block.transactions.len() + proposal.dropped.len(), transactions.len());
            let again = chain.propose(&transactions).unwrap();
            prop_assert_eq!(&again.block, &proposal.block);
            prop_assert_eq!(again.dropped, proposal.dropped);

            let kept: Vec<Signed> =
                proposal.block.transactions.iter().map(|bytes| Signed::decode(bytes).unwrap()).collect();
            let executed = sorted.validate(&proposal.block).unwrap();
            prop_assert_eq!(executed.state_root(), proposal.executed.state_root());
            prop_assert_eq!(executed.outcomes(), proposal.executed.outcomes());
            sorted.apply(executed).unwrap();
            chain.commit(&kept).unwrap();
            prop_assert_eq!(sorted.head(), chain.state.head());
            invariants_hold(&chain.state);
        }
        let reopened = State::open(founding(), sorted.store_mut()).unwrap();
        prop_assert_eq!(reopened.roster(), chain.state.roster());
        prop_assert_eq!(reopened.head(), chain.state.head());
    }

    /// Executing in one block or in many gives the same values under the same keys.
    #[test]
    fn values_do_not_depend_on_how_they_were_cut_into_blocks(count in 1usize..12, cut in 1usize..12) {
        let mut one = Chain::new();
        let bill = |chain: &mut Chain, n: usize| {
            let n = u32::try_from(n).unwrap();
            let event = bare_event(&chain.network, "pharmacy-one", "anna", EventKind::PharmacyBill, n);
            chain.by("pharmacy-one", Payload::Event(event))
        };
        let signed: Vec<_> = (0..count).map(|n| bill(&mut one, n)).collect();
        one.commit(&signed).unwrap();
        let mut many = Chain::new();
        for part in signed.chunks(cut) {
            many.commit(part).unwrap();
        }
        let key = Key::Sequence(Sender::Party(id("pharmacy-one")));
        prop_assert_eq!(one.state.view().get(&key).unwrap(), many.state.view().get(&key).unwrap());
        prop_assert_eq!(one.state.view().sequence(&Sender::Party(id("pharmacy-one"))).unwrap(), count as u64);
        if cut >= count {
            prop_assert_eq!(one.state.head(), many.state.head());
        }
    }
}

#[test]
fn nothing_but_the_clock_changes_in_an_empty_block() {
    let mut chain = Chain::new();
    let proposal = chain.state.propose(chain.state.head().time_ms + 1, &[], &Limits::default()).unwrap();
    let keys: Vec<_> = proposal.executed.writes().values.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, vec![Key::Meta(erm::Meta::Clock).digest(&chain.network)]);
    chain.commit(&[]).unwrap();
}
