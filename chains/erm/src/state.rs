//! The state machine: the head, and how a block moves it.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Digest, ValidatorSet};

use crate::stake::weights;
use crate::store::Writes;
use crate::view::{View, decode_value};
use crate::{
    Authority, ChainClock, Error, Genesis, Id, Key, Meta, NodeStore, OperatorRecord, PartyRecord, Refusal, Roster,
    Seat, TransactionId, tree,
};

/// Where the chain stands.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Head {
    /// Height of the last block; 0 at genesis.
    pub height: u64,
    /// Hash of the last block; the network id at genesis.
    pub block: Digest,
    /// Time of the last block; the genesis' at genesis.
    pub time_ms: i64,
    /// Root of the state.
    pub state_root: Digest,
    /// Who decides the next block.
    pub validators: ValidatorSet,
}

/// What a transaction did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The transaction.
    pub id: TransactionId,
    /// The keys that it wrote.
    pub keys: Vec<Key>,
}

/// A block's effect, checked and ready to be applied.
#[derive(Debug, Clone)]
pub struct Executed {
    pub(crate) parent: Digest,
    pub(crate) head: Head,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) writes: Writes,
    pub(crate) roster: Option<Roster>,
    pub(crate) authority: Option<Authority>,
}

impl Executed {
    /// The head after the block.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Root of the state after the block.
    pub fn state_root(&self) -> Digest {
        self.head.state_root
    }

    /// What each transaction did, in the block's order.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// What the store has to keep.
    pub fn writes(&self) -> &Writes {
        &self.writes
    }
}

/// The record chain at its head. Pure: the same blocks give the same state on every machine and over every store.
#[derive(Debug)]
pub struct State<S> {
    pub(crate) genesis: Genesis,
    pub(crate) network: Digest,
    pub(crate) store: S,
    pub(crate) head: Head,
    pub(crate) roster: Roster,
    pub(crate) authority: Authority,
}

impl<S: NodeStore> State<S> {
    /// Founds the chain in an empty store.
    pub fn genesis(genesis: Genesis, mut store: S) -> Result<Self, Error> {
        genesis.check()?;
        if store.head()?.is_some() {
            return Err(Error::Store("it holds a chain already: open it instead".into()));
        }
        let network = genesis.network();
        let roster = Roster::founding(&genesis);
        let clock = ChainClock { height: 0, time_ms: genesis.time_ms };
        let operators: Vec<Id> = genesis.operators.iter().map(|operator| operator.id.clone()).collect();
        let mut values = BTreeMap::new();
        let mut put = |key: Key, value: Vec<u8>| values.insert(key.digest(&network), value);
        put(Key::Meta(Meta::Clock), ledger::encode(&clock));
        put(Key::Meta(Meta::Authority), ledger::encode(&genesis.authority));
        put(Key::Meta(Meta::Operators), ledger::encode(&operators));
        for operator in &genesis.operators {
            let own = genesis.parties.iter().filter(|party| party.operator == operator.id);
            let parties = own.map(|party| party.id.clone()).collect();
            let record = OperatorRecord { validator: operator.validator, parties };
            put(Key::Operator(operator.id.clone()), ledger::encode(&record));
        }
        for party in &genesis.parties {
            let record = PartyRecord::enrolled(party, 1, genesis.time_ms);
            put(Key::Party(party.id.clone()), ledger::encode(&record));
        }
        let (state_root, written) = tree::put(&store, 0, values)?;
        let validators = genesis.validators()?;
        let head = Head { height: 0, block: network, time_ms: genesis.time_ms, state_root, validators };
        store.commit(&Writes::of(&head, written))?;
        let authority = genesis.authority.clone();
        Ok(Self { genesis, network, store, head, roster, authority })
    }

    /// Opens the chain that a store holds; founds it where the store is empty.
    pub fn open(genesis: Genesis, store: S) -> Result<Self, Error> {
        let Some(bytes) = store.head()? else { return Self::genesis(genesis, store) };
        genesis.check()?;
        let network = genesis.network();
        let head: Head = decode_value(&bytes)?;
        if tree::root(&store, head.height)? != head.state_root {
            return Err(Error::Store("its root is not that of its head: rebuild it from the blocks".into()));
        }
        let (roster, authority) = members(&genesis, &network, &store, head.height)?;
        if roster.validators().map_err(Refusal::Stake)? != head.validators {
            return Err(Error::Store("its members are not those of its head: rebuild it from the blocks".into()));
        }
        Ok(Self { genesis, network, store, head, roster, authority })
    }

    /// The founding document.
    pub fn founding(&self) -> &Genesis {
        &self.genesis
    }

    /// The network id.
    pub fn network(&self) -> Digest {
        self.network
    }

    /// Where the chain stands.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Who decides the next block.
    pub fn validators(&self) -> &ValidatorSet {
        &self.head.validators
    }

    /// Members at the head.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The authority's policy at the head.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The store, for what it can do beside (pruning, statistics).
    pub fn store(&self) -> &S {
        &self.store
    }

    /// As [`store`](Self::store). Whoever changes what the chain wrote breaks it.
    pub fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    /// The state at the head.
    pub fn view(&self) -> View<'_, S> {
        View { network: self.network, store: &self.store, height: self.head.height }
    }

    /// Validators of the height after a height that the store still keeps.
    pub fn validators_at(&self, height: u64) -> Result<ValidatorSet, Error> {
        let View { height, .. } = self.at(height)?;
        let (roster, _) = members(&self.genesis, &self.network, &self.store, height)?;
        Ok(roster.validators().map_err(Refusal::Stake)?)
    }

    /// The state at a height that the store still holds, at most the head's.
    pub fn at(&self, height: u64) -> Result<View<'_, S>, Error> {
        if height > self.head.height {
            return Err(Error::Store(format!("height {height} is above the head {}", self.head.height)));
        }
        let oldest = self.store.oldest()?;
        if height < oldest {
            return Err(Error::Store(format!("height {height} is forgotten; the oldest that is kept is {oldest}")));
        }
        Ok(View { network: self.network, store: &self.store, height })
    }

    /// Moves the head. `executed` must come from this state at this head.
    pub fn apply(&mut self, executed: Executed) -> Result<(), Error> {
        let Executed { parent, head, writes, roster, authority, .. } = executed;
        if parent != self.head.block {
            return Err(Refusal::Parent { expected: self.head.block, found: parent }.into());
        }
        self.store.commit(&writes)?;
        self.head = head;
        if let Some(roster) = roster {
            self.roster = roster;
        }
        if let Some(authority) = authority {
            self.authority = authority;
        }
        Ok(())
    }
}

/// Reads all members from the state.
fn members<S: NodeStore>(
    genesis: &Genesis,
    network: &Digest,
    store: &S,
    height: u64,
) -> Result<(Roster, Authority), Error> {
    let missing = |what: &Key| Error::Store(format!("{what:?} is missing: rebuild it from the blocks"));
    let read = |key: Key| store.value(&key.digest(network), height)?.ok_or_else(|| missing(&key));
    let authority: Authority = decode_value(&read(Key::Meta(Meta::Authority))?)?;
    let listed: BTreeSet<Id> = decode_value::<Vec<Id>>(&read(Key::Meta(Meta::Operators))?)?.into_iter().collect();
    let mut roster = Roster { weights: weights(genesis), operators: BTreeMap::new(), parties: BTreeMap::new() };
    for id in listed {
        let operator: OperatorRecord = decode_value(&read(Key::Operator(id.clone()))?)?;
        for party in operator.parties {
            let record: PartyRecord = decode_value(&read(Key::Party(party.clone()))?)?;
            let active = record.active();
            let keys = record.keys.last().ok_or_else(|| missing(&Key::Party(party.clone())))?;
            let seat =
                Seat { operator: record.operator, role: record.role, units: record.units, active, signer: keys.signer };
            roster.parties.insert(party, seat);
        }
        roster.operators.insert(id, operator.validator);
    }
    Ok((roster, authority))
}

impl Writes {
    pub(crate) fn of(head: &Head, written: tree::TreeWrites) -> Self {
        let tree::TreeWrites { nodes, values, stale } = written;
        Self { version: head.height, nodes, values, stale, head: ledger::encode(head) }
    }
}
