//! Signals, units and values as people say them.

use vitals::{Signal, milli};

/// A signal as people call it.
pub(crate) fn words(signal: Signal) -> &'static str {
    match signal {
        Signal::HeartRate => "heart rate",
        Signal::RestingHeartRate => "resting heart rate",
        Signal::Spo2 => "oxygen saturation",
        Signal::Systolic => "systolic pressure",
        Signal::Diastolic => "diastolic pressure",
        Signal::HrvSdnn => "heart rate variability",
        other => other.name(),
    }
}

/// A unit as people write it.
pub(crate) fn unit(signal: Signal) -> &'static str {
    match signal.unit() {
        "Cel" => "°C",
        "mm[Hg]" => "mmHg",
        "[ppm]" => "ppm",
        unit => unit,
    }
}

/// A value to the tenth.
pub(crate) fn amount(signal: Signal, value_milli: i64) -> String {
    let rounded = value_milli.saturating_add(50 * value_milli.signum()) / 100 * 100;
    format!("{} {}", milli::to_text(rounded), unit(signal))
}

/// What a signal is measured in, in words where the unit says too little.
pub(crate) fn per(signal: Signal) -> &'static str {
    match signal {
        Signal::HeartRate => "beats/min",
        Signal::Respiration => "breaths/min",
        other => unit(other),
    }
}
