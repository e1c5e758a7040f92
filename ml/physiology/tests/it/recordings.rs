//! Real recordings, where they are at hand; they are no part of the project.

use std::io::Read;
use std::path::Path;
use vitals::{Admission, Provenance, RawReading, Reading};

pub(crate) const PEOPLE: [&str; 4] = ["A3OU183", "A4G0044", "AJ7TSV9", "AS2MVDL"];

/// The text of a file of `shared/data/wearable`, unpacked; `None`, and a word about it, where it is absent.
pub(crate) fn text_of(name: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/wearable").join(name);
    let Ok(file) = std::fs::File::open(&path) else {
        println!("skipped {name}: {} is not here", path.display());
        return None;
    };
    let mut text = String::new();
    if name.ends_with(".gz") {
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    } else {
        std::io::BufReader::new(file).read_to_string(&mut text).unwrap();
    }
    Some(text)
}

/// Days since 1970-01-01 of `YYYY-MM-DD` (from the civil calendar).
pub(crate) fn day_of(text: &str) -> i64 {
    let part = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    let (year, month, day) = (part(0..4), part(5..7), part(8..10));
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468
}

/// Milliseconds from `YYYY-MM-DD hh:mm:ss`, taken as UTC.
fn instant_ms(text: &str) -> i64 {
    let part = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    ((day_of(text) * 24 + part(11..13)) * 60 + part(14..16)) * 60_000 + part(17..19) * 1_000
}

/// Heart rate and steps of one person, a row a minute, in the person's own clock.
pub(crate) fn person(name: &str) -> Option<Vec<Reading>> {
    let text = text_of(&format!("{name}_1min.csv.gz"))?;
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
    Some(readings)
}

/// When a person fell ill, and how long nothing may be called a false alert afterwards.
pub(crate) struct Onset {
    pub(crate) day: i64,
    pub(crate) recovered_after_days: i64,
}

pub(crate) fn onset(name: &str) -> Option<Onset> {
    let text = text_of("onset.csv")?;
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    let cells: Vec<&str> = line.split(',').collect();
    let recovered = cells[5].split(';').next_back().unwrap();
    let recovered_after_days = if recovered.is_empty() { 28 } else { recovered.parse::<i64>().unwrap().max(14) };
    Some(Onset { day: day_of(cells[3]), recovered_after_days })
}
