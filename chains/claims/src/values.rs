//! The small values that claims and events are made of.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Longest text of any field of a claim or an event, in bytes.
pub const TEXT_BYTES_MAX: usize = 256;

/// A code and the system that gives it its meaning.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Coding {
    /// The code system's URI; empty where the sender named none.
    pub system: String,
    /// The code.
    pub code: String,
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}|{}", self.system, self.code)
    }
}

/// A business identifier: of a patient, a practitioner, a claim.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Identifier {
    /// The system that the value is unique in.
    pub system: String,
    /// The value.
    pub value: String,
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}|{}", self.system, self.value)
    }
}

/// An amount of money in the currency's minor unit (cents).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// The amount, in hundredths of the currency.
    pub minor: i64,
    /// ISO 4217.
    pub currency: Currency,
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minor < 0 { "-" } else { "" };
        let minor = self.minor.unsigned_abs();
        write!(f, "{sign}{}.{:02} {}", minor / 100, minor % 100, self.currency)
    }
}

/// Three capital letters of ISO 4217.
#[derive(Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Currency([u8; 3]);

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Currency {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(letters) if letters.iter().all(u8::is_ascii_uppercase) => Ok(Self(letters)),
            _ => Err(Error::Malformed {
                what: "currency",
                reason: "three capital letters of ISO 4217 are needed".into(),
            }),
        }
    }
}

/// A civil day, counted from 1970-01-01. Shown as `YYYY-MM-DD`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Day(pub i32);

/// Days of 1582-10-15 (the calendar's first) and of 9999-12-31: outside, a day is refused.
const DAY_BOUNDS: std::ops::RangeInclusive<i32> = -141_427..=2_932_896;

impl Day {
    /// The UTC day of an instant in milliseconds.
    pub fn of_ms(time_ms: i64) -> Self {
        Self(i32::try_from(time_ms.div_euclid(86_400_000)).unwrap_or(if time_ms < 0 { i32::MIN } else { i32::MAX }))
    }

    /// The first instant of the day in UTC, milliseconds.
    pub fn start_ms(self) -> i64 {
        i64::from(self.0) * 86_400_000
    }

    /// The day this many days later.
    pub fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }
}

/// Howard Hinnant's `civil_from_days`: exact integers over the proleptic Gregorian calendar.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let z = i64::from(self.0) + 719_468;
        let era = z.div_euclid(146_097);
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Day {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = || Error::Malformed { what: "day", reason: "a day is written YYYY-MM-DD".into() };
        let number = |from: usize, to: usize| -> Result<i64, Error> {
            let digits = text.get(from..to).filter(|d| d.bytes().all(|b| b.is_ascii_digit())).ok_or_else(refuse)?;
            digits.parse().map_err(|_| refuse())
        };
        if text.len() != 10 || text.get(4..5) != Some("-") || text.get(7..8) != Some("-") {
            return Err(refuse());
        }
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let shifted_year = if month <= 2 { year - 1 } else { year };
        let era = shifted_year.div_euclid(400);
        let year_of_era = shifted_year.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = i32::try_from(era * 146_097 + day_of_era - 719_468).map_err(|_| refuse())?;
        // Writing it again refuses the 30th of February and the 13th month.
        let found = Self(days);
        if DAY_BOUNDS.contains(&days) && found.to_string() == text { Ok(found) } else { Err(refuse()) }
    }
}

/// JSON spelling for a type with `Display` and `FromStr`.
macro_rules! serde_as_text {
    ($($type:ty),*) => {$(
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

serde_as_text!(Currency, Day);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn days_are_counted_and_written_as_the_calendar_does() {
        for (text, days) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("2000-02-29", 11_016),
            ("2026-11-21", 20_778),
            ("9999-12-31", 2_932_896),
        ] {
            assert_eq!(text.parse::<Day>().unwrap(), Day(days), "{text}");
            assert_eq!(Day(days).to_string(), text);
        }
        for text in
            ["2026-02-29", "2026-13-01", "2026-1-01", "2026-01-00", "26-01-01", "2026-01-01T", "１９７０-01-01", ""]
        {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_currency_is_three_capital_letters() {
        assert_eq!("EUR".parse::<Currency>().unwrap().to_string(), "EUR");
        for text in ["eur", "EU", "EURO", "E1R", ""] {
            assert!(text.parse::<Currency>().is_err(), "{text}");
        }
        assert_eq!(Money { minor: -5, currency: "EUR".parse().unwrap() }.to_string(), "-0.05 EUR");
    }

    proptest! {
        #[test]
        fn every_day_reads_back_from_its_text(days in DAY_BOUNDS) {
            prop_assert_eq!(Day(days).to_string().parse::<Day>().unwrap(), Day(days));
            prop_assert_eq!(Day::of_ms(Day(days).start_ms()), Day(days));
        }

        #[test]
        fn any_text_is_a_day_or_refused_without_panic(text in ".{0,12}") {
            let _ = text.parse::<Day>();
        }
    }
}
