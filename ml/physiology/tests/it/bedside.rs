//! The bedside profile: the same laws at one reading a second.

use crate::population::{DAY_MS, HOUR_MS, START_MS, detector, plan};
use physiology::{Illness, IllnessKind, PatientStream, reference_cohort};
use proptest::prelude::*;
use std::sync::OnceLock;
use vitals::{Anomaly, Change, Detector, PatientState, Reading, Route, Settings, Severity, Signal};

fn bedside() -> &'static Detector {
    static DETECTOR: OnceLock<Detector> = OnceLock::new();
    DETECTOR.get_or_init(|| Detector::new(reference_cohort(1).unwrap(), Settings::bedside()).unwrap())
}

/// A day, each minute taken for a second: 24 minutes, asleep for the first six, with a desaturation from 3:30 to 6:00.
fn readings() -> &'static [Reading] {
    static READINGS: OnceLock<Vec<Reading>> = OnceLock::new();
    READINGS.get_or_init(|| {
        let ill = Illness {
            patient: 0,
            start_ms: START_MS + 7 * HOUR_MS / 2,
            end_ms: START_MS + 6 * HOUR_MS,
            kind: IllnessKind::Desaturation,
        };
        // The sensor may be off the wrist by chance; this seed has it on.
        PatientStream::new(plan(8, 1), 0, &[ill])
            .filter(|reading| reading.signal.category() == vitals::Category::Vitals)
            .map(|reading| Reading { time_ms: START_MS + (reading.time_ms - START_MS) / 60, ..reading })
            .collect()
    })
}

#[derive(Debug, Default, PartialEq)]
struct Told {
    anomalies: Vec<Anomaly>,
    severities: Vec<i64>,
}

fn tell(readings: &[Reading], mut between: impl FnMut(usize, &Reading, &mut PatientState, &mut Told)) -> Told {
    let (mut state, mut told) = (PatientState::new([3; 16]), Told::default());
    for (at, reading) in readings.iter().enumerate() {
        between(at, reading, &mut state, &mut told);
        told.anomalies.extend(bedside().observe(&mut state, reading).anomalies);
        told.severities.push(bedside().severity_micro(&state));
    }
    told
}

fn undisturbed() -> &'static Told {
    static TOLD: OnceLock<Told> = OnceLock::new();
    TOLD.get_or_init(|| tell(readings(), |_, _, _, _| ()))
}

/// D12 within seconds: the limit and the early warning score say so, and the severity rises.
#[test]
fn a_desaturation_at_the_bedside_is_found_within_half_a_minute() {
    let told = undisturbed();
    let onset_ms = START_MS + 210_000;
    let opened = |route| {
        let of_route = |anomaly: &&Anomaly| anomaly.route == route && anomaly.change == Change::Opened;
        told.anomalies.iter().find(of_route).map(|anomaly| (anomaly.time_ms - onset_ms, anomaly.severity))
    };
    let (after_ms, severity) = opened(Route::HardLimit).unwrap();
    println!("limit after {} s; score after {:?} ms", after_ms / 1_000, opened(Route::News2));
    assert!((0..=30_000).contains(&after_ms), "{after_ms}");
    assert_eq!(severity, Severity::Critical);
    let (after_ms, _) = opened(Route::News2).unwrap();
    assert!((0..=150_000).contains(&after_ms), "{after_ms}");
    let at = |second: i64| readings().partition_point(|reading| reading.time_ms < START_MS + second * 1_000);
    let mean = |from: i64, to: i64| {
        let part = &told.severities[at(from)..at(to)];
        part.iter().sum::<i64>() / i64::try_from(part.len()).unwrap()
    };
    let (before, during) = (mean(180, 210), mean(225, 355));
    println!("severity {before} before, {during} during");
    assert!(during > before + 300_000);
    assert!(told.anomalies.iter().any(|anomaly| anomaly.signal == Signal::Spo2));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn bytes_ticks_and_order_within_the_lateness_change_nothing(every in 1_usize..300, back_ms in 0_i64..30_000, seed in any::<u64>()) {
        let mut shuffled = readings().to_vec();
        // Signals of one second come in any order.
        shuffled.sort_by_key(|reading| {
            let mixed = (u64::from(reading.signal.id()) ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            (reading.time_ms.div_euclid(1_000), mixed.rotate_left(17))
        });
        let told = tell(&shuffled, |at, reading, state, told| {
            if at % every == 0 {
                *state = PatientState::from_bytes(&state.to_bytes()).unwrap();
                told.anomalies.extend(bedside().tick(state, reading.time_ms - back_ms).anomalies);
            }
        });
        prop_assert_eq!(&told.anomalies, &undisturbed().anomalies);
    }

    #[test]
    fn what_is_said_of_a_beginning_is_the_beginning_of_what_is_said_of_the_whole(cut in any::<prop::sample::Index>()) {
        let length = cut.index(readings().len());
        let told = tell(&readings()[..length], |_, _, _, _| ());
        prop_assert_eq!(&told.severities[..], &undisturbed().severities[..length]);
        prop_assert_eq!(&told.anomalies[..], &undisturbed().anomalies[..told.anomalies.len()]);
    }

    /// The same at home, over weeks, with scores.
    #[test]
    fn scores_of_a_beginning_are_the_beginning_of_the_scores(days in 15_i64..20) {
        let run = |days: i64| {
            let (mut state, mut scores, mut severities) = (PatientState::new([3; 16]), Vec::new(), Vec::new());
            for reading in PatientStream::new(physiology::Plan { interval_minutes: 5, ..plan(42, 20) }, 0, &[]) {
                if reading.time_ms >= START_MS + days * DAY_MS {
                    break;
                }
                scores.extend(detector().observe(&mut state, &reading).scores);
                severities.push(detector().severity_micro(&state));
            }
            (scores, severities)
        };
        let ((part, before), (whole, all)) = (run(days), run(20));
        prop_assert_eq!(&part[..], &whole[..part.len()]);
        prop_assert_eq!(&before[..], &all[..before.len()]);
    }
}
