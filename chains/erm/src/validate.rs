//! Checking and executing whole blocks.

use ledger::Digest;

use crate::execute::Execution;
use crate::prepared::{Prepared, forged};
use crate::{Block, ChainClock, Error, Executed, Head, Header, Key, Meta, NodeStore, Refusal, State, Writes, tree};

impl<S: NodeStore> State<S> {
    /// Checks a block completely against the head and executes it.
    pub fn validate(&self, block: &Block) -> Result<Executed, Error> {
        self.validate_with(block, &|_| false)
    }

    /// As [`validate`](Self::validate), but the signatures of transactions whose
    /// [`Admission::checked`](crate::Admission::checked) is `verified` are not checked again.
    pub fn validate_with(&self, block: &Block, verified: &dyn Fn(&Digest) -> bool) -> Result<Executed, Error> {
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
        let (found, executed) = self.run(header.time_ms, &block.transactions, verified)?;
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
        self.run(time_ms, transactions, &|_| false).map(|(_, executed)| executed)
    }

    fn run(
        &self,
        time_ms: i64,
        transactions: &[Vec<u8>],
        verified: &dyn Fn(&Digest) -> bool,
    ) -> Result<(Header, Executed), Error> {
        self.after_head(time_ms)?;
        let at = |position: usize, refusal: Refusal| Refusal::Transaction { position, refusal: Box::new(refusal) };
        let mut prepared: Vec<Prepared> = Vec::with_capacity(transactions.len());
        for (position, bytes) in transactions.iter().enumerate() {
            prepared.push(self.prepare(bytes).map_err(|refusal| at(position, refusal))?);
        }
        if let Some((position, what)) = forged(prepared.iter(), verified).into_iter().next() {
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

    pub(crate) fn after_head(&self, time_ms: i64) -> Result<(), Refusal> {
        if time_ms <= self.head.time_ms {
            return Err(Refusal::Time { previous: self.head.time_ms, found: time_ms });
        }
        Ok(())
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
