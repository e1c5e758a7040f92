//! Signals, values, units, durations and times as a reader wants them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use vitals::{Severity, Signal, milli};

/// A signal's name for people: `Heart rate`.
pub(crate) fn label(signal: Signal) -> String {
    let fixed = match signal {
        Signal::Spo2 => "Oxygen saturation (SpO2)",
        Signal::HrvSdnn => "Heart rate variability (SDNN)",
        Signal::Systolic => "Systolic blood pressure",
        Signal::Diastolic => "Diastolic blood pressure",
        Signal::Temperature => "Body temperature",
        Signal::Co2 => "Carbon dioxide in the room",
        Signal::Noise => "Noise in the room",
        Signal::Humidity => "Humidity of the room",
        other => {
            let text = other.name().replace('_', " ");
            let mut letters = text.chars();
            return letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect());
        }
    };
    fixed.to_owned()
}

/// The name within a sentence: `heart rate`, `oxygen saturation (SpO2)`.
pub(crate) fn label_inside(signal: Signal) -> String {
    let text = label(signal);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// A unit for people: `°C` for UCUM's `Cel`.
pub(crate) fn unit(signal: Signal) -> &'static str {
    match signal.unit() {
        "Cel" => "°C",
        "mm[Hg]" => "mmHg",
        "[ppm]" => "ppm",
        "{steps}" => "steps",
        "{dose}" => "doses",
        "{stage}" => "(stage)",
        "{0,1}" => "(0 or 1)",
        other => other,
    }
}

/// A value with one decimal at most (two for volts), without its unit.
pub(crate) fn number(signal: Signal, value_milli: i64) -> String {
    let step = if signal == Signal::BatteryVoltage { 10 } else { 100 };
    milli::to_text(rounded(value_milli, step).saturating_mul(step))
}

/// A value with its unit.
pub(crate) fn value(signal: Signal, value_milli: i64) -> String {
    format!("{} {}", number(signal, value_milli), unit(signal))
}

/// As [`number`], with all its decimals, for columns.
pub(crate) fn column(signal: Signal, value_milli: i64) -> String {
    let decimals = if signal == Signal::BatteryVoltage { 2 } else { 1 };
    let text = number(signal, value_milli);
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}.{fraction:0<decimals$}")
}

/// Millionths with three decimals.
pub(crate) fn micro(value_micro: i64) -> String {
    let thousandths = rounded(value_micro, 1_000);
    format!(
        "{}{}.{:03}",
        if thousandths < 0 { "-" } else { "" },
        thousandths.unsigned_abs() / 1_000,
        thousandths.unsigned_abs() % 1_000
    )
}

/// As [`micro`], with a sign always.
pub(crate) fn micro_signed(value_micro: i64) -> String {
    if value_micro < 0 { micro(value_micro) } else { format!("+{}", micro(value_micro)) }
}

/// `value / step`, rounded half away from zero.
fn rounded(value: i64, step: i64) -> i64 {
    let half = if value < 0 { -step / 2 } else { step / 2 };
    value.saturating_add(half) / step
}

/// The usual range around a median: two robust standard deviations (2 × 1.4826 × the median absolute deviation) to each side.
pub(crate) fn usual_range(usual: vitals::Usual) -> (i64, i64) {
    let reach = usual.spread_milli.saturating_mul(2_965) / 1_000;
    (usual.median_milli.saturating_sub(reach), usual.median_milli.saturating_add(reach))
}

/// A severity in capitals.
pub(crate) fn capitals(severity: Severity) -> String {
    severity.name().to_uppercase()
}

/// `30 min`, `24 h`: what a response time looks like.
pub(crate) fn minutes(minutes: u32) -> String {
    if minutes >= 120 && minutes.is_multiple_of(60) { format!("{} h", minutes / 60) } else { format!("{minutes} min") }
}

/// A length of time to the minute: `1 h 5 min`, `2 d 3 h`.
pub(crate) fn duration(ms: i64) -> String {
    let minutes = ms.max(0) / 60_000;
    match (minutes / 1_440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// An instant in a zone with its offset: `2026-03-01 14:05 +01:00`.
pub(crate) fn time(ms: i64, zone: &TimeZone) -> String {
    zoned(ms, zone).strftime("%Y-%m-%d %H:%M %:z").to_string()
}

/// The hour and minute of an instant in a zone.
pub(crate) fn clock(ms: i64, zone: &TimeZone) -> String {
    zoned(ms, zone).strftime("%H:%M").to_string()
}

pub(crate) fn zoned(ms: i64, zone: &TimeZone) -> jiff::Zoned {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.clone())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn values_are_rounded_and_carry_their_unit() {
        assert_eq!(value(Signal::HeartRate, 117_667), "117.7 /min");
        assert_eq!(value(Signal::Temperature, -50), "-0.1 °C");
        assert_eq!(value(Signal::Temperature, 36_949), "36.9 °C");
        assert_eq!(value(Signal::BatteryVoltage, 2_584), "2.58 V");
        assert_eq!(value(Signal::Systolic, 120_000), "120 mmHg");
    }

    #[test]
    fn scores_keep_three_decimals_and_their_sign() {
        assert_eq!(micro(712_345), "0.712");
        assert_eq!(micro_signed(-31_500), "-0.032");
        assert_eq!(micro_signed(400), "+0.000");
    }

    #[test]
    fn durations_and_times_read_as_people_say_them() {
        assert_eq!(duration(65 * 60_000), "1 h 5 min");
        assert_eq!(duration(-5), "0 min");
        assert_eq!(duration(51 * 3_600_000), "2 d 3 h");
        assert_eq!((minutes(60).as_str(), minutes(1_440).as_str(), minutes(90).as_str()), ("60 min", "24 h", "90 min"));
        let vienna = TimeZone::get("Europe/Vienna").unwrap();
        assert_eq!(time(1_774_746_000_000, &vienna), "2026-03-29 03:00 +02:00");
        assert_eq!(time(1_774_745_940_000, &vienna), "2026-03-29 01:59 +01:00");
    }

    #[test]
    fn every_signal_has_a_label_and_a_unit_without_brackets() {
        for signal in Signal::all() {
            assert!(label(signal).chars().next().unwrap().is_uppercase(), "{signal}");
            assert!(!unit(signal).contains(['[', '{']), "{signal}");
        }
    }
}
