//! The forest's threshold from an alert budget: how far one patient's lies above the cohort's.
//!
//! A streaming quantile (stochastic approximation, Robbins, Monro 1951) of the patient's own scores, runs of high ones taken as
//! one: each alert raises the threshold by a step, once it is over, and each scored window lowers it by the part of the step that
//! balances the two at the allowed rate. So illness of days costs no more than a false alert of an hour, and nobody's threshold is
//! below the cohort's.

use crate::Settings;
use borsh::{BorshDeserialize, BorshSerialize};

/// What an alert raises the threshold by, billionths.
const STEP_NANO: i64 = 5_000_000;
/// The threshold lies no further than this above the cohort's, billionths.
const MOST_NANO: i64 = 300_000_000;
const WEEK_MS: i64 = 7 * 86_400_000;

/// How far the own threshold lies above the cohort's; none at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Budget {
    above_nano: i64,
}

impl Budget {
    /// The own threshold, millionths.
    pub(crate) fn threshold_micro(self, cohort_micro: i64) -> i64 {
        cohort_micro.saturating_add(self.above_nano / 1_000)
    }

    /// An alert is over.
    pub(crate) fn spend(&mut self) {
        self.above_nano = self.above_nano.saturating_add(STEP_NANO).min(MOST_NANO);
    }

    /// A window was scored outside of alerts. `alerts_per_week_milli`: what is allowed.
    pub(crate) fn earn(&mut self, settings: &Settings, alerts_per_week_milli: u32) {
        let windows_milli = (WEEK_MS / i64::from(settings.window_ms.max(1))).max(1) * 1_000;
        let back_nano = STEP_NANO.saturating_mul(i64::from(alerts_per_week_milli)) / windows_milli;
        self.above_nano = self.above_nano.saturating_sub(back_nano).max(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Scores of any width above the cohort's threshold: in the long run no more alerts than the budget allows.
        #[test]
        fn in_the_long_run_alerts_stay_within_the_budget(
            seed in any::<u64>(), allowed_milli in 50_u32..5_000, width in 1_i64..200_000
        ) {
            let settings = Settings::home();
            let (mut budget, mut state, mut alerts) = (Budget::default(), seed | 1, 0_i64);
            let weeks = 200;
            for _ in 0..weeks * 2_016 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let score = 500_000 + i64::try_from(state >> 33).unwrap_or(0) % width;
                if score > budget.threshold_micro(500_000) {
                    alerts += 1;
                    budget.spend();
                } else {
                    budget.earn(&settings, allowed_milli);
                }
            }
            let allowed = i64::from(allowed_milli) * weeks / 1_000;
            // What it takes to climb there is spent once.
            prop_assert!(alerts <= allowed + width * 1_000 / STEP_NANO + 2, "{alerts} of {allowed}");
        }
    }
}
