//! Rows: what one device measured of one subject at one moment. A row is a leaf of a batch of readings: consent is given by
//! category, so nothing finer than a category's row is ever opened alone.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger::BlobRef;

use crate::{Error, Provenance, Reading, RecordRef, Subject};

/// Most values of one row; more of one moment lie in further rows.
pub const ROW_VALUES_MAX: usize = 1_024;

/// One value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct RowValue {
    /// Number of the signal (`vitals::Signal`).
    pub signal: u16,
    /// The device's own count of its readings: with the device it names the reading for ever.
    pub sequence: u64,
    /// Value in thousandths of the signal's unit.
    pub value_milli: i64,
}

impl RowValue {
    /// Values of a row ascend by this.
    pub(crate) fn order(&self) -> (u16, u64) {
        (self.signal, self.sequence)
    }
}

/// The readings of one category that one device measured of one subject at one moment and that were received together: what a
/// leaf commits to, under one salt.
#[derive(Debug, Clone, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Row {
    /// The device that sent it.
    pub device: String,
    /// Whom or what it is about.
    pub subject: Subject,
    /// The instant, milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// Offset of the person's clock from UTC in minutes; `None` where it is unknown.
    pub offset_minutes: Option<i16>,
    /// Device or person.
    pub provenance: Provenance,
    /// When it was received, milliseconds since 1970-01-01 UTC.
    pub received_ms: i64,
    /// The payload as it was sent, where it was kept.
    pub raw: Option<BlobRef>,
    /// 1 to 1,024 values, strictly ascending by signal and sequence.
    pub values: Vec<RowValue>,
}

/// What rows of a batch ascend by.
type Order<'a> = (i64, &'a str, &'a Subject, Option<i16>, Provenance, i64, Option<&'a BlobRef>, Option<(u16, u64)>);

impl Row {
    /// The readings one by one, in the order of the values.
    pub fn records(&self) -> impl Iterator<Item = RecordRef<'_>> {
        self.values.iter().map(|value| RecordRef {
            device: &self.device,
            subject: &self.subject,
            sequence: value.sequence,
            reading: Reading {
                signal: value.signal,
                value_milli: value.value_milli,
                time_ms: self.time_ms,
                offset_minutes: self.offset_minutes,
                provenance: self.provenance,
            },
            received_ms: self.received_ms,
            raw: self.raw,
        })
    }

    /// Checks that there are 1 to 1,024 values, strictly ascending by signal and sequence.
    pub fn check(&self) -> Result<(), Error> {
        check_values(&self.values).map_err(|reason| Error::Bounds { what: "row of readings", reason: reason.into() })
    }

    pub(crate) fn order(&self) -> Order<'_> {
        (
            self.time_ms,
            &self.device,
            &self.subject,
            self.offset_minutes,
            self.provenance,
            self.received_ms,
            self.raw.as_ref(),
            self.values.first().map(RowValue::order),
        )
    }
}

pub(crate) fn check_values(values: &[RowValue]) -> Result<(), &'static str> {
    if values.is_empty() || values.len() > ROW_VALUES_MAX {
        return Err("a row holds 1 to 1024 values");
    }
    if values.windows(2).any(|pair| pair[0].order() >= pair[1].order()) {
        return Err("the values of a row are out of order, or one stands twice");
    }
    Ok(())
}

/// A [`Row`] whose parts lie elsewhere; the same bytes.
#[derive(Debug, Clone, Copy, BorshSerialize)]
pub(crate) struct RowRef<'a> {
    pub(crate) device: &'a str,
    pub(crate) subject: &'a Subject,
    pub(crate) time_ms: i64,
    pub(crate) offset_minutes: Option<i16>,
    pub(crate) provenance: Provenance,
    pub(crate) received_ms: i64,
    pub(crate) raw: Option<BlobRef>,
    pub(crate) values: &'a [RowValue],
}
