//! A small replicated state machine: signed writes to keys. What it lacks of the record chain does not matter to the node.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use ledger::{Chain, Digest, Domain, KeyPair, PublicKey, Signature, ValidatorSet, verify_batch};
use record_node::{Admission, BlockSummary, Proposal, Refusal, StateMachine, Tip, Verified};

#[derive(Clone, BorshSerialize, BorshDeserialize)]
pub struct Body {
    pub sender: PublicKey,
    pub sequence: u64,
    pub expiry_height: u64,
    pub act: Act,
}

#[derive(Clone, BorshSerialize, BorshDeserialize)]
pub enum Act {
    Write {
        key: u32,
        value: Vec<u8>,
    },
    /// Replaces a validator's weight from the next height on; 0 removes it.
    Weight {
        validator: PublicKey,
        weight: u64,
    },
}

#[derive(BorshSerialize, BorshDeserialize)]
struct Signed {
    body: Body,
    signature: Signature,
}

/// A signed transaction.
pub fn transaction(network: Digest, key: &KeyPair, sequence: u64, expiry_height: u64, act: Act) -> (Digest, Bytes) {
    let body = Body { sender: key.public(), sequence, expiry_height, act };
    let id = Chain::record(network).digest_of(Domain::Transaction, &body);
    let signature = key.sign(&id, &mut ledger::rng_from_seed(id.0));
    (id, ledger::encode(&Signed { body, signature }).into())
}

/// A write of `bytes` bytes.
pub fn write(network: Digest, key: &KeyPair, sequence: u64, bytes: usize) -> (Digest, Bytes) {
    transaction(network, key, sequence, 1_000_000, Act::Write { key: 7, value: vec![1; bytes] })
}

#[derive(Clone, BorshSerialize, BorshDeserialize)]
struct Header {
    height: u64,
    parent: Digest,
    time_ms: i64,
    transactions: Digest,
    state: Digest,
}

#[derive(BorshSerialize, BorshDeserialize)]
struct Block {
    header: Header,
    transactions: Vec<Vec<u8>>,
}

#[derive(Clone)]
struct State {
    values: BTreeMap<u32, Vec<u8>>,
    sequences: BTreeMap<PublicKey, u64>,
    validators: BTreeMap<PublicKey, u64>,
    root: Digest,
    tip: Tip,
}

pub struct Toy {
    network: Digest,
    state: State,
    /// Takes transactions without checking their signatures: only to measure what the engine does alone.
    pub opaque: bool,
}

/// Only what changes, so that a large state costs nothing per block.
pub struct Executed {
    parent: Digest,
    values: BTreeMap<u32, Vec<u8>>,
    sequences: BTreeMap<PublicKey, u64>,
    weights: BTreeMap<PublicKey, u64>,
    root: Digest,
    tip: Tip,
}

fn malformed(error: impl std::fmt::Display) -> Refusal {
    Refusal::Malformed(error.to_string())
}

impl Toy {
    pub fn new(network: Digest, validators: &[(PublicKey, u64)]) -> Self {
        let tip = Tip { height: 0, hash: network, time_ms: 0 };
        let validators = validators.iter().copied().collect();
        Self {
            network,
            state: State { values: BTreeMap::new(), sequences: BTreeMap::new(), validators, root: network, tip },
            opaque: false,
        }
    }

    pub fn value(&self, key: u32) -> Option<Vec<u8>> {
        self.state.values.get(&key).cloned()
    }

    pub fn root(&self) -> Digest {
        self.state.root
    }

    pub fn sequence(&self, sender: &PublicKey) -> u64 {
        self.state.sequences.get(sender).copied().unwrap_or(0)
    }

    fn chain(&self) -> Chain {
        Chain::record(self.network)
    }

    fn decode(&self, bytes: &[u8]) -> Result<(Digest, Signed), Refusal> {
        let signed: Signed = ledger::decode("transaction", bytes).map_err(malformed)?;
        Ok((self.chain().digest_of(Domain::Transaction, &signed.body), signed))
    }

    fn fresh(&self) -> Executed {
        let State { root, tip, .. } = self.state.clone_small();
        Executed {
            parent: tip.hash,
            values: BTreeMap::new(),
            sequences: BTreeMap::new(),
            weights: BTreeMap::new(),
            root,
            tip,
        }
    }

    fn next_sequence(&self, executed: &Executed, sender: &PublicKey) -> u64 {
        executed.sequences.get(sender).copied().unwrap_or_else(|| self.sequence(sender))
    }

    fn execute(&self, executed: &mut Executed, id: &Digest, body: &Body, height: u64) -> Result<(), Refusal> {
        if body.expiry_height < height {
            return Err(Refusal::Expired { expiry_height: body.expiry_height, height });
        }
        let next = self.next_sequence(executed, &body.sender);
        if body.sequence < next {
            return Err(Refusal::Stale { given: body.sequence, next });
        }
        if body.sequence > next {
            return Err(Refusal::Rule(format!("sequence {} before {next}", body.sequence)));
        }
        match &body.act {
            Act::Write { value, .. } if value == b"forbidden" => {
                return Err(Refusal::Rule("this value is forbidden".into()));
            }
            Act::Write { key, value } => drop(executed.values.insert(*key, value.clone())),
            Act::Weight { validator, weight } => drop(executed.weights.insert(*validator, *weight)),
        }
        executed.sequences.insert(body.sender, next + 1);
        executed.root = self.chain().digest_parts(Domain::Content, &[&executed.root.0, &id.0]);
        Ok(())
    }

    fn seal(&self, executed: &mut Executed, time_ms: i64, transactions: &[Vec<u8>]) -> Header {
        let header = Header {
            height: self.state.tip.height + 1,
            parent: self.state.tip.hash,
            time_ms,
            transactions: self.chain().digest_of(Domain::Content, &transactions.to_vec()),
            state: executed.root,
        };
        executed.tip = Tip { height: header.height, hash: self.chain().digest_of(Domain::ErmBlock, &header), time_ms };
        header
    }

    fn open(&self, block: &[u8]) -> Result<Block, Refusal> {
        let block: Block = ledger::decode("block", block).map_err(malformed)?;
        if block.header.transactions != self.chain().digest_of(Domain::Content, &block.transactions) {
            return Err(malformed("the header names other transactions"));
        }
        Ok(block)
    }
}

impl State {
    fn clone_small(&self) -> Self {
        Self {
            values: BTreeMap::new(),
            sequences: BTreeMap::new(),
            validators: BTreeMap::new(),
            root: self.root,
            tip: self.tip,
        }
    }
}

impl StateMachine for Toy {
    type Executed = Executed;

    fn network(&self) -> Digest {
        self.network
    }

    fn tip(&self) -> Tip {
        self.state.tip
    }

    fn validators(&self) -> ValidatorSet {
        ValidatorSet::new(self.state.validators.iter().map(|(key, weight)| (*key, *weight)).collect()).unwrap()
    }

    fn id(&self, transaction: &[u8]) -> Result<Digest, Refusal> {
        Ok(self.decode(transaction)?.0)
    }

    fn admit(&self, transactions: &[Bytes]) -> Vec<Result<Admission, Refusal>> {
        let height = self.state.tip.height + 1;
        let mut answers: Vec<Result<Admission, Refusal>> = Vec::new();
        let (mut items, mut places) = (Vec::new(), Vec::new());
        for (place, bytes) in transactions.iter().enumerate() {
            answers.push(self.decode(bytes).and_then(|(id, Signed { body, signature })| {
                let admission = Admission {
                    id,
                    sender: body.sender.0.to_vec(),
                    sequence: body.sequence,
                    expiry_height: body.expiry_height,
                    checked: ledger::sha256(bytes),
                };
                self.still_valid(&admission)?;
                if body.expiry_height < height {
                    return Err(Refusal::Expired { expiry_height: body.expiry_height, height });
                }
                if !self.opaque {
                    items.push((body.sender, id, signature));
                    places.push(place);
                }
                Ok(admission)
            }));
        }
        if let Err(ledger::Error::InvalidInBatch { positions }) = verify_batch(&items) {
            for position in positions {
                answers[places[position]] = Err(Refusal::Signature("it does not verify".into()));
            }
        }
        answers
    }

    fn still_valid(&self, admission: &Admission) -> Result<(), Refusal> {
        let height = self.state.tip.height + 1;
        if admission.expiry_height < height {
            return Err(Refusal::Expired { expiry_height: admission.expiry_height, height });
        }
        let next = self.sequence(&PublicKey(admission.sender.as_slice().try_into().map_err(malformed)?));
        if admission.sequence < next {
            return Err(Refusal::Stale { given: admission.sequence, next });
        }
        Ok(())
    }

    fn propose(
        &self,
        time_ms: i64,
        candidates: &[(Digest, Bytes)],
        max_bytes: usize,
        _verified: &Verified<'_>,
    ) -> Result<Proposal<Executed>, Refusal> {
        let mut executed = self.fresh();
        let (mut transactions, mut dropped, mut bytes) = (Vec::new(), Vec::new(), 200);
        for (id, candidate) in candidates {
            if bytes + candidate.len() + 4 > max_bytes {
                break;
            }
            let (_, signed) = self.decode(candidate)?;
            match self.execute(&mut executed, id, &signed.body, self.state.tip.height + 1) {
                Ok(()) => {
                    bytes += candidate.len() + 4;
                    transactions.push(candidate.to_vec());
                }
                // A gap may close; everything else never mends.
                Err(Refusal::Rule(why)) if why.starts_with("sequence") => {}
                Err(why) => dropped.push((*id, why)),
            }
        }
        let header = self.seal(&mut executed, time_ms, &transactions);
        let block = ledger::encode(&Block { header, transactions }).into();
        Ok(Proposal { block, executed, dropped })
    }

    fn summarize(&self, block: &[u8]) -> Result<BlockSummary, Refusal> {
        let Block { header, transactions } = self.open(block)?;
        let ids = transactions.iter().map(|one| Ok(self.decode(one)?.0));
        Ok(BlockSummary {
            height: header.height,
            hash: self.chain().digest_of(Domain::ErmBlock, &header),
            parent: header.parent,
            time_ms: header.time_ms,
            transactions: ids.collect::<Result<_, Refusal>>()?,
        })
    }

    fn validate(&self, block: &[u8], verified: &Verified<'_>) -> Result<Executed, Refusal> {
        let Block { header, transactions } = self.open(block)?;
        let tip = self.state.tip;
        if header.height != tip.height + 1 || header.parent != tip.hash || header.time_ms <= tip.time_ms {
            return Err(Refusal::Rule("the block does not extend the tip".into()));
        }
        let mut executed = self.fresh();
        let mut items = Vec::new();
        for transaction in &transactions {
            let (id, signed) = self.decode(transaction)?;
            if !self.opaque && !verified(&ledger::sha256(transaction)) {
                items.push((signed.body.sender, id, signed.signature));
            }
            self.execute(&mut executed, &id, &signed.body, header.height)?;
        }
        verify_batch(&items).map_err(|error| Refusal::Signature(error.to_string()))?;
        let own = self.seal(&mut executed, header.time_ms, &transactions);
        if own.state != header.state {
            return Err(Refusal::Rule("the header names another state".into()));
        }
        Ok(executed)
    }

    fn commit(&mut self, executed: Executed) -> Result<(), Refusal> {
        if executed.parent != self.state.tip.hash {
            return Err(Refusal::Rule("executed on another state".into()));
        }
        self.state.values.extend(executed.values);
        self.state.sequences.extend(executed.sequences);
        for (key, weight) in executed.weights {
            if weight == 0 {
                self.state.validators.remove(&key);
            } else {
                self.state.validators.insert(key, weight);
            }
        }
        (self.state.root, self.state.tip) = (executed.root, executed.tip);
        Ok(())
    }
}
