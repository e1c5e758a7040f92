//! A record chain that executes one block a transaction.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use claims::Finality;
use erm::{Key, Limits, MemoryStore, SetChange, State, StateProof};
use kit::{Clock as _, ManualClock};
use ledger::{CommitCertificate, Digest, KeyPair, Vote, VoteKind};
use portal::{ChainError, RecordChain, Snapshot};
use rand_core::OsRng;

use super::{OPERATORS, seed};

/// One state machine; a block a transaction, signed by every validator.
pub(crate) struct OneNode {
    pub(super) network: Digest,
    pub(super) clock: Arc<ManualClock>,
    /// The next transaction is committed, and the answer is lost.
    pub(crate) lose_answer: AtomicBool,
    /// The next transaction waits at the node, and the answer is lost.
    pub(crate) hold: AtomicBool,
    /// Recorded just before the next transaction, as by another portal.
    pub(crate) overtake: Mutex<Option<Vec<u8>>>,
    pub(super) inner: Arc<Mutex<Node>>,
}

pub(super) struct Node {
    pub(super) state: State<MemoryStore>,
    pub(super) finals: BTreeMap<u64, Finality>,
}

struct At {
    inner: Arc<Mutex<Node>>,
    finality: Finality,
}

impl Snapshot for At {
    fn finality(&self) -> &Finality {
        &self.finality
    }
    fn history(&self) -> &[SetChange] {
        &[]
    }
    fn prove(&self, key: &Key) -> Result<(Option<Vec<u8>>, StateProof), erm::Error> {
        self.inner.lock().unwrap().state.at(self.finality.header.height)?.prove(key)
    }
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, erm::Error> {
        self.inner.lock().unwrap().state.at(self.finality.header.height)?.get(key)
    }
}

#[async_trait::async_trait]
impl RecordChain for OneNode {
    fn network(&self) -> Digest {
        self.network
    }

    async fn commit(&self, transaction: Vec<u8>) -> Result<u64, ChainError> {
        if self.hold.swap(false, Ordering::Relaxed) {
            *self.overtake.lock().unwrap() = Some(transaction);
            return Err(ChainError::Unavailable("no answer in time".into()));
        }
        let first = self.overtake.lock().unwrap().take();
        if let Some(first) = first {
            self.execute(first)?;
        }
        let height = self.execute(transaction)?;
        match self.lose_answer.swap(false, Ordering::Relaxed) {
            true => Err(ChainError::Unavailable("the answer is lost".into())),
            false => Ok(height),
        }
    }

    async fn snapshot(&self, height: Option<u64>) -> Result<Arc<dyn Snapshot>, ChainError> {
        let node = self.inner.lock().unwrap();
        let found = match height {
            Some(height) => node.finals.get(&height).ok_or(ChainError::NoHeight(height)),
            None => node.finals.values().next_back().ok_or_else(|| ChainError::Unavailable("no block yet".into())),
        };
        Ok(Arc::new(At { inner: self.inner.clone(), finality: found?.clone() }))
    }
}

impl OneNode {
    fn execute(&self, transaction: Vec<u8>) -> Result<u64, ChainError> {
        let mut node = self.inner.lock().unwrap();
        let time_ms = (node.state.head().time_ms + 1).max(self.clock.now_ms());
        let unavailable = |error: erm::Error| ChainError::Unavailable(error.to_string());
        let proposal = node.state.propose(time_ms, &[transaction], &Limits::default()).map_err(unavailable)?;
        if let Some((_, refusal)) = proposal.dropped.first() {
            return Err(ChainError::Refused { code: refusal.code(), reason: refusal.to_string() });
        }
        let header = proposal.block.header.clone();
        node.state.apply(proposal.executed).map_err(unavailable)?;
        let block = header.hash(&self.network);
        let sign = |name: &&str| {
            let key = KeyPair::from_seed(&seed(name, "validator"));
            let (kind, validator) = (VoteKind::Precommit, key.public());
            let vote = Vote { kind, height: header.height, round: 0, block: Some(block), validator };
            (validator, key.sign(&vote.digest(&self.network), &mut OsRng))
        };
        let mut signatures: Vec<_> = OPERATORS.iter().map(sign).collect();
        signatures.sort_by_key(|(key, _)| *key);
        let height = header.height;
        let certificate = CommitCertificate { height, round: 0, block, signatures };
        node.finals.insert(height, Finality { header, certificate });
        Ok(height)
    }
}
