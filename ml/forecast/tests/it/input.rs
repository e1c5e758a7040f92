//! Too little, too late, too much.

use crate::{Chance, DAY_STEPS, HOUR_MS, STEP_MS, above, by_step, fed, rhythm};
use forecast::{ForecastError, Forecaster, Limit, Plan, Settings, backtest};
use proptest::prelude::*;
use vitals::{Side, Signal};

#[test]
fn too_little_history_says_what_is_needed() {
    let forecaster = Forecaster::new(Signal::HeartRate, Settings::home()).unwrap();
    assert!(matches!(
        forecaster.forecast(),
        Err(ForecastError::TooLittleHistory { have_ms: 0, have_outcomes: 0, need_outcomes: 32, .. })
    ));
    // Five hours of the eighteen that three hours ahead need.
    let forecaster = fed(Signal::HeartRate, Settings::bedside(), &by_step([70_000; 60])).unwrap();
    let refused = forecaster.forecast().unwrap_err();
    assert_eq!(
        refused,
        ForecastError::TooLittleHistory {
            have_ms: 5 * HOUR_MS,
            need_ms: 18 * HOUR_MS,
            have_outcomes: 24,
            need_outcomes: 32
        }
    );
    assert_eq!(forecaster.crossing(above(90_000)).unwrap_err(), refused);
    assert!(refused.to_string().contains("go on observing"));
    // With what is needed there is a forecast: eighteen hours, and not a step less.
    let at =
        |steps: usize| fed(Signal::HeartRate, Settings::bedside(), &by_step(vec![70_000; steps])).unwrap().forecast();
    assert!(matches!(at(215), Err(ForecastError::TooLittleHistory { .. })));
    assert!(at(216).is_ok());
}

#[test]
fn an_old_value_is_no_start_for_a_forecast() {
    let mut forecaster = fed(Signal::HeartRate, Settings::bedside(), &by_step([70_000; 300])).unwrap();
    forecaster.tick(303 * STEP_MS);
    assert!(forecaster.forecast().is_ok());
    forecaster.tick(303 * STEP_MS + 1);
    let stale = ForecastError::Stale { age_ms: 3 * STEP_MS + 1, allowed_ms: 3 * STEP_MS };
    assert_eq!(forecaster.forecast().unwrap_err(), stale);
    // Time does not go back, and a new value starts anew.
    forecaster.tick(0);
    assert_eq!(forecaster.forecast().unwrap_err(), stale);
    forecaster.observe(304 * STEP_MS, 70_000).unwrap();
    forecaster.tick(305 * STEP_MS);
    assert!(forecaster.forecast().is_ok());
}

#[test]
fn values_that_are_late_or_not_plausible_are_refused_and_change_nothing() {
    let values = by_step((0..300).map(|step| 70_000 + step % 7 * 100));
    let mut forecaster = fed(Signal::HeartRate, Settings::bedside(), &values).unwrap();
    let before = forecaster.forecast().unwrap();
    let late = forecaster.observe(299 * STEP_MS, 70_000).unwrap_err();
    assert_eq!(late, ForecastError::Late { time_ms: 299 * STEP_MS, open_ms: 300 * STEP_MS });
    let refused = [(300, 0), (300, -1), (300, 300_001), (300, i64::MAX), (300, i64::MIN)];
    for (step, value_milli) in refused {
        let refused = forecaster.observe(step * STEP_MS, value_milli).unwrap_err();
        assert!(matches!(refused, ForecastError::Value { .. }), "{value_milli}");
    }
    for time_ms in [i64::MAX, i64::MIN, 253_402_300_800_000] {
        assert!(matches!(forecaster.observe(time_ms, 70_000), Err(ForecastError::Value { .. })));
    }
    assert_eq!(forecaster.forecast().unwrap(), before);
}

#[test]
fn nights_without_values_are_gaps_and_not_values() {
    let mut chance = Chance::new(5);
    let mut values =
        by_step((0..14 * DAY_STEPS).map(|step| 70_000 + (rhythm(step) * 9_000.0 + chance.normal() * 900.0) as i64));
    let all = fed(Signal::HeartRate, Settings::home(), &values[..13 * DAY_STEPS as usize + 144]).unwrap();
    // Nothing from midnight to seven.
    values.retain(|(time_ms, _)| time_ms % (24 * HOUR_MS) >= 7 * HOUR_MS);
    values.retain(|(time_ms, _)| *time_ms < 13 * 24 * HOUR_MS + 12 * HOUR_MS);
    let awake = fed(Signal::HeartRate, Settings::home(), &values).unwrap();
    let (all, awake) = (all.forecast().unwrap(), awake.forecast().unwrap());
    for (all, awake) in all.points.iter().zip(&awake.points) {
        assert!((all.median_milli - awake.median_milli).abs() < 3_000, "{all:?} {awake:?}");
    }
    // After a gap as long as the history nothing is known.
    let mut values = by_step([70_000; 300]);
    values.push(((300 + 864) * STEP_MS, 70_000));
    let forecaster = fed(Signal::HeartRate, Settings::bedside(), &values).unwrap();
    let refused = forecaster.forecast().unwrap_err();
    assert!(
        matches!(refused, ForecastError::TooLittleHistory { have_ms: STEP_MS, have_outcomes: 0, .. }),
        "{refused:?}"
    );
}

#[test]
fn values_between_the_plausible_extremes_give_plausible_quantiles() {
    let spec = Signal::HeartRate.spec();
    let mut chance = Chance::new(6);
    let values = by_step((0..500).map(|_| if chance.unit() < 0.5 { spec.low_milli } else { spec.high_milli }));
    let forecaster = fed(Signal::HeartRate, Settings::bedside(), &values).unwrap();
    for point in forecaster.forecast().unwrap().points {
        assert!(spec.low_milli <= point.low_milli && point.high_milli <= spec.high_milli, "{point:?}");
        assert!(point.high_milli - point.low_milli > 200_000, "{point:?}");
    }
    // Limits outside all that is possible, and the most extreme ones.
    for limit_milli in [i64::MAX, spec.high_milli] {
        assert_eq!(forecaster.crossing(above(limit_milli)).unwrap().probability_milli, 0);
    }
    let below_all = Limit { limit_milli: i64::MIN, side: Side::Below };
    assert_eq!(forecaster.crossing(below_all).unwrap().probability_milli, 0);
}

#[test]
fn a_backtest_refuses_horizons_that_are_no_step_and_counts_what_is_left_out() {
    let settings = Settings::bedside();
    for horizon_ms in [0, -STEP_MS, STEP_MS + 1, 4 * HOUR_MS, i64::MAX] {
        let plan = Plan { horizons_ms: vec![horizon_ms], ..Plan::usual(&settings) };
        let refused = backtest(Signal::HeartRate, &settings, &plan, []).unwrap_err();
        assert!(matches!(refused, ForecastError::Horizon { .. }), "{horizon_ms}");
    }
    let values = [(0, 70_000), (STEP_MS, 0), (2 * STEP_MS, 70_000), (0, 70_000)];
    let report = backtest(Signal::HeartRate, &settings, &Plan::usual(&settings), values).unwrap();
    assert_eq!((report.values, report.left_out, report.forecasts), (2, 2, 0));
    assert!(report.horizons.iter().all(|score| score.forecasts == 0 && score.skill_milli() == 0));
}

/// Short in everything, so that all of it is passed through.
fn small() -> Settings {
    Settings {
        step_ms: 10_000,
        horizon_steps: 5,
        origin_every_steps: 1,
        history_steps: 120,
        refit_every_origins: 20,
        stale_steps: 3,
        ridge_rows: 5,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_values_at_any_times_give_ordered_plausible_quantiles_or_an_error(
        moves in prop::collection::vec((-20_000..60_000_i64, 0..320_000_i64), 1..600),
    ) {
        let mut forecaster = Forecaster::new(Signal::HeartRate, small()).unwrap();
        let spec = Signal::HeartRate.spec();
        let mut time_ms = 0;
        for (number, (forward_ms, value_milli)) in moves.into_iter().enumerate() {
            // Mostly a value a step, with gaps and steps back.
            time_ms += if number % 16 == 0 { forward_ms } else { 10_000 };
            let _ = forecaster.observe(time_ms, value_milli);
            if number % 50 == 49 && let Ok(forecast) = forecaster.forecast() {
                prop_assert_eq!(forecast.points.len(), 5);
                for point in &forecast.points {
                    prop_assert!(spec.low_milli <= point.low_milli && point.low_milli <= point.median_milli);
                    prop_assert!(point.median_milli <= point.high_milli && point.high_milli <= spec.high_milli);
                }
            }
        }
    }
}
