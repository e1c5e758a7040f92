//! The state machine: the head, and how a block moves it.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Digest, ValidatorSet};

use crate::execute::Execution;
use crate::stake::weights;
use crate::store::Writes;
use crate::view::{View, decode_value};
use crate::{
    Authority, Block, ChainClock, Error, Genesis, Header, Id, Key, Meta, NodeStore, OperatorRecord, PartyRecord,
    Refusal, Roster, Seat, Signed, TransactionId, tree,
};

/// How far ahead of the next sequence a transaction may be to be admitted.
pub const SEQUENCE_AHEAD_MAX: u64 = 4_096;

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

    /// Whether a transaction can be in a next block, for the mempool. Sequences may be ahead by
    /// [`SEQUENCE_AHEAD_MAX`]; one that is next is tried against the head.
    pub fn admit(&self, signed: &Signed) -> Result<TransactionId, Error> {
        signed.body.check()?;
        self.within(signed.encode().len())?;
        let id = signed.body.id(&self.network);
        let checks = self.authorise(signed, &id)?;
        let mut trial = Execution::new(self, self.head.time_ms.saturating_add(1));
        trial.expiry(signed.body.expiry_height)?;
        let (expected, found) = (trial.next_sequence(&signed.body.sender)?, signed.body.sequence);
        if found < expected {
            return Err(Refusal::SequenceUsed { expected, found }.into());
        }
        if found - expected > SEQUENCE_AHEAD_MAX {
            return Err(Refusal::SequenceAhead { expected, found }.into());
        }
        for check in checks {
            let (key, digest, signature) = check.item;
            key.verify(&digest, &signature).map_err(|_| Refusal::Signature(check.what))?;
        }
        if found == expected {
            trial.transaction(signed, id)?;
        }
        Ok(id)
    }

    /// Checks a block completely against the head and executes it.
    pub fn validate(&self, block: &Block) -> Result<Executed, Error> {
        let header = &block.header;
        let expected = self.head.height.saturating_add(1);
        if header.height != expected {
            return Err(Refusal::Height { expected, found: header.height }.into());
        }
        if header.parent != self.head.block {
            return Err(Refusal::Parent { expected: self.head.block, found: header.parent }.into());
        }
        if header.validators != self.head.validators.digest(&self.network) {
            return Err(Refusal::Validators.into());
        }
        let limits = &self.genesis.limits;
        let bytes: usize = block.transactions.iter().map(Vec::len).fold(0, usize::saturating_add);
        if block.transactions.len() > limits.block_transactions as usize || bytes > limits.block_bytes as usize {
            return Err(Refusal::BlockTooLarge.into());
        }
        if block.transactions_root() != header.transactions_root {
            return Err(Refusal::TransactionsRoot.into());
        }
        let (found, executed) = self.run(header.time_ms, &block.transactions)?;
        if found.state_root != header.state_root {
            return Err(Refusal::StateRoot { expected: found.state_root, found: header.state_root }.into());
        }
        if found.next_validators != header.next_validators {
            return Err(Refusal::NextValidators.into());
        }
        Ok(executed)
    }

    /// Executes encoded transactions at a time on top of the head, every signature checked; the first that fails
    /// refuses all. Gives the effect of the block that they make.
    pub fn execute(&self, time_ms: i64, transactions: &[Vec<u8>]) -> Result<Executed, Error> {
        self.run(time_ms, transactions).map(|(_, executed)| executed)
    }

    fn run(&self, time_ms: i64, transactions: &[Vec<u8>]) -> Result<(Header, Executed), Error> {
        self.after_head(time_ms)?;
        let at = |position: usize, refusal: Refusal| Refusal::Transaction { position, refusal: Box::new(refusal) };
        let mut prepared = Vec::with_capacity(transactions.len());
        for (position, bytes) in transactions.iter().enumerate() {
            prepared.push(self.prepare(bytes).map_err(|refusal| at(position, refusal))?);
        }
        if let Some((position, what)) = first_forged(&prepared) {
            return Err(at(position, Refusal::Signature(what)).into());
        }
        let mut execution = Execution::new(self, time_ms);
        for (position, item) in prepared.iter().enumerate() {
            execution.transaction(&item.signed, item.id).map_err(|error| match error {
                Error::Refused(refusal) => at(position, refusal).into(),
                other => other,
            })?;
        }
        self.finish(execution, ledger::root_of(transactions))
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

    pub(crate) fn after_head(&self, time_ms: i64) -> Result<(), Refusal> {
        if time_ms <= self.head.time_ms {
            return Err(Refusal::Time { previous: self.head.time_ms, found: time_ms });
        }
        Ok(())
    }

    pub(crate) fn within(&self, bytes: usize) -> Result<(), Refusal> {
        let limit = self.genesis.limits.transaction_bytes;
        if bytes > limit as usize {
            return Err(Refusal::TooLarge { bytes, limit });
        }
        Ok(())
    }

    /// Decodes a transaction, checks it as far as the head allows and lists the signatures to check.
    pub(crate) fn prepare(&self, bytes: &[u8]) -> Result<Prepared, Refusal> {
        self.within(bytes.len())?;
        let signed = Signed::decode(bytes)?;
        let id = signed.body.id(&self.network);
        let checks = self.authorise(&signed, &id)?;
        Ok(Prepared { signed, id, checks })
    }

    /// Root, header and head of what was executed.
    pub(crate) fn finish(
        &self,
        execution: Execution<'_, S>,
        transactions_root: Digest,
    ) -> Result<(Header, Executed), Error> {
        let Execution { height, time_ms, mut writes, roster, authority, outcomes, .. } = execution;
        let clock = ChainClock { height, time_ms };
        writes.insert(Key::Meta(Meta::Clock).digest(&self.network), ledger::encode(&clock));
        let validators = match &roster {
            Some(roster) => roster.validators().map_err(Refusal::Stake)?,
            None => self.head.validators.clone(),
        };
        let (state_root, written) = tree::put(&self.store, height, writes)?;
        let header = Header {
            height,
            parent: self.head.block,
            time_ms,
            transactions_root,
            state_root,
            validators: self.head.validators.digest(&self.network),
            next_validators: validators.digest(&self.network),
        };
        let head = Head { height, block: header.hash(&self.network), time_ms, state_root, validators };
        let writes = Writes::of(&head, written);
        Ok((header, Executed { parent: self.head.block, head, outcomes, writes, roster, authority }))
    }
}

/// A transaction that may be executed once its signatures verify.
pub(crate) struct Prepared {
    pub(crate) signed: Signed,
    pub(crate) id: TransactionId,
    pub(crate) checks: Vec<crate::execute::Check>,
}

/// Checks all signatures of many transactions in one batch; positions of those with a bad one, with its name.
pub(crate) fn forged<'a>(prepared: impl Iterator<Item = &'a Prepared>) -> BTreeMap<usize, &'static str> {
    let mut items = Vec::new();
    let mut owners = Vec::new();
    for (position, item) in prepared.enumerate() {
        for check in &item.checks {
            items.push(check.item);
            owners.push((position, check.what));
        }
    }
    let bad: Vec<usize> = match ledger::verify_batch(&items) {
        Ok(()) => Vec::new(),
        Err(ledger::Error::InvalidInBatch { positions }) => positions,
        Err(_) => (0..items.len()).collect(),
    };
    let mut found = BTreeMap::new();
    for (position, what) in bad.iter().filter_map(|bad| owners.get(*bad)) {
        found.entry(*position).or_insert(*what);
    }
    found
}

fn first_forged(prepared: &[Prepared]) -> Option<(usize, &'static str)> {
    forged(prepared.iter()).into_iter().next()
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
            let seat = Seat {
                operator: record.operator,
                role: record.role,
                units: record.units,
                active,
                signer: keys.signer,
            };
            roster.parties.insert(party, seat);
        }
        roster.operators.insert(id, operator.validator);
    }
    Ok((roster, authority))
}

impl Writes {
    fn of(head: &Head, written: tree::TreeWrites) -> Self {
        let tree::TreeWrites { nodes, values, stale } = written;
        Self { version: head.height, nodes, values, stale, head: ledger::encode(head) }
    }
}
