//! A running node, to the rest of the process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use ledger::{CommitCertificate, Digest};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::blocks::BlockStore;
use crate::mempool::Mempool;
use crate::{AwaitError, Config, Error, Identity, Refusal, SharedClock, StateMachine, SubmitError, engine};

/// Submissions that may wait to be checked; one more waits for room.
const SUBMISSIONS: usize = 4096;

/// A transaction on its way into the mempool.
pub(crate) struct Submission {
    pub(crate) bytes: Bytes,
    pub(crate) answer: oneshot::Sender<Result<Digest, SubmitError>>,
}

pub(crate) type SubmissionReceiver = mpsc::Receiver<Submission>;
type Waiter = oneshot::Sender<Result<Committed, AwaitError>>;

/// Where a transaction was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Height of the block.
    pub height: u64,
    /// Position in the block, from 0.
    pub index: u32,
}

/// What the parts of a node share.
pub(crate) struct Shared<M> {
    pub(crate) network: Digest,
    pub(crate) blocks: BlockStore,
    machine: RwLock<M>,
    mempool: Mutex<Mempool>,
    waiters: Mutex<HashMap<Digest, Vec<Waiter>>>,
    /// Something happened that may be a reason to start the next height.
    pub(crate) wake: Notify,
    pub(crate) heights: watch::Sender<u64>,
    /// Weight of the validators that are connected, this one included, and of all.
    pub(crate) power: watch::Sender<(u64, u64)>,
    /// Weight that is connected for certain, before every node has shown its key.
    pub(crate) assured: AtomicU64,
    /// Conflicting votes and proposals seen.
    pub(crate) evidence: AtomicU64,
    submissions: mpsc::Sender<Submission>,
    pub(crate) stop: CancellationToken,
    /// The node no longer writes.
    stopped: CancellationToken,
}

impl<M: StateMachine> Shared<M> {
    // A panic while a lock is held poisons it; state is changed only by whole assignments, so it is still whole.
    pub(crate) fn machine(&self) -> RwLockReadGuard<'_, M> {
        self.machine.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn machine_mut(&self) -> RwLockWriteGuard<'_, M> {
        self.machine.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn mempool(&self) -> MutexGuard<'_, Mempool> {
        self.mempool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiters(&self) -> MutexGuard<'_, HashMap<Digest, Vec<Waiter>>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who wait for a transaction what became of it.
    pub(crate) fn tell(&self, id: &Digest, outcome: &Result<Committed, AwaitError>) {
        for waiter in self.waiters().remove(id).into_iter().flatten() {
            let _ = waiter.send(outcome.clone());
        }
    }

    /// Forgets those who no longer wait.
    pub(crate) fn forget_gone_waiters(&self) {
        self.waiters().retain(|_, waiting| {
            waiting.retain(|waiter| !waiter.is_closed());
            !waiting.is_empty()
        });
    }

    /// Removes transactions from the mempool that can never be included and tells who waits for them.
    pub(crate) fn refuse(&self, dropped: Vec<(Digest, Refusal)>) {
        for (id, why) in dropped {
            tracing::debug!(%id, %why, "a transaction left the mempool");
            self.mempool().drop_one(&id);
            self.tell(&id, &Err(AwaitError::Dropped(why)));
        }
    }
}

/// Starts nodes.
pub struct RecordNode;

impl RecordNode {
    /// Opens the data directory, replays the chain into the machine and joins the network.
    ///
    /// `machine` stands at the genesis or at any later height of this chain. The second answer ends when the node ends:
    /// with `Ok` after [`Handle::shutdown`], else with what stopped it.
    ///
    /// # Errors
    /// [`Error::Config`] for unusable settings; [`Error::Store`], [`Error::Corrupt`], [`Error::Io`] for the data
    /// directory; [`Error::Diverged`] where stored blocks do not execute on this machine; [`Error::Engine`] where the
    /// engine does not start (port taken).
    pub async fn start<M: StateMachine>(
        config: Config,
        identity: Identity,
        machine: M,
        clock: SharedClock,
    ) -> Result<(Handle<M>, JoinHandle<Result<(), Error>>), Error> {
        config.validate()?;
        let dir = config.data_dir.clone();
        let opened = tokio::task::spawn_blocking(move || open(&dir, machine)).await;
        let (machine, blocks) = opened.map_err(|error| Error::Engine(error.to_string()))??;
        let (submissions, receiver) = mpsc::channel(SUBMISSIONS);
        let height = blocks.height();
        let total = machine.validators().total();
        let shared = Arc::new(Shared {
            network: machine.network(),
            blocks,
            machine: RwLock::new(machine),
            mempool: Mutex::new(Mempool::new(config.mempool)),
            waiters: Mutex::default(),
            wake: Notify::new(),
            heights: watch::Sender::new(height),
            power: watch::Sender::new((0, total)),
            assured: AtomicU64::new(0),
            evidence: AtomicU64::new(0),
            submissions,
            stop: CancellationToken::new(),
            stopped: CancellationToken::new(),
        });
        let (started, ready) = oneshot::channel();
        let running = tokio::spawn({
            let shared = shared.clone();
            async move {
                let outcome = engine::run(config, identity, clock, shared.clone(), receiver, started).await;
                shared.stop.cancel();
                shared.waiters().clear();
                if let Err(error) = shared.blocks.close() {
                    tracing::error!(%error, "the block log was not closed; it is as after a crash");
                }
                shared.stopped.cancel();
                outcome
            }
        });
        if ready.await.is_err() {
            // The engine did not come up: its task has ended and says why.
            return match running.await {
                Ok(Err(error)) => Err(error),
                Ok(Ok(())) => Err(Error::Stopped),
                Err(error) => Err(Error::Engine(error.to_string())),
            };
        }
        Ok((Handle { shared }, running))
    }
}

/// Opens the chain on disk and brings the machine to its end.
fn open<M: StateMachine>(dir: &std::path::Path, mut machine: M) -> Result<(M, BlockStore), Error> {
    std::fs::create_dir_all(dir).map_err(Error::io(dir))?;
    let path = dir.join("blocks");
    let blocks = BlockStore::open(&path, |height, block, certificate| {
        if height <= machine.tip().height {
            return Ok(());
        }
        let diverged = |why: Refusal| Error::Diverged { height, block: certificate.block, reason: why.to_string() };
        let summary = machine.summarize(&block).map_err(diverged)?;
        if summary.hash != certificate.block {
            return Err(Error::Corrupt {
                path: path.clone(),
                reason: format!("block {height} does not hash to what its certificate names"),
            });
        }
        // A quorum checked the signatures when it decided.
        let executed = machine.validate(&block, &|_| true).map_err(diverged)?;
        machine.commit(executed).map_err(diverged)
    })?;
    if blocks.height() < machine.tip().height {
        let reason = format!("it ends at height {}, but the state stands at {}", blocks.height(), machine.tip().height);
        return Err(Error::Corrupt { path, reason });
    }
    Ok((machine, blocks))
}

/// A running node. Cheap to clone.
pub struct Handle<M> {
    shared: Arc<Shared<M>>,
}

impl<M> Clone for Handle<M> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<M: StateMachine> Handle<M> {
    /// Checks a transaction, puts it into the mempool and tells the other validators. Answers its id.
    ///
    /// # Errors
    /// [`SubmitError`]: refused, held already, or the mempool is full.
    pub async fn submit(&self, transaction: Bytes) -> Result<Digest, SubmitError> {
        self.shared.mempool().room_for(transaction.len())?;
        let (answer, answered) = oneshot::channel();
        let submission = Submission { bytes: transaction, answer };
        self.shared.submissions.send(submission).await.map_err(|_| SubmitError::Stopped)?;
        answered.await.unwrap_or(Err(SubmitError::Stopped))
    }

    /// [`submit`](Self::submit) for many at once: their signatures are checked together. One answer each, in order.
    pub async fn submit_all(&self, transactions: Vec<Bytes>) -> Vec<Result<Digest, SubmitError>> {
        let mut answers = Vec::with_capacity(transactions.len());
        for bytes in transactions {
            let (answer, answered) = oneshot::channel();
            let sent = self.shared.submissions.send(Submission { bytes, answer }).await;
            answers.push(sent.map(|()| answered));
        }
        let mut outcomes = Vec::with_capacity(answers.len());
        for answer in answers {
            outcomes.push(match answer {
                Ok(answered) => answered.await.unwrap_or(Err(SubmitError::Stopped)),
                Err(_) => Err(SubmitError::Stopped),
            });
        }
        outcomes
    }

    /// Waits until a transaction is in a block that is final and on this node's disk.
    ///
    /// # Errors
    /// [`AwaitError`]: it was dropped, or the node stopped. Waits without end for a transaction that nobody submits.
    pub async fn await_committed(&self, id: Digest) -> Result<Committed, AwaitError> {
        let (waiter, answered) = oneshot::channel();
        self.shared.waiters().entry(id).or_default().push(waiter);
        if let Some(place) = self.shared.mempool().place(&id) {
            return Ok(Committed { height: place.height, index: place.index });
        }
        if self.shared.stop.is_cancelled() {
            return Err(AwaitError::Stopped);
        }
        answered.await.unwrap_or(Err(AwaitError::Stopped))
    }

    /// Waits until a transaction no longer waits here: it is in a block, it was dropped, or it never waited.
    ///
    /// # Errors
    /// [`AwaitError::Stopped`] where the node stops before.
    pub async fn await_gone(&self, id: Digest) -> Result<(), AwaitError> {
        let (waiter, answered) = oneshot::channel();
        self.shared.waiters().entry(id).or_default().push(waiter);
        // Whatever leaves the mempool leaves it before those who wait are told.
        if !self.shared.mempool().holds(&id) {
            return Ok(());
        }
        if self.shared.stop.is_cancelled() {
            return Err(AwaitError::Stopped);
        }
        answered.await.map(drop).map_err(|_| AwaitError::Stopped)
    }

    /// Height of the last final block here.
    pub fn height(&self) -> u64 {
        *self.shared.heights.borrow()
    }

    /// Tells new heights; slow readers see the newest.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.shared.heights.subscribe()
    }

    /// Reads the committed state. Commits wait meanwhile: keep it short.
    pub fn read<R>(&self, read: impl FnOnce(&M) -> R) -> R {
        read(&self.shared.machine())
    }

    /// A final block's bytes with its certificate; none above the tip.
    ///
    /// # Errors
    /// [`Error::Store`] or [`Error::Corrupt`] where the disk does not give it back.
    pub async fn block(&self, height: u64) -> Result<Option<(Bytes, CommitCertificate)>, Error> {
        let shared = self.shared.clone();
        tokio::task::spawn_blocking(move || shared.blocks.read(height)).await.unwrap_or(Err(Error::Stopped))
    }

    /// Weight of the validators connected to this node, itself included, and of all.
    pub fn power_online(&self) -> (u64, u64) {
        *self.shared.power.borrow()
    }

    /// Tells when validators come and go.
    pub fn subscribe_power(&self) -> watch::Receiver<(u64, u64)> {
        self.shared.power.subscribe()
    }

    /// Transactions waiting in the mempool.
    pub fn waiting(&self) -> usize {
        self.shared.mempool().len()
    }

    /// Conflicting votes and proposals of other validators seen since the start.
    pub fn equivocations(&self) -> u64 {
        self.shared.evidence.load(Ordering::Relaxed)
    }

    /// Stops the node; answers when it no longer writes.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        self.shared.stopped.cancelled().await;
    }
}
