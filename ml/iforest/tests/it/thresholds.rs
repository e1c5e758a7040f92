//! Thresholds by share and by a budget of false alerts.

use iforest::{AlertBudget, IsolationForestError, alert_threshold, quantile};
use proptest::prelude::*;

fn budget(false_alerts: f64, scores: f64) -> AlertBudget {
    AlertBudget { false_alerts, scores }
}

#[test]
fn a_budget_below_what_the_reference_can_show_gives_its_greatest_score_and_says_so() {
    let scores = [0.3, 0.9, 0.5];
    let found = alert_threshold(&scores, budget(1.0, 10_080.0)).unwrap();
    assert_eq!((found.threshold, found.above, found.false_alerts), (0.9, 0, 0.0));
}

#[test]
fn equal_scores_stand_or_fall_together() {
    // Two in ten may lie above, but the second and the third are equal.
    let scores = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.8, 0.9];
    let found = alert_threshold(&scores, budget(2.0, 10.0)).unwrap();
    assert_eq!((found.threshold, found.above, found.false_alerts), (0.8, 1, 1.0));
}

#[test]
fn an_alert_at_every_score_still_needs_a_score_above_the_threshold() {
    let found = alert_threshold(&[0.4, 0.2, 0.3], budget(1.0, 1.0)).unwrap();
    assert_eq!((found.threshold, found.above), (0.2, 2));
}

#[test]
fn shares_and_budgets_that_make_no_sense_are_refused() {
    for wrong in [
        budget(0.0, 1.0),
        budget(-1.0, 1.0),
        budget(2.0, 1.0),
        budget(f64::NAN, 1.0),
        budget(1.0, f64::NAN),
        budget(1.0, f64::INFINITY),
    ] {
        assert!(matches!(alert_threshold(&[0.5], wrong), Err(IsolationForestError::Budget { .. })), "{wrong:?}");
    }
    assert!(alert_threshold(&[], budget(1.0, 2.0)).is_err());
    assert!(alert_threshold(&[0.5, f64::NAN], budget(1.0, 2.0)).is_err());
    for wrong in [-0.1, 1.1, f64::NAN] {
        assert!(matches!(quantile(&[0.5], wrong), Err(IsolationForestError::Quantile)), "{wrong}");
    }
    assert!(quantile(&[], 0.5).is_err());
    assert!(quantile(&[f64::NAN], 0.5).is_err());
    assert_eq!(quantile(&[0.5, 0.4], 0.0).unwrap(), 0.4);
    assert_eq!(quantile(&[0.5, 0.4], 1.0).unwrap(), 0.5);
}

proptest! {
    #[test]
    fn a_threshold_keeps_to_its_budget_and_the_next_lower_score_would_not(
        scores in proptest::collection::vec((0_u32..60).prop_map(f64::from), 1..200),
        false_alerts in 0.001..40.0_f64, period in 40.0..500.0_f64,
    ) {
        let found = alert_threshold(&scores, budget(false_alerts, period)).unwrap();
        let above = |threshold: f64| scores.iter().filter(|score| **score > threshold).count();
        let allowed = false_alerts * scores.len() as f64 / period;
        prop_assert!(scores.contains(&found.threshold));
        prop_assert_eq!(found.above, above(found.threshold));
        prop_assert!(found.above as f64 <= allowed);
        prop_assert!(found.false_alerts <= false_alerts);
        let lower = scores.iter().copied().filter(|score| *score < found.threshold).reduce(f64::max);
        if let Some(lower) = lower {
            prop_assert!(above(lower) as f64 > allowed.floor());
        }
    }

    #[test]
    fn a_quantile_is_the_least_score_that_the_share_does_not_exceed(
        scores in proptest::collection::vec((0_u32..60).prop_map(f64::from), 1..200), share in 0.0..=1.0_f64,
    ) {
        let found = quantile(&scores, share).unwrap();
        let up_to = |limit: f64| scores.iter().filter(|score| **score <= limit).count() as f64;
        prop_assert!(up_to(found) >= share * scores.len() as f64);
        if let Some(lower) = scores.iter().copied().filter(|score| *score < found).reduce(f64::max) {
            prop_assert!(up_to(lower) < share * scores.len() as f64);
        }
    }
}
