//! How much is kept of one person, and what a reading costs, with few and with many people under one cohort forest.
//!
//! `cargo run --release -p physiology --example many_states -- [people] [hours]` (100,000 people, 24 hours).
//! People begin past their warm-up, so every route works; their readings come minute by minute over all of them, as in a log.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::cast_precision_loss)]

use physiology::{Illness, IllnessKind, PatientStream, Plan, reference_cohort};
use std::time::Instant;
use vitals::{Detector, PatientState, Reading, Settings};

const DAY_MS: i64 = 86_400_000;
const START_MS: i64 = 1_740_960_000_000;
/// People that are simulated; the others are like one of them.
const PEOPLE: u32 = 24;
const WARM_DAYS: i64 = 18;

fn plan(person: u32, from_ms: i64, to_ms: i64) -> Plan {
    Plan { seed: 900 + u64::from(person), start_ms: from_ms, end_ms: to_ms, offset_minutes: 60, interval_minutes: 5 }
}

/// Time on a processor so far, nanoseconds: other work on the machine is not counted. The clock's where the system does not say.
fn spent_ns(begun: Instant) -> u64 {
    let told = std::fs::read_to_string("/proc/self/schedstat").ok();
    let own = told.as_deref().and_then(|line| line.split(' ').next()).and_then(|text| text.parse().ok());
    own.unwrap_or_else(|| u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX))
}

fn main() {
    let start = Instant::now();
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>().unwrap());
    let people = arguments.next().unwrap_or(100_000);
    let hours = i64::try_from(arguments.next().unwrap_or(24)).unwrap();
    let detector = Detector::new(reference_cohort(1).unwrap(), Settings::home()).unwrap();
    let warm_ms = START_MS + WARM_DAYS * DAY_MS;
    let warm: Vec<PatientState> = (0..PEOPLE)
        .map(|person| {
            // Every third is ill, so that open episodes are among what is kept.
            let ill = Illness {
                patient: 0,
                start_ms: warm_ms - DAY_MS,
                end_ms: warm_ms + DAY_MS,
                kind: IllnessKind::InfectionLikeDrift,
            };
            let illnesses = if person % 3 == 0 { vec![ill] } else { Vec::new() };
            let mut state = PatientState::new([u8::try_from(person).unwrap(); 16]);
            for reading in PatientStream::new(plan(person, START_MS, warm_ms), 0, &illnesses) {
                detector.observe(&mut state, &reading);
            }
            state
        })
        .collect();
    let streams: Vec<Vec<Reading>> = (0..PEOPLE)
        .map(|person| PatientStream::new(plan(person, warm_ms, warm_ms + hours * 3_600_000), 0, &[]).collect())
        .collect();
    for count in [people.min(1_000), people] {
        let mut states: Vec<PatientState> = warm.iter().cycle().take(count).cloned().collect();
        let (mut readings, mut anomalies, mut scores) = (0_u64, 0_usize, 0_usize);
        let begun_ns = spent_ns(start);
        let mut next = vec![0_usize; streams.len()];
        for minute in 0..hours * 60 {
            let until_ms = warm_ms + (minute + 1) * 60_000;
            let ends: Vec<usize> = streams
                .iter()
                .zip(&next)
                .map(|(stream, at)| at + stream[*at..].partition_point(|reading| reading.time_ms < until_ms))
                .collect();
            for (number, state) in states.iter_mut().enumerate() {
                let person = number % streams.len();
                for reading in &streams[person][next[person]..ends[person]] {
                    let seen = detector.observe(state, reading);
                    readings += 1;
                    anomalies += seen.anomalies.len();
                    scores += seen.scores.len();
                }
            }
            next = ends;
        }
        let spent_ns = spent_ns(start) - begun_ns;
        let sizes: Vec<usize> = states.iter().map(|state| state.to_bytes().len()).collect();
        println!(
            "{count} people: {readings} readings, {scores} scores, {anomalies} entries; {:.0} ns of processor time a reading, windows and forest among it; state {} bytes on average, {} at most, {:.1} MB together",
            spent_ns as f64 / readings as f64,
            sizes.iter().sum::<usize>() / sizes.len(),
            sizes.iter().max().unwrap(),
            sizes.iter().sum::<usize>() as f64 / 1e6
        );
        assert!(sizes.iter().all(|size| *size <= 4_096), "a state is larger than 4 KiB");
    }
}
