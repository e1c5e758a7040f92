use crate::population::{DAY_MS, HOUR_MS, MINUTE_MS, START_MS, plan};
use physiology::{Illness, IllnessKind, Merge, PatientStream, RoomFault, RoomStream, reference_cohort};
use std::collections::BTreeMap;
use std::time::Instant;
use vitals::{Change, CohortModel, Detector, PatientState, Route, Settings, Signal};

/// A plain checksum (FNV-1a), so that a change of any reading shows.
pub(crate) fn checksum(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn the_same_seed_gives_the_same_readings_on_every_machine() {
    let bytes = PatientStream::new(plan(1, 3), 0, &[]).flat_map(|r| {
        let mut line = r.signal.id().to_le_bytes().to_vec();
        line.extend(r.value_milli.to_le_bytes());
        line.extend(r.time_ms.to_le_bytes());
        line
    });
    let sum = checksum(bytes);
    println!("readings of seed 1: {sum:#018x}");
    assert_eq!(sum, READINGS_OF_SEED_1, "the simulator changed, or it is not reproducible");
    let one: Vec<_> = PatientStream::new(plan(1, 1), 0, &[]).collect();
    let other: Vec<_> = PatientStream::new(plan(1, 1), 1, &[]).collect();
    assert_ne!(one, other, "persons differ");
}
const READINGS_OF_SEED_1: u64 = 0x709c_45f1_0865_60af;

#[test]
fn everything_the_simulator_says_is_plausible_and_in_order() {
    for seed in 0..4 {
        let ill = Illness {
            patient: 0,
            start_ms: START_MS + DAY_MS,
            end_ms: START_MS + 2 * DAY_MS,
            kind: IllnessKind::InfectionLikeDrift,
        };
        let readings: Vec<_> = PatientStream::new(plan(seed, 3), 0, &[ill]).collect();
        assert!(readings.is_sorted_by_key(|reading| reading.time_ms));
        for reading in &readings {
            assert_eq!(reading.check_value(), Ok(()), "{reading:?}");
        }
        let mut by_signal = BTreeMap::new();
        for reading in &readings {
            by_signal.entry(reading.signal).or_insert_with(Vec::new).push(reading.value_milli);
        }
        for signal in [
            Signal::HeartRate,
            Signal::Respiration,
            Signal::Spo2,
            Signal::Temperature,
            Signal::HrvSdnn,
            Signal::Steps,
            Signal::Calories,
            Signal::SleepStage,
            Signal::Systolic,
            Signal::Diastolic,
        ] {
            assert!(by_signal.contains_key(&signal), "no {signal}");
        }
        let steps = by_signal[&Signal::Steps].iter().sum::<i64>() / 3_000;
        assert!((2_000..25_000).contains(&steps), "{steps} steps a day");
    }
}

#[test]
fn the_cohort_model_can_be_made_again_from_its_seed() {
    let start = Instant::now();
    let model = reference_cohort(1).unwrap();
    println!(
        "reference cohort: {} ms, {} bytes, hash {:02x?}",
        start.elapsed().as_millis(),
        model.to_bytes().len(),
        &model.hash()[..4]
    );
    assert_eq!(reference_cohort(1).unwrap().hash(), model.hash());
    assert_ne!(reference_cohort(2).unwrap().hash(), model.hash());
    let again = CohortModel::from_bytes(model.to_bytes()).unwrap();
    assert_eq!((again.hash(), again.origin(), again.seed()), (model.hash(), model.origin(), 1));
    let sum = checksum(model.to_bytes().iter().copied());
    println!("model of seed 1: {sum:#018x}");
    assert_eq!(sum, MODEL_OF_SEED_1, "the model changed, or it is not reproducible");
}
const MODEL_OF_SEED_1: u64 = 0x03ae_03b9_279d_9ef4;

#[test]
fn many_people_come_in_the_order_of_time() {
    let streams: Vec<_> = (0..5).map(|patient| PatientStream::new(plan(3, 1), patient, &[])).collect();
    let merged: Vec<_> = Merge::new(streams).collect();
    assert!(merged.is_sorted_by_key(|(number, reading)| (reading.time_ms, *number)));
    for number in 0..5_u32 {
        let own: Vec<_> = merged.iter().filter(|(n, _)| *n == number as usize).map(|(_, reading)| *reading).collect();
        assert_eq!(own, PatientStream::new(plan(3, 1), number, &[]).collect::<Vec<_>>());
    }
}

/// D3: environment sensors of a location, and a rule that alerts on them.
#[test]
fn a_failed_ventilation_opens_one_environment_episode_and_resolves() {
    let (from_ms, to_ms) = (START_MS + 10 * HOUR_MS, START_MS + 13 * HOUR_MS);
    let detector = Detector::without_forest(Settings::default()).unwrap();
    let mut state = PatientState::new([1; 16]);
    let mut anomalies = Vec::new();
    for reading in RoomStream::new(plan(9, 1), 0, Some((from_ms, to_ms, RoomFault::Ventilation))) {
        anomalies.extend(detector.observe(&mut state, &reading).anomalies);
    }
    let said: Vec<_> = anomalies.iter().map(|a| (a.route, a.signal, a.change)).collect();
    let co2 = |change| (Route::Environment, Signal::Co2, change);
    assert_eq!(said, [co2(Change::Opened), co2(Change::Resolved)]);
    assert!((0..=15 * MINUTE_MS).contains(&(anomalies[0].time_ms - from_ms)));
    assert!((0..=15 * MINUTE_MS).contains(&(anomalies[1].time_ms - to_ms)));
}
