//! What a doctor sets for one patient: from when on it counts, and what is refused.

use proptest::prelude::*;
use vitals::{
    Anomaly, Change, Detector, Gate, Limit, Parameters, PatientState, Reading, Settings, Severity, Signal, VitalsError,
};

use crate::{Bed, MINUTE_MS, START_MS, reading};

fn low_spo2(low: i64) -> Parameters {
    let mut parameters = Parameters::default();
    parameters.set_limit(Limit::new(Signal::Spo2, Some(low), None, 500, 1, 1, Severity::Urgent)).unwrap();
    parameters
}

impl Bed {
    fn set(&mut self, parameters: Parameters) {
        let after_ms = self.state.heard_ms();
        self.detector.set_after(&mut self.state, parameters, after_ms).unwrap();
    }
}

fn said(bed: &Bed) -> Vec<(Change, i64)> {
    bed.said.iter().map(|anomaly| (anomaly.change, (anomaly.time_ms - START_MS) / MINUTE_MS)).collect()
}

/// D13: the reading before is judged as before although nothing was decided yet, the next one by the new limit.
#[test]
fn a_new_limit_counts_from_the_next_reading_on_and_for_none_before() {
    for tick in [None, Some(1), Some(3)] {
        let mut bed = Bed::new(Settings::default());
        bed.hear(reading(0, Signal::Spo2, 91));
        tick.into_iter().for_each(|minute| bed.tick(minute));
        bed.set(low_spo2(92));
        assert_eq!(bed.state.latest_parameters(), &low_spo2(92));
        // The same step: it had begun before.
        bed.hear(Reading { time_ms: START_MS + 30_000, ..reading(0, Signal::Spo2, 80) });
        bed.hear(reading(4, Signal::Spo2, 91));
        bed.tick(20);
        assert_eq!(said(&bed), [(Change::Opened, 5)], "tick {tick:?}");
        assert_eq!(bed.said[0].limit.unwrap().limit_milli, 92_000);
        assert_eq!(bed.state.parameters(), &low_spo2(92));
    }
    // Nothing was heard before.
    let mut bed = Bed::new(Settings::default());
    bed.set(low_spo2(92));
    bed.hear(reading(0, Signal::Spo2, 91));
    bed.tick(20);
    assert_eq!(said(&bed), [(Change::Opened, 1)]);
}

#[test]
fn of_two_that_are_set_after_one_reading_the_last_counts() {
    let mut bed = Bed::new(Settings::default());
    bed.hear(reading(0, Signal::Spo2, 95));
    bed.set(low_spo2(97));
    bed.set(low_spo2(90));
    bed.hear(reading(1, Signal::Spo2, 95));
    bed.set(low_spo2(96));
    bed.hear(reading(2, Signal::Spo2, 95));
    bed.tick(20);
    assert_eq!(said(&bed), [(Change::Opened, 3)]);
}

/// Heart rate has a limit for everybody; weight has none, so its episode ends with the doctor's.
#[test]
fn a_limit_that_is_taken_back_ends_its_episode_where_none_is_left() {
    let mut bed = Bed::new(Settings::default());
    let mut own = Parameters::default();
    own.set_limit(Limit::new(Signal::Weight, None, Some(90), 500, 1, 1, Severity::Advisory)).unwrap();
    bed.set(own);
    bed.hear(reading(0, Signal::Weight, 95));
    bed.hear(reading(10, Signal::Weight, 95));
    bed.set(Parameters::default());
    bed.hear(reading(20, Signal::Weight, 95));
    bed.tick(40);
    assert_eq!(said(&bed), [(Change::Opened, 1), (Change::Resolved, 20)]);
    assert!(bed.state.open_episodes().is_empty());
}

/// What was seen under one limit is no evidence under another.
#[test]
fn evidence_begins_anew_with_another_limit() {
    let three_of_five = |low| {
        let mut parameters = Parameters::default();
        parameters.set_limit(Limit::new(Signal::Spo2, Some(low), None, 500, 3, 5, Severity::Urgent)).unwrap();
        parameters
    };
    let mut bed = Bed::new(Settings::default());
    bed.set(three_of_five(95));
    bed.hear_run(0, Signal::Spo2, &[94, 94]);
    bed.set(three_of_five(90));
    bed.hear_run(2, Signal::Spo2, &[89, 89]);
    bed.set(three_of_five(90));
    bed.hear_run(4, Signal::Spo2, &[89]);
    bed.tick(20);
    assert_eq!(said(&bed), [(Change::Opened, 5)], "two at 94 do not count, and the same limit again changes nothing");
}

#[test]
fn fields_that_cannot_be_meant_are_named() {
    let base = Limit::new(Signal::HeartRate, Some(50), Some(110), 2_000, 2, 3, Severity::Urgent);
    let fault = |limit: Limit| match limit.check_plausible() {
        Err(VitalsError::Implausible { signal, field, .. }) => {
            assert_eq!(signal, Some(limit.signal));
            Some(field)
        }
        other => {
            assert!(other.is_ok(), "{other:?}");
            None
        }
    };
    assert_eq!(fault(base), None);
    assert_eq!(fault(Limit { gate: Gate::HighAtRest, ..base }), None);
    for (limit, field) in [
        (Limit { signal: Signal::RoomTemperature, ..base }, "signal"),
        (Limit { signal: Signal::Steps, ..base }, "signal"),
        (Limit { low_milli: None, high_milli: None, ..base }, "low"),
        (Limit { low_milli: Some(-1), ..base }, "low"),
        (Limit { high_milli: Some(10_000_000), ..base }, "high"),
        (Limit { margin_milli: 31_000, ..base }, "margin"),
        (
            Limit {
                signal: Signal::Respiration,
                low_milli: None,
                high_milli: Some(30_000),
                gate: Gate::HighAtRest,
                ..base
            },
            "at_rest",
        ),
        (Limit { low_milli: Some(110_000), ..base }, "high"),
        (Limit { k: 4, ..base }, "k"),
        (Limit { k: 0, ..base }, "k"),
    ] {
        assert_eq!(fault(limit), Some(field), "{limit:?}");
    }
    let mut budget = Parameters::default();
    budget.alerts_per_week_milli = Some(1_000_001);
    assert!(budget.check_plausible().unwrap_err().to_string().starts_with("alerts_per_week:"));
}

/// A step of a run: a reading some minutes on (or back, within the lateness), a tick, a limit, or a state that is written and read.
#[derive(Clone, Debug)]
enum Step {
    Reading { ahead: i64, value: i64 },
    Tick { ahead: i64 },
    Set { low: i64 },
    Kept,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (-1_i64..4, 85_i64..99).prop_map(|(ahead, value)| Step::Reading { ahead, value }),
        2 => (0_i64..4).prop_map(|ahead| Step::Tick { ahead }),
        1 => (86_i64..98).prop_map(|low| Step::Set { low }),
        1 => Just(Step::Kept),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whoever has the readings and the records of what was set replays everything, windows included: without the ticks, and with
    /// all parameters set before the first reading.
    #[test]
    fn a_replay_from_the_record_comes_to_the_same(steps in proptest::collection::vec(step(), 1..60)) {
        let detector = Detector::without_forest(Settings { silence_ms: 0, ..Settings::home() }).unwrap();
        let mut live = PatientState::new([0; 16]);
        let (mut minute, mut said, mut readings, mut set) = (720, Vec::<Anomaly>::new(), Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Reading { ahead, value } => {
                    minute += ahead;
                    let reading = reading(minute, Signal::Spo2, value);
                    let observation = detector.observe(&mut live, &reading);
                    if observation.taken == vitals::Taken::Used {
                        readings.push(reading);
                    }
                    said.extend(observation.anomalies);
                }
                Step::Tick { ahead } => {
                    // Up to where the newest reading is decided; a tick beyond closes windows that a device may still fill.
                    let Some(heard_ms) = live.heard_ms() else { continue };
                    said.extend(detector.tick(&mut live, heard_ms + ahead * MINUTE_MS).anomalies);
                }
                Step::Set { low } => {
                    let after_ms = live.heard_ms();
                    set.push((low_spo2(low), after_ms));
                    detector.set_after(&mut live, low_spo2(low), after_ms).unwrap();
                }
                Step::Kept => live = PatientState::from_bytes(&live.to_bytes()).unwrap(),
            }
        }
        let end_ms = START_MS + (minute + 100) * MINUTE_MS;
        said.extend(detector.tick(&mut live, end_ms).anomalies);

        let mut again = PatientState::new([0; 16]);
        for (parameters, after_ms) in set {
            detector.set_after(&mut again, parameters, after_ms).unwrap();
        }
        let mut heard = Vec::new();
        for reading in &readings {
            heard.extend(detector.observe(&mut again, reading).anomalies);
        }
        heard.extend(detector.tick(&mut again, end_ms).anomalies);
        prop_assert_eq!(detector.commitment(&again), detector.commitment(&live));
        prop_assert_eq!(heard, said);
    }
}
