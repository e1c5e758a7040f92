//! What a moment looks like, from its past alone: inputs of the regressions and of the likeness of moments.

use crate::series::Series;
use crate::settings::{DAY_MS, Settings};

/// Days of history from which on the time of day counts.
const RHYTHM_DAYS: i64 = 3;
/// Days that the usual value of a time of day is taken over.
const USUAL_DAYS: i64 = 14;
/// Half the width of a time of day, milliseconds.
const AROUND_MS: i64 = 1_800_000;
const HOUR_MS: i64 = 3_600_000;

/// Features that are the same for all horizons, and those that are not.
const COMMON: usize = 14;
const PER_LEAD: usize = 2;

/// A moment at the end of a step with a value.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    /// The step.
    pub(crate) step: i64,
    /// Its mean, thousandths.
    pub(crate) value: f64,
    /// Time of day where it is known to matter, as a share of the day.
    pub(crate) time_of_day: Option<f64>,
    /// Mean change between neighbouring steps in the last hour, thousandths.
    pub(crate) roughness: f64,
    common: [f64; COMMON],
    per_lead: Vec<[f64; PER_LEAD]>,
}

impl Moment {
    /// The moment at the end of `step`, as it looks from there. `None` where the step has no value.
    pub(crate) fn at(series: &Series, step: i64, leads: &[i64], settings: &Settings, offset_ms: i64) -> Option<Self> {
        let value = series.get(step)?;
        let first = series.first()?;
        let steps = |span_ms: i64| settings.steps_in(span_ms);
        let back = |span_ms: i64| step.saturating_sub(steps(span_ms) - 1).max(first);
        let above = |mean: Option<f64>| mean.map_or(0.0, |mean| mean - value);
        let day_steps = steps(DAY_MS);
        let rhythmic = step - first >= RHYTHM_DAYS * day_steps;
        let roughness = series.roughness(back(HOUR_MS), step);
        let usual = series.mean(back(7 * DAY_MS), step);

        let mut common = [0.0; COMMON];
        let trends = [
            above(series.mean(back(HOUR_MS / 4), step)),
            above(series.mean(back(HOUR_MS), step)),
            above(series.mean(back(3 * HOUR_MS), step)),
            above(series.mean(back(DAY_MS), step)),
            above(usual),
            series.slope(back(HOUR_MS), step),
            series.slope(back(3 * HOUR_MS), step),
            roughness,
        ];
        let share = time_of_day(step, settings.step_ms, offset_ms);
        let turns = |times: f64| {
            let angle = std::f64::consts::TAU * share * times;
            if rhythmic { (libm::sin(angle), libm::cos(angle)) } else { (0.0, 0.0) }
        };
        let daily = [1.0, 2.0, 3.0].map(turns).into_iter().flat_map(|(sin, cos)| [sin, cos]);
        for (place, feature) in common.iter_mut().zip(trends.into_iter().chain(daily)) {
            *place = feature;
        }

        let around = AROUND_MS / settings.step_ms;
        let at_that_time = |days_back: i64, lead: i64| {
            let middle = step + lead - days_back * day_steps;
            // Never beyond this moment.
            series.mean((middle - around).max(first), (middle + around).min(step))
        };
        let per_lead = leads
            .iter()
            .map(|lead| {
                if !rhythmic {
                    return [0.0; PER_LEAD];
                }
                let (mut sum, mut days) = (0.0, 0_u32);
                for mean in (1..=USUAL_DAYS).filter_map(|days_back| at_that_time(days_back, *lead)) {
                    sum += mean;
                    days += 1;
                }
                let then = if days >= 2 { Some(sum / f64::from(days)) } else { usual };
                [above(then), above(at_that_time(1, *lead).or(then))]
            })
            .collect();
        Some(Self { step, value, time_of_day: rhythmic.then_some(share), roughness, common, per_lead })
    }

    /// Inputs of the regression of the ladder's rung `rung`.
    pub(crate) fn inputs(&self, rung: usize) -> Vec<f64> {
        let own = self.per_lead.get(rung).copied().unwrap_or_default();
        self.common.into_iter().chain(own).collect()
    }
}

/// Time of day at the end of a step on the person's clock, as a share of the day.
fn time_of_day(step: i64, step_ms: i64, offset_ms: i64) -> f64 {
    let end_ms = step.saturating_add(1).saturating_mul(step_ms);
    end_ms.saturating_add(offset_ms).rem_euclid(DAY_MS) as f64 / DAY_MS as f64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Ten days that repeat, then `tail`.
    fn series(tail: impl Fn(i64) -> i64) -> Series {
        let mut series = Series::new(300_000, 8_064);
        for step in 0..2_880 + 100 {
            let value = if step < 2_880 { 60_000 + (step % 288) * 100 } else { tail(step) };
            assert!(series.add(step * 300_000, value).is_ok());
        }
        series.close_by(i64::MAX);
        series
    }

    #[test]
    fn a_moment_does_not_know_what_comes_after_it() {
        let leads = [1, 12, 72];
        let (one, other) = (series(|_| 60_000), series(|step| 200_000 - step));
        let at = |series| Moment::at(series, 2_879, &leads, &Settings::home(), 0).unwrap();
        for rung in 0..3 {
            assert_eq!(at(&one).inputs(rung), at(&other).inputs(rung));
        }
    }

    #[test]
    fn the_usual_value_of_the_time_ahead_is_among_the_inputs() {
        let series = series(|_| 60_000);
        let moment = Moment::at(&series, 2_700, &[72], &Settings::home(), 0).unwrap();
        // Step 2,772 is the 180th of its day: 78,000; step 2,700 is the 108th: 70,800.
        let usual = moment.inputs(0)[COMMON];
        assert!((usual - 7_200.0).abs() < 1e-6, "{usual}");
        assert!(moment.time_of_day.is_some());
    }

    #[test]
    fn before_three_days_the_time_of_day_is_left_out() {
        let series = series(|_| 60_000);
        let moment = Moment::at(&series, 863, &[72], &Settings::home(), 0).unwrap();
        assert_eq!(moment.time_of_day, None);
        assert_eq!(moment.inputs(0)[8..], [0.0; 8]);
        assert!(Moment::at(&series, 864, &[72], &Settings::home(), 0).unwrap().time_of_day.is_some());
        assert!(Moment::at(&series, 99_999, &[72], &Settings::home(), 0).is_none());
    }
}
