//! Instants as devices and FHIR write them.

/// An instant in milliseconds since 1970-01-01 UTC and the offset in minutes; the offset is `None` where it is not
/// written or written as `Z`, which says UTC and nothing about the person's clock. A time without offset is taken as UTC.
pub(crate) fn parse(text: &str) -> Option<(i64, Option<i16>)> {
    let text = text.trim();
    if text.len() > 40 {
        return None;
    }
    let (_, time) = text.split_once(['T', ' '])?;
    if time.ends_with(['Z', 'z']) {
        return Some((text.parse::<jiff::Timestamp>().ok()?.as_millisecond(), None));
    }
    if let Some(at) = time.rfind(['+', '-']) {
        let instant = text.parse::<jiff::Timestamp>().ok()?.as_millisecond();
        return Some((instant, Some(offset(time.get(at..)?)?)));
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    Some((civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond(), None))
}

/// Seconds since 1970 with at most three digits after the point, as decimal text.
pub(crate) fn parse_epoch_s(text: &str) -> Option<i64> {
    vitals::milli::parse(text)
}

/// RFC 3339 in UTC.
pub(crate) fn to_text(time_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(time_ms).map_or_else(|_| String::new(), |time| time.to_string())
}

fn offset(text: &str) -> Option<i16> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':').or_else(|| digits.split_at_checked(2))?;
    let number = |text: &str| (text.len() == 2).then(|| text.parse::<i16>().ok()).flatten();
    let minutes = if minutes.is_empty() { 0 } else { number(minutes)? };
    Some(sign * (number(hours)? * 60 + minutes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_offset_that_is_not_written_stays_unknown() {
        assert_eq!(parse("2026-03-10T12:00:00+01:00"), Some((1_773_140_400_000, Some(60))));
        assert_eq!(parse("2026-03-10T12:00:00.250-0530"), Some((1_773_163_800_250, Some(-330))));
        assert_eq!(parse("2026-03-10T12:00:00Z"), Some((1_773_144_000_000, None)));
        assert_eq!(parse("2026-03-10 12:00:00"), Some((1_773_144_000_000, None)));
        assert_eq!(parse_epoch_s("1773144000.5"), Some(1_773_144_000_500));
        for text in
            ["", "2026-03-10", "12:00", "2026-13-10T12:00:00Z", "2026-03-10T12:00:00+1", "2026-03-10T25:00:00", "x"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
