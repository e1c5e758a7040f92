//! Answers the engine's questions. One message at a time: most of the engine's questions are waited for inline.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arc_malachitebft_app_channel::app::engine::host::{HeightParams, Next, SyncedValueOutcome};
use arc_malachitebft_app_channel::app::engine::util::events::{Event, RxEvent};
use arc_malachitebft_app_channel::app::engine::util::streaming::StreamContent;
use arc_malachitebft_app_channel::app::types::core::{
    CommitCertificate as EngineCertificate, Context as _, Round, ValidatorProof, Validity,
};
use arc_malachitebft_app_channel::app::types::streaming::{StreamId, StreamMessage};
use arc_malachitebft_app_channel::app::types::sync::RawDecidedValue;
use arc_malachitebft_app_channel::app::types::{
    LocallyProposedValue, MisbehaviorEvidence, PeerId, ProposedValue, SignedConsensusMsg,
};
use arc_malachitebft_app_channel::{AppMsg, Channels, NetworkMsg, Reply, Verifier as _};
use bytes::Bytes;
use ledger::{CommitCertificate, Digest, PublicKey};
use rand_core::{OsRng, RngCore as _};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::codec::{certificate_in, certificate_out};
use super::context::Erm;
use super::parts::{Assembler, split};
use super::signing::{Sr25519Signer, Sr25519Verifier, opening_verifies};
use super::start::{node_id_bytes, timeouts};
use super::types::{Address, BlockHash, Height, Opening, OpeningContent, Part, Validators};
use super::{pace, peers};
use crate::clock::{is_acceptable, next_time_ms};
use crate::gossip::{self, Told};
use crate::node::{Shared, SubmissionReceiver};
use crate::undecided::{Undecided, UndecidedStore};
use crate::{AwaitError, BlockSummary, Committed, Config, Error, SharedClock, StateMachine};

/// Largest block that is taken in, whatever this node's own `block_bytes_max` is: settings may differ between nodes.
const BLOCK_BYTES_LIMIT: usize = 5 << 20;
/// Proposals kept for heights this far beyond the next one.
const HEIGHTS_AHEAD: u64 = 4;
/// Different blocks kept for one round: two show that the proposer equivocates, a third shows nothing more.
const BLOCKS_PER_ROUND: usize = 2;
/// How often the mempool is looked through for what can no longer be included.
const PRUNE_INTERVAL: Duration = Duration::from_secs(1);
/// How often the others are told where this node stands, and connections are counted.
const TICK: Duration = Duration::from_millis(500);
/// Ticks between two hellos: whoever connected since learns whose node this is.
const HELLO_TICKS: u32 = 4;
/// Most bytes of blocks in one answer to a lagging node.
const SYNC_BYTES: usize = 8 << 20;

/// What the engine waits for before it starts a height.
enum Start {
    First(Reply<(Height, HeightParams<Erm>)>),
    Next(Reply<Next<Erm>>),
}

/// See the module.
pub(super) struct Driver<M: StateMachine> {
    config: Config,
    own: PublicKey,
    proof: ValidatorProof<Erm>,
    keys: peers::Keys,
    signer: Sr25519Signer,
    clock: SharedClock,
    shared: Arc<Shared<M>>,
    consensus: mpsc::Receiver<AppMsg<Erm>>,
    network: mpsc::Sender<NetworkMsg<Erm>>,
    events: RxEvent<Erm>,
    told: mpsc::Sender<Told>,
    /// Node ids of the peers in the settings. A stranger's connection lasts until the engine has read its id; what it
    /// sends until then is not taken.
    members: HashSet<Vec<u8>>,
    undecided: UndecidedStore,
    assembler: Assembler,
    /// Blocks executed on the tip.
    executed: HashMap<Digest, M::Executed>,
    start: Option<Start>,
    pace: pace::Pace,
    arrivals_seen: u64,
    last_prune: tokio::time::Instant,
}

fn round_number(round: Round) -> u32 {
    round.as_u32().unwrap_or(0)
}

impl<M: StateMachine> Driver<M> {
    pub(super) fn new(
        config: Config,
        signer: Sr25519Signer,
        proof: ValidatorProof<Erm>,
        clock: SharedClock,
        shared: Arc<Shared<M>>,
        channels: Channels<Erm>,
        submissions: SubmissionReceiver,
    ) -> Result<Self, Error> {
        let (own, keys) = (signer.public(), peers::Keys::default());
        let undecided = UndecidedStore::open(&config.data_dir.join("undecided"), shared.blocks.height())?;
        let Channels { consensus, network, events, requests: _, net_requests } = channels;
        let (told, told_receiver) = mpsc::channel(gossip::BATCHES);
        let (publish, mut published) = mpsc::channel::<Vec<Bytes>>(16);
        let repeat = Duration::from_millis(config.gossip_repeat_ms);
        tokio::spawn(gossip::run(shared.clone(), submissions, told_receiver, publish, repeat));
        tokio::spawn({
            let network = network.clone();
            async move {
                while let Some(transactions) = published.recv().await {
                    let message = single(Part::Transactions(transactions));
                    if network.send(message).await.is_err() {
                        return;
                    }
                }
            }
        });
        tokio::spawn(peers::watch(shared.clone(), own, keys.clone(), net_requests));
        let pace = pace::Pace::new(&config);
        Ok(Self {
            own,
            proof,
            keys,
            signer,
            clock,
            shared,
            consensus,
            network,
            events: events.subscribe(),
            told,
            members: config.peers.iter().filter_map(|peer| node_id_bytes(&peer.node_id)).collect(),
            undecided,
            assembler: Assembler::new(BLOCK_BYTES_LIMIT),
            executed: HashMap::new(),
            start: None,
            pace,
            arrivals_seen: 0,
            last_prune: tokio::time::Instant::now(),
            config,
        })
    }

    /// Answers until the node is told to stop, the engine ends, or going on would be wrong.
    pub(super) async fn run(mut self, mut engine: JoinHandle<()>) -> Result<(), Error> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let shared = self.shared.clone();
        let (mut told_height, mut ticks) = (0, 0u32);
        loop {
            let wait_until = self.pace.wait_until();
            tokio::select! {
                () = shared.stop.cancelled() => return Ok(()),
                _ = &mut engine => return Err(self.why_it_stopped()),
                message = self.consensus.recv() => match message {
                    Some(message) => self.answer(message).await?,
                    None => return Err(self.why_it_stopped()),
                },
                event = self.events.recv() => if let Ok(event) = event { self.observe(&event)? },
                () = shared.wake.notified(), if self.start.is_some() => {}
                () = tokio::time::sleep_until(wait_until), if self.start.is_some() => {}
                _ = tick.tick() => {
                    self.tell_tip(&mut told_height).await?;
                    if ticks.is_multiple_of(HELLO_TICKS) {
                        self.send(single(Part::Hello(Box::new(self.proof.clone())))).await?;
                    }
                    ticks = ticks.wrapping_add(1);
                }
            }
            self.maybe_start()?;
        }
    }

    async fn answer(&mut self, message: AppMsg<Erm>) -> Result<(), Error> {
        match message {
            AppMsg::ConsensusReady { reply } => self.start = Some(Start::First(reply)),
            AppMsg::StartedRound { height, round, reply_value, .. } => {
                let values = self.seen(height.0, round_number(round)).await?;
                let _ = reply_value.send(values);
            }
            AppMsg::GetValue { height, round, reply, .. } => self.propose(height.0, round_number(round), reply).await?,
            // Extensions are disabled by the height's parameters: neither is asked.
            AppMsg::ExtendVote { reply, .. } => drop(reply.send(None)),
            AppMsg::VerifyVoteExtensions { reply, .. } => drop(reply.send(Vec::new())),
            AppMsg::RestreamProposal { height, value_id, .. } => {
                if let Some(record) = self.undecided.find(height.0, &value_id).cloned() {
                    self.publish(&record).await?;
                }
            }
            AppMsg::GetHistoryMinHeight { reply } => drop(reply.send(Height(1))),
            AppMsg::ReceivedProposalPart { from, published_by, part, reply } => {
                let value = self.take_part(published_by.unwrap_or(from), part).await?;
                let _ = reply.send(value);
            }
            AppMsg::Decided { certificate, reply, .. } => {
                self.commit(certificate).await?;
                let _ = reply.send(());
            }
            AppMsg::Finalized { evidence, reply, .. } => {
                self.note_evidence(&evidence);
                self.start = Some(Start::Next(reply));
            }
            AppMsg::GetDecidedValues { range, reply } => {
                let shared = self.shared.clone();
                // Beside the driver: a lagging node must not slow the others' votes.
                tokio::task::spawn_blocking(move || {
                    drop(reply.send(decided_values(&shared, range.start().0, range.end().0)))
                });
            }
            AppMsg::ProcessSyncedValue { height, round, proposer, value_bytes, reply } => {
                let outcome = self.take_synced(height.0, round, proposer, value_bytes).await?;
                let _ = reply.send(outcome);
            }
        }
        Ok(())
    }

    fn tip(&self) -> u64 {
        self.shared.blocks.height()
    }

    /// Starts the next height where there is a reason to.
    fn maybe_start(&mut self) -> Result<(), Error> {
        let Some(start) = self.start.take() else { return Ok(()) };
        let next = self.tip() + 1;
        let first = matches!(start, Start::First(_));
        let proposed = self.undecided.of_height(next).next().is_some();
        let (waiting, arrivals) = {
            let mempool = self.shared.mempool();
            (!mempool.is_empty(), mempool.arrivals())
        };
        if std::mem::replace(&mut self.arrivals_seen, arrivals) != arrivals {
            self.pace.arrived();
        }
        let total = self.shared.power.borrow().1;
        // Before the first height all that counts is that a quorum hears the proposal, whoever they are.
        let power = (self.shared.assured.load(Ordering::Relaxed), total);
        if !self.pace.may_start(next, first, proposed, waiting, power) {
            self.start = Some(start);
            return Ok(());
        }
        self.pace.started();
        let validators = Validators::new(self.shared.machine().validators());
        // The engine multiplies weights by three in 64 bits.
        if validators.set.total().checked_mul(3).is_none() {
            return Err(Error::Engine("the validators' weights sum up to more than it can count".into()));
        }
        let params = HeightParams::new(validators, timeouts(&self.config), None);
        match start {
            Start::First(reply) => drop(reply.send((Height(next), params))),
            Start::Next(reply) => drop(reply.send(Next::Start(Height(next), params))),
        }
        Ok(())
    }

    /// Votes of others for a height that this node has not started are a reason to start it.
    fn observe(&mut self, event: &Event<Erm>) -> Result<(), Error> {
        match event {
            Event::Received(SignedConsensusMsg::Vote(vote)) if self.start.is_some() => {
                let Some(content) = vote.message.content().filter(|content| content.height > self.tip()) else {
                    return Ok(());
                };
                let weight = self.shared.machine().validators().weight(&content.validator);
                let verifies = |content: &ledger::Vote| {
                    content.validator.verify(&content.digest(&self.shared.network), &vote.signature.0).is_ok()
                };
                if let Some(weight) = weight.filter(|_| verifies(&content)) {
                    self.pace.voted(content.height, content.validator, weight);
                }
                Ok(())
            }
            // The engine holds still on purpose; so does this node, and says so.
            Event::WalCorrupted(error) => {
                Err(Error::Engine(format!("votes.wal is damaged: {error}; restore it, or wipe this node's data")))
            }
            Event::WalReplayError(error) => Err(Error::Engine(format!("votes.wal cannot be replayed: {error}"))),
            Event::WalResetError(error) => Err(Error::Engine(format!("votes.wal cannot be used: {error}"))),
            _ => Ok(()),
        }
    }

    /// What the engine said before it stopped: the reason may lie behind other events.
    fn why_it_stopped(&mut self) -> Error {
        use tokio::sync::broadcast::error::TryRecvError;
        loop {
            match self.events.try_recv() {
                Ok(event) => {
                    if let Err(reason) = self.observe(&event) {
                        return reason;
                    }
                }
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => {
                    return Error::Engine("it has stopped; its log says why".into());
                }
            }
        }
    }

    fn note_evidence(&self, evidence: &MisbehaviorEvidence<Erm>) {
        for (validator, votes) in evidence.votes.iter() {
            tracing::error!(%validator, conflicting = votes.len(), "a validator cast conflicting votes");
            self.shared.evidence.fetch_add(votes.len() as u64, Ordering::Relaxed);
        }
        for (validator, proposals) in evidence.proposals.iter() {
            tracing::error!(%validator, conflicting = proposals.len(), "a validator made conflicting proposals");
            self.shared.evidence.fetch_add(proposals.len() as u64, Ordering::Relaxed);
        }
    }

    async fn send(&self, message: NetworkMsg<Erm>) -> Result<(), Error> {
        self.network.send(message).await.map_err(|_| Error::Engine("its network part has stopped".into()))
    }

    async fn tell_tip(&mut self, told_height: &mut u64) -> Result<(), Error> {
        let tip = self.tip();
        // Again and again while idle: whoever comes back then learns it.
        if tip == 0 || (self.start.is_none() && *told_height == tip) {
            return Ok(());
        }
        *told_height = tip;
        if let Some((_, certificate)) = self.shared.blocks.read(tip)? {
            self.send(single(Part::Tip(Box::new(certificate)))).await?;
        }
        Ok(())
    }

    /// Streams a block to the other validators.
    async fn publish(&self, record: &Undecided) -> Result<(), Error> {
        let mut id = record.hash.0[..16].to_vec();
        // Another id each time: who dropped the first stream takes the second.
        id.extend_from_slice(&OsRng.next_u64().to_le_bytes());
        let id = StreamId::new(id.into());
        let block = record.bytes();
        let content = opening_content(record);
        for (sequence, part) in split(Opening { content, signature: record.signature }, &block) {
            self.send(NetworkMsg::PublishProposalPart(StreamMessage::new(
                id.clone(),
                sequence,
                StreamContent::Data(part),
            )))
            .await?;
        }
        Ok(())
    }

    /// Blocks seen for a round, judged now that the height before is decided.
    async fn seen(&mut self, height: u64, round: u32) -> Result<Vec<ProposedValue<Erm>>, Error> {
        let records: Vec<_> =
            self.undecided.of_height(height).filter(|record| record.round == round).cloned().collect();
        let mut values = Vec::new();
        for record in records {
            let validity = self.judge(&record.hash, record.bytes(), true).await?;
            values.push(proposed(&record, validity));
        }
        Ok(values)
    }

    /// Builds a block for (height, round), or finds the one built for it before.
    async fn propose(&mut self, height: u64, round: u32, reply: Reply<LocallyProposedValue<Erm>>) -> Result<(), Error> {
        if height != self.tip() + 1 {
            tracing::warn!(height, tip = self.tip(), "asked to propose for another height than the next");
            return Ok(());
        }
        let record = match self.undecided.of_proposer(height, round, &self.own).cloned() {
            // Built before a restart, perhaps long ago.
            Some(record) if self.judge(&record.hash, record.bytes(), true).await? == Validity::Valid => record,
            Some(_) => return Ok(()),
            None => match self.build(height, round).await? {
                Some(record) => record,
                None => return Ok(()),
            },
        };
        let _ = reply.send(LocallyProposedValue::new(Height(height), Round::new(round), BlockHash(record.hash)));
        self.publish(&record).await
    }

    async fn build(&mut self, height: u64, round: u32) -> Result<Option<Undecided>, Error> {
        let (shared, max_bytes) = (self.shared.clone(), self.config.block_bytes_max);
        let time_ms = next_time_ms(&*self.clock, shared.machine().tip().time_ms);
        // The chain may be ahead of this clock. See `is_in_time`.
        if !self.is_in_time(height, time_ms) {
            return Ok(None);
        }
        let built = tokio::task::spawn_blocking(move || {
            let candidates = shared.mempool().candidates(max_bytes);
            let machine = shared.machine();
            let proposal =
                machine.propose(time_ms, &candidates, max_bytes, &|checked| shared.mempool().is_checked(checked))?;
            let summary = machine.summarize(&proposal.block)?;
            Ok::<_, crate::Refusal>((proposal, summary))
        });
        let (proposal, summary) = match built.await.map_err(|error| Error::Engine(error.to_string()))? {
            Ok(built) => built,
            Err(why) => {
                tracing::error!(height, round, %why, "the state machine built no block; the round passes");
                return Ok(None);
            }
        };
        self.shared.refuse(proposal.dropped);
        let content = OpeningContent {
            height,
            round,
            block: summary.hash,
            block_bytes: u32::try_from(proposal.block.len()).unwrap_or(u32::MAX),
            proposer: self.own,
        };
        let opening = self.signer.sign_opening(content);
        let record = keep(&opening, &proposal.block);
        self.undecided.insert(record.clone())?;
        self.executed.insert(summary.hash, proposal.executed);
        Ok(Some(record))
    }

    /// Takes a part in; answers the block's verdict when its last part has come.
    async fn take_part(
        &mut self,
        publisher: PeerId,
        message: StreamMessage<Part>,
    ) -> Result<Option<ProposedValue<Erm>>, Error> {
        let publisher = publisher.to_bytes();
        if !self.members.contains(&publisher) {
            return Ok(None);
        }
        let part = match message.content {
            StreamContent::Data(Part::Transactions(transactions)) => {
                // Full means that checking cannot keep up: those who have them tell them again.
                let _ = self.told.try_send(Told { publisher, transactions });
                return Ok(None);
            }
            StreamContent::Data(Part::Tip(certificate)) => {
                self.learn_tip(&certificate);
                return Ok(None);
            }
            StreamContent::Data(Part::Hello(proof)) => {
                self.learn_key(&publisher, &proof).await;
                return Ok(None);
            }
            StreamContent::Data(part) => part,
            StreamContent::Fin => return Ok(None),
        };
        let key = (publisher, message.stream_id.to_bytes().to_vec());
        let tip = self.tip();
        let (shared, undecided) = (&self.shared, &self.undecided);
        let complete =
            self.assembler.insert(&key, message.sequence, part, |opening| accepts(shared, undecided, tip, opening));
        match complete {
            Some((opening, block)) => self.take_block(&opening, block).await,
            None => Ok(None),
        }
    }

    async fn take_block(&mut self, opening: &Opening, block: Bytes) -> Result<Option<ProposedValue<Erm>>, Error> {
        let content = opening.content;
        let Some(summary) =
            self.summary(&block).await?.filter(|one| one.hash == content.block && one.height == content.height)
        else {
            // Whoever sent these bytes lied about them: no verdict on the block that the opening names.
            tracing::warn!(height = content.height, block = %content.block, "a stream's bytes are not the block that it opened with");
            return Ok(None);
        };
        let record = keep(opening, &block);
        self.undecided.insert(record.clone())?;
        if summary.height != self.tip() + 1 {
            // Judged when its height starts.
            return Ok(None);
        }
        let validity = self.judge(&summary.hash, block, true).await?;
        Ok(Some(proposed(&record, validity)))
    }

    async fn summary(&self, block: &Bytes) -> Result<Option<BlockSummary>, Error> {
        let (shared, block) = (self.shared.clone(), block.clone());
        let summary = tokio::task::spawn_blocking(move || shared.machine().summarize(&block));
        Ok(summary.await.map_err(|error| Error::Engine(error.to_string()))?.ok())
    }

    /// Whether this node may stand behind a block's time: asked of every block before a vote, its own included.
    ///
    /// The engine joins the verdicts on a block by its hash over all rounds of a height: one *valid* outweighs every other, and
    /// what it is given to propose counts as valid. So it must be given nothing that this clock refuses. Validators on a tip
    /// ahead of their clocks build the very same block, one after the other; when it was not asked about here, the block
    /// was decided as soon as those who had built it were more than two thirds of the weight, though each of them had
    /// refused it from the others.
    ///
    /// What is not refused, and why. A block that was in time once stays valid here though the clock moves on: others may be
    /// locked on it, and its polka shows that more than two thirds of the weight had it in time. One that was ahead is
    /// valid once the clock has come up to it and it comes again, from one that is locked on it or in a later round. What a
    /// certificate proves to be decided (`take_synced`) is not asked for its time: they did who decided it.
    fn is_in_time(&self, height: u64, time_ms: i64) -> bool {
        let (now_ms, config) = (self.clock.now_ms(), &self.config);
        let in_time = is_acceptable(time_ms, now_ms, config.clock_ahead_max_ms, config.clock_behind_max_ms);
        if !in_time {
            tracing::warn!(height, time_ms, now_ms, "a block's time is too far from this node's clock");
        }
        in_time
    }

    /// Executes a block of the next height; `voting` asks about its time too.
    async fn judge(&mut self, hash: &Digest, block: Bytes, voting: bool) -> Result<Validity, Error> {
        if voting {
            let Some(summary) = self.summary(&block).await? else { return Ok(Validity::Invalid) };
            if !self.is_in_time(summary.height, summary.time_ms) {
                return Ok(Validity::Invalid);
            }
        }
        if self.executed.contains_key(hash) {
            return Ok(Validity::Valid);
        }
        let shared = self.shared.clone();
        let executed = tokio::task::spawn_blocking(move || {
            // Signatures that were verified when a transaction came in are not verified again.
            shared.machine().validate(&block, &|checked| shared.mempool().is_checked(checked))
        });
        match executed.await.map_err(|error| Error::Engine(error.to_string()))? {
            Ok(executed) => {
                self.executed.insert(*hash, executed);
                Ok(Validity::Valid)
            }
            Err(why) => {
                tracing::warn!(block = %hash, %why, "a proposed block is refused");
                Ok(Validity::Invalid)
            }
        }
    }

    /// A block that a quorum decided elsewhere, with the certificate checked by the engine.
    async fn take_synced(
        &mut self,
        height: u64,
        round: Round,
        proposer: Address,
        block: Bytes,
    ) -> Result<SyncedValueOutcome<Erm>, Error> {
        if block.len() > BLOCK_BYTES_LIMIT {
            return Ok(SyncedValueOutcome::PeerFault);
        }
        let Some(summary) = self.summary(&block).await?.filter(|summary| summary.height == height) else {
            return Ok(SyncedValueOutcome::PeerFault);
        };
        if height != self.tip() + 1 {
            return Ok(SyncedValueOutcome::LocalTransientError);
        }
        let content = OpeningContent {
            height,
            round: round_number(round),
            block: summary.hash,
            block_bytes: u32::try_from(block.len()).unwrap_or(u32::MAX),
            proposer: proposer.0,
        };
        // Kept like one that was proposed: the write-ahead log will hold its hash. Nobody asks for this stream's signature.
        let record = keep(&Opening { content, signature: ledger::Signature([0; 64]) }, &block);
        self.undecided.insert(record.clone())?;
        let validity = self.judge(&summary.hash, block, false).await?;
        Ok(SyncedValueOutcome::Verdict(proposed(&record, validity)))
    }

    /// Makes a decided block the state: on disk first, then executed, then told.
    async fn commit(&mut self, certificate: EngineCertificate<Erm>) -> Result<(), Error> {
        let extended = arc_malachitebft_app_channel::app::types::core::ExtendedCommitCertificate::from_commit_certificate_and_extensions(certificate, Default::default());
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
        for (index, id) in (0u32..).zip(&summary.transactions) {
            self.shared.tell(id, &Ok(Committed { height, index }));
        }
        if self.last_prune.elapsed() >= PRUNE_INTERVAL || summary.transactions.is_empty() {
            self.last_prune = tokio::time::Instant::now();
            self.shared.forget_gone_waiters();
            let machine = self.shared.machine();
            let dropped = self.shared.mempool().prune(|admission| machine.still_valid(admission));
            drop(machine);
            for (id, why) in dropped {
                self.shared.tell(&id, &Err(AwaitError::Dropped(why)));
            }
        }
        metrics::gauge!("record_node_height").set(f64::from(u32::try_from(height).unwrap_or(u32::MAX)));
        metrics::counter!("record_node_transactions").increment(summary.transactions.len() as u64);
        self.shared.heights.send_replace(height);
    }

    /// Whose node a connection leads to.
    async fn learn_key(&self, publisher: &[u8], proof: &ValidatorProof<Erm>) {
        let verifier = Sr25519Verifier { network: self.shared.network };
        let verifies = proof.peer_id == publisher
            && verifier.verify_validator_proof(proof).await.is_ok_and(|verdict| verdict.is_valid());
        if let (true, Ok(key)) = (verifies, proof.decoded_public_key()) {
            self.keys.insert(publisher.to_owned(), key);
        }
    }

    /// Another node's last certificate: later than ours, it is a reason to go on.
    fn learn_tip(&mut self, certificate: &CommitCertificate) {
        if self.start.is_none() || certificate.height <= self.tip() {
            return;
        }
        let validators = self.shared.machine().validators();
        if certificate.verify(&self.shared.network, &validators).is_ok() {
            self.pace.behind(certificate.height);
        }
    }
}

fn single(part: Part) -> NetworkMsg<Erm> {
    let mut id = [0; 16];
    OsRng.fill_bytes(&mut id);
    NetworkMsg::PublishProposalPart(StreamMessage::new(
        StreamId::new(Bytes::copy_from_slice(&id)),
        0,
        StreamContent::Data(part),
    ))
}

fn keep(opening: &Opening, block: &Bytes) -> Undecided {
    let OpeningContent { height, round, block: hash, proposer, .. } = opening.content;
    Undecided { height, round, hash, proposer, signature: opening.signature, block: block.to_vec() }
}

fn opening_content(record: &Undecided) -> OpeningContent {
    let block_bytes = u32::try_from(record.block.len()).unwrap_or(u32::MAX);
    OpeningContent {
        height: record.height,
        round: record.round,
        block: record.hash,
        block_bytes,
        proposer: record.proposer,
    }
}

fn proposed(record: &Undecided, validity: Validity) -> ProposedValue<Erm> {
    ProposedValue {
        height: Height(record.height),
        round: Round::new(record.round),
        valid_round: Round::Nil,
        proposer: Address(record.proposer),
        value: BlockHash(record.hash),
        validity,
    }
}

/// Whether a stream may be opened: a height that is near, the round's own proposer, its signature, and not a third block.
fn accepts<M: StateMachine>(shared: &Shared<M>, undecided: &UndecidedStore, tip: u64, opening: &Opening) -> bool {
    let content = &opening.content;
    if content.height <= tip || content.height > tip.saturating_add(1 + HEIGHTS_AHEAD) {
        return false;
    }
    let validators = Validators::new(shared.machine().validators());
    let expected = || {
        let context = Erm { network: shared.network };
        context.select_proposer(&validators, Height(content.height), Round::new(content.round)).address.0
    };
    // Further ahead the set may be another by then: any present validator may open.
    let is_proposer = if content.height == tip + 1 {
        content.proposer == expected()
    } else {
        validators.set.weight(&content.proposer).is_some()
    };
    let of_round = || undecided.of_height(content.height).filter(|record| record.round == content.round).count();
    is_proposer && of_round() < BLOCKS_PER_ROUND && opening_verifies(&shared.network, opening)
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

fn decided_values<M: StateMachine>(shared: &Shared<M>, from: u64, through: u64) -> Vec<RawDecidedValue<Erm>> {
    let mut values = Vec::new();
    let mut bytes = 0usize;
    for height in from..=through.min(shared.blocks.height()) {
        match shared.blocks.read(height) {
            Ok(Some((block, certificate))) => {
                bytes = bytes.saturating_add(block.len());
                if bytes > SYNC_BYTES && !values.is_empty() {
                    break;
                }
                values.push(RawDecidedValue::new(block, certificate_in(&certificate)));
            }
            Ok(None) => break,
            Err(error) => {
                tracing::error!(height, %error, "a block cannot be read for a lagging node");
                break;
            }
        }
    }
    values
}
