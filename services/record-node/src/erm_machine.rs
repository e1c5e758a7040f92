//! The record chain as the node's state machine.

use bytes::Bytes;
use erm::{Block, Executed, Limits, MemoryStore, NodeStore, Signed, State};
use ledger::{Digest, ValidatorSet};

use crate::{Admission, BlockSummary, Proposal, Refusal, StateMachine, Tip, Verified};

/// [`erm::State`] over some storage. [On disk](ErmMachine::on_disk) it goes on where the index stands; in memory it is
/// executed anew from the blocks at every start.
pub struct ErmMachine<S = MemoryStore> {
    pub(crate) state: State<S>,
}

impl ErmMachine {
    /// The chain of a genesis, in memory.
    ///
    /// # Errors
    /// Those of [`State::genesis`].
    pub fn in_memory(genesis: erm::Genesis) -> Result<Self, erm::Error> {
        Ok(Self { state: State::genesis(genesis, MemoryStore::default())? })
    }
}

impl<S> ErmMachine<S> {
    /// The committed state.
    pub fn state(&self) -> &State<S> {
        &self.state
    }
}

impl<S: NodeStore + Send + Sync + 'static> StateMachine for ErmMachine<S> {
    type Executed = Executed;

    fn network(&self) -> Digest {
        self.state.network()
    }

    fn tip(&self) -> Tip {
        let head = self.state.head();
        Tip { height: head.height, hash: head.block, time_ms: head.time_ms }
    }

    fn validators(&self) -> ValidatorSet {
        self.state.validators().clone()
    }

    fn id(&self, transaction: &[u8]) -> Result<Digest, Refusal> {
        let signed = Signed::decode(transaction).map_err(|refusal| refused(refusal.into()))?;
        Ok(signed.body.id(&self.state.network()))
    }

    fn admit(&self, transactions: &[Bytes]) -> Vec<Result<Admission, Refusal>> {
        match self.state.admit_all(transactions) {
            Ok(answers) => answers
                .into_iter()
                .map(|answer| answer.map(admission).map_err(|refusal| refused(refusal.into())))
                .collect(),
            Err(error) => {
                let why = refused(error);
                transactions.iter().map(|_| Err(why.clone())).collect()
            }
        }
    }

    fn still_valid(&self, admission: &Admission) -> Result<(), Refusal> {
        let sender =
            ledger::decode("sender", &admission.sender).map_err(|error| Refusal::Malformed(error.to_string()))?;
        self.state.still_valid(&sender, admission.sequence, admission.expiry_height).map_err(refused)
    }

    fn propose(
        &self,
        time_ms: i64,
        candidates: &[(Digest, Bytes)],
        max_bytes: usize,
        verified: &Verified<'_>,
    ) -> Result<Proposal<Executed>, Refusal> {
        let encoded: Vec<Vec<u8>> = candidates.iter().map(|(_, bytes)| bytes.to_vec()).collect();
        let own = self.state.founding().limits;
        let limits = Limits { block_bytes: own.block_bytes.min(u32::try_from(max_bytes).unwrap_or(u32::MAX)), ..own };
        let proposal =
            self.state.propose_with(time_ms, &encoded, &limits, &|checked| verified(checked)).map_err(refused)?;
        let dropped = proposal
            .dropped
            .into_iter()
            .filter(|(_, refusal)| !matches!(refusal, erm::Refusal::SequenceAhead { .. }))
            .filter_map(|(position, refusal)| Some((candidates.get(position)?.0, refused(refusal.into()))))
            .collect();
        Ok(Proposal { block: proposal.block.encode().into(), executed: proposal.executed, dropped })
    }

    fn summarize(&self, block: &[u8]) -> Result<BlockSummary, Refusal> {
        let block = Block::decode(block).map_err(refused)?;
        if block.transactions_root() != block.header.transactions_root {
            return Err(refused(erm::Refusal::TransactionsRoot.into()));
        }
        let network = self.state.network();
        let transactions = block
            .transactions
            .iter()
            .map(|bytes| Ok(Signed::decode(bytes).map_err(|refusal| refused(refusal.into()))?.body.id(&network)))
            .collect::<Result<_, Refusal>>()?;
        let hash = block.hash(&network);
        let header = block.header;
        Ok(BlockSummary { height: header.height, hash, parent: header.parent, time_ms: header.time_ms, transactions })
    }

    fn validate(&self, block: &[u8], verified: &Verified<'_>) -> Result<Executed, Refusal> {
        let block = Block::decode(block).map_err(refused)?;
        self.state.validate_with(&block, &|checked| verified(checked)).map_err(refused)
    }

    fn commit(&mut self, executed: Executed) -> Result<(), Refusal> {
        self.state.apply(executed).map_err(refused)
    }
}

fn admission(own: erm::Admission) -> Admission {
    Admission {
        id: own.id,
        sender: ledger::encode(&own.sender),
        sequence: own.sequence,
        expiry_height: own.expiry_height,
        checked: own.checked,
    }
}

/// The state machine's refusal in the node's words.
fn refused(error: erm::Error) -> Refusal {
    use erm::Refusal as Erm;
    match error.refusal() {
        Some(Erm::Malformed(reason)) => Refusal::Malformed(reason.clone()),
        Some(Erm::Signature(what)) => Refusal::Signature((*what).to_owned()),
        Some(Erm::Expired { height, expiry_height }) => {
            Refusal::Expired { expiry_height: *expiry_height, height: *height }
        }
        Some(Erm::SequenceUsed { expected, found }) => Refusal::Stale { given: *found, next: *expected },
        _ => Refusal::Rule(error.to_string()),
    }
}
