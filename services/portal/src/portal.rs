//! What the handlers share.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use claims::Rules;
use erm::Id;
use kit::Clock;
use ledger::{Chain, Digest, PublicKey};
use store::BlobStore;
use stream::EventLog;

use crate::access::Access;
use crate::documents::Documents;
use crate::events::Draft;
use crate::records::Chains;
use crate::sender::Senders;
use crate::vault::Vault;
use crate::{Custody, Error, FacilityKeys, Holder, Ingest, Outcome, RecordChain, Token, TokenRefusal};

/// How a portal is set.
#[derive(Debug, Clone)]
pub struct PortalSettings {
    /// The audience that tokens have to name.
    pub audience: String,
    /// Keys that sign tokens for the network.
    pub issuers: Vec<PublicKey>,
    /// The member whose portal this is: it signs receipts and records claims.
    pub party: Id,
    /// What the checks of claims allow.
    pub rules: Rules,
    /// Where requests are answered; written down with each.
    pub location: String,
}

/// What a portal stands on.
pub struct Deps {
    /// The event log.
    pub log: Arc<dyn EventLog>,
    /// The record chain.
    pub chain: Arc<dyn RecordChain>,
    /// Keys and the index of patients.
    pub custody: Arc<dyn Custody>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Sealed documents.
    pub blobs: BlobStore,
    /// A folder for small objects: wrapped keys and sealed answers.
    pub dir: PathBuf,
    /// A folder for the index of personal chains, which can be deleted at any time.
    pub index: PathBuf,
    /// Readings in.
    pub ingest: Ingest,
    /// How it is set.
    pub settings: PortalSettings,
}

/// A portal. Clones are one.
#[derive(Clone)]
pub struct Portal(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) chains: Chains,
    pub(crate) chain: Arc<dyn RecordChain>,
    pub(crate) custody: Arc<dyn Custody>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ingest: Ingest,
    pub(crate) settings: PortalSettings,
    pub(crate) network: Digest,
    pub(crate) access: Access,
    pub(crate) senders: Senders,
    pub(crate) documents: Documents,
    pub(crate) answers: Vault,
    pub(crate) drafts: Mutex<HashMap<Digest, Draft>>,
    pub(crate) metadata: serde_json::Value,
}

impl Portal {
    /// Puts a portal together.
    pub fn new(deps: Deps) -> Result<Self, Error> {
        let Deps { log, chain, custody, clock, blobs, dir, index, ingest, settings } = deps;
        let network = chain.network();
        let writer = format!("access/{}", settings.party);
        let documents =
            Documents { chain: Chain::record(network), blobs, places: Vault::open(&dir.join("documents"))? };
        Ok(Self(Arc::new(Inner {
            access: Access::new(log.clone(), writer, chain.clone(), custody.clone()),
            chains: Chains::new(log, index, network),
            senders: Senders::new(chain.clone()),
            chain,
            custody,
            clock,
            ingest,
            network,
            documents,
            answers: Vault::open(&dir.join("answers"))?,
            drafts: Mutex::default(),
            metadata: crate::routes::capability_statement(&settings.audience),
            settings,
        })))
    }

    /// Readings in, without HTTP.
    pub fn ingest(&self) -> &Ingest {
        &self.0.ingest
    }
}

impl Portal {
    /// Who sends this. Nothing of a request is looked at before.
    pub(crate) fn authorise(&self, headers: &HeaderMap) -> Result<Holder, Outcome> {
        let text = headers.get(header::AUTHORIZATION).ok_or(TokenRefusal::Missing)?;
        let text = text.to_str().ok().and_then(|text| text.strip_prefix("Bearer ")).ok_or(TokenRefusal::Malformed)?;
        let (issuers, audience) = (&self.0.settings.issuers, &self.0.settings.audience);
        Ok(Token::verify(text.trim(), &self.0.network, issuers, audience, self.0.clock.now_ms())?.holder)
    }

    /// The keys of a facility that this portal acts for.
    pub(crate) fn facility(&self, party: &str) -> Result<Arc<FacilityKeys>, Outcome> {
        self.0.custody.facility(party).ok_or_else(|| Outcome::role("this portal does not act for this party"))
    }
}

/// The member that holds a token.
pub(crate) fn party(holder: &Holder) -> Result<&Id, Outcome> {
    match holder {
        Holder::Party(id) => Ok(id),
        _ => Err(Outcome::role("only members of the network may do this")),
    }
}

/// Reads a body of bounded size.
pub(crate) async fn body(body: axum::body::Body, limit: usize) -> Result<Bytes, Outcome> {
    axum::body::to_bytes(body, limit).await.map_err(|_| {
        let message = format!("the body is longer than {limit} bytes, or was cut off; send less at once");
        Outcome::new(StatusCode::PAYLOAD_TOO_LARGE, "too-long", "too-long", message)
    })
}
