//! The side of the record node.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use borsh::{BorshDeserialize, BorshSerialize};
use erm::Id;
use kit::Clock;
use ledger::PublicKey;
use portal::{Holder, RecordChain, Token};

use super::wire::{
    AUDIENCE, AnswerSnapshot, AnswerState, AskSnapshot, AskState, COMMIT, KEYS_MAX, PARTY_HEADER, REQUEST_BYTES_MAX,
    SNAPSHOT, STATE, Trouble,
};
use crate::record::Node;
use crate::record_chain::NodeChain;

/// How long a node that lags waits for a height that somebody has seen elsewhere.
const LAG_WAIT: Duration = Duration::from_secs(5);

struct Api {
    node: Node,
    chain: NodeChain,
    clock: Arc<dyn Clock>,
}

/// The routes. Members of the network only.
pub(crate) fn router(node: Node, chain: NodeChain, clock: Arc<dyn Clock>) -> Router {
    let api = Arc::new(Api { node, chain, clock });
    Router::new()
        .route(COMMIT, post(commit))
        .route(SNAPSHOT, post(snapshot))
        .route(STATE, post(state))
        .layer(middleware::from_fn_with_state(api.clone(), let_in))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .with_state(api)
}

async fn commit(State(api): State<Arc<Api>>, body: Bytes) -> Response {
    answer(api.chain.commit(body.to_vec()).await.map_err(Trouble::from))
}

async fn snapshot(State(api): State<Arc<Api>>, body: Bytes) -> Response {
    answer(api.snapshot(&body).await)
}

async fn state(State(api): State<Arc<Api>>, body: Bytes) -> Response {
    answer(api.state(&body).await)
}

/// Lets members in, nobody else.
async fn let_in(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    match api.member(request.headers()) {
        Ok(_) => next.run(request).await,
        Err(reason) => answer::<()>(Err(Trouble::NotLetIn(reason))),
    }
}

impl Api {
    /// The member that asks: its token names it and is signed by its own key in force, or by the authority.
    fn member(&self, headers: &HeaderMap) -> Result<Id, String> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let party = text(PARTY_HEADER).ok_or_else(|| format!("the header {PARTY_HEADER} names no member"))?;
        let party = Id::new(party).map_err(|error| error.to_string())?;
        let token = text(header::AUTHORIZATION.as_str()).and_then(|value| value.strip_prefix("Bearer "));
        let token = token.ok_or("no bearer token was sent")?;
        let (network, issuers) = self.issuers(&party)?;
        let token = Token::verify(token, &network, &issuers, AUDIENCE, self.clock.now_ms())
            .map_err(|refusal| refusal.to_string())?;
        if token.holder != Holder::Party(party.clone()) {
            return Err(format!("the token is not {party}'s"));
        }
        Ok(party)
    }

    /// The network, and whose signature a token of a member may carry.
    fn issuers(&self, party: &Id) -> Result<(ledger::Digest, Vec<PublicKey>), String> {
        self.node.read(|machine| {
            let state = machine.state();
            let record = state.view().party(party).map_err(|error| error.to_string())?;
            let record = record
                .filter(erm::PartyRecord::active)
                .ok_or_else(|| format!("{party} is no member in good standing"))?;
            let mut issuers = state.authority().keys.clone();
            // Those that the next block's transactions are signed with.
            let next = state.head().height.saturating_add(1);
            issuers.extend(record.keys_at_height(next).map(|keys| keys.signer));
            Ok((state.network(), issuers))
        })
    }

    /// Waits a little for a height that the asker has seen at another node.
    async fn reach(&self, height: u64) -> Result<(), Trouble> {
        let mut heights = self.node.subscribe();
        let reached = tokio::time::timeout(LAG_WAIT, heights.wait_for(|own| *own >= height)).await;
        match reached {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Trouble::Unavailable(format!("this node is at height {} and lags", self.node.height()))),
        }
    }

    async fn snapshot(&self, body: &[u8]) -> Result<AnswerSnapshot, Trouble> {
        let ask: AskSnapshot = decode(body)?;
        self.reach(ask.at_least).await?;
        let snapshot = self.chain.snapshot(ask.height).await?;
        Ok(AnswerSnapshot { finality: snapshot.finality().clone(), history: snapshot.history().to_vec() })
    }

    async fn state(&self, body: &[u8]) -> Result<AnswerState, Trouble> {
        let ask: AskState = decode(body)?;
        if ask.keys.len() > KEYS_MAX {
            return Err(Trouble::Malformed(format!("{} keys; at most {KEYS_MAX}", ask.keys.len())));
        }
        if ask.height == 0 {
            return Err(Trouble::NoHeight(ask.height));
        }
        self.reach(ask.height).await?;
        self.node.read(|machine| {
            let state = machine.state().at(ask.height).map_err(|_| Trouble::NoHeight(ask.height))?;
            let prove = |key| state.prove(key).map_err(|error| Trouble::Unavailable(error.to_string()));
            Ok(AnswerState { proven: ask.keys.iter().map(prove).collect::<Result<_, _>>()? })
        })
    }
}

fn decode<T: BorshSerialize + BorshDeserialize>(body: &[u8]) -> Result<T, Trouble> {
    ledger::decode("request", body).map_err(|error| Trouble::Malformed(error.to_string()))
}

fn answer<T: BorshSerialize>(outcome: Result<T, Trouble>) -> Response {
    match outcome {
        Ok(value) => ledger::encode(&value).into_response(),
        Err(trouble) => {
            let status = match &trouble {
                Trouble::Refused { .. } => StatusCode::UNPROCESSABLE_ENTITY,
                Trouble::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
                Trouble::NoHeight(_) => StatusCode::NOT_FOUND,
                Trouble::NotLetIn(_) => StatusCode::UNAUTHORIZED,
                Trouble::Malformed(_) => StatusCode::BAD_REQUEST,
            };
            (status, ledger::encode(&trouble)).into_response()
        }
    }
}
