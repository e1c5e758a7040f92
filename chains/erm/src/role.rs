//! Roles of parties, and which role may put what on the chain.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::EventKind;

/// What a party is. The numbers are part of the format.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Role {
    /// A hospital: clinical.
    Hospital = 0,
    /// A doctor or a practice: clinical.
    Doctor = 1,
    /// A pharmacy.
    Pharmacy = 2,
    /// A laboratory (pathology).
    Laboratory = 3,
    /// An imaging centre.
    Imaging = 4,
    /// A research centre.
    Research = 5,
    /// An insurer.
    Insurer = 6,
    /// A regulator or auditor.
    Regulator = 7,
    /// A patient as a member with units; what patients do for themselves they sign with their own key.
    Patient = 8,
}

impl Role {
    /// All roles in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Hospital,
        Self::Doctor,
        Self::Pharmacy,
        Self::Laboratory,
        Self::Imaging,
        Self::Research,
        Self::Insurer,
        Self::Regulator,
        Self::Patient,
    ];

    /// Hospitals and doctors, who together hold the majority of the stake.
    pub fn is_clinical(self) -> bool {
        matches!(self, Self::Hospital | Self::Doctor)
    }

    /// Those who treat and document: clinical ones, pharmacies, laboratories, imaging centres.
    pub fn is_provider(self) -> bool {
        matches!(self, Self::Hospital | Self::Doctor | Self::Pharmacy | Self::Laboratory | Self::Imaging)
    }
}

/// What a party can ask the chain to take in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Register a patient, who signs too.
    RegisterPatient,
    /// Record a clinical event of a kind.
    Record(EventKind),
    /// Record a claim and its response.
    Claim,
    /// Anchor heads of personal chains.
    Anchor,
    /// End a grant that it holds itself.
    Release,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 9] = [
        Self::RegisterPatient,
        Self::Record(EventKind::Record),
        Self::Record(EventKind::PharmacyBill),
        Self::Record(EventKind::TestReport),
        Self::Record(EventKind::Prescription),
        Self::Record(EventKind::Image),
        Self::Claim,
        Self::Anchor,
        Self::Release,
    ];
}

/// The role × action matrix; whatever it does not name is refused.
pub fn may(role: Role, action: Action) -> bool {
    use Role::{Doctor, Hospital, Imaging, Insurer, Laboratory, Pharmacy};
    match action {
        Action::RegisterPatient | Action::Anchor => role.is_provider(),
        Action::Record(EventKind::Record | EventKind::Prescription) => matches!(role, Hospital | Doctor),
        Action::Record(EventKind::PharmacyBill) => matches!(role, Hospital | Pharmacy),
        Action::Record(EventKind::TestReport) => matches!(role, Hospital | Laboratory),
        Action::Record(EventKind::Image) => matches!(role, Hospital | Imaging),
        Action::Claim => role.is_provider() || role == Insurer,
        Action::Release => true,
    }
}
