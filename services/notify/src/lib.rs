//! Tells clinicians: alerts from the event log become mails, one when an episode begins and one, in the same thread, when it ends;
//! never two for the same step, whatever restarts. It detects nothing and decides no treatment, and e-mail is no life-critical channel.
//!
//! What is to be sent is recorded before it is sent, and what was sent after ([`outbox`]); the rest is composing and delivering.
//!
//! ```
//! use notify::PatientRef;
//! use ledger::{Chain, Digest};
//!
//! let chain = Chain { network: Digest([1; 32]), id: Digest([2; 32]) };
//! let reference = PatientRef::of(&chain);
//! assert_eq!(reference.short().len(), 4);
//! assert!(reference.long().starts_with(reference.short()));
//! ```

mod canvas;
mod chart;
mod counts;
mod error;
mod html;
mod keys;
mod mail;
mod names;
mod notice;
pub mod outbox;
mod progress;
mod service;
mod session;
mod settings;
mod text;
mod transport;
mod trend;
mod words;

pub use error::{Error, Result};
pub use keys::{HeldKeys, Keys};
pub use names::PatientRef;
pub use outbox::Step;
pub use progress::{Progress, SentMail};
pub use service::Notifier;
pub use settings::{Content, Settings, SmtpTls, TransportKind};
