//! The record chain as the portal sees it, over a node in this process.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use claims::Finality;
use erm::{Block, Key, SetChange, Signed, StateProof};
use ledger::Digest;
use portal::{ChainError, RecordChain, Snapshot};
use record_node::{AwaitError, SubmitError};

use crate::record::Node;

/// A node, and the changes of validators that it has seen so far.
pub(crate) struct NodeChain {
    node: Node,
    network: Digest,
    history: tokio::sync::Mutex<History>,
}

#[derive(Default)]
struct History {
    /// Blocks up to this height were looked at.
    through: u64,
    changes: Arc<Vec<SetChange>>,
}

impl NodeChain {
    pub(crate) fn new(node: Node, network: Digest) -> Self {
        Self { node, network, history: tokio::sync::Mutex::default() }
    }

    async fn finality(&self, height: u64) -> Result<Finality, ChainError> {
        let read = self.node.block(height).await.map_err(|error| ChainError::Unavailable(error.to_string()))?;
        let (bytes, certificate) = read.ok_or(ChainError::NoHeight(height))?;
        let block = Block::decode(&bytes).map_err(|error| ChainError::Unavailable(error.to_string()))?;
        Ok(Finality { header: block.header, certificate })
    }

    /// Every change of validators in the blocks up to a height; the block of each is read once.
    async fn history(&self, height: u64) -> Result<Arc<Vec<SetChange>>, ChainError> {
        let mut history = self.history.lock().await;
        if history.through < height {
            let changes = self.node.read(|machine| machine.validator_changes(height));
            let changes = changes.map_err(|error| ChainError::Unavailable(error.to_string()))?;
            let known = history.through;
            for (changed, next) in changes.into_iter().filter(|(changed, _)| *changed > known) {
                let Finality { header, certificate } = self.finality(changed).await?;
                Arc::make_mut(&mut history.changes).push(SetChange { header, certificate, next });
                history.through = changed;
            }
            history.through = height;
        }
        let upto = history.changes.partition_point(|change| change.header.height <= height);
        Ok(match history.changes.get(..upto) {
            Some(before) if upto < history.changes.len() => Arc::new(before.to_vec()),
            _ => history.changes.clone(),
        })
    }
}

#[async_trait]
impl RecordChain for NodeChain {
    fn network(&self) -> Digest {
        self.network
    }

    async fn commit(&self, transaction: Vec<u8>) -> Result<u64, ChainError> {
        let transaction = Bytes::from(transaction);
        let unavailable = |error: &dyn std::fmt::Display| ChainError::Unavailable(error.to_string());
        let id = match self.node.submit(transaction.clone()).await {
            Ok(id) | Err(SubmitError::AlreadyWaiting(id)) => id,
            Err(SubmitError::AlreadyCommitted { height, .. }) => return Ok(height),
            Err(SubmitError::Refused(refusal)) => return Err(self.refused(&transaction, &refusal)),
            Err(error @ SubmitError::TooLarge { .. }) => return Err(of_code(0, &error)),
            Err(error @ SubmitError::SequenceTaken { by, .. }) => {
                // Every node says so until that one is in a block, and then its sender's next sequence is another.
                self.node.await_gone(by).await.map_err(|error| unavailable(&error))?;
                return Err(of_code(erm::Refusal::SequenceUsed { expected: 0, found: 0 }.code(), &error));
            }
            Err(error) => return Err(unavailable(&error)),
        };
        match self.node.await_committed(id).await {
            Ok(committed) => Ok(committed.height),
            Err(AwaitError::Dropped(refusal)) => Err(self.refused(&transaction, &refusal)),
            Err(error @ AwaitError::Stopped) => Err(unavailable(&error)),
        }
    }

    async fn snapshot(&self, height: Option<u64>) -> Result<Arc<dyn Snapshot>, ChainError> {
        let height = height.unwrap_or_else(|| self.node.height());
        let finality = self.finality(height).await?;
        let history = self.history(height.saturating_sub(1)).await?;
        Ok(Arc::new(AtHeight { node: self.node.clone(), height, finality, history }))
    }
}

impl NodeChain {
    /// A refusal with the number of the rule that the transaction breaks by now; 0 where it breaks none.
    fn refused(&self, transaction: &[u8], why: &record_node::Refusal) -> ChainError {
        let broken = match Signed::decode(transaction) {
            Err(refusal) => Some(refusal),
            Ok(signed) => self
                .node
                .read(|machine| machine.state().admit(&signed).err().and_then(|error| error.refusal().cloned())),
        };
        of_code(broken.map_or(0, |refusal| refusal.code()), why)
    }
}

fn of_code(code: u16, why: &dyn std::fmt::Display) -> ChainError {
    ChainError::Refused { code, reason: why.to_string() }
}

/// The state after one block.
struct AtHeight {
    node: Node,
    height: u64,
    finality: Finality,
    history: Arc<Vec<SetChange>>,
}

impl Snapshot for AtHeight {
    fn finality(&self) -> &Finality {
        &self.finality
    }

    fn history(&self) -> &[SetChange] {
        &self.history
    }

    fn prove(&self, key: &Key) -> Result<(Option<Vec<u8>>, StateProof), erm::Error> {
        self.node.read(|machine| machine.state().at(self.height)?.prove(key))
    }

    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, erm::Error> {
        self.node.read(|machine| machine.state().at(self.height)?.get(key))
    }
}
