//! The same readings give the same answer, however they are cut, ticked or ordered.

use crate::population::{DAY_MS, HOUR_MS, MINUTE_MS, START_MS, detector, plan};
use physiology::{Illness, IllnessKind, PatientStream, Plan};
use proptest::prelude::*;
use std::sync::OnceLock;
use std::time::Instant;
use vitals::{Anomaly, Change, PatientState, Reading, Score, Taken};

struct Told {
    scores: Vec<Score>,
    anomalies: Vec<Anomaly>,
    state: Vec<u8>,
}

/// 18 days with a drift and a desaturation, one set of readings every five minutes.
fn readings() -> &'static [Reading] {
    static READINGS: OnceLock<Vec<Reading>> = OnceLock::new();
    READINGS.get_or_init(|| {
        let ill = |day: i64, minutes: i64, kind| Illness {
            patient: 0,
            start_ms: START_MS + day * DAY_MS + 9 * HOUR_MS,
            end_ms: START_MS + day * DAY_MS + 9 * HOUR_MS + minutes * MINUTE_MS,
            kind,
        };
        let illnesses = [ill(3, 60, IllnessKind::Desaturation), ill(15, 2_000, IllnessKind::InfectionLikeDrift)];
        PatientStream::new(Plan { interval_minutes: 5, ..plan(42, 18) }, 0, &illnesses).collect()
    })
}

fn tell<'a>(
    readings: impl Iterator<Item = &'a Reading>,
    mut between: impl FnMut(usize, &Reading, &mut PatientState, &mut Told),
) -> Told {
    let mut told = Told { scores: Vec::new(), anomalies: Vec::new(), state: Vec::new() };
    let mut state = PatientState::new([3; 16]);
    for (at, reading) in readings.enumerate() {
        between(at, reading, &mut state, &mut told);
        let seen = detector().observe(&mut state, reading);
        assert_eq!(seen.taken, Taken::Used);
        told.scores.extend(seen.scores);
        told.anomalies.extend(seen.anomalies);
    }
    told.state = state.to_bytes();
    told
}

fn undisturbed() -> &'static Told {
    static TOLD: OnceLock<Told> = OnceLock::new();
    TOLD.get_or_init(|| {
        let told = tell(readings().iter(), |_, _, _, _| ());
        assert!(told.scores.len() > 500);
        let opened = told.anomalies.iter().filter(|a| a.change == Change::Opened).count();
        assert!(opened >= 2, "both episodes are in it");
        told
    })
}

fn assert_same(told: &Told) {
    let expected = undisturbed();
    assert_eq!(told.scores, expected.scores);
    assert_eq!(told.anomalies, expected.anomalies);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_state_written_and_read_back_at_any_points_goes_on_exactly(every in 1_usize..400, first in 0_usize..400) {
        let told = tell(readings().iter(), |at, _, state, _| {
            if at >= first && (at - first) % every == 0 {
                *state = PatientState::from_bytes(&state.to_bytes()).unwrap();
            }
        });
        assert_same(&told);
        prop_assert_eq!(&told.state, &undisturbed().state);
    }

    #[test]
    fn ticks_that_do_not_run_ahead_of_the_data_change_nothing(every in 1_usize..60, back_minutes in 0_i64..30) {
        let told = tell(readings().iter(), |at, reading, state, told| {
            if at % every == 0 {
                let seen = detector().tick(state, reading.time_ms - back_minutes * MINUTE_MS);
                told.scores.extend(seen.scores);
                told.anomalies.extend(seen.anomalies);
            }
        });
        assert_same(&told);
        prop_assert_eq!(&told.state, &undisturbed().state);
    }

    #[test]
    fn the_order_of_signals_within_the_lateness_does_not_matter(seed in any::<u64>()) {
        // Shuffled within each minute by a hash of signal and seed.
        let mut shuffled = readings().to_vec();
        shuffled.sort_by_key(|reading| {
            let mixed = (u64::from(reading.signal.id()) ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            (reading.time_ms.div_euclid(MINUTE_MS), mixed.rotate_left(17))
        });
        assert_same(&tell(shuffled.iter(), |_, _, _, _| ()));
    }

    #[test]
    fn a_corrupt_state_is_refused_or_goes_on_without_panic(at in any::<prop::sample::Index>(), flip in 1_u8..=255) {
        let mut bytes = undisturbed().state.clone();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(mut state) = PatientState::from_bytes(&bytes) {
            prop_assert_eq!(state.to_bytes(), bytes, "one state has one encoding");
            let last = readings().last().unwrap();
            for minutes in [1, 7, 5_000] {
                let reading = Reading { time_ms: last.time_ms + minutes * MINUTE_MS, ..*last };
                detector().observe(&mut state, &reading);
                detector().tick(&mut state, reading.time_ms + HOUR_MS);
            }
        }
    }
}

#[test]
fn a_truncated_or_lengthened_state_is_refused() {
    let bytes = &undisturbed().state;
    for length in 0..bytes.len() {
        assert!(PatientState::from_bytes(&bytes[..length]).is_err(), "{length} bytes");
    }
    let longer: Vec<u8> = bytes.iter().copied().chain([0]).collect();
    assert!(PatientState::from_bytes(&longer).is_err());
}

#[test]
fn a_late_reading_is_told_and_changes_nothing() {
    let (early, rest) = readings().split_first().unwrap();
    let mut state = PatientState::new([3; 16]);
    for reading in rest {
        detector().observe(&mut state, reading);
    }
    let before = state.to_bytes();
    let seen = detector().observe(&mut state, early);
    assert_eq!((seen.taken, seen.scores.len(), seen.anomalies.len()), (Taken::Late, 0, 0));
    assert_eq!(state.to_bytes(), before);
}

/// Prints what one reading costs; the bounds only catch a cost that grows with history.
#[test]
fn a_reading_costs_the_same_on_the_first_and_on_the_last_day() {
    let readings: Vec<Reading> = PatientStream::new(plan(77, 28), 0, &[]).collect();
    let mut state = PatientState::new([0; 16]);
    let (first, second) = readings.split_at(readings.len() / 2);
    let mut run = |part: &[Reading]| {
        let start = Instant::now();
        part.iter().for_each(|reading| drop(detector().observe(&mut state, reading)));
        start.elapsed().as_nanos() as f64 / part.len() as f64
    };
    detector();
    let (warming, scoring) = (run(first), run(second));
    let start = Instant::now();
    let count = PatientStream::new(plan(78, 28), 0, &[]).count();
    let simulated = start.elapsed().as_nanos() as f64 / count as f64;
    println!("ns a reading: {warming:.0} warming up, {scoring:.0} scoring, {simulated:.0} simulating");
    assert!(scoring < warming * 20.0 + 5_000.0);
}

/// The answer itself, so that another machine, compiler or version that gives another one is noticed.
#[test]
fn scores_and_anomalies_of_a_stream_are_the_same_on_every_machine() {
    let told = undisturbed();
    let bytes = borsh::to_vec(&(&told.scores, &told.anomalies)).unwrap();
    let sum = crate::simulator::checksum(bytes.into_iter());
    println!("{} scores and {} anomalies: {sum:#018x}", told.scores.len(), told.anomalies.len());
    assert_eq!(sum, 0x56ab_5515_0680_3a10, "the detector answers differently");
}
