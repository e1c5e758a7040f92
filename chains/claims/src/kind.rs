use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// The five kinds of clinical event that facilities produce (formats section 4.3; capability D7).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// What was done: encounters, procedures, and a facility's own bills.
    Record = 0,
    /// What a pharmacy dispensed and billed.
    PharmacyBill = 1,
    /// What a laboratory found.
    TestReport = 2,
    /// What was prescribed.
    Prescription = 3,
    /// That images were taken.
    Image = 4,
}

impl Kind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Record, Self::PharmacyBill, Self::TestReport, Self::Prescription, Self::Image];
}

/// The name of a kind, as in JSON.
pub fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Record => "record",
        Kind::PharmacyBill => "pharmacy-bill",
        Kind::TestReport => "test-report",
        Kind::Prescription => "prescription",
        Kind::Image => "image",
    }
}
