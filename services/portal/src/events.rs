//! Clinical events in: the document is sealed and kept, then its commitments go onto the record chain.
//!
//! A visit's record needs the patient's signature over the commitments, so it takes two steps: the resource gives a
//! draft with the digest to sign; the signature makes it final. Other kinds, and break-glass, take one.

use std::sync::PoisonError;

use axum::http::StatusCode;
use claims::{Document, Facts, Kind, SAME_MAX};
use erm::{
    BreakGlass, Category, ClinicalEvent, EventRecord, Id, Key, Mode, PartyRecord, Payload, Purpose, Role, Visit,
};
use ledger::{Chain, DataKey, Digest, OneTimeKey, SaltSeed, Signature, VrfOutput, sha256};
use rand_core::OsRng;

use crate::access::Ask;
use crate::chain::read;
use crate::fhir::event::{self, RESOURCES};
use crate::fhir::node::{Node, resource};
use crate::{ChainError, Outcome, Patient, Portal};

/// How long a draft waits for the patient's signature, milliseconds.
const DRAFT_MS: i64 = 15 * 60_000;
/// Most drafts that wait.
const DRAFTS_MAX: usize = 1_000;
/// The record chain's rule that an event is recorded once.
const EVENT_KNOWN: u16 = 40;

/// An event that waits for the patient's signature.
#[derive(Clone)]
pub struct Draft {
    /// Its name.
    pub id: Digest,
    /// What the patient's one-time key has to sign.
    pub digest: Digest,
    facility: Id,
    resource: String,
    patient: Patient,
    pub(crate) event: ClinicalEvent,
    sealed: Vec<u8>,
    key: DataKey,
    made_ms: i64,
}

/// How a visit is agreed to.
pub enum Agreement {
    /// The patient signed [`Draft::digest`] with a one-time key; `secret` shows that the key is the patient's.
    Patient {
        /// The secret that the key was derived with.
        secret: [u8; 32],
        /// The signature.
        signature: Signature,
    },
    /// Nobody signed; the record is flagged for good.
    BreakGlass(BreakGlass),
    /// No visit: of bills, reports, prescriptions and images.
    None,
}

/// A recorded event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its key in the state.
    pub key: VrfOutput,
    /// Height of its block.
    pub height: u64,
    /// FHIR resource type.
    pub resource: String,
}

impl Portal {
    /// Reads a resource and prepares its event; nothing is kept or sent yet.
    pub async fn prepare_event(&self, facility: &Id, content: &[u8]) -> Result<(Draft, Option<BreakGlass>), Outcome> {
        let value = resource(content, &RESOURCES)?;
        let keys = self.facility(facility.as_str())?;
        let snapshot = self.0.chain.snapshot(None).await?;
        let record: Option<PartyRecord> = read(snapshot.as_ref(), &Key::Party(facility.clone()))?;
        let role = record
            .filter(PartyRecord::active)
            .map(|record| record.role)
            .ok_or_else(|| Outcome::role("no member in good standing"))?;
        let bills = if role == Role::Pharmacy { Kind::PharmacyBill } else { Kind::Record };
        let found = event::read(&value, facility.as_str(), bills)?;
        if !erm::may(role, erm::Action::Record(found.kind())) {
            return Err(Outcome::role("this role does not record this kind of event"));
        }
        let unknown = || {
            let message = "nobody is registered with this identifier; register the patient first";
            Outcome::new(StatusCode::UNPROCESSABLE_ENTITY, "not-found", "patient-unknown", message)
                .at(format!("{}.subject", Node::root(&value).path))
        };
        let patient = self.0.custody.patient(&found.patient).ok_or_else(unknown)?;
        if read::<erm::PatientRecord>(snapshot.as_ref(), &Key::Patient(patient.key))?.is_none() {
            return Err(unknown());
        }
        let break_glass = found.break_glass;
        let facts: Facts = found.facts(patient.key);
        let fields = facts.fields().map_err(|error| Outcome::invalid(Node::root(&value).path, error.to_string()))?;
        let document =
            Document { kind: facts.kind, seed: SaltSeed::generate(&mut OsRng), fields, content: content.to_vec() };
        // The first key that is absent: a gap would hide what comes after it from the facility's own proofs.
        let mut next = None;
        for n in 0..=SAME_MAX {
            let name = keys.vrf.output(&erm::event_input(&self.0.network, &patient.key, facts.day.0, facts.kind, n));
            if read::<EventRecord>(snapshot.as_ref(), &Key::Event(name))?.is_none() {
                next = Some(name);
                break;
            }
        }
        let full =
            || Outcome::new(StatusCode::CONFLICT, "too-costly", "too-many", "too many events of one day and kind");
        let name = next.ok_or_else(full)?;
        let key = DataKey::generate(&mut OsRng);
        let sealed = self.0.documents.seal(&name, &document, &key);
        let event = ClinicalEvent {
            key: name,
            kind: facts.kind,
            fields: document.commitments(&self.0.network),
            document: sha256(&sealed),
            document_bytes: sealed.len() as u64,
            visit: Visit::None,
        };
        let digest = event.visit_digest(&self.0.network, facility);
        let resource = facts.document;
        let made_ms = self.0.clock.now_ms();
        let draft =
            Draft { id: digest, digest, facility: facility.clone(), resource, patient, event, sealed, key, made_ms };
        Ok((draft, break_glass))
    }

    /// Keeps the document and records the event; answers when it is final.
    pub async fn record_event(&self, draft: Draft, agreement: Agreement) -> Result<Recorded, Outcome> {
        let keys = self.facility(draft.facility.as_str())?;
        let mut event = draft.event;
        event.visit = match agreement {
            Agreement::Patient { secret, signature } => {
                let unsigned = || {
                    Outcome::new(
                        StatusCode::UNPROCESSABLE_ENTITY,
                        "invalid",
                        "visit-signature",
                        "the patient's signature over this visit does not verify",
                    )
                };
                let one_time = OneTimeKey::derive(&draft.patient.key, &Chain::record(self.0.network), &secret)
                    .map_err(|_| unsigned())?;
                one_time.verify(&draft.digest, &signature).map_err(|_| unsigned())?;
                Visit::Patient { one_time, signature }
            }
            Agreement::BreakGlass(reason) => Visit::BreakGlass { reason },
            Agreement::None => Visit::None,
        };
        let key = event.key;
        let category = Category::of_event(event.kind);
        let ask = Ask {
            patient: Some(draft.patient.clone()),
            asked_for: String::new(),
            asker: erm::Asker::Party(draft.facility.clone()),
            purpose: Purpose::Treatment,
            mode: Mode::ReadWrite,
            wants: vec![(category, None)],
            record: key.0,
            location: self.0.settings.location.clone(),
            now_ms: self.0.clock.now_ms(),
        };
        // A facility's own record of a visit needs the visit's signature, not a grant; the patient sees that it was made.
        self.0.access.note(&ask, true, Digest::ZERO).await?;
        self.0.documents.put(&key, draft.sealed, &draft.key, &keys.wrap.public()).await?;
        let turn = self.0.senders.turn(&draft.facility).await;
        let sent = self.0.senders.send(&turn, &keys.signer, Payload::Event(event.clone())).await;
        let height = match sent {
            Ok(height) => height,
            // The answer to the first sending was lost, and the node that was asked then knows it as recorded.
            Err(ChainError::Refused { code: EVENT_KNOWN, reason }) => {
                let snapshot = self.0.chain.snapshot(None).await?;
                let own = read::<EventRecord>(snapshot.as_ref(), &Key::Event(key))?.filter(|own| own.event == event);
                own.ok_or(ChainError::Refused { code: EVENT_KNOWN, reason })?.height
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Recorded { key, height, resource: draft.resource })
    }

    pub(crate) fn keep_draft(&self, draft: &Draft) -> Result<(), Outcome> {
        let now_ms = self.0.clock.now_ms();
        let mut drafts = self.0.drafts.lock().unwrap_or_else(PoisonError::into_inner);
        drafts.retain(|_, draft| now_ms.saturating_sub(draft.made_ms) < DRAFT_MS);
        if drafts.len() >= DRAFTS_MAX {
            return Err(Outcome::new(
                StatusCode::TOO_MANY_REQUESTS,
                "throttled",
                "too-many",
                "too many drafts wait for signatures; try again",
            ));
        }
        drafts.insert(draft.id, draft.clone());
        Ok(())
    }

    pub(crate) fn take_draft(&self, facility: &Id, id: &Digest) -> Result<Draft, Outcome> {
        let now_ms = self.0.clock.now_ms();
        let mut drafts = self.0.drafts.lock().unwrap_or_else(PoisonError::into_inner);
        let own = drafts
            .get(id)
            .is_some_and(|draft| draft.facility == *facility && now_ms.saturating_sub(draft.made_ms) < DRAFT_MS);
        let draft = if own { drafts.remove(id) } else { None };
        draft.ok_or_else(|| Outcome::not_found("no such draft waits; send the resource again"))
    }
}
