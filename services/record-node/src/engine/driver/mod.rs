//! Answers the engine's questions. One message at a time: most of the engine's questions are waited for inline.

mod commit;
mod events;
mod judge;
mod propose;
mod stream;
mod sync;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arc_malachitebft_app_channel::app::engine::host::{HeightParams, Next};
use arc_malachitebft_app_channel::app::engine::util::events::RxEvent;
use arc_malachitebft_app_channel::app::types::core::{Round, ValidatorProof};
use arc_malachitebft_app_channel::{AppMsg, Channels, NetworkMsg, Reply};
use bytes::Bytes;
use ledger::{Digest, PublicKey};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::context::Erm;
use super::parts::Assembler;
use super::signing::Sr25519Signer;
use super::start::{node_id_bytes, peer_address, timeouts};
use super::types::{Height, Part, Validators};
use super::{pace, peers};
use crate::gossip::{self, Told};
use crate::node::{Shared, SubmissionReceiver};
use crate::undecided::UndecidedStore;
use crate::{Config, Error, SharedClock, StateMachine};
use stream::single;

/// Largest block that is taken in, whatever this node's own `block_bytes_max` is: settings may differ between nodes.
const BLOCK_BYTES_LIMIT: usize = 5 << 20;
/// How often the others are told where this node stands, and connections are counted.
const TICK: Duration = Duration::from_millis(500);
/// Ticks between two hellos: whoever connected since learns whose node this is.
const HELLO_TICKS: u32 = 4;

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
    greetings: peers::Greetings,
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
    /// Height and round that the engine is in, or was in last.
    started: (u64, u32),
    pace: pace::Pace,
    arrivals_seen: u64,
    last_prune: tokio::time::Instant,
    /// A block was decided since.
    unpruned: bool,
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
        let (own, greetings) = (signer.public(), peers::Greetings::default());
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
        let mut addresses = HashMap::new();
        for peer in &config.peers {
            if let Some(node_id) = node_id_bytes(&peer.node_id) {
                addresses.insert(node_id, peer_address(&peer.address, &peer.node_id)?);
            }
        }
        let members = addresses.keys().cloned().collect();
        tokio::spawn(peers::watch(shared.clone(), own, greetings.clone(), addresses, net_requests));
        let pace = pace::Pace::new(&config);
        Ok(Self {
            own,
            proof,
            greetings,
            signer,
            clock,
            shared,
            consensus,
            network,
            events: events.subscribe(),
            told,
            members,
            undecided,
            assembler: Assembler::new(BLOCK_BYTES_LIMIT),
            executed: HashMap::new(),
            start: None,
            started: (0, 0),
            pace,
            arrivals_seen: 0,
            last_prune: tokio::time::Instant::now(),
            unpruned: false,
            config,
        })
    }

    /// Answers until the node is told to stop, the engine ends, or going on would be wrong.
    pub(super) async fn run(mut self, engine: JoinHandle<()>) -> Result<(), Error> {
        match self.work(engine).await {
            Err(Error::Stopped) => Err(self.why_it_stopped()),
            outcome => outcome,
        }
    }

    /// [`Error::Stopped`] where a part of the engine is gone: whichever is missed first, the reason may be another's.
    async fn work(&mut self, mut engine: JoinHandle<()>) -> Result<(), Error> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let shared = self.shared.clone();
        let (mut told_height, mut ticks) = (0, 0u32);
        loop {
            let wait_until = self.pace.wait_until();
            tokio::select! {
                () = shared.stop.cancelled() => return Ok(()),
                _ = &mut engine => return Err(Error::Stopped),
                message = self.consensus.recv() => match message {
                    Some(message) => self.answer(message).await?,
                    None => return Err(Error::Stopped),
                },
                event = self.events.recv() => if let Ok(event) = event { self.observe(&event)? },
                () = shared.wake.notified(), if self.start.is_some() => {}
                () = tokio::time::sleep_until(wait_until), if self.start.is_some() => {}
                _ = tick.tick() => {
                    self.prune_where_due();
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
                self.started = (height.0, round_number(round));
                let values = self.seen(height.0, round_number(round)).await?;
                let _ = reply_value.send(values);
            }
            AppMsg::GetValue { height, round, reply, .. } => self.propose(height.0, round_number(round), reply).await?,
            // Extensions are disabled by the height's parameters: neither is asked.
            AppMsg::ExtendVote { reply, .. } => drop(reply.send(None)),
            AppMsg::VerifyVoteExtensions { reply, .. } => drop(reply.send(Vec::new())),
            AppMsg::RestreamProposal { height, value_id, .. } => {
                if let Some(record) = self.undecided.find(height.0, &value_id).cloned() {
                    self.undecided.lock(value_id);
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
                    drop(reply.send(sync::decided_values(&shared, range.start().0, range.end().0)))
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
}
