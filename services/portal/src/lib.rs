//! The portal: readings, clinical events, consents and claims come in over HTTP, and receipts go out.
//!
//! It keeps no state that counts: readings lie in the event log, events on the record chain, documents sealed in the
//! blob store. Every request for a patient's data passes one choke point, is decided by the patient's consent on the
//! record chain, and is written down before it is answered. It is neither a record node nor a broker: both are passed
//! in ([`RecordChain`], [`stream::EventLog`]), as are keys ([`Custody`]) and time ([`kit::Clock`]).
//!
//! ```no_run
//! # async fn run(deps: portal::Deps, listener: tokio::net::TcpListener, shutdown: kit::Shutdown) -> Result<(), Box<dyn std::error::Error>> {
//! let portal = portal::Portal::new(deps)?;
//! portal.ingest().tick(1_700_000_000_000, false).await?;
//! kit::serve(listener, portal.router(), &shutdown).await?;
//! # Ok(()) }
//! ```

mod access;
mod chain;
mod claim_answers;
mod claim_http;
mod claim_service;
mod claim_submission;
mod consents;
mod custody;
mod documents;
mod error;
mod event_http;
mod events;
mod fhir;
pub mod ingest;
mod kept;
mod outcome;
mod parameters;
mod portal;
mod readings;
mod records;
mod routes;
mod sender;
mod token;
mod vault;

pub use chain::{ChainError, RecordChain, Snapshot};
pub use claim_service::ClaimRequest;
pub use custody::{Custody, FacilityKeys, Patient};
pub use error::Error;
pub use events::{Agreement, Draft, Recorded};
pub use fhir::{BASE, reference_system};
pub use ingest::{Ingest, IngestSettings, Line, LineResult, Submission};
pub use kept::{KeptDocument, KeptFiles};
pub use outcome::{Issue, OUTCOME_SYSTEM, Outcome, Problem};
pub use portal::{Deps, Portal, PortalSettings};
pub use token::{Holder, TOKEN_CHARS_MAX, Token, TokenRefusal};
