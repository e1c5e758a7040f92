//! Why somebody is alerted, in words.

use vitals::{Anomaly, Contribution, Route, Side};

use crate::words::{amount, words};

/// Shares that are told, at most.
const SHARES_MAX: usize = 3;

/// One sentence without times: they stand beside it.
pub(crate) fn reason(anomaly: &Anomaly) -> String {
    let persisted = anomaly.persisted;
    match anomaly.route {
        Route::HardLimit | Route::Environment => {
            let value = value(anomaly);
            let limit = anomaly.limit.map_or_else(String::new, |limit| {
                let side = if limit.side == Side::Above { "above" } else { "below" };
                format!(", {side} the limit of {}", amount(anomaly.signal, limit.limit_milli))
            });
            format!("{value}{limit}, in {} of {} steps ({} needed)", persisted.held, persisted.of, persisted.needed)
        }
        Route::Forest => {
            let there = anomaly.contributions.iter().filter(|share| !anomaly.missing.contains(&share.signal));
            let shares: Vec<String> = there.take(SHARES_MAX).map(deviation).collect();
            let missing: Vec<&str> = anomaly.missing.iter().map(|signal| words(*signal)).collect();
            let without = if missing.is_empty() { String::new() } else { format!("; without {}", missing.join(", ")) };
            format!(
                "{}; score {}, threshold {}{without}",
                shares.join(", "),
                micro(anomaly.score_micro),
                micro(anomaly.threshold_micro)
            )
        }
        Route::Drift => {
            let of = if anomaly.is_of_day() { "day" } else { "night" };
            let usual = anomaly.usual.map_or_else(String::new, |usual| {
                format!(", usual of the 28 days before {}", amount(anomaly.signal, usual.median_milli))
            });
            format!(
                "at rest, by {of}: {}{usual}; deviations of {} values add up to {} standard deviations, alarm above {}",
                value(anomaly),
                persisted.held,
                micro(anomaly.score_micro),
                micro(anomaly.threshold_micro)
            )
        }
        Route::News2 => {
            let score = anomaly.news2.as_ref().map_or_else(String::new, ToString::to_string);
            format!(
                "NEWS2 {score}, in {} of {} windows ({} needed); most points by {}",
                persisted.held,
                persisted.of,
                persisted.needed,
                value(anomaly)
            )
        }
        Route::Silence => format!("no reading of any device; {} was the last", words(anomaly.signal)),
    }
}

/// The route as people call it.
pub(crate) fn route_words(route: Route) -> &'static str {
    match route {
        Route::HardLimit => "limit crossed",
        Route::Forest => "unusual for this person",
        Route::Environment => "room",
        Route::Silence => "no readings",
        Route::Drift => "resting heart rate rising",
        Route::News2 => "NEWS2",
    }
}

fn value(anomaly: &Anomaly) -> String {
    let name = words(anomaly.signal);
    anomaly.value_milli.map_or_else(|| name.to_owned(), |value| format!("{name} {}", amount(anomaly.signal, value)))
}

fn deviation(share: &Contribution) -> String {
    let side = if share.deviation_milli < 0 { "below" } else { "above" };
    let tenths = (share.deviation_milli.abs() + 50) / 100;
    format!("{} {}.{} standard deviations {side} the usual", words(share.signal), tenths / 10, tenths % 10)
}

/// Millionths with two decimals.
fn micro(value: Option<i64>) -> String {
    let hundredths = (value.unwrap_or(0) + 5_000) / 10_000;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// Whether a drift's alarm is of a day: known in its last millisecond.
trait OfDay {
    fn is_of_day(&self) -> bool;
}

impl OfDay for Anomaly {
    fn is_of_day(&self) -> bool {
        crate::calendar::next_midnight_ms(self.time_ms, self.offset_minutes).saturating_sub(self.time_ms) == 1
    }
}
