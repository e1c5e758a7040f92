//! Real recordings, where they are at hand.

use crate::MINUTE_MS;
use forecast::{Plan, Report, Settings, backtest};
use std::io::Read;
use std::path::Path;
use vitals::{Signal, milli};

fn text_of(name: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    let Ok(bytes) = std::fs::read(path) else {
        println!("skipped {name}: ../shared/data is not here");
        return None;
    };
    let mut text = String::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    Some(text)
}

/// A column, a value a minute; empty cells and zeros are missing. Both sources begin at midnight or at no known time.
fn report(text: &str, column: &str, signal: Signal, settings: &Settings) -> Report {
    let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let at = header.iter().position(|name| *name == column).unwrap();
    let values = (0_i64..).zip(text.lines().skip(1)).filter_map(|(minute, line)| {
        let value = milli::parse(line.split(',').nth(at)?).filter(|value| *value != 0)?;
        Some((minute * MINUTE_MS, value))
    });
    let report = backtest(signal, settings, &Plan::usual(settings), values).unwrap();
    println!("{report}");
    report
}

/// Capability D13: at home, weeks of heart rate foretell more than the last value does.
#[test]
fn weeks_of_heart_rate_beat_persistence_at_every_horizon() {
    for name in ["A3OU183", "AS2MVDL"] {
        let Some(text) = text_of(&format!("wearable/{name}_1min.csv.gz")) else { continue };
        let report = report(&text, "hr", Signal::HeartRate, &Settings::home());
        assert_eq!(report.horizons.len(), 4);
        for (score, least_milli) in report.horizons.iter().zip([50, 100, 200, 250]) {
            assert!(score.forecasts > 1_500 && score.skill_milli() > least_milli, "{name}: {score:?}");
            assert!((760..=880).contains(&score.coverage_milli), "{name}: {score:?}");
        }
    }
}

/// A day and a half at a bed is little: little may be lost against persistence.
#[test]
fn a_day_and_a_half_at_the_bedside_loses_little_against_persistence() {
    let Some(text) = text_of("bedside/mimic2_s00001_numerics_1min.csv") else { return };
    for (column, signal) in [("HR", Signal::HeartRate), ("RESP", Signal::Respiration), ("SpO2", Signal::Spo2)] {
        let report = report(&text, column, signal, &Settings::bedside());
        for score in &report.horizons {
            assert!(score.forecasts > 80 && score.skill_milli() > -70, "{score:?}");
        }
    }
    // The pressure of this record has seven values, and the other record is an hour long: that is too little.
    let report = report(&text, "ABPSys", Signal::Systolic, &Settings::bedside());
    assert!(report.forecasts == 0 && report.not_ready > 0);
}
