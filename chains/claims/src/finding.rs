//! What a check found, in words of our own code system, and the one function that turns findings into a verdict.

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::Digest;
use serde::{Deserialize, Serialize};

/// The canonical URI of the code system of [`Code`].
pub const CODE_SYSTEM: &str = "https://caduceus.example/fhir/CodeSystem/claim-finding";

/// What is wrong. FHIR's `adjudication-error` knows two codes only, so the codes are our own; [`Code::carc`] maps them.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// Check 1: the claim contradicts itself or leaves out what is needed.
    Schema = 1,
    /// Check 2: the identifier is none of the patient's.
    PatientDiffers = 2,
    /// Check 3: nothing may be said.
    ConsentMissing = 3,
    /// Check 5: the facility recorded nothing at all for this patient where the claim points to.
    NotFound = 4,
    /// Check 5: there are records, but no encounter.
    EncounterMissing = 5,
    /// Check 5: the encounter's period does not hold the day of service.
    EncounterPeriod = 6,
    /// Check 6: the procedure or product is not documented.
    NotDocumented = 7,
    /// Check 7: somebody else took part.
    ProviderDiffers = 8,
    /// Check 7: the facility was no member in good standing on the day of service.
    ProviderStanding = 9,
    /// Check 9: another amount was recorded.
    AmountDiffers = 10,
    /// Check 9: no amount was recorded.
    BillMissing = 11,
    /// Check 10: all documented services of this code were claimed before.
    Duplicate = 12,
    /// Check 10: the same code was claimed for the day before or after.
    NearDuplicate = 13,
}

/// How much a finding weighs.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth a look; the verdict stands.
    Warning = 0,
    /// The claim differs from the record.
    Mismatch = 1,
    /// The claim was made before.
    Duplicate = 2,
    /// The claim cannot be held against the record.
    Error = 3,
}

impl Code {
    /// All codes.
    pub const ALL: [Self; 13] = [
        Self::Schema,
        Self::PatientDiffers,
        Self::ConsentMissing,
        Self::NotFound,
        Self::EncounterMissing,
        Self::EncounterPeriod,
        Self::NotDocumented,
        Self::ProviderDiffers,
        Self::ProviderStanding,
        Self::AmountDiffers,
        Self::BillMissing,
        Self::Duplicate,
        Self::NearDuplicate,
    ];

    /// The code as written in FHIR and in receipts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::PatientDiffers => "patient-differs",
            Self::ConsentMissing => "consent-missing",
            Self::NotFound => "not-found",
            Self::EncounterMissing => "encounter-missing",
            Self::EncounterPeriod => "encounter-period",
            Self::NotDocumented => "not-documented",
            Self::ProviderDiffers => "provider-differs",
            Self::ProviderStanding => "provider-standing",
            Self::AmountDiffers => "amount-differs",
            Self::BillMissing => "bill-missing",
            Self::Duplicate => "duplicate",
            Self::NearDuplicate => "near-duplicate",
        }
    }

    /// What it means, in a sentence.
    pub fn display(self) -> &'static str {
        match self {
            Self::Schema => "The claim contradicts itself or leaves out what is needed",
            Self::PatientDiffers => "The identifier is none of the patient's",
            Self::ConsentMissing => "Nothing may be said about this claim",
            Self::NotFound => "The facility recorded nothing for this patient, day and kind",
            Self::EncounterMissing => "No encounter is recorded",
            Self::EncounterPeriod => "The encounter's period does not hold the day of service",
            Self::NotDocumented => "The procedure or product is not documented",
            Self::ProviderDiffers => "Somebody else took part",
            Self::ProviderStanding => "The facility was no member in good standing on the day of service",
            Self::AmountDiffers => "Another amount was recorded",
            Self::BillMissing => "No amount was recorded",
            Self::Duplicate => "Every documented service of this code was claimed before",
            Self::NearDuplicate => "The same code was claimed for the day before or after",
        }
    }

    /// The weight that the code always has.
    pub fn severity(self) -> Severity {
        match self {
            Self::Schema | Self::PatientDiffers | Self::ConsentMissing => Severity::Error,
            Self::Duplicate => Severity::Duplicate,
            Self::NearDuplicate => Severity::Warning,
            _ => Severity::Mismatch,
        }
    }

    /// The number of the check in the published list of checks.
    pub fn check(self) -> u8 {
        match self {
            Self::Schema => 1,
            Self::PatientDiffers => 2,
            Self::ConsentMissing => 3,
            Self::NotFound | Self::EncounterMissing | Self::EncounterPeriod => 5,
            Self::NotDocumented => 6,
            Self::ProviderDiffers | Self::ProviderStanding => 7,
            Self::AmountDiffers | Self::BillMissing => 9,
            Self::Duplicate | Self::NearDuplicate => 10,
        }
    }

    /// The Claim Adjustment Reason Code nearest in meaning; their texts are licensed and left out.
    pub fn carc(self) -> Option<&'static str> {
        match self {
            Self::Schema => Some("16"),
            Self::PatientDiffers => Some("31"),
            Self::ConsentMissing => None,
            Self::NotFound | Self::EncounterMissing | Self::EncounterPeriod => Some("112"),
            Self::NotDocumented => Some("11"),
            Self::ProviderDiffers => Some("8"),
            Self::ProviderStanding => Some("185"),
            Self::AmountDiffers => Some("45"),
            Self::BillMissing => Some("16"),
            Self::Duplicate | Self::NearDuplicate => Some("18"),
        }
    }
}

/// One thing that a check found.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// What is wrong.
    pub code: Code,
    /// How much it weighs.
    pub severity: Severity,
    /// The item's sequence; `None` where the whole claim is meant.
    pub item: Option<u32>,
    /// Where in the claim, as FHIRPath.
    pub path: String,
    /// What the claim says.
    pub expected: String,
    /// What the record shows.
    pub found: String,
    /// Keys in the authenticated state (VRF outputs) that show it.
    pub evidence: Vec<Digest>,
}

/// The answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every line agrees with the record.
    Match = 0,
    /// Some lines agree.
    Partial = 1,
    /// No line agrees.
    Mismatch = 2,
    /// The facility recorded nothing where the claim points to.
    NotFound = 3,
    /// Every line was claimed before.
    Duplicate = 4,
    /// Nothing may be said.
    ConsentMissing = 5,
}

impl Verdict {
    /// As written in FHIR and in receipts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Partial => "partial",
            Self::Mismatch => "mismatch",
            Self::NotFound => "not-found",
            Self::Duplicate => "duplicate",
            Self::ConsentMissing => "consent-missing",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Sequences of the items that have no finding above a warning.
pub fn agreeing(sequences: &[u32], findings: &[Finding]) -> BTreeSet<u32> {
    let failing = |finding: &&Finding| finding.severity > Severity::Warning;
    if findings.iter().filter(failing).any(|finding| finding.item.is_none()) {
        return BTreeSet::new();
    }
    let failed: BTreeSet<u32> = findings.iter().filter(failing).filter_map(|finding| finding.item).collect();
    sequences.iter().copied().filter(|sequence| !failed.contains(sequence)).collect()
}

/// The verdict: a function of the items' sequences and the findings, and of nothing else.
pub fn verdict(sequences: &[u32], findings: &[Finding]) -> Verdict {
    let failing: Vec<&Finding> = findings.iter().filter(|finding| finding.severity > Severity::Warning).collect();
    if failing.iter().any(|finding| finding.code == Code::ConsentMissing) {
        return Verdict::ConsentMissing;
    }
    let agreeing = agreeing(sequences, findings).len();
    if failing.is_empty() {
        return Verdict::Match;
    }
    if agreeing > 0 {
        return Verdict::Partial;
    }
    let every_item_has = |code: Code| {
        sequences.iter().all(|sequence| failing.iter().any(|f| f.code == code && f.item == Some(*sequence)))
    };
    if every_item_has(Code::NotFound) {
        Verdict::NotFound
    } else if failing.iter().all(|finding| finding.code == Code::Duplicate) {
        Verdict::Duplicate
    } else {
        Verdict::Mismatch
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn finding(code: Code, item: Option<u32>) -> Finding {
        let severity = code.severity();
        Finding {
            code,
            severity,
            item,
            path: String::new(),
            expected: String::new(),
            found: String::new(),
            evidence: vec![],
        }
    }

    #[test]
    fn the_verdict_follows_from_the_findings() {
        use Code::*;
        type Found = [(Code, Option<u32>)];
        let cases: [(&Found, Verdict); 9] = [
            (&[], Verdict::Match),
            (&[(NearDuplicate, Some(1))], Verdict::Match),
            (&[(AmountDiffers, Some(1))], Verdict::Partial),
            (&[(AmountDiffers, Some(1)), (NotDocumented, Some(2))], Verdict::Mismatch),
            (&[(NotFound, Some(1)), (NotFound, Some(2))], Verdict::NotFound),
            (&[(Duplicate, Some(1)), (Duplicate, Some(2))], Verdict::Duplicate),
            (&[(Duplicate, Some(1)), (AmountDiffers, Some(2))], Verdict::Mismatch),
            (&[(ProviderStanding, None)], Verdict::Mismatch),
            (&[(NotFound, Some(1)), (ConsentMissing, None)], Verdict::ConsentMissing),
        ];
        for (findings, expected) in cases {
            let findings: Vec<_> = findings.iter().map(|(code, item)| finding(*code, *item)).collect();
            assert_eq!(verdict(&[1, 2], &findings), expected, "{findings:?}");
        }
    }

    #[test]
    fn names_in_json_and_in_fhir_are_the_same() {
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.name());
        }
        for verdict in [
            Verdict::Match,
            Verdict::Partial,
            Verdict::Mismatch,
            Verdict::NotFound,
            Verdict::Duplicate,
            Verdict::ConsentMissing,
        ] {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.name());
        }
    }
}
