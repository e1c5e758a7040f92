//! The continuous severity at the bedside, on real recordings at one reading a second.

use crate::recordings;
use physiology::reference_cohort;
use std::collections::BTreeMap;
use vitals::{Detector, PatientState, Provenance, Reading, Settings, Signal, milli};

/// One second: heart rate, respiration, second, whether it is of the stress task.
type Row = (Option<i64>, Option<i64>, i64, bool);

fn people() -> Option<BTreeMap<String, Vec<Row>>> {
    let text = recordings::text_of("stress_1hz.csv.gz")?;
    let mut people: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let second = milli::parse(cells[3]).unwrap() / 1_000;
        let row = (milli::parse(cells[1]), milli::parse(cells[2]), second, milli::parse(cells[4]).unwrap() == 1_000);
        people.entry(cells[0].to_owned()).or_default().push(row);
    }
    Some(people)
}

/// The severity after each row, known at that moment.
fn severities(detector: &Detector, rows: &[Row]) -> Vec<i64> {
    let mut state = PatientState::new([1; 16]);
    rows.iter()
        .map(|(heart_rate, respiration, second, _)| {
            for (signal, value) in [(Signal::HeartRate, heart_rate), (Signal::Respiration, respiration)] {
                if let Some(value_milli) = *value {
                    let time_ms = second * 1_000;
                    let reading =
                        Reading { signal, value_milli, time_ms, offset_minutes: None, provenance: Provenance::Device };
                    detector.observe(&mut state, &reading);
                }
            }
            detector.severity_micro(&state)
        })
        .collect()
}

/// Area under the receiver operating characteristic, ties by half.
fn auroc(scores: &[i64], labels: &[bool]) -> Option<f64> {
    let mut pairs: Vec<(i64, bool)> = scores.iter().copied().zip(labels.iter().copied()).collect();
    pairs.sort_unstable();
    let positives = labels.iter().filter(|label| **label).count();
    let negatives = labels.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    let (mut below, mut area) = (0.0, 0.0);
    for tied in pairs.chunk_by(|a, b| a.0 == b.0) {
        let wrong = tied.iter().filter(|(_, label)| !label).count() as f64;
        area += (tied.len() as f64 - wrong) * (below + wrong / 2.0);
        below += wrong;
    }
    Some(area / (positives as f64 * negatives as f64))
}

/// Per run of stress: against at most five minutes of rest before, and after.
fn balanced(scores: &[i64], labels: &[bool]) -> Option<f64> {
    let mut of_runs = Vec::new();
    let mut at = 0;
    for run in labels.chunk_by(|a, b| a == b) {
        let (from, to) = (at, at + run.len());
        at = to;
        if !run[0] {
            continue;
        }
        let before = labels[..from].iter().rev().take(300).take_while(|label| !**label).count();
        let after = labels[to..].iter().take(300).take_while(|label| !**label).count();
        let sides: Vec<f64> = [(from - before, from), (to, to + after)]
            .into_iter()
            .filter(|(low, high)| high > low)
            .filter_map(|(low, high)| {
                let both = |all: std::ops::Range<usize>| (low..high).chain(all).collect::<Vec<_>>();
                let chosen = both(from..to);
                let scores: Vec<i64> = chosen.iter().map(|at| scores[*at]).collect();
                let labels: Vec<bool> = chosen.iter().map(|at| labels[*at]).collect();
                auroc(&scores, &labels)
            })
            .collect();
        of_runs.push(sides.iter().sum::<f64>() / sides.len() as f64);
    }
    (!of_runs.is_empty()).then(|| of_runs.iter().sum::<f64>() / of_runs.len() as f64)
}

/// D12 at the bedside: the severity separates stress as well as the raw heart rate does, without looking ahead. The set is
/// confounded by its protocol; it only shows that nothing is lost on the way.
#[test]
fn the_severity_at_the_bedside_loses_nothing_against_the_raw_heart_rate() {
    let Some(people) = people() else { return };
    let with = Detector::new(reference_cohort(1).unwrap(), Settings::bedside()).unwrap();
    let mut means = [[0.0; 2]; 2];
    for rows in people.values() {
        let labels: Vec<bool> = rows.iter().map(|row| row.3).collect();
        let raw: Vec<i64> = rows
            .iter()
            .scan(0, |last, row| {
                *last = row.0.unwrap_or(*last);
                Some(*last)
            })
            .collect();
        for (mean, scores) in means.iter_mut().zip([severities(&with, rows), raw]) {
            mean[0] += auroc(&scores, &labels).unwrap() / people.len() as f64;
            mean[1] += balanced(&scores, &labels).unwrap() / people.len() as f64;
        }
    }
    let [own, raw] = means;
    println!(
        "{} people: severity plain {:.3}, balanced {:.3}; raw {:.3}, {:.3}",
        people.len(),
        own[0],
        own[1],
        raw[0],
        raw[1]
    );
    assert!(own[0] >= raw[0] - 0.01 && own[1] >= raw[1] - 0.01, "{means:?}");
}
