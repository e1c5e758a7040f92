//! One value of one signal at one instant, and the check that admits it.

use crate::{Refusal, Signal, milli};
use borsh::{BorshDeserialize, BorshSerialize};

/// Where a value came from (capability E2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Provenance {
    /// Measured by a device.
    Device = 0,
    /// Entered by a person.
    Manual = 1,
}

/// An admitted reading. Its borsh bytes are canonical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Reading {
    /// Which quantity.
    pub signal: Signal,
    /// Value in thousandths of the signal's unit.
    pub value_milli: i64,
    /// The instant, milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// Offset of the person's clock from UTC in minutes; `None` where it is unknown.
    pub offset_minutes: Option<i16>,
    /// Device or person.
    pub provenance: Provenance,
}

/// A reading as it was sent: nothing is checked yet.
#[derive(Clone, Copy, Debug)]
pub struct RawReading<'a> {
    /// Name, alias or LOINC code of the signal.
    pub signal: &'a str,
    /// Decimal text of the value.
    pub value: &'a str,
    /// Unit; `None` means the signal's own.
    pub unit: Option<&'a str>,
    /// The instant, milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// Offset from UTC in minutes, where known.
    pub offset_minutes: Option<i16>,
    /// Device or person.
    pub provenance: Provenance,
}

/// Bounds on the instant of what is admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Oldest accepted age at receipt, milliseconds.
    pub max_age_ms: i64,
    /// How far ahead of the receiver's clock an instant may lie, milliseconds.
    pub future_tolerance_ms: i64,
}

impl Default for Admission {
    /// 30 days back, one minute ahead: a clock that runs further ahead than the detector's lateness would make other
    /// devices look late.
    fn default() -> Self {
        Self { max_age_ms: 30 * 86_400_000, future_tolerance_ms: 60_000 }
    }
}

impl Admission {
    /// Checks and converts a raw reading received at `received_ms`.
    ///
    /// # Errors
    /// The [`Refusal`] that names the first thing wrong.
    pub fn admit(&self, raw: &RawReading<'_>, received_ms: i64) -> Result<Reading, Refusal> {
        let signal = Signal::from_name(raw.signal).ok_or(Refusal::UnknownSignal)?;
        let value_milli = milli::parse(raw.value)
            .ok_or(Refusal::Malformed { field: "value", expected: "send a finite decimal number" })?;
        let value_milli = match raw.unit {
            None => value_milli,
            Some(unit) => to_own_unit(signal, value_milli, unit).ok_or(Refusal::UnknownUnit { signal })?,
        };
        let reading = Reading {
            signal,
            value_milli,
            time_ms: raw.time_ms,
            offset_minutes: raw.offset_minutes,
            provenance: raw.provenance,
        };
        self.check(&reading, received_ms)?;
        Ok(reading)
    }

    /// Checks a typed reading received at `received_ms`: range, whole numbers, offset and instant.
    ///
    /// # Errors
    /// The [`Refusal`] that names the first thing wrong.
    pub fn check(&self, reading: &Reading, received_ms: i64) -> Result<(), Refusal> {
        reading.check_value()?;
        if reading.time_ms > received_ms.saturating_add(self.future_tolerance_ms) {
            return Err(Refusal::InFuture);
        }
        if reading.time_ms < received_ms.saturating_sub(self.max_age_ms) {
            return Err(Refusal::TooOld);
        }
        Ok(())
    }
}

/// Latest instant that can be stored: the end of the year 9999.
const LAST_INSTANT_MS: i64 = 253_402_300_799_999;
/// Widest offset in use, minutes (UTC+14).
const WIDEST_OFFSET_MINUTES: i16 = 14 * 60;

impl Reading {
    /// Checks all that does not depend on the receiver's clock.
    ///
    /// # Errors
    /// [`Refusal::OutOfRange`] or [`Refusal::Malformed`].
    pub fn check_value(&self) -> Result<(), Refusal> {
        let spec = self.signal.spec();
        if !(spec.low_milli..=spec.high_milli).contains(&self.value_milli) {
            return Err(Refusal::OutOfRange { signal: self.signal });
        }
        if spec.whole && self.value_milli % milli::ONE != 0 {
            return Err(Refusal::Malformed { field: "value", expected: "this signal takes whole numbers" });
        }
        if self.offset_minutes.is_some_and(|m| m.unsigned_abs() > WIDEST_OFFSET_MINUTES.unsigned_abs()) {
            return Err(Refusal::Malformed { field: "offset", expected: "send minutes between -840 and 840" });
        }
        if !(0..=LAST_INSTANT_MS).contains(&self.time_ms) {
            return Err(Refusal::Malformed { field: "time", expected: "send an instant from 1970 to 9999" });
        }
        Ok(())
    }
}

/// Converts `value_milli` given in `unit` to the signal's own unit, rounding half away from zero.
/// `None` where the unit is not accepted.
#[must_use]
pub fn to_own_unit(signal: Signal, value_milli: i64, unit: &str) -> Option<i64> {
    let spec = signal.spec();
    let unit = unit.trim();
    if unit == spec.unit || spec.unit_names.contains(&unit) {
        return Some(value_milli);
    }
    let other = spec.other_units.iter().find(|other| other.names.contains(&unit))?;
    let shifted = i128::from(value_milli) + i128::from(other.offset_milli);
    let scaled = milli::divide_rounded(shifted * i128::from(other.numerator), i128::from(other.denominator));
    i64::try_from(scaled).ok()
}
