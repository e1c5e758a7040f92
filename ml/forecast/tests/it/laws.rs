//! Coverage, the shrinking to persistence, and the same bits again.

use crate::{Chance, DAY_STEPS, HOUR_MS, STEP_MS, above, below, by_step, fed, rhythm};
use forecast::{Plan, Report, Settings, Skill, backtest};
use proptest::prelude::*;
use vitals::Signal;

/// A day's rhythm and noise that fades over an hour or two.
fn living(seed: u64, days: i64) -> Vec<(i64, i64)> {
    let mut chance = Chance::new(seed);
    let mut drift = 0.0;
    by_step((0..days * DAY_STEPS).map(|step| {
        drift = 0.94 * drift + chance.normal() * 1_000.0;
        // More restless by day than by night.
        let unrest = 1.2 + rhythm(step);
        75_000 + (rhythm(step) * 8_000.0 + drift * unrest) as i64
    }))
}

fn judged(values: &[(i64, i64)], settings: &Settings, limits: Vec<forecast::Limit>) -> Report {
    let plan = Plan { limits, ..Plan::usual(settings) };
    backtest(Signal::HeartRate, settings, &plan, values.iter().copied()).unwrap()
}

/// Capability D13: the interval is honest.
#[test]
fn four_of_five_outcomes_lie_within_the_interval() {
    let report = judged(&living(11, 40), &Settings::home(), vec![above(80_000), above(88_000)]);
    println!("{report}");
    assert!(report.forecasts > 1_500 && report.horizons.len() == 4);
    for score in &report.horizons {
        assert!(score.forecasts > 1_500);
        // It errs on the wide side while the past is short.
        assert!((770..=880).contains(&score.coverage_milli), "{score:?}");
    }
    // What can be foretold, the return to the usual day, is.
    assert!(report.horizons[2].skill_milli() > 150 && report.horizons[3].skill_milli() > 300, "{report}");
    assert_eq!(report.crossings.len(), 8);
    for score in report.crossings.iter().filter(|score| score.horizon_ms == 6 * HOUR_MS) {
        assert!(score.crossed > 50 && score.crossed < score.forecasts, "{score:?}");
        let share_milli = i64::from(score.crossed) * 1_000 / i64::from(score.forecasts);
        assert!((score.probability_milli - share_milli).abs() < 70, "{score:?}");
        assert!(score.brier_micro < score.persistence_brier_micro, "{score:?}");
        assert!((740..=950).contains(&score.interval_coverage_milli), "{score:?}");
    }
}

#[test]
fn where_nothing_can_be_foretold_it_becomes_persistence() {
    // A walk at random between walls: the last value is the best that can be said.
    let mut chance = Chance::new(12);
    let mut place = 120_000.0_f64;
    let walk = by_step((0..20 * DAY_STEPS).map(|_| {
        place = (place + chance.normal() * 700.0).clamp(40_000.0, 250_000.0);
        place as i64
    }));
    for (settings, days) in [(Settings::home(), 20), (Settings::bedside(), 6)] {
        let report = judged(&walk[..days * DAY_STEPS as usize], &settings, Vec::new());
        println!("{report}");
        for score in &report.horizons {
            assert!(score.skill_milli() > -60 && score.trust_milli < 250, "{score:?}");
            assert!((score.coverage_milli - score.persistence_coverage_milli).abs() < 30, "{score:?}");
        }
    }
}

/// The same bits: two runs, a copy that goes on, and ticks between the values.
#[test]
fn the_same_values_give_the_same_forecast_to_the_bit() {
    let values = living(14, 6);
    let settings = Settings::home();
    let one = fed(Signal::HeartRate, settings.clone(), &values).unwrap();
    let again = fed(Signal::HeartRate, settings.clone(), &values).unwrap();
    assert_eq!(one.forecast().unwrap(), again.forecast().unwrap());

    let mut ticked = forecast::Forecaster::new(Signal::HeartRate, settings).unwrap();
    for (number, (time_ms, value_milli)) in values.iter().enumerate() {
        ticked.observe(*time_ms, *value_milli).unwrap();
        if number % 3 == 0 {
            ticked.tick(time_ms + STEP_MS - 1);
        }
        if number % 7 == 0 {
            ticked.tick(time_ms + STEP_MS);
            ticked = ticked.clone();
        }
    }
    ticked.tick(values.last().unwrap().0 + STEP_MS);
    assert_eq!(ticked.forecast().unwrap(), one.forecast().unwrap());
    assert_eq!(ticked.crossing(above(90_000)).unwrap(), one.crossing(above(90_000)).unwrap());
}

#[test]
fn json_names_states_sides_and_signals() {
    let forecaster = fed(Signal::Respiration, Settings::bedside(), &by_step([16_000; 300])).unwrap();
    let crossing = serde_json::to_value(forecaster.crossing(above(30_000)).unwrap()).unwrap();
    let expected = serde_json::json!({
        "signal": "respiration", "limit_milli": 30_000, "side": "above", "made_ms": 300 * STEP_MS,
        "horizon_ms": 36 * STEP_MS, "state": "not_within_horizon", "probability_milli": 0
    });
    assert_eq!(crossing, expected);
    let forecast = serde_json::to_value(forecaster.forecast().unwrap()).unwrap();
    assert_eq!(forecast["points"][35]["in_ms"], 36 * STEP_MS);
    assert_eq!(forecast["points"][35]["median_milli"], 16_000);
}

#[test]
fn what_is_told_ends_where_persistence_is_as_good() {
    // A day's rhythm is foretold for hours; a walk at random is not for minutes.
    let report = judged(&living(11, 20), &Settings::home(), vec![above(80_000), above(200_000)]);
    assert_eq!(report.reach_ms(), Some(6 * HOUR_MS), "{report}");
    assert_eq!(report.crossing_reach(above(80_000)), Some((6 * HOUR_MS, Skill::Better)));
    assert_eq!(report.crossing_reach(above(200_000)), Some((6 * HOUR_MS, Skill::Untried)));
    let mut chance = Chance::new(21);
    let mut place = 120_000.0_f64;
    let walk = by_step((0..10 * DAY_STEPS).map(|_| {
        place = (place + chance.normal() * 700.0).clamp(40_000.0, 250_000.0);
        place as i64
    }));
    let report = judged(&walk, &Settings::home(), vec![above(120_000)]);
    assert_eq!((report.reach_ms(), report.crossing_reach(above(120_000))), (None, None), "{report}");
}

/// Short in everything, so that all of it is passed through.
fn small() -> Settings {
    Settings {
        step_ms: 10_000,
        horizon_steps: 6,
        origin_every_steps: 1,
        history_steps: 400,
        refit_every_origins: 20,
        stale_steps: 3,
        ridge_rows: 5,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// D13: no look-ahead. Forecasts that are judged `h` steps ahead were made before the last `h` steps, so whatever comes in
    /// those, their quantiles, widths and probabilities are the same to the bit; what they lost is not.
    #[test]
    fn changing_the_future_changes_no_earlier_forecast(
        seed in 1_u64..1_000_000, steps in 200_usize..500, horizon in 1_usize..=6, shift in 20_000_i64..80_000,
    ) {
        let mut chance = Chance::new(seed);
        let past: Vec<(i64, i64)> = (0..steps as i64)
            // Gaps, but not where the last forecasts are made.
            .filter(|step| step % 17 != 5 || step + 8 > steps as i64)
            .map(|step| (step * 10_000, 80_000 + (chance.normal() * 9_000.0) as i64 + step % 24 * 1_000))
            .map(|(time_ms, value)| (time_ms, value.clamp(30_000, 150_000)))
            .collect();
        let changed_from_ms = past.last().unwrap().0 - 10_000 * (horizon as i64 - 1);
        let mut other = past.clone();
        other.iter_mut().filter(|(time_ms, _)| *time_ms >= changed_from_ms).for_each(|(_, value)| *value += shift);
        let plan = Plan {
            horizons_ms: vec![10_000 * horizon as i64],
            limits: vec![above(95_000), below(70_000)],
            offset_minutes: 0,
        };
        let judge = |values: &[(i64, i64)]| backtest(Signal::HeartRate, &small(), &plan, values.iter().copied()).unwrap();
        let (one, two) = (judge(&past), judge(&other));
        let told = |report: &Report| {
            let horizons: Vec<_> = report.horizons.iter()
                .map(|s| (s.forecasts, s.width_milli, s.persistence_width_milli, s.trust_milli)).collect();
            let crossings: Vec<_> = report.crossings.iter()
                .map(|s| (s.forecasts, s.probability_milli, s.timed)).collect();
            (horizons, crossings)
        };
        prop_assert!(one.horizons[0].forecasts > 50);
        prop_assert_eq!(told(&one), told(&two));
        prop_assert_ne!(one.horizons[0].pinball_micro, two.horizons[0].pinball_micro);
    }
}
