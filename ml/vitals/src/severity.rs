//! How bad it looks right now, as one number without a threshold.

use crate::baseline::Baseline;
use crate::feature::{FEATURE_LIST, whole_deviation_milli};
use crate::grid::NEVER;
use crate::{Detector, Episode, PatientState, Route, Severity};

/// Robust standard deviations at which the deviation alone gives one half.
const HALF_AT: f64 = 4.0;
/// Width of the logistic function, robust standard deviations. Wide: what lies below the own usual stays distinguishable.
const WIDTH: f64 = 3.0;
/// The other routes speak only near their thresholds: width in shares of the threshold.
const ROUTE_WIDTH: f64 = 0.05;
/// Another vital counts beyond this, and by half, thousandths.
const OTHERS_BEYOND_MILLI: i64 = 2_000;
/// Deviations are looked at up to this, thousandths.
const BOUND_MILLI: i64 = 100_000;
const ONE_MICRO: f64 = 1_000_000.0;

impl Detector {
    /// The continuous severity in millionths, 0 to 1,000,000, by all that is decided up to now; it never looks ahead.
    ///
    /// A logistic function of the leading vital's deviation from the own usual value in the direction of deterioration
    /// (heart rate where there is one, else respiration, SpO2, temperature, HRV), plus half of what each other
    /// vital deviates beyond two robust standard deviations; one half at four. Where it looks at smoothed
    /// deviations ([`crate::Settings::severity_of_steps`] is off), it is at least what the forest and the drift say, one half at
    /// their thresholds, and from one half upwards while an alarm of the body stands. Cheap: no forest is asked.
    #[must_use]
    pub fn severity_micro(&self, state: &PatientState) -> i64 {
        let deviation = self.deviation_milli(state);
        let deviation = deviation.map_or(0.0, |milli| logistic((as_f64(milli) / 1_000.0 - HALF_AT) / WIDTH));
        let severity = if self.settings.severity_of_steps {
            // Alarms and windows lag by minutes: they would blur what single seconds say.
            deviation
        } else {
            let severity = deviation.max(logistic((self.nearness(state) - 1.0) / ROUTE_WIDTH));
            if alarmed(state) { 0.5 + severity / 2.0 } else { severity }
        };
        #[expect(clippy::cast_possible_truncation, reason = "within 0 and a million")]
        let micro = libm::round(severity * ONE_MICRO) as i64;
        micro
    }

    /// The combined deviation in the direction of deterioration, thousandths of a robust standard deviation.
    fn deviation_milli(&self, state: &PatientState) -> Option<i64> {
        let newest_ms = state.latest.iter().map(|latest| latest.time_ms).max()?;
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
        let latest = state.latest.get(feature).filter(|latest| latest.time_ms != NEVER)?;
        (now_ms.saturating_sub(latest.time_ms) <= self.grid.gap_ms).then_some(latest.value_milli)
    }

    /// How near the forest and the drift are to their thresholds; 1 is there.
    fn nearness(&self, state: &PatientState) -> f64 {
        let newest_ms = state.means.iter().map(|mean| mean.time_ms).max().unwrap_or(0);
        let forest = state
            .last_score
            .filter(|last| newest_ms.saturating_sub(last.time_ms) <= self.grid.gap_ms && last.threshold_micro > 0)
            .map_or(0.0, |last| f64::from(last.score_micro) / f64::from(last.threshold_micro));
        let drift = match (&self.settings.drift, &state.drift) {
            (Some(settings), Some(drift)) => as_f64(drift.sum_micro()) / (f64::from(settings.alarm_milli) * 1_000.0),
            _ => 0.0,
        };
        forest.max(drift)
    }
}

/// Whether an alarm of the body stands.
fn alarmed(state: &PatientState) -> bool {
    let of_body = [Route::HardLimit, Route::Forest, Route::Drift, Route::News2];
    let stands = |episode: &Episode| of_body.into_iter().any(|route| episode.held_by(route));
    state.open_episodes().iter().any(|episode| episode.severity > Severity::Technical && stands(episode))
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

fn as_f64(value: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "bounded far below 2^53")]
    let value = value as f64;
    value
}
