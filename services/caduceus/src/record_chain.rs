//! The record chain as the portal sees it, over a node in this process.

use std::sync::Arc;

use async_trait::async_trait;
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
        let code = self.refusal_code(&transaction);
        let id = match self.node.submit(transaction.into()).await {
            Ok(id) | Err(SubmitError::AlreadyWaiting(id)) => id,
            Err(SubmitError::AlreadyCommitted { height, .. }) => return Ok(height),
            Err(SubmitError::Refused(refusal)) => {
                return Err(ChainError::Refused { code, reason: refusal.to_string() });
            }
            Err(error) => return Err(ChainError::Unavailable(error.to_string())),
        };
        match self.node.await_committed(id).await {
            Ok(committed) => Ok(committed.height),
            Err(AwaitError::Dropped(refusal)) => Err(ChainError::Refused { code, reason: refusal.to_string() }),
            Err(error @ AwaitError::Stopped) => Err(ChainError::Unavailable(error.to_string())),
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
    /// The number of the rule that a transaction breaks now; 0 where it breaks none yet.
    fn refusal_code(&self, transaction: &[u8]) -> u16 {
        let refusal = match Signed::decode(transaction) {
            Err(refusal) => Some(refusal),
            Ok(signed) => self
                .node
                .read(|machine| machine.state().admit(&signed).err().and_then(|error| error.refusal().cloned())),
        };
        refusal.map_or(0, |refusal| refusal.code())
    }
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
