//! Consents: what a patient grants, denies and revokes.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::PublicKey;
use serde::{Deserialize, Serialize};

use crate::{EventKind, Id, Refusal, Role, TransactionId};

/// Whom a consent is for.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Grantee {
    /// One member.
    Party(Id) = 0,
    /// All members of a role.
    Role(Role) = 1,
}

/// Which data. Numbers 1 to 63, 252 and 255 are those of personal chains' categories.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Category(pub u8);

/// Whose column of the operation matrix a category belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataGroup {
    /// The patient's own data: readings and personal data.
    Personal,
    /// What facilities record.
    MedicalHistory,
    /// What insurers keep.
    Insurance,
}

impl Category {
    /// Visit records.
    pub const RECORDS: Self = Self(64);
    /// Pharmacies' bills.
    pub const PHARMACY_BILLS: Self = Self(65);
    /// Laboratories' reports.
    pub const TEST_REPORTS: Self = Self(66);
    /// Prescriptions.
    pub const PRESCRIPTIONS: Self = Self(67);
    /// Images.
    pub const IMAGES: Self = Self(68);
    /// Name, address and the like.
    pub const PERSONAL: Self = Self(80);
    /// Coverage and claims.
    pub const INSURANCE: Self = Self(81);
    /// What doctors set for the detector: an order of treatment, so providers update it and the patient does not.
    pub const PARAMETERS: Self = Self(252);
    /// The detector's scores and anomalies.
    pub const SCORES: Self = Self(255);

    /// The category of a kind of event: 64 + kind.
    pub fn of_event(kind: EventKind) -> Self {
        match kind {
            EventKind::Record => Self::RECORDS,
            EventKind::PharmacyBill => Self::PHARMACY_BILLS,
            EventKind::TestReport => Self::TEST_REPORTS,
            EventKind::Prescription => Self::PRESCRIPTIONS,
            EventKind::Image => Self::IMAGES,
        }
    }

    /// Where it stands in the operation matrix; none for numbers without a meaning.
    pub fn group(self) -> Option<DataGroup> {
        match self.0 {
            1..=63 | 80 | 255 => Some(DataGroup::Personal),
            64..=68 | 252 => Some(DataGroup::MedicalHistory),
            81 => Some(DataGroup::Insurance),
            _ => None,
        }
    }
}

/// What for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Purpose {
    /// Care of the patient.
    Treatment = 0,
    /// Checking and paying a claim.
    Claim = 1,
    /// Quoting an insurance; apart from claims.
    Quote = 2,
    /// Research.
    Research = 3,
    /// Public health.
    PublicHealth = 4,
}

/// Decision of the patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum ConsentAct {
    /// Allowed.
    Grant = 0,
    /// Forbidden, whatever else is granted.
    Deny = 1,
    /// As if nothing had been said.
    Revoke = 2,
}

/// How far.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Mode {
    /// Query.
    Read = 0,
    /// Query and update.
    ReadWrite = 1,
}

/// A patient's decision as it is sent; the sender is the patient. It replaces the one before for the same grantee,
/// category and purpose.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Consent {
    /// For whom.
    pub grantee: Grantee,
    /// Which data.
    pub category: Category,
    /// What for.
    pub purpose: Purpose,
    /// Grant, deny or revoke.
    pub decision: ConsentAct,
    /// How far. A denial of reading denies all, one of read-write denies writing only.
    pub mode: Mode,
    /// First service day that it covers (days since 1970); none is unbounded.
    pub service_from_day: Option<i32>,
    /// Last service day that it covers, itself included; none is unbounded.
    pub service_to_day: Option<i32>,
    /// From then on it counts as revoked.
    pub expires_ms: Option<i64>,
}

/// A consent in the state.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ConsentRecord {
    /// What was sent last.
    pub consent: Consent,
    /// Whether the grantee itself ended it.
    pub released: bool,
    /// Height of the block.
    pub height: u64,
    /// Time of the block.
    pub time_ms: i64,
    /// The transaction.
    pub transaction: TransactionId,
}

/// A party ends a grant that names it: its treatment is finished.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Release {
    /// Whose data.
    pub patient: PublicKey,
    /// Which data.
    pub category: Category,
    /// What for.
    pub purpose: Purpose,
}

impl Consent {
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if self.category.group().is_none() {
            return Err(Refusal::Bounds("a consent names a category that has a meaning"));
        }
        if let (Some(from), Some(to)) = (self.service_from_day, self.service_to_day)
            && from > to
        {
            return Err(Refusal::Bounds("a consent's service days end before they begin"));
        }
        Ok(())
    }
}
