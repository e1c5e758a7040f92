//! Claims held against the record: what is checked, what is found, and a receipt that anybody can check again.
//!
//! The crate verifies facts and never adjudicates payment. It is pure: the portal gathers the evidence, asks for the
//! time and signs; the checks see plain values. It knows no FHIR: the portal narrows a resource to a [`Claim`].
//!
//! ```
//! use claims::{Claim, Code, Coding, Day, Evidence, Identifier, Item, Kind, Money, Rules, Verdict, check, verdict};
//!
//! let day: Day = "2026-01-05".parse()?;
//! let identifier = |value: &str| Identifier { system: "urn:example".into(), value: value.into() };
//! let claim = Claim {
//!     id: identifier("claim 7"), insurer: "insurer-a".into(), provider: "hospital-a".into(),
//!     patient: identifier("patient 1"), practitioner: None, encounter_day: None, created: day,
//!     items: vec![Item {
//!         sequence: 1, kind: Kind::Record, code: Coding { system: "urn:codes".into(), code: "1200".into() }, day,
//!         quantity_milli: 1_000, amount: Money { minor: 13_557, currency: "EUR".parse()? },
//!     }],
//! };
//! // No consent: one finding, whatever else is or is not on record.
//! let evidence = Evidence { consent: false, identifier: None, standing: vec![], slots: vec![], claimed: vec![] };
//! let findings = check(&claim, &evidence, &Rules::default());
//! assert_eq!(findings.len(), 1);
//! assert_eq!(verdict(&[1], &findings), Verdict::ConsentMissing);
//! # Ok::<(), claims::Error>(())
//! ```

mod checks;
mod claim;
pub mod disclosure;
mod error;
pub mod event;
mod evidence;
mod finding;
mod gathering;
mod identity;
mod kind;
mod proofs;
mod reading;
mod receipt;
mod text;
mod values;
mod verify;

pub use checks::{CHECKS, Rules, check, consent_missing, fingerprint_places, recorded_code, same_before, schema};
pub use claim::{Claim, ITEMS_MAX, Item};
pub use error::Error;
pub use event::{Document, Facts, Fields, Line, OpenedField, Value};
pub use evidence::{Claimed, Event, Evidence, Slot};
pub use finding::{CODE_SYSTEM, Code, Finding, Severity, Verdict, agreeing, verdict};
pub use gathering::{Answer, Gathering, ProvenState, Step};
pub use identity::{Identity, OpenedIdentifier};
pub use kind::{Kind, kind_name};
pub use proofs::{EventWitness, FingerprintWitness, Proofs, Proven};
pub use reading::SAME_MAX;
pub use receipt::{
    Content, Finality, Operation, RECEIPT_BYTES_MAX, Receipt, Recorded, claim_commitment, response_commitment,
};
pub use values::{Coding, Currency, Day, Identifier, Money, TEXT_BYTES_MAX};
pub use verify::{Attested, Verified, verify};
