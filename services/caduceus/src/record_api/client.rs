//! The record chain of a node in another process, as portals and monitors need it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use erm::{Genesis, Id, TrustRoot, verify_header};
use kit::Clock;
use ledger::{Digest, KeyPair};
use portal::{ChainError, Holder, RecordChain, Snapshot, Token};
use rand_core::OsRng;

use super::snapshot::Remote;
use super::transport::{Ask, Transport};
use super::wire::{AUDIENCE, AnswerSnapshot, AskSnapshot, COMMIT, REQUEST_BYTES_MAX, SNAPSHOT};
use crate::failure::{OrFail as _, Outcome};
use crate::network::lock;

/// How long a question may take; a node that lags waits a little itself.
pub(super) const ASK: Duration = Duration::from_secs(15);
/// How long a transaction may take to be final.
const COMMIT_WAIT: Duration = Duration::from_secs(60);
/// How long a token of ours is good.
const TOKEN_MS: i64 = 600_000;

/// The nodes of a network, of which any one will do.
pub(crate) struct RemoteChain {
    pub(super) calls: Arc<Calls>,
    genesis: Genesis,
    /// Highest height seen: no later answer may be older.
    seen: AtomicU64,
}

/// Requests with a token of ours.
pub(super) struct Calls {
    transport: Transport,
    pub(super) network: Digest,
    party: Id,
    key: KeyPair,
    clock: Arc<dyn Clock>,
    /// The token in use, and when it is renewed.
    token: Mutex<Option<(String, i64)>>,
}

impl RemoteChain {
    /// As a member of the network; `nodes` are `http://host:port`, at least one.
    pub(crate) fn new(
        nodes: Vec<String>,
        genesis: Genesis,
        party: Id,
        key: KeyPair,
        clock: Arc<dyn Clock>,
    ) -> Outcome<Self> {
        let transport =
            Transport::start(nodes).or_environment("the thread that asks record nodes cannot be started")?;
        let network = genesis.network();
        let calls = Arc::new(Calls { transport, network, party, key, clock, token: Mutex::default() });
        Ok(Self { calls, genesis, seen: AtomicU64::new(0) })
    }

    fn verify(&self, asked: Option<u64>, at_least: u64, answer: &AnswerSnapshot) -> Result<(), ChainError> {
        let header = &answer.finality.header;
        let untrue =
            |reason: String| ChainError::Unavailable(format!("a record node's answer does not hold: {reason}"));
        if asked.is_some_and(|height| height != header.height) || header.height < at_least {
            return Err(untrue(format!("it is for height {}", header.height)));
        }
        verify_header(TrustRoot::Genesis(&self.genesis), &answer.history, header, &answer.finality.certificate)
            .map(drop)
            .map_err(|error| untrue(error.to_string()))
    }
}

impl Calls {
    pub(super) fn ask(&self, path: &'static str, body: Vec<u8>, within: Duration, again: bool) -> Ask {
        Ask { path, body: body.into(), party: self.party.to_string(), token: self.token(), within, again }
    }

    pub(super) async fn call(&self, ask: Ask) -> Result<Vec<u8>, ChainError> {
        Ok(self.transport.ask(ask).await?.to_vec())
    }

    pub(super) fn call_blocking(&self, ask: Ask) -> Result<Vec<u8>, ChainError> {
        Ok(self.transport.ask_blocking(ask)?.to_vec())
    }

    /// A token that is good for a while yet.
    fn token(&self) -> String {
        let now_ms = self.clock.now_ms();
        let mut held = lock(&self.token);
        match &*held {
            Some((text, renew_ms)) if now_ms < *renew_ms => text.clone(),
            _ => {
                let token = Token::new(
                    AUDIENCE,
                    Holder::Party(self.party.clone()),
                    now_ms,
                    now_ms.saturating_add(TOKEN_MS),
                    &mut OsRng,
                );
                let text = token.sign(&self.network, &self.key, &mut OsRng);
                *held = Some((text.clone(), now_ms.saturating_add(TOKEN_MS / 2)));
                text
            }
        }
    }
}

#[async_trait]
impl RecordChain for RemoteChain {
    fn network(&self) -> Digest {
        self.calls.network
    }

    /// The same transaction is good at any node, and is in the chain once: so it may be sent again.
    async fn commit(&self, transaction: Vec<u8>) -> Result<u64, ChainError> {
        if transaction.len() > REQUEST_BYTES_MAX {
            return Err(ChainError::Refused {
                code: 0,
                reason: format!("{} bytes are more than a transaction may have", transaction.len()),
            });
        }
        let ask = self.calls.ask(COMMIT, transaction, COMMIT_WAIT, false);
        let height = decode::<u64>(&self.calls.call(ask).await?)?;
        self.seen.fetch_max(height, Ordering::AcqRel);
        Ok(height)
    }

    async fn snapshot(&self, height: Option<u64>) -> Result<Arc<dyn Snapshot>, ChainError> {
        // Of a height that was seen at another node, this one will hear too.
        let seen = self.seen.load(Ordering::Acquire);
        let at_least = height.map_or(seen, |height| height.min(seen));
        let ask = self.calls.ask(SNAPSHOT, ledger::encode(&AskSnapshot { height, at_least }), ASK, true);
        let answer: AnswerSnapshot = decode(&self.calls.call(ask).await?)?;
        self.verify(height, at_least, &answer)?;
        self.seen.fetch_max(answer.finality.header.height, Ordering::AcqRel);
        Ok(Arc::new(Remote::new(self.calls.clone(), answer.finality, answer.history)))
    }
}

pub(super) fn decode<T: borsh::BorshSerialize + borsh::BorshDeserialize>(bytes: &[u8]) -> Result<T, ChainError> {
    ledger::decode("answer", bytes)
        .map_err(|error| ChainError::Unavailable(format!("a record node's answer does not decode: {error}")))
}
