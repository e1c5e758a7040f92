//! A decided block becomes the state.

use std::time::Duration;

use arc_malachitebft_app_channel::app::types::core::{
    CommitCertificate as EngineCertificate, ExtendedCommitCertificate,
};
use bytes::Bytes;
use ledger::CommitCertificate;

use super::super::codec::certificate_out;
use super::super::context::Erm;
use super::Driver;
use crate::node::Shared;
use crate::{AwaitError, BlockSummary, Committed, Error, StateMachine};

/// How often the mempool is looked through for what can no longer be included.
const PRUNE_INTERVAL: Duration = Duration::from_secs(1);

impl<M: StateMachine> Driver<M> {
    /// Makes a decided block the state: on disk first, then executed, then told.
    pub(super) async fn commit(&mut self, certificate: EngineCertificate<Erm>) -> Result<(), Error> {
        let extended =
            ExtendedCommitCertificate::from_commit_certificate_and_extensions(certificate, Default::default());
        let certificate = certificate_out(&extended).map_err(|error| Error::Engine(error.to_string()))?;
        let (height, hash) = (certificate.height, certificate.block);
        if height <= self.tip() {
            return Ok(());
        }
        let record = self.undecided.find(height, &hash).ok_or(Error::Undecided { height, block: hash })?;
        let block = record.bytes();
        let executed = self.executed.remove(&hash);
        let shared = self.shared.clone();
        let committed = tokio::task::spawn_blocking(move || commit(&shared, &block, &certificate, executed));
        let summary = committed.await.map_err(|error| Error::Engine(error.to_string()))??;
        self.executed.clear();
        self.undecided.prune(height)?;
        self.assembler.prune(height);
        self.pace.committed(summary.transactions.is_empty());
        self.settle(&summary);
        Ok(())
    }

    /// Clears the mempool of what the block holds and of what it made impossible, and tells who waits.
    fn settle(&mut self, summary: &BlockSummary) {
        let height = summary.height;
        self.shared.mempool().committed(height, &summary.transactions);
        // Before anybody is told: whoever hears that a transaction is in a block finds that block.
        self.shared.heights.send_replace(height);
        for (index, id) in (0u32..).zip(&summary.transactions) {
            self.shared.tell(id, &Ok(Committed { height, index }));
        }
        self.unpruned = true;
        if summary.transactions.is_empty() {
            self.prune();
        } else {
            self.prune_where_due();
        }
        metrics::gauge!("record_node_height").set(f64::from(u32::try_from(height).unwrap_or(u32::MAX)));
        metrics::counter!("record_node_transactions").increment(summary.transactions.len() as u64);
    }

    /// Looks through the mempool where a block was decided since that was done last, at most once an interval. The last of
    /// many blocks may be followed by none for long, and what it made impossible would wait as long.
    pub(super) fn prune_where_due(&mut self) {
        if self.unpruned && self.last_prune.elapsed() >= PRUNE_INTERVAL {
            self.prune();
        }
    }

    fn prune(&mut self) {
        (self.unpruned, self.last_prune) = (false, tokio::time::Instant::now());
        self.shared.forget_gone_waiters();
        let machine = self.shared.machine();
        let dropped = self.shared.mempool().prune(|admission| machine.still_valid(admission));
        drop(machine);
        for (id, why) in dropped {
            self.shared.tell(&id, &Err(AwaitError::Dropped(why)));
        }
    }
}

fn commit<M: StateMachine>(
    shared: &Shared<M>,
    block: &Bytes,
    certificate: &CommitCertificate,
    executed: Option<M::Executed>,
) -> Result<BlockSummary, Error> {
    let diverged = |why: crate::Refusal| Error::Diverged {
        height: certificate.height,
        block: certificate.block,
        reason: why.to_string(),
    };
    let summary = shared.machine().summarize(block).map_err(diverged)?;
    let executed = match executed {
        Some(executed) => executed,
        None => shared.machine().validate(block, &|checked| shared.mempool().is_checked(checked)).map_err(diverged)?,
    };
    shared.blocks.append(block, certificate)?;
    shared.machine_mut().commit(executed).map_err(diverged)?;
    Ok(summary)
}
