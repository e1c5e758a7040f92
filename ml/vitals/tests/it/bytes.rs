use crate::forest::cohort;
use crate::reading;
use iforest::IsolationForestParams;
use proptest::prelude::*;
use vitals::{CohortModel, PatientState, Provenance, Reading, Settings, Signal, VitalsError};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The golden vector of a reading (`docs/formats.md`, section 2).
#[test]
fn a_reading_has_the_bytes_that_the_format_states() {
    let reading =
        Reading { offset_minutes: Some(-60), provenance: Provenance::Manual, ..reading(0, Signal::Temperature, 37) };
    let bytes = borsh::to_vec(&reading).unwrap();
    assert_eq!(hex(&bytes), "0500889000000000000000684d599501000001c4ff01");
    assert_eq!(borsh::from_slice::<Reading>(&bytes).unwrap(), reading);
    let unknown = Reading { offset_minutes: None, ..reading };
    assert_eq!(hex(&borsh::to_vec(&unknown).unwrap()), "0500889000000000000000684d59950100000001");
}

#[test]
fn unknown_numbers_in_a_reading_are_refused() {
    let bytes = borsh::to_vec(&reading(0, Signal::HeartRate, 70)).unwrap();
    let with = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        borsh::from_slice::<Reading>(&bytes)
    };
    assert!(with(0, 0).is_err(), "no signal 0");
    assert!(with(1, 9).is_err(), "no signal 2305");
    assert!(with(18, 2).is_err(), "an option is 0 or 1");
    assert!(with(19, 2).is_err(), "no provenance 2");
}

proptest! {
    #[test]
    fn any_bytes_decode_to_a_reading_that_encodes_to_them_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 18..24)) {
        let mut bytes = bytes;
        bytes[1] = 0;
        bytes[0] %= 12;
        if let Ok(reading) = borsh::from_slice::<Reading>(&bytes) {
            prop_assert_eq!(borsh::to_vec(&reading).unwrap(), bytes);
        }
    }
}

#[test]
fn a_cohort_model_reads_back_and_a_changed_one_is_refused_or_another() {
    let model = cohort(3);
    let bytes = model.to_bytes();
    let again = CohortModel::from_bytes(bytes).unwrap();
    assert_eq!(
        (again.hash(), again.origin(), again.seed(), again.size()),
        (model.hash(), "triangular noise", 3, (100, 256))
    );
    for length in [0, 1, 2, 10, 40, bytes.len() / 2, bytes.len() - 1] {
        assert!(matches!(CohortModel::from_bytes(&bytes[..length]), Err(VitalsError::Model(_))), "{length}");
    }
    for at in (0..bytes.len()).step_by(997) {
        let mut changed = bytes.to_vec();
        changed[at] ^= 1;
        assert!(!CohortModel::from_bytes(&changed).is_ok_and(|other| other.hash() == model.hash()), "byte {at}");
    }
}

#[test]
fn a_cohort_of_too_few_windows_cannot_be_trained() {
    assert!(matches!(CohortModel::train(&[], "nobody", &IsolationForestParams::new()), Err(VitalsError::Training(_))));
}

#[test]
fn states_and_settings_have_one_encoding() {
    let state = PatientState::new([9; 16]);
    let bytes = state.to_bytes();
    assert_eq!(PatientState::from_bytes(&bytes).unwrap(), state);
    let mut newer = bytes.clone();
    newer[0] = 4;
    assert!(matches!(PatientState::from_bytes(&newer), Err(VitalsError::State(_))));
    newer[0] = 2;
    assert!(matches!(PatientState::from_bytes(&newer), Err(VitalsError::State(_))));
    for settings in [Settings::home(), Settings::bedside()] {
        let bytes = borsh::to_vec(&settings).unwrap();
        assert_eq!(borsh::from_slice::<Settings>(&bytes).unwrap(), settings);
    }
}

/// The golden vector of an anomaly: every field, in order.
#[test]
fn an_anomaly_has_the_bytes_that_the_format_states() {
    use vitals::*;
    let anomaly = Anomaly {
        episode: EpisodeId([0xe1; 8]),
        route: Route::Forest,
        change: Change::Opened,
        severity: Severity::Urgent,
        signal: Signal::HeartRate,
        start_ms: 1,
        time_ms: 2,
        offset_minutes: Some(60),
        value_milli: Some(3),
        usual: Some(Usual { median_milli: 4, spread_milli: 5 }),
        limit: Some(Crossed { side: Side::Above, limit_milli: 6 }),
        score_micro: Some(7),
        threshold_micro: None,
        contributions: vec![Contribution { signal: Signal::Spo2, deviation_milli: -8, share_micro: 9 }],
        missing: vec![Signal::Temperature],
        news2: Some(news2::News2 { points: [Some(2), None, Some(0), None, None, None, None] }),
        persisted: Persisted { held: 10, of: 12, needed: 11 },
        from_ms: 13,
        to_ms: 14,
        model: [0xaa; 32],
        seed: 15,
        window: [0xbb; 32],
    };
    let i64 = |value: i64| hex(&value.to_le_bytes());
    let expected = [
        "e1e1e1e1e1e1e1e1".into(),
        "02".into(),
        "01".into(),
        "03".into(),
        "0100".into(),
        i64(1),
        i64(2),
        "013c00".into(),
        format!("01{}", i64(3)),
        format!("01{}{}", i64(4), i64(5)),
        format!("0101{}", i64(6)),
        format!("01{}", i64(7)),
        "00".into(),
        format!("010000000400{}{}", i64(-8), i64(9)),
        "010000000500".into(),
        "010102000100".into(),
        "00000000".into(),
        "0a0c0b".into(),
        i64(13),
        i64(14),
        "aa".repeat(32),
        i64(15),
        "bb".repeat(32),
    ]
    .concat();
    let bytes = borsh::to_vec(&anomaly).unwrap();
    assert_eq!(hex(&bytes), expected);
    assert_eq!(borsh::from_slice::<Anomaly>(&bytes).unwrap(), anomaly);
    let score = Score { time_ms: 1, score_micro: 2 };
    assert_eq!(hex(&borsh::to_vec(&score).unwrap()), format!("{}{}", i64(1), i64(2)));
}

/// The golden vector of a doctor's parameters (`docs/formats.md`, section 2.4).
#[test]
fn parameters_have_the_bytes_that_the_format_states() {
    use vitals::{Limit, Parameters, Severity};
    let mut parameters = Parameters::default();
    assert_eq!(hex(&parameters.to_bytes()), "010000000000".to_owned() + "0000");
    parameters.set_limit(Limit::new(Signal::Spo2, Some(82), None, 1_000, 3, 5, Severity::Critical)).unwrap();
    parameters.set_limit(Limit::new(Signal::HeartRate, None, Some(120), 0, 1, 1, Severity::Urgent)).unwrap();
    parameters.news2_scale2 = true;
    parameters.alerts_per_week_milli = Some(250);
    let bytes = parameters.to_bytes();
    let i64 = |value: i64| hex(&value.to_le_bytes());
    let expected = [
        "0100".to_owned(),
        "02000000".to_owned(),
        "0100".to_owned() + "00" + "01" + &i64(120_000) + &i64(0) + "0101" + "00" + "03",
        "0400".to_owned() + "01" + &i64(82_000) + "00" + &i64(1_000) + "0305" + "00" + "04",
        "01".to_owned(),
        "01fa000000".to_owned(),
    ]
    .concat();
    assert_eq!(hex(&bytes), expected);
    assert_eq!(Parameters::from_bytes(&bytes).unwrap(), parameters);
    for length in 0..bytes.len() {
        assert!(matches!(Parameters::from_bytes(&bytes[..length]), Err(VitalsError::Parameters(_))), "{length}");
    }
    // The two limits in the other order, and one of them twice.
    let (head, one, two, tail) = (&bytes[..6], &bytes[6..31], &bytes[31..56], &bytes[56..]);
    for limits in [[two, one], [one, one]] {
        let swapped = [head, limits[0], limits[1], tail].concat();
        assert!(Parameters::from_bytes(&swapped).is_err());
    }
}
