//! The last 24 hours of a signal: what the chart draws and the table lists.

use jiff::tz::TimeZone;
use vitals::{Anomaly, Side, Signal, milli};

use crate::words;

const HOUR_MS: i64 = 3_600_000;
/// Hours in the chart.
const HOURS: i64 = 24;
/// Hours in a row of the table.
const ROW_HOURS: i64 = 4;

/// A row of the table.
pub(crate) struct Row {
    /// `14:05 to 18:05`.
    pub(crate) hours: String,
    /// Lowest, median and highest value, without unit; `None` without readings.
    pub(crate) values: Option<[String; 3]>,
}

/// The signal over the last 24 hours before the notice.
pub(crate) struct Trend {
    pub(crate) signal: Signal,
    /// Event time and value in thousandths, ascending in time, none outside of the 24 hours.
    pub(crate) points: Vec<(i64, i64)>,
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
    /// Start of the episode.
    pub(crate) start_ms: i64,
    /// Own usual range at this hour, thousandths.
    pub(crate) usual: Option<(i64, i64)>,
    pub(crate) limit: Option<(Side, i64)>,
    pub(crate) hours_with_data: usize,
    pub(crate) rows: Vec<Row>,
    pub(crate) zone: TimeZone,
    /// The chart in words.
    pub(crate) alt: String,
}

impl Trend {
    /// `None` where there is no reading in the 24 hours.
    pub(crate) fn of(anomaly: &Anomaly, chart: &[(i64, i64)], zone: &TimeZone) -> Option<Self> {
        let to_ms = anomaly.time_ms;
        let from_ms = to_ms.saturating_sub(HOURS * HOUR_MS);
        let within = |value: i64| value.clamp(-milli::MAX, milli::MAX);
        let mut points: Vec<(i64, i64)> = chart
            .iter()
            .filter(|(time, _)| (from_ms..=to_ms).contains(time))
            .map(|(time, value)| (*time, within(*value)))
            .collect();
        points.sort_unstable_by_key(|(time, _)| *time);
        let [lowest, middle, highest] = spread(&points)?;
        let last = points.last()?.1;
        let mut hours: Vec<i64> = points
            .iter()
            .map(|(time, _)| to_ms.saturating_sub(*time) / HOUR_MS)
            .map(|hour| hour.min(HOURS - 1))
            .collect();
        hours.dedup();
        let signal = anomaly.signal;
        let rows = (0..HOURS / ROW_HOURS)
            .map(|row| {
                let begin = from_ms.saturating_add(row * ROW_HOURS * HOUR_MS);
                let end = begin.saturating_add(ROW_HOURS * HOUR_MS);
                let shown: Vec<_> = points.iter().copied().filter(|(time, _)| *time > begin && *time <= end).collect();
                Row {
                    hours: format!("{} to {}", words::clock(begin, zone), words::clock(end, zone)),
                    values: spread(&shown).map(|values| values.map(|value| words::column(signal, value))),
                }
            })
            .collect();
        let usual = anomaly.usual.map(words::usual_range).map(|(low, high)| (within(low), within(high)));
        let limit = anomaly.limit.map(|limit| (limit.side, within(limit.limit_milli)));
        let mut alt = format!(
            "Chart of {} over the last 24 hours: lowest {}, median {}, highest {}, last {}",
            words::label_inside(signal),
            words::number(signal, lowest),
            words::number(signal, middle),
            words::number(signal, highest),
            words::value(signal, last),
        );
        if let Some((low, high)) = usual {
            alt.push_str(&format!(
                "; own usual range at this hour {} to {}",
                words::number(signal, low),
                words::number(signal, high)
            ));
        }
        if let Some((_, limit)) = limit {
            alt.push_str(&format!("; limit {}", words::number(signal, limit)));
        }
        alt.push_str(&format!("; the episode began {}.", words::time(anomaly.start_ms, zone)));
        let (hours_with_data, start_ms, zone) = (hours.len(), anomaly.start_ms, zone.clone());
        Some(Self { signal, points, from_ms, to_ms, start_ms, usual, limit, hours_with_data, rows, zone, alt })
    }

    /// What a table of the rows is called.
    pub(crate) fn caption(&self) -> String {
        let offset = words::zoned(self.to_ms, &self.zone).strftime("%:z").to_string();
        format!("{} in {}, last 24 h, times {offset}", words::label(self.signal), words::unit(self.signal))
    }
}

/// Lowest, median (the lower of two) and highest value.
fn spread(points: &[(i64, i64)]) -> Option<[i64; 3]> {
    let mut values: Vec<i64> = points.iter().map(|(_, value)| *value).collect();
    values.sort_unstable();
    Some([*values.first()?, *values.get((values.len() - 1) / 2)?, *values.last()?])
}
