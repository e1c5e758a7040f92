//! Days since 1970-01-01, and their dates.

use jiff::Span;
use jiff::civil::Date;

/// Milliseconds of a day.
pub(crate) const DAY_MS: i64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;
const FIRST: Date = Date::constant(1970, 1, 1);

/// The day of an instant on a clock that goes by an offset from UTC; UTC where that is unknown.
pub(crate) fn day_of(time_ms: i64, offset_minutes: Option<i16>) -> i64 {
    local_ms(time_ms, offset_minutes).div_euclid(DAY_MS)
}

/// An instant on that clock.
pub(crate) fn local_ms(time_ms: i64, offset_minutes: Option<i16>) -> i64 {
    time_ms.saturating_add(i64::from(offset_minutes.unwrap_or(0)) * MINUTE_MS)
}

/// The first instant of the day after an instant's, on that clock.
pub(crate) fn next_midnight_ms(time_ms: i64, offset_minutes: Option<i16>) -> i64 {
    let midnight = day_of(time_ms, offset_minutes).saturating_add(1).saturating_mul(DAY_MS);
    midnight.saturating_sub(i64::from(offset_minutes.unwrap_or(0)) * MINUTE_MS)
}

/// The day of a date such as `2020-07-05`.
pub(crate) fn parse_date(text: &str) -> Option<i64> {
    let date: Date = text.trim().parse().ok()?;
    Some(date.duration_since(FIRST).as_hours() / 24)
}

/// The date of a day; days that no calendar holds are written as numbers.
pub(crate) fn date(day: i64) -> String {
    civil(day).map_or_else(|| format!("day {day}"), |date| date.to_string())
}

/// The date of a day as people write it in a chart: `5 Jul`.
pub(crate) fn short_date(day: i64) -> String {
    civil(day).map_or_else(|| format!("day {day}"), |date| date.strftime("%-d %b").to_string())
}

fn civil(day: i64) -> Option<Date> {
    FIRST.checked_add(Span::new().try_days(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_the_same() {
        for (day, text) in [(0, "1970-01-01"), (18_448, "2020-07-05"), (-1, "1969-12-31"), (18_321, "2020-02-29")] {
            assert_eq!((parse_date(text), date(day).as_str()), (Some(day), text));
        }
        assert_eq!(short_date(18_448), "5 Jul");
        assert_eq!(parse_date("2020-02-30"), None);
        assert_eq!(date(i64::MAX), format!("day {}", i64::MAX));
    }

    #[test]
    fn a_day_begins_at_midnight_of_the_own_clock() {
        let noon_ms = 18_448 * DAY_MS + DAY_MS / 2;
        assert_eq!(day_of(noon_ms, Some(-13 * 60)), 18_447);
        assert_eq!(next_midnight_ms(noon_ms, None), 18_449 * DAY_MS);
        let midnight_ms = next_midnight_ms(noon_ms, Some(120));
        assert_eq!(midnight_ms, 18_449 * DAY_MS - 2 * 3_600_000);
        assert_eq!((day_of(midnight_ms - 1, Some(120)), day_of(midnight_ms, Some(120))), (18_448, 18_449));
    }
}
