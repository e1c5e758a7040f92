//! Signal quality, late data and the one word for how a subject stands.

use crate::{Bed, MINUTE_MS, START_MS, reading};
use proptest::prelude::*;
use vitals::{Change, Provenance, Reading, Settings, Signal, SignalQuality, Standing};

fn quality(bed: &Bed, signal: Signal) -> SignalQuality {
    bed.state.quality(signal).unwrap()
}

/// One reading a second.
fn second(at: i64, signal: Signal, value_milli: i64) -> Reading {
    Reading { time_ms: START_MS + at * 1_000, value_milli, ..reading(0, signal, 0) }
}

#[test]
fn a_jump_that_no_body_makes_is_poor_until_the_next_values_agree_with_it() {
    let mut bed = Bed::new(Settings::bedside());
    let spo2 = [97, 97, 40, 97, 97, 60, 61, 60, 60];
    for (at, value) in (0..).zip(spo2) {
        bed.hear(second(at, Signal::Spo2, value * 1_000));
    }
    // Second 8 is not decided yet. 40 is wild; of 60, 61, 60 the third is believed.
    bed.detector.tick(&mut bed.state, START_MS + 10_000);
    assert_eq!(quality(&bed, Signal::Spo2), SignalQuality { poor: false, poor_steps: 3 });
}

#[test]
fn values_that_keep_jumping_stay_poor_and_raise_no_alarm() {
    let mut bed = Bed::new(Settings::bedside());
    bed.hear(second(0, Signal::HeartRate, 80_000));
    for at in 1..300 {
        bed.hear(second(at, Signal::HeartRate, if at % 2 == 0 { 260_000 } else { 190_000 }));
    }
    bed.detector.tick(&mut bed.state, START_MS + 302_000);
    assert_eq!(quality(&bed, Signal::HeartRate), SignalQuality { poor: true, poor_steps: 299 });
    assert_eq!(bed.said, []);
    assert_eq!(bed.detector.standing(&bed.state, START_MS + 302_000), Standing::Poor);
    assert!(bed.detector.severity_micro(&bed.state) < 500_000, "as if the wild values had not come");
}

#[test]
fn a_flat_heart_rate_is_poor_and_a_flat_saturation_is_not() {
    let mut bed = Bed::new(Settings { limits: Vec::new(), ..Settings::bedside() });
    for at in 0..400 {
        bed.hear(second(at, Signal::HeartRate, 72_000));
        bed.hear(second(at, Signal::Spo2, 97_000));
    }
    bed.detector.tick(&mut bed.state, START_MS + 402_000);
    assert_eq!(quality(&bed, Signal::HeartRate), SignalQuality { poor: true, poor_steps: 100 });
    assert_eq!(quality(&bed, Signal::Spo2), SignalQuality { poor: false, poor_steps: 0 });
    bed.hear(second(403, Signal::HeartRate, 73_000));
    bed.detector.tick(&mut bed.state, START_MS + 406_000);
    assert!(!quality(&bed, Signal::HeartRate).poor, "it varies again");
}

#[test]
fn poor_values_are_not_learned() {
    let usual = |noise: bool| {
        let mut bed = Bed::new(Settings::bedside());
        for at in 0..600 {
            let value = if noise && at % 3 == 1 { 200_000 } else { 70_000 + at * 7 % 5 * 500 };
            bed.hear(second(at, Signal::HeartRate, value));
        }
        bed.state.usual(bed.detector.settings(), Signal::HeartRate, START_MS + 600_000).unwrap().median_milli
    };
    assert!((usual(true) - usual(false)).abs() < 500, "{} and {}", usual(true), usual(false));
}

#[test]
fn what_a_person_measured_is_good_however_far_it_lies() {
    let mut bed = Bed::new(Settings::home());
    bed.hear(reading(0, Signal::Temperature, 36));
    bed.hear(Reading { provenance: Provenance::Manual, ..reading(1, Signal::Temperature, 42) });
    bed.tick(10);
    assert_eq!(bed.said.len(), 1);
    assert_eq!(quality(&bed, Signal::Temperature).poor_steps, 0);
    assert_eq!(bed.state.quality(Signal::Steps), None);
}

/// What is known too late is recorded and alerts nobody; what goes on until now does.
#[test]
fn an_anomaly_about_long_ago_is_recorded_but_alerts_nobody_until_it_is_about_now() {
    let mut bed = Bed::new(Settings::home());
    bed.hear_run(0, Signal::Spo2, &[96; 5]);
    // The phone was away for two days; then it sends what it kept.
    bed.tick(2 * 1_440);
    bed.hear_run(10, Signal::Spo2, &[80; 10]);
    bed.tick(2 * 1_440 + 1);
    let brief = |bed: &Bed| bed.said.iter().map(|a| a.change).zip(bed.alerts.clone()).collect::<Vec<_>>();
    assert_eq!(brief(&bed), [(Change::Opened, false)]);
    bed.hear_run(2 * 1_440, Signal::Spo2, &[80; 10]);
    bed.tick(2 * 1_440 + 20);
    assert_eq!(brief(&bed), [(Change::Opened, false), (Change::Continued, true)], "told once it is about now");
    assert_eq!(bed.said[0].episode, bed.said[1].episode);
    bed.hear_run(2 * 1_440 + 20, Signal::Spo2, &[96; 10]);
    bed.tick(2 * 1_440 + 60);
    assert_eq!(brief(&bed)[2..], [(Change::Resolved, true)]);
    assert_eq!(bed.said.last().unwrap().time_ms, START_MS + (2 * 1_440 + 25) * MINUTE_MS);
}

proptest! {
    /// Any course of values: what is decided of a beginning does not change by what comes after, and bytes go on where they were.
    #[test]
    fn severity_and_anomalies_of_a_beginning_are_those_of_the_whole(
        values in proptest::collection::vec((20_i64..200, 60_i64..100, 0_u8..4), 1..400), cut in any::<prop::sample::Index>(), home in any::<bool>()
    ) {
        let run = |values: &[(i64, i64, u8)], through_bytes: bool| {
            let mut bed = Bed::new(if home { Settings::home() } else { Settings::bedside() });
            let mut severities = Vec::new();
            for (at, (bpm, spo2, which)) in (0..).zip(values) {
                let step_ms = i64::from(bed.detector.settings().step_ms);
                let at_ms = |reading: Reading| Reading { time_ms: START_MS + at * step_ms, ..reading };
                if which & 1 == 0 {
                    bed.hear(at_ms(reading(0, Signal::HeartRate, *bpm)));
                }
                if which & 2 == 0 {
                    bed.hear(at_ms(reading(0, Signal::Spo2, *spo2)));
                }
                if through_bytes && at % 7 == 0 {
                    bed.state = vitals::PatientState::from_bytes(&bed.state.to_bytes()).unwrap();
                }
                severities.push(bed.detector.severity_micro(&bed.state));
            }
            (severities, bed.said)
        };
        let (whole, said) = run(&values, false);
        let length = cut.index(values.len()) + 1;
        let (part, part_said) = run(&values[..length], true);
        prop_assert_eq!(&whole[..length], &part[..]);
        prop_assert_eq!(&said[..part_said.len()], &part_said[..]);
        prop_assert!(whole.iter().all(|severity| (0..=1_000_000).contains(severity)));
    }

    #[test]
    fn a_higher_heart_rate_is_never_less_severe(bpm in 30_i64..200, more in 1_i64..50) {
        let severity = |last: i64| {
            let mut bed = Bed::new(Settings::bedside());
            for at in 0..240 {
                bed.hear(second(at, Signal::HeartRate, 70_000 + at * 7 % 5 * 500));
            }
            // Believed at once after a gap.
            bed.hear(second(400, Signal::HeartRate, last * 1_000));
            bed.detector.tick(&mut bed.state, START_MS + 405_000);
            bed.detector.severity_micro(&bed.state)
        };
        prop_assert!(severity(bpm) < severity(bpm + more), "distinguishable, below the usual as well");
    }
}
