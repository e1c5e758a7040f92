//! What a personal chain commits to, record by record: readings, scores, requests for access.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::{BlobRef, Digest};

/// Category of what doctors set for the detector.
pub const CATEGORY_PARAMETERS: u8 = 252;
/// Category of the sealed details of anomalies. Readings have categories 1 to 127 (`vitals`).
pub const CATEGORY_ANOMALIES: u8 = 253;
/// Category of the requests for the patient's data.
pub const CATEGORY_ACCESS: u8 = 254;
/// Category of the detector's scores.
pub const CATEGORY_SCORES: u8 = 255;

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Provenance {
    /// Measured by a device.
    Device = 0,
    /// Entered by a person.
    Manual = 1,
}

/// One value of one signal at one instant; the same bytes as the detector's reading. The signal is a
/// number here, because a chain outlives the list of signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Reading {
    /// Number of the signal (`vitals::Signal`).
    pub signal: u16,
    /// Value in thousandths of the signal's unit.
    pub value_milli: i64,
    /// The instant, milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// Offset of the person's clock from UTC in minutes; `None` where it is unknown.
    pub offset_minutes: Option<i16>,
    /// Device or person.
    pub provenance: Provenance,
}

/// Whom or what a reading is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Subject {
    /// The patient of the chain.
    Patient = 0,
    /// A room or bed that the patient is in.
    Location(String) = 1,
}

/// A reading with all that is known of it. `(device, sequence)` names it for ever. A batch commits to it as part of a
/// [`Row`](crate::Row).
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Record {
    /// The device that sent it.
    pub device: String,
    /// Whom or what it is about.
    pub subject: Subject,
    /// The device's own count of its readings.
    pub sequence: u64,
    /// The value.
    pub reading: Reading,
    /// When it was received, milliseconds since 1970-01-01 UTC.
    pub received_ms: i64,
    /// The payload as it was sent, where it was kept.
    pub raw: Option<BlobRef>,
}

/// A [`Record`] whose names lie elsewhere; the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize)]
pub struct RecordRef<'a> {
    /// The device that sent it.
    pub device: &'a str,
    /// Whom or what it is about.
    pub subject: &'a Subject,
    /// The device's own count of its readings.
    pub sequence: u64,
    /// The value.
    pub reading: Reading,
    /// When it was received, milliseconds since 1970-01-01 UTC.
    pub received_ms: i64,
    /// The payload as it was sent, where it was kept.
    pub raw: Option<BlobRef>,
}

impl<'a> From<&'a Record> for RecordRef<'a> {
    fn from(record: &'a Record) -> Self {
        Self {
            device: &record.device,
            subject: &record.subject,
            sequence: record.sequence,
            reading: record.reading,
            received_ms: record.received_ms,
            raw: record.raw,
        }
    }
}

impl From<RecordRef<'_>> for Record {
    fn from(record: RecordRef<'_>) -> Self {
        Self {
            device: record.device.to_owned(),
            subject: record.subject.clone(),
            sequence: record.sequence,
            reading: record.reading,
            received_ms: record.received_ms,
            raw: record.raw,
        }
    }
}

/// The detector's score of one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Score {
    /// End of the window, milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// Score, millionths.
    pub score_micro: i64,
}

/// A request for a patient's data, whether it was permitted or not.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct AccessRequest {
    /// Digest of the record asked for; zero where a whole category was.
    pub record: Digest,
    /// Id of the owner's personal chain.
    pub owner: Digest,
    /// Who asked.
    pub receiver: String,
    /// From where.
    pub location: String,
    /// When, milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// When the permission ends, milliseconds since 1970-01-01 UTC.
    pub expiry_ms: Option<i64>,
    /// The stated purpose, numbered as in consents.
    pub purpose: u8,
    /// The category asked for.
    pub category: u8,
    /// The decision.
    pub permitted: bool,
}
