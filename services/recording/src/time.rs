//! The forms of time that a recording may use.

use jiff::civil::{DateTime, Time};
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;

/// An instant, and the offset of the clock that showed it where that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since 1970-01-01 UTC. Without an offset the clock is taken as UTC, and the offset stays unknown.
    pub time_ms: i64,
    /// Minutes east of UTC.
    pub offset_minutes: Option<i16>,
}

/// ISO 8601 with or without offset, or seconds since 1970-01-01 UTC with or without a fraction.
pub fn parse_moment(text: &str) -> Option<Moment> {
    if let Some(time_ms) = epoch_seconds(text) {
        return Some(Moment { time_ms, offset_minutes: None });
    }
    let pieces = Pieces::parse(text).ok()?;
    let clock = DateTime::from_parts(pieces.date(), pieces.time().unwrap_or(Time::midnight()));
    let offset = pieces.to_numeric_offset();
    let time_ms = offset.unwrap_or(Offset::UTC).to_timestamp(clock).ok()?.as_millisecond();
    let offset_minutes = match offset {
        Some(offset) => Some(i16::try_from(offset.seconds() / 60).ok()?),
        None => None,
    };
    Some(Moment { time_ms, offset_minutes })
}

/// Decimal digits, at most one point: no exponent, no sign but a leading minus.
fn epoch_seconds(text: &str) -> Option<i64> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let numeric = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    // Eight digits without a separator are a date to ISO 8601 (20200927), not seconds.
    if whole.is_empty() || (whole.len() == 8 && fraction.is_empty()) || !numeric(whole) || !numeric(fraction) {
        return None;
    }
    let mut milliseconds: String = fraction.chars().take(3).collect();
    while milliseconds.len() < 3 {
        milliseconds.push('0');
    }
    let total = whole.parse::<i64>().ok()?.checked_mul(1000)?.checked_add(milliseconds.parse().ok()?)?;
    Some(if negative { -total } else { total })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_unknown_offset_stays_unknown_and_is_never_zero() {
        let moment = parse_moment("2020-09-27 00:01:00").unwrap();
        assert_eq!(moment, Moment { time_ms: 1_601_164_860_000, offset_minutes: None });
        let utc = parse_moment("2020-09-27T00:01:00Z").unwrap();
        assert_eq!(utc.time_ms, moment.time_ms);
        let there = parse_moment("2020-09-27T02:01:00+02:00").unwrap();
        assert_eq!(there, Moment { time_ms: moment.time_ms, offset_minutes: Some(120) });
        assert_eq!(parse_moment("2020-09-26T18:31:00-05:30").unwrap().offset_minutes, Some(-330));
    }

    #[test]
    fn seconds_since_the_epoch_may_have_a_fraction() {
        for (text, time_ms) in [
            ("1601164860", 1_601_164_860_000),
            ("1601164860.25", 1_601_164_860_250),
            ("1.0009", 1000),
            ("0", 0),
            ("-1.5", -1500),
        ] {
            assert_eq!(parse_moment(text).map(|m| m.time_ms), Some(time_ms), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "yesterday",
            "2020-13-01",
            "2020-09-27T25:00:00Z",
            "1e9",
            "99999999999999999999",
            "12:00",
            "nan",
            "--1",
            ".",
        ] {
            assert_eq!(parse_moment(text), None, "{text}");
        }
    }
}
