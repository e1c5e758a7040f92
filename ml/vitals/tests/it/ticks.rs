//! What is said hangs on the readings: not on ticks, nor on the order within the lateness.

use proptest::prelude::*;
use vitals::{Anomaly, Change, Provenance, Reading, Settings, Signal};

use crate::{Bed, MINUTE_MS, START_MS, reading};

/// Minutes since the one before, signal, height of the value, offset of the clock.
type Sent = (u8, u8, u8, bool);

fn readings(sent: &[Sent]) -> Vec<Reading> {
    let mut time_ms = START_MS;
    sent.iter()
        .map(|(gap, which, height, summer)| {
            // Mostly a minute, now and then hours.
            time_ms += i64::from(*gap).pow(2) / 40 * MINUTE_MS / 2;
            let high = i64::from(*height);
            let (signal, value_milli) = match which % 4 {
                0 => (Signal::Spo2, 80_000 + high % 17 * 1_000),
                1 => (Signal::HeartRate, 60_000 + high * 400),
                2 => (Signal::Temperature, 36_000 + high * 20),
                _ => (Signal::Steps, high % 3 * 1_000),
            };
            let offset_minutes = summer.then_some(60);
            Reading { signal, value_milli, time_ms, offset_minutes, provenance: Provenance::Device }
        })
        .collect()
}

fn bytes(said: &[Anomaly]) -> Vec<Vec<u8>> {
    said.iter().map(|anomaly| borsh::to_vec(anomaly).unwrap()).collect()
}

proptest! {
    /// D12: an anomaly's bytes, its window commitment among them, are the same whenever ticks came, as long as no reading came after
    /// one that is newer than itself, and in whatever order readings came within the lateness.
    #[test]
    fn anomalies_are_the_same_bytes_whatever_the_ticks_and_the_order_within_the_lateness(
        sent in proptest::collection::vec((0_u8..60, any::<u8>(), any::<u8>(), any::<bool>()), 1..400),
        swaps in proptest::collection::vec(any::<bool>(), 400), ticks in proptest::collection::vec(0_u8..8, 400)
    ) {
        let readings = readings(&sent);
        let end = (readings.last().unwrap().time_ms - START_MS) / MINUTE_MS + 2 * 1_440;
        let mut plain = Bed::new(Settings::home());
        readings.iter().for_each(|reading| plain.hear(*reading));
        plain.tick(end);

        let mut shuffled = readings.clone();
        for (pair, swap) in shuffled.chunks_exact_mut(2).zip(swaps) {
            if swap && pair[1].time_ms.div_euclid(MINUTE_MS) - pair[0].time_ms.div_euclid(MINUTE_MS) <= 2 {
                pair.swap(0, 1);
            }
        }
        let mut ticked = Bed::new(Settings::home());
        for (at, tick) in ticks.iter().enumerate().take(shuffled.len()) {
            ticked.hear(shuffled[at]);
            let next_ms = shuffled[at + 1..].iter().map(|reading| reading.time_ms).min();
            if let Some(minutes) = next_ms.map(|next_ms| (next_ms - START_MS) / MINUTE_MS).filter(|_| *tick > 3) {
                // One or several, up to the next reading's time.
                (minutes - i64::from(*tick)..=minutes).for_each(|minute| ticked.tick(minute));
            }
        }
        ticked.tick(end);
        prop_assert_eq!(bytes(&plain.said), bytes(&ticked.said));
    }
}

/// An episode that goes on is said again by event time, so that one that was known too late alerts while it still goes on.
#[test]
fn an_episode_that_goes_on_is_said_again_twice_a_day() {
    let mut bed = Bed::new(Settings::home());
    bed.hear_run(0, Signal::Spo2, &[80; 30 * 60]);
    let told: Vec<_> = bed.said.iter().map(|a| (a.change, (a.time_ms - START_MS) / MINUTE_MS)).collect();
    assert_eq!(told, [(Change::Opened, 3), (Change::Continued, 723), (Change::Continued, 1_443)]);
    assert!(bed.said.iter().all(|anomaly| anomaly.episode == bed.said[0].episode));
    let settings = Settings { restate_ms: 60 * 60_000, alert_age_ms: 59 * 60_000, ..Settings::home() };
    assert!(vitals::Detector::without_forest(settings).is_err(), "it could be too old each time it is said");
}

/// The commitment covers the settings: another number in them is another commitment, whether or not it mattered.
#[test]
fn the_window_commitment_tells_settings_apart() {
    let said = |settings: Settings| {
        let mut bed = Bed::new(settings);
        bed.hear_run(0, Signal::Spo2, &[80; 10]);
        bed.said.remove(0)
    };
    let (home, other) = (said(Settings::home()), said(Settings { relearn_days: 15, ..Settings::home() }));
    assert_ne!(home.window, other.window);
    assert_eq!(Anomaly { window: home.window, ..other }, home);
    let mut late = Bed::new(Settings::home());
    late.hear(reading(10, Signal::Spo2, 97));
    assert!(late.detector.is_late(&late.state, START_MS + 7 * MINUTE_MS));
    assert!(!late.detector.is_late(&late.state, START_MS + 8 * MINUTE_MS));
}

/// E3: days that a device kept while the clock went on are judged window by window and day by day, as if they had been heard at once.
#[test]
fn an_upload_after_ticks_of_days_is_decided_as_without_them() {
    let run = |ticks: bool| {
        let mut bed = Bed::new(Settings::home());
        bed.hear_run(0, Signal::HeartRate, &[60; 8]);
        if ticks {
            (1..=4 * 24).for_each(|hour| bed.tick(hour * 60));
        }
        for minute in 1_440..4 * 1_440 {
            bed.hear(reading(minute, Signal::HeartRate, 60 + minute % 7));
            if minute % 60 == 0 {
                bed.hear(reading(minute, Signal::Spo2, if minute > 5_000 { 80 } else { 96 }));
                bed.hear(reading(minute, Signal::Systolic, if minute > 5_000 { 80 } else { 120 }));
            }
        }
        bed.tick(6 * 1_440);
        (bed.detector.commitment(&bed.state), bytes(&bed.said))
    };
    let (with, without) = (run(true), run(false));
    assert_eq!(with, without);
    assert!(!with.1.is_empty(), "there was something to say");
}
