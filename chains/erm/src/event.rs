//! Clinical events: what facilities produce, as salted commitments under a key that only they can compute.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{Chain, Digest, Domain, KeyPair, PublicKey, Signature, VrfOutput};
use rand_core::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};

use crate::{Id, Refusal, TransactionId};

/// Most fields of an event.
pub const FIELDS_MAX: usize = 64;

/// What was produced. Other kinds are refused.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum EventKind {
    /// A visit's record.
    Record = 0,
    /// A pharmacy's bill.
    PharmacyBill = 1,
    /// A laboratory's report.
    TestReport = 2,
    /// A prescription.
    Prescription = 3,
    /// An image.
    Image = 4,
}

impl EventKind {
    /// All kinds in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Record, Self::PharmacyBill, Self::TestReport, Self::Prescription, Self::Image];
}

/// Why a record goes without the patient's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum BreakGlass {
    /// The patient cannot sign and waiting would endanger life or health.
    Emergency = 0,
    /// The patient cannot sign and nobody who may sign for them can be reached.
    Incapacity = 1,
    /// The law demands the record.
    LegalDuty = 2,
}

/// How the patient's agreement to an event is shown.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Visit {
    /// A one-time key of the patient signed. Nobody can link two of them, so validators cannot see whose it is:
    /// the facility checks that before it sends, and whoever gets the secret of the key can check it later.
    Patient {
        /// The key for this visit.
        one_time: PublicKey,
        /// Over [`ClinicalEvent::visit_digest`].
        signature: Signature,
    } = 0,
    /// Nobody signed; flagged in the state for good.
    BreakGlass {
        /// Why.
        reason: BreakGlass,
    } = 1,
    /// No visit: allowed for bills, reports, prescriptions and images.
    None = 2,
}

/// An event as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ClinicalEvent {
    /// The facility's VRF output over [`event_input`]. Validators see neither the patient, the day nor n, so they
    /// cannot check that n has no gaps; a facility that leaves a gap hides its own later events from its own proofs.
    pub key: VrfOutput,
    /// What it is.
    pub kind: EventKind,
    /// Number of a field → salted commitment to its content; ascending, each once.
    pub fields: Vec<(u16, Digest)>,
    /// Digest of the encrypted document.
    pub document: Digest,
    /// Length of the encrypted document.
    pub document_bytes: u64,
    /// The patient's agreement.
    pub visit: Visit,
}

/// An event in the state.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct EventRecord {
    /// Who recorded it.
    pub facility: Id,
    /// The facility's key that signed.
    pub signer: PublicKey,
    /// Height of the block.
    pub height: u64,
    /// Time of the block.
    pub time_ms: i64,
    /// The transaction.
    pub transaction: TransactionId,
    /// What was sent.
    pub event: ClinicalEvent,
}

/// VRF input of the n-th event of a kind for a patient on a day (days since 1970):
/// `digest(EventKey, (patient, day i32, kind u8, n u32))`.
pub fn event_input(network: &Digest, patient: &PublicKey, day: i32, kind: EventKind, n: u32) -> Digest {
    Chain::record(*network).digest_of(Domain::EventKey, &(patient, day, kind, n))
}

impl ClinicalEvent {
    /// What the patient signs: `digest(Visit, (facility id, key, kind, fields, document, document_bytes))`.
    pub fn visit_digest(&self, network: &Digest, facility: &Id) -> Digest {
        let content = (facility, &self.key, self.kind, &self.fields, &self.document, self.document_bytes);
        Chain::record(*network).digest_of(Domain::Visit, &content)
    }

    /// Signs as the patient with a one-time key.
    pub fn sign_visit(
        mut self,
        network: &Digest,
        facility: &Id,
        one_time: &KeyPair,
        rng: &mut (impl CryptoRng + RngCore),
    ) -> Self {
        let signature = one_time.sign(&self.visit_digest(network, facility), rng);
        self.visit = Visit::Patient { one_time: one_time.public(), signature };
        self
    }

    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if self.fields.is_empty() || self.fields.len() > FIELDS_MAX {
            return Err(Refusal::Bounds("an event has 1 to 64 fields"));
        }
        if self.fields.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
            return Err(Refusal::Bounds("an event's fields ascend by number, each once"));
        }
        if self.kind == EventKind::Record && self.visit == Visit::None {
            return Err(Refusal::VisitUnsigned);
        }
        Ok(())
    }
}
