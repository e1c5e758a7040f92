//! Real heart rates and steps, where the recordings are at hand.

use crate::population::watch;
use std::io::Read;
use std::path::{Path, PathBuf};
use vitals::{Admission, Change, Provenance, RawReading, Reading, Route};

const FILES: [&str; 4] = ["A3OU183", "A4G0044", "AJ7TSV9", "AS2MVDL"];

fn recording(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../../shared/data/wearable/{name}_1min.csv.gz"));
    path.exists().then_some(path)
}

/// Milliseconds from `YYYY-MM-DD hh:mm:ss`, taken as UTC (days from the civil calendar).
fn instant_ms(text: &str) -> i64 {
    let part = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    let (year, month, day) = (part(0..4), part(5..7), part(8..10));
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    ((days * 24 + part(11..13)) * 60 + part(14..16)) * 60_000 + part(17..19) * 1_000
}

fn readings(path: &Path) -> Vec<Reading> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let admission = Admission { max_age_ms: i64::MAX, future_tolerance_ms: 0 };
    let mut readings = Vec::new();
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let time_ms = instant_ms(cells[0]);
        for (signal, value) in header.iter().zip(&cells).skip(1).filter(|(_, value)| !value.is_empty()) {
            let raw =
                RawReading { signal, value, unit: None, time_ms, offset_minutes: None, provenance: Provenance::Device };
            readings.extend(admission.admit(&raw, time_ms).ok());
        }
    }
    readings
}

#[test]
fn real_recordings_of_heart_rate_and_steps_run_to_their_end_in_bounded_state() {
    for name in FILES {
        let Some(path) = recording(name) else {
            println!("skipped {name}: ../shared/data/wearable is not here");
            continue;
        };
        let readings = readings(&path);
        assert!(readings.len() > 100_000, "{name}");
        let last_ms = readings.last().unwrap().time_ms;
        let outcome = watch(readings.into_iter());
        let opened = outcome.anomalies.iter().filter(|a| a.change == Change::Opened);
        let (forest, hard): (Vec<_>, Vec<_>) = opened.partition(|a| a.route == Route::Forest);
        println!(
            "{name}: {} readings, {} scores, {} forest and {} hard-limit episodes, state {} bytes",
            outcome.readings,
            outcome.scores.len(),
            forest.len(),
            hard.len(),
            outcome.state_bytes
        );
        assert!(outcome.state_bytes <= 4_096, "{name}: {}", outcome.state_bytes);
        // Scores go on to the end: nothing got stuck.
        assert!(last_ms - outcome.scores.last().unwrap().time_ms < 5 * 86_400_000, "{name}");
        assert!(outcome.anomalies.len() < 400, "{name}: {} entries", outcome.anomalies.len());
    }
}
