//! Series whose future is known.

use crate::{Chance, DAY_STEPS, HOUR_MS, MINUTE_MS, STEP_MS, above, below, by_step, fed, rhythm};
use forecast::{Settings, When};
use vitals::Signal;

/// Capability D13: "will cross X in Y", with an interval.
#[test]
fn a_ramp_crosses_its_limit_at_the_known_time_within_the_interval() {
    let mut chance = Chance::new(1);
    // 36 Cel and 0.06 an hour, with noise of 0.005, for 30 hours.
    let values = by_step((0..360).map(|step| 36_000 + step * 5 + (chance.normal() * 5.0) as i64));
    let forecaster = fed(Signal::Temperature, Settings::bedside(), &values).unwrap();
    let forecast = forecaster.forecast().unwrap();
    assert_eq!((forecast.made_ms, forecast.horizon_ms), (360 * STEP_MS, 3 * HOUR_MS));
    for point in &forecast.points {
        let truth = 36_000 + (359 + point.in_ms / STEP_MS) * 5;
        assert!((point.median_milli - truth).abs() < 25, "{point:?} {truth}");
        assert!(point.low_milli < truth + 10 && truth - 10 < point.high_milli, "{point:?} {truth}");
        assert!(point.high_milli - point.low_milli < 80, "{point:?}");
    }
    // The line reaches 37.9 at step 380, whose middle is 102.5 minutes ahead; noise brings it somewhat
    // earlier.
    let crossing = forecaster.crossing(above(37_900)).unwrap();
    let When::Within { earliest_ms, in_ms: Some(in_ms), latest_ms: Some(latest_ms) } = crossing.when else {
        panic!("{crossing:?}");
    };
    let truth_ms = 102 * MINUTE_MS + MINUTE_MS / 2;
    assert!(earliest_ms <= in_ms && in_ms <= latest_ms && truth_ms <= latest_ms);
    assert!(earliest_ms > 60 * MINUTE_MS && latest_ms < 130 * MINUTE_MS, "{crossing:?}");
    assert!((in_ms - truth_ms).abs() < 30 * MINUTE_MS, "{crossing:?}");
    assert!(crossing.probability_milli > 950);
    // 38.3 is reached after five hours only.
    let crossing = forecaster.crossing(above(38_300)).unwrap();
    assert_eq!((crossing.when, crossing.probability_milli), (When::NotWithinHorizon, 0));
    // And 37.7 is passed.
    assert_eq!(forecaster.crossing(above(37_700)).unwrap().when, When::Already);
}

#[test]
fn a_flat_series_never_crosses_and_its_interval_is_the_noise() {
    let mut chance = Chance::new(2);
    let values = by_step((0..600).map(|_| 97_000 + (chance.normal() * 500.0) as i64));
    let forecaster = fed(Signal::Spo2, Settings::bedside(), &values).unwrap();
    for limit in [below(92_000), above(100_000)] {
        let crossing = forecaster.crossing(limit).unwrap();
        assert_eq!((crossing.when, crossing.probability_milli), (When::NotWithinHorizon, 0));
    }
    for point in forecaster.forecast().unwrap().points {
        assert!((point.median_milli - 97_000).abs() < 400, "{point:?}");
        // ± 1.28 standard deviations of 0.5.
        assert!((900..2_000).contains(&(point.high_milli - point.low_milli)), "{point:?}");
    }
    // A limit in the midst of the noise is crossed soon.
    let crossing = forecaster.crossing(below(96_500)).unwrap();
    assert!(crossing.probability_milli > 850, "{crossing:?}");
}

#[test]
fn a_daily_rhythm_is_foretold_by_the_time_of_day() {
    let mut chance = Chance::new(3);
    let mut value = |step: i64| 75_000 + (rhythm(step) * 15_000.0 + chance.normal() * 1_000.0) as i64;
    // Ten days and four hours: it rises towards noon.
    let values = by_step((0..10 * DAY_STEPS + 48).map(&mut value));
    let forecaster = fed(Signal::HeartRate, Settings::home(), &values).unwrap();
    let forecast = forecaster.forecast().unwrap();
    for point in &forecast.points {
        let truth = 75_000.0 + rhythm(47 + point.in_ms / STEP_MS) * 15_000.0;
        assert!((point.median_milli as f64 - truth).abs() < 2_500.0, "{point:?} {truth}");
        assert!(point.high_milli - point.low_milli < 9_000, "{point:?}");
    }
    // 80 is passed where the rhythm is 1/3: a quarter of a day and 78 minutes after midnight, 3 h 18 min ahead.
    let crossing = forecaster.crossing(above(80_000)).unwrap();
    let When::Within { earliest_ms, in_ms: Some(in_ms), latest_ms: Some(latest_ms) } = crossing.when else {
        panic!("{crossing:?}");
    };
    let truth_ms = 198 * MINUTE_MS;
    assert!((in_ms - truth_ms).abs() < 45 * MINUTE_MS, "{crossing:?}");
    assert!(earliest_ms < truth_ms && latest_ms - earliest_ms < 2 * HOUR_MS, "{crossing:?}");
}

#[test]
fn the_time_of_day_is_that_of_the_persons_clock() {
    // A person whose clock suddenly is twelve hours apart is forecast another day.
    let values = by_step((0..10 * DAY_STEPS).map(|step| 75_000 + (rhythm(step) * 15_000.0) as i64));
    let mut forecaster = fed(Signal::HeartRate, Settings::home(), &values).unwrap();
    let before = forecaster.forecast().unwrap();
    forecaster.set_offset_minutes(12 * 60);
    assert_ne!(forecaster.forecast().unwrap().points, before.points);
    forecaster.set_offset_minutes(0);
    assert_eq!(forecaster.forecast().unwrap(), before);
}

#[test]
fn a_constant_series_stays_what_it_is() {
    let forecaster = fed(Signal::Respiration, Settings::bedside(), &by_step([16_000; 400])).unwrap();
    for point in forecaster.forecast().unwrap().points {
        assert_eq!([point.low_milli, point.median_milli, point.high_milli], [16_000; 3]);
    }
    // At the limit is not beyond it.
    for limit in [above(16_000), below(16_000)] {
        assert_eq!(forecaster.crossing(limit).unwrap().when, When::NotWithinHorizon);
    }
    assert_eq!(forecaster.crossing(above(15_999)).unwrap().when, When::Already);
}
