//! Requests to record nodes, from async code and from code that is not.
//!
//! Proofs are asked for where the portal's checks need them, which is no async code. So a thread of its own carries
//! every request, and whoever asks waits for it in its own way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::mpsc;

use super::wire::{ANSWER_BYTES_MAX, PARTY_HEADER, Trouble};

/// How long a connection may take to come up.
const CONNECT: Duration = Duration::from_secs(3);

type Http = Client<HttpConnector, Full<Bytes>>;
type Answer = Result<Bytes, Trouble>;

/// Hears the answer.
type Reply = Box<dyn FnOnce(Answer) + Send>;

/// The way to the nodes. The thread ends with it.
pub(super) struct Transport {
    jobs: mpsc::UnboundedSender<(Ask, Reply)>,
}

/// One request.
pub(super) struct Ask {
    pub(super) path: &'static str,
    pub(super) body: Bytes,
    /// Who asks, and what shows it.
    pub(super) party: String,
    pub(super) token: String,
    /// How long a node may take.
    pub(super) within: Duration,
    /// Whether another node may be asked where this one takes too long.
    pub(super) again: bool,
}

impl Transport {
    /// To these nodes, `http://host:port`.
    pub(super) fn start(nodes: Vec<String>) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (jobs, mut queue) = mpsc::unbounded_channel::<(Ask, Reply)>();
        let carry = move || {
            let mut connector = HttpConnector::new();
            connector.set_connect_timeout(Some(CONNECT));
            connector.set_nodelay(true);
            let http: Http = Client::builder(TokioExecutor::new()).build(connector);
            let (nodes, first) = (Arc::new(nodes), Arc::new(AtomicUsize::new(0)));
            runtime.block_on(async move {
                while let Some((ask, reply)) = queue.recv().await {
                    let (http, nodes, first) = (http.clone(), nodes.clone(), first.clone());
                    tokio::spawn(async move { reply(carry_out(&http, &nodes, &first, &ask).await) });
                }
            });
        };
        std::thread::Builder::new().name("record-chain".into()).spawn(carry)?;
        Ok(Self { jobs })
    }

    /// Asks, from async code.
    pub(super) async fn ask(&self, ask: Ask) -> Answer {
        let (reply, answer) = tokio::sync::oneshot::channel();
        // Whoever asked may have gone meanwhile.
        self.send(ask, Box::new(move |outcome| _ = reply.send(outcome)));
        answer.await.unwrap_or_else(|_| Err(ended()))
    }

    /// Asks, and holds the calling thread until the answer is there.
    pub(super) fn ask_blocking(&self, ask: Ask) -> Answer {
        let (reply, answer) = std::sync::mpsc::sync_channel(1);
        self.send(ask, Box::new(move |outcome| _ = reply.send(outcome)));
        let wait = || answer.recv().unwrap_or_else(|_| Err(ended()));
        match Handle::try_current().map(|handle| handle.runtime_flavor()) {
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(wait),
            _ => wait(),
        }
    }

    fn send(&self, ask: Ask, reply: Reply) {
        // Where the thread has ended the reply is dropped, which the asker sees.
        let _ = self.jobs.send((ask, reply));
    }
}

fn ended() -> Trouble {
    Trouble::Unavailable("the thread that asks record nodes has ended; start the process anew".into())
}

/// Asks the node that answered last; where it does not answer, the next. The error says what each of them did.
async fn carry_out(http: &Http, nodes: &[String], first: &AtomicUsize, ask: &Ask) -> Answer {
    let mut reasons = Vec::new();
    let start = first.load(Ordering::Relaxed);
    for turn in 0..nodes.len() {
        let number = start.wrapping_add(turn) % nodes.len();
        let Some(node) = nodes.get(number) else { continue };
        match tokio::time::timeout(ask.within, once(http, node, ask)).await {
            Ok(Err(reason) | Ok(Err(Trouble::Unavailable(reason)))) => reasons.push(format!("{node}: {reason}")),
            Ok(Ok(answer)) => {
                first.store(number, Ordering::Relaxed);
                return answer;
            }
            Err(_) => {
                reasons.push(format!("{node}: no answer within {} s", ask.within.as_secs()));
                if !ask.again {
                    break;
                }
            }
        }
    }
    if reasons.is_empty() {
        reasons.push("no record node is configured; set nodes in [record_chain]".into());
    }
    Err(Trouble::Unavailable(reasons.join("; ")))
}

/// The outer error: no answer came. The inner: the node's own.
async fn once(http: &Http, node: &str, ask: &Ask) -> Result<Answer, String> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("{node}{}", ask.path))
        .header(header::AUTHORIZATION, format!("Bearer {}", ask.token))
        .header(PARTY_HEADER, &ask.party)
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .body(Full::new(ask.body.clone()))
        .map_err(|error| error.to_string())?;
    let response = http.request(request).await.map_err(|error| chain_of(&error))?;
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
        .collect()
        .await
        .map_err(|error| error.to_string())?
        .to_bytes();
    if status.is_success() {
        return Ok(Ok(body));
    }
    match ledger::decode::<Trouble>("answer", &body) {
        Ok(trouble) => Ok(Err(trouble)),
        Err(_) => Err(format!("it answers {status}; is it the API of a record node?")),
    }
}

/// An error with what caused it: hyper's own words say little.
fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
