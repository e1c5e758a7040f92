//! Writing an instant as a recording writes its own.

use jiff::Timestamp;
use jiff::tz::Offset;

use crate::parse_moment;

/// How a recording spells its times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// Seconds since 1970-01-01 UTC.
    Epoch {
        /// With a fraction.
        fraction: bool,
    },
    /// ISO 8601.
    Iso {
        /// Between date and time.
        separator: char,
        /// How the offset from UTC is written, where it is.
        offset: Written,
        /// With milliseconds.
        fraction: bool,
    },
}

/// How an offset is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// Not at all.
    No,
    /// As `Z` where it is zero.
    Zulu,
    /// In figures.
    Figures,
}

impl Spelling {
    /// The spelling of a time; none of what is no time.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        let moment = parse_moment(text)?;
        let fraction = text.contains('.');
        if text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'))
            && !text.trim_start_matches('-').contains('-')
            && moment.offset_minutes.is_none()
            && !is_plain_date(text)
        {
            return Some(Self::Epoch { fraction });
        }
        let separator = text.chars().find(|separator| matches!(separator, 'T' | 't' | ' ')).unwrap_or(' ');
        let offset = match moment.offset_minutes {
            None => Written::No,
            Some(_) if text.ends_with(['Z', 'z']) => Written::Zulu,
            Some(_) => Written::Figures,
        };
        Some(Self::Iso { separator, offset, fraction })
    }

    /// Whether times are numbers.
    #[must_use]
    pub fn is_number(self) -> bool {
        matches!(self, Self::Epoch { .. })
    }

    /// Writes an instant on a clock that goes by `offset_minutes`; what is finer than the spelling is cut off, never rounded, so
    /// that the last moment of a day stays on its day. An instant that no calendar holds is written as a number.
    #[must_use]
    pub fn write(self, time_ms: i64, offset_minutes: Option<i16>) -> String {
        match self {
            Self::Epoch { fraction } => epoch(time_ms, fraction),
            Self::Iso { separator, offset, fraction } => {
                let east = Offset::from_seconds(i32::from(offset_minutes.unwrap_or(0)) * 60).unwrap_or(Offset::UTC);
                let Ok(instant) = Timestamp::from_millisecond(time_ms) else { return epoch(time_ms, fraction) };
                let clock = east.to_datetime(instant);
                let mut text = format!("{}{separator}", clock.date());
                text += &format!("{:02}:{:02}:{:02}", clock.hour(), clock.minute(), clock.second());
                if fraction {
                    text += &format!(".{:03}", clock.millisecond());
                }
                let minutes = east.seconds() / 60;
                match offset {
                    Written::No => {}
                    Written::Zulu if minutes == 0 => text.push('Z'),
                    Written::Zulu | Written::Figures => {
                        let sign = if minutes < 0 { '-' } else { '+' };
                        text += &format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60);
                    }
                }
                text
            }
        }
    }
}

/// Eight digits are a date to ISO 8601 (20200927), not seconds.
fn is_plain_date(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn epoch(time_ms: i64, fraction: bool) -> String {
    if fraction {
        let sign = if time_ms < 0 { "-" } else { "" };
        let magnitude = time_ms.unsigned_abs();
        format!("{sign}{}.{:03}", magnitude / 1_000, magnitude % 1_000)
    } else {
        time_ms.div_euclid(1_000).to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_instant_is_written_as_the_recording_writes_it() {
        for text in [
            "2020-09-27 00:01:00",
            "2020-09-27T00:01:00",
            "2020-09-27T00:01:00Z",
            "2020-09-27T00:01:00.250+02:00",
            "2020-09-27T00:01:00-05:30",
            "1601164860",
            "1601164860.250",
            "-3.250",
            "0",
        ] {
            let (spelling, moment) = (Spelling::of(text).unwrap(), parse_moment(text).unwrap());
            assert_eq!(spelling.write(moment.time_ms, moment.offset_minutes), text);
        }
        assert_eq!(Spelling::of("yesterday"), None);
        let date = Spelling::of("20200927").unwrap();
        assert_eq!(date.write(1_601_164_860_000, None), "2020-09-27 00:01:00");
    }

    #[test]
    fn the_last_millisecond_of_a_day_is_written_on_that_day() {
        let spelling = Spelling::of("2020-09-27 00:01:00").unwrap();
        assert_eq!(spelling.write(86_399_999, None), "1970-01-01 23:59:59");
        assert_eq!(Spelling::of("5").unwrap().write(86_399_999, None), "86399");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same_instant(
            time_ms in 0_i64..4_000_000_000_000, offset_minutes in -840_i16..=840, form in 0_usize..3
        ) {
            let (like, offset) = [("1.5", None), ("2020-01-01T00:00:00.5", None), ("2020-01-01T00:00:00.5+01:00", Some(offset_minutes))][form];
            let text = Spelling::of(like).unwrap().write(time_ms, offset);
            let moment = parse_moment(&text).unwrap();
            prop_assert_eq!((moment.time_ms, moment.offset_minutes), (time_ms, offset));
        }
    }
}
