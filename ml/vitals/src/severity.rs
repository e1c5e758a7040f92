//! How bad it looks right now, as one number without a threshold.

use crate::baseline::Baseline;
use crate::feature::{FEATURE_LIST, whole_deviation_milli};
use crate::grid::NEVER;
use crate::standing::alarmed;
use crate::{Detector, PatientState};

/// Deviation that alone gives one half, thousandths of a robust standard deviation.
const HALF_AT_MILLI: i64 = 4_000;
/// Width of the sigmoid, thousandths. Wide: what lies far above or below the own usual stays distinguishable.
const WIDTH_MILLI: i64 = 3_000;
/// The other routes speak only near their thresholds: width in thousandths of the threshold.
const ROUTE_WIDTH_MILLI: i64 = 50;
/// Nearness is looked at up to this, thousandths.
const NEARNESS_MAX_MILLI: i64 = 100_000;
/// Another vital counts beyond this, and by half, thousandths.
const OTHERS_BEYOND_MILLI: i64 = 2_000;
/// Deviations are looked at up to this, thousandths.
const BOUND_MILLI: i64 = 100_000;
const HALF_MICRO: i64 = 500_000;

impl Detector {
    /// The continuous severity in millionths, 0 to 1,000,000, by all that is decided up to now; it never looks ahead.
    ///
    /// A sigmoid of the leading vital's deviation from the own usual value in the direction of deterioration (heart rate
    /// where there is one, else respiration, SpO2, temperature, HRV), plus half of what each other vital deviates
    /// beyond two robust standard deviations; one half at four. Where it looks at smoothed deviations
    /// ([`crate::Settings::severity_of_steps`] is off), it is at least what the forest and the drift say, one half at
    /// their thresholds, and from one half upwards while an alarm of the body stands. Cheap: no forest is asked.
    #[must_use]
    pub fn severity_micro(&self, state: &PatientState) -> i64 {
        let deviation = self.deviation_milli(state);
        let deviation = deviation.map_or(0, |milli| sigmoid_micro(milli - HALF_AT_MILLI, WIDTH_MILLI));
        if self.settings.severity_of_steps {
            // Alarms and windows lag by minutes: they would blur what single seconds say.
            return deviation;
        }
        let severity = deviation.max(sigmoid_micro(self.nearness_milli(state) - 1_000, ROUTE_WIDTH_MILLI));
        if alarmed(state) { HALF_MICRO + severity / 2 } else { severity }
    }

    /// The combined deviation in the direction of deterioration, thousandths of a robust standard deviation.
    fn deviation_milli(&self, state: &PatientState) -> Option<i64> {
        let newest_ms = state.quality.iter().map(|quality| quality.good.time_ms).max()?;
        let mut combined: Option<i64> = None;
        for (feature, spec) in FEATURE_LIST.iter().enumerate() {
            let value = if self.settings.severity_of_steps {
                self.step_deviation_milli(state, feature, newest_ms)
            } else {
                state.smoothed.get(feature).filter(|smoothed| smoothed.present()).map(|smoothed| smoothed.value_milli())
            };
            let Some(value) = value else { continue };
            let worse = if spec.worse_below { value.saturating_neg() } else { value }.clamp(-BOUND_MILLI, BOUND_MILLI);
            combined = Some(match combined {
                None => worse,
                Some(sum) => sum + (worse - OTHERS_BEYOND_MILLI).max(0) / 2,
            });
        }
        combined
    }

    /// Deviation of the latest decided step from what is usual: by the own baseline, by what there is of it, by what is
    /// usual of people.
    fn step_deviation_milli(&self, state: &PatientState, feature: usize, newest_ms: i64) -> Option<i64> {
        self.own_deviation_milli(state, feature, newest_ms).or_else(|| {
            let value_milli = self.fresh_milli(state, feature, newest_ms)?;
            let spec = FEATURE_LIST.get(feature)?;
            let of_people = (spec.prior_median_milli * 1_000, spec.prior_spread_milli * 1_000);
            let so_far = state.baseline(feature).and_then(Baseline::so_far_micro);
            Some(whole_deviation_milli(value_milli, so_far.unwrap_or(of_people)))
        })
    }

    /// Deviation of the latest decided step from the own usual value; `None` where it is not fresh or too little is known.
    pub(crate) fn own_deviation_milli(&self, state: &PatientState, feature: usize, now_ms: i64) -> Option<i64> {
        let value_milli = self.fresh_milli(state, feature, now_ms)?;
        let usual = state.baseline(feature)?.usual_micro(&self.settings.baseline, state.hour(now_ms))?;
        Some(whole_deviation_milli(value_milli, usual))
    }

    fn fresh_milli(&self, state: &PatientState, feature: usize, now_ms: i64) -> Option<i64> {
        let latest = state.quality.get(feature).map(|quality| quality.good).filter(|good| good.time_ms != NEVER)?;
        (now_ms.saturating_sub(latest.time_ms) <= self.grid.gap_ms).then_some(latest.value_milli)
    }

    /// How near the forest and the drift are to their thresholds, thousandths of them.
    fn nearness_milli(&self, state: &PatientState) -> i64 {
        let newest_ms = state.means.iter().map(|mean| mean.time_ms).max().unwrap_or(NEVER);
        let forest = state
            .last_score
            .filter(|last| newest_ms.saturating_sub(last.time_ms) <= self.grid.gap_ms && last.threshold_micro > 0)
            .map_or(0, |last| i64::from(last.score_micro) * 1_000 / i64::from(last.threshold_micro));
        let drift = match (&self.settings.drift, &state.drift) {
            (Some(settings), Some(drift)) => drift.sum_micro() / i64::from(settings.alarm_milli.max(1)),
            _ => 0,
        };
        forest.max(drift).clamp(0, NEARNESS_MAX_MILLI)
    }
}

/// 0 to 1,000,000, one half at no distance; strictly rising over any range that matters.
fn sigmoid_micro(distance: i64, width: i64) -> i64 {
    HALF_MICRO + HALF_MICRO * distance / (width + distance.abs())
}
