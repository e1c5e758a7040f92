//! First passage of a limit over many courses.

use crate::forecast::{Limit, When};
use crate::spread::LEVELS;

/// The first crossings of weighted courses.
#[derive(Default)]
pub(crate) struct Passages {
    /// Position in steps after the end of the present one, and weight.
    crossed: Vec<(f64, f64)>,
    crossed_weight: f64,
    weight: f64,
    pub(crate) courses: usize,
}

/// Position where a course first violates the limit, in steps after the end of the present step.
///
/// A step's mean stands for the middle of the step, and between two of them the course is a straight line. `None`
/// where it does not within its known values; those may have gaps.
pub(crate) fn first_passage(limit: Limit, last_milli: f64, course: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let mut before = (-0.5, last_milli);
    let mut middle = -0.5;
    for value in course {
        middle += 1.0;
        let Some(value) = value else { continue };
        if limit.violated_by(value) {
            let share = (limit.limit_milli as f64 - before.1) / (value - before.1);
            let position = before.0 + (middle - before.0) * if share.is_finite() { share.clamp(0.0, 1.0) } else { 1.0 };
            return Some(position.max(0.0));
        }
        before = (middle, value);
    }
    None
}

impl Passages {
    /// Counts a course.
    pub(crate) fn add(&mut self, passage: Option<f64>, weight: f64) {
        self.courses += 1;
        self.weight += weight;
        if let Some(position) = passage {
            self.crossed.push((position, weight));
            self.crossed_weight += weight;
        }
    }

    /// Share of the courses that cross.
    pub(crate) fn probability(&self) -> f64 {
        if self.weight > 0.0 { (self.crossed_weight / self.weight).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// When, by the quantiles of the first passage.
    pub(crate) fn when(mut self, step_ms: i64) -> When {
        self.crossed.sort_by(|a, b| a.0.total_cmp(&b.0));
        let [earliest_ms, in_ms, latest_ms] = LEVELS.map(|level| {
            let target = self.weight * level * (1.0 - 1e-12);
            let mut sum = 0.0;
            let reached = self.crossed.iter().find(|(_, weight)| {
                sum += weight;
                sum >= target
            })?;
            Some(crate::spread::to_milli(reached.0 * step_ms as f64, 0, i64::MAX))
        });
        match earliest_ms {
            Some(earliest_ms) if self.weight > 0.0 => When::Within { earliest_ms, in_ms, latest_ms },
            _ => When::NotWithinHorizon,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitals::Side;

    const HIGH: Limit = Limit { limit_milli: 100, side: Side::Above };

    #[test]
    fn a_straight_course_crosses_where_the_line_does() {
        let course = |step: f64| (1..=20).map(move |k| Some(50.0 + step * f64::from(k)));
        // 50 at −0.5, 60 at 0.5, … 100 at 4.5.
        assert_eq!(first_passage(HIGH, 50.0, course(10.0)), Some(4.5));
        assert_eq!(first_passage(HIGH, 50.0, course(2.0)), None);
        let low = Limit { limit_milli: 20, side: Side::Below };
        assert_eq!(first_passage(low, 50.0, course(-10.0)), Some(2.5));
        // At the limit is not beyond it.
        assert_eq!(first_passage(HIGH, 50.0, [Some(100.0)].into_iter()), None);
        // A gap is bridged.
        assert_eq!(first_passage(HIGH, 50.0, [None, None, Some(150.0)].into_iter()), Some(1.0));
    }

    #[test]
    fn times_are_weighted_quantiles_and_open_where_too_few_cross() {
        let mut passages = Passages::default();
        for k in 0..10 {
            passages.add((k < 6).then_some(f64::from(k)), 2.0);
        }
        assert!((passages.probability() - 0.6).abs() < 1e-12);
        let within = When::Within { earliest_ms: 0, in_ms: Some(4_000), latest_ms: None };
        assert_eq!(passages.when(1_000), within);
        assert_eq!(Passages::default().when(1_000), When::NotWithinHorizon);
        let mut rare = Passages::default();
        (0..11).for_each(|k| rare.add((k == 0).then_some(1.0), 1.0));
        assert_eq!(rare.when(1_000), When::NotWithinHorizon);
    }
}
