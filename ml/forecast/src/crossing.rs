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

/// First crossings of several limits along one course, step by step, as of each of several horizons.
///
/// A step's mean stands for the middle of the step, and between two of them the course is a straight line. Positions
/// are in steps after the end of the present one. Values may have gaps; of a course that is mostly unknown up to a
/// horizon nothing is told there.
pub(crate) struct Walk<'a> {
    limits: &'a [Limit],
    /// Steps, ascending.
    horizons: &'a [i64],
    crossed: Vec<Option<f64>>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(limits: &'a [Limit], horizons: &'a [i64]) -> Self {
        Self { limits, horizons, crossed: vec![None; limits.len()] }
    }

    /// Goes from the last value along the course of one value a step. `tell` is given the horizon's number and the
    /// crossings until then, one a limit.
    pub(crate) fn go(
        &mut self,
        last_milli: f64,
        course: impl Iterator<Item = Option<f64>>,
        mut tell: impl FnMut(usize, &[Option<f64>]),
    ) {
        self.crossed.fill(None);
        let (mut before, mut middle) = ((-0.5, last_milli), -0.5);
        let (mut lead, mut known) = (0_i64, 0_i64);
        let mut horizons = self.horizons.iter().enumerate().peekable();
        for value in course {
            lead += 1;
            middle += 1.0;
            if let Some(value) = value {
                known += 1;
                for (limit, crossed) in self.limits.iter().zip(&mut self.crossed) {
                    if crossed.is_none() && limit.violated_by(value) {
                        let share = (limit.limit_milli as f64 - before.1) / (value - before.1);
                        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 1.0 };
                        *crossed = Some((before.0 + (middle - before.0) * share).max(0.0));
                    }
                }
                before = (middle, value);
            }
            if let Some((number, _)) = horizons.next_if(|(_, horizon)| **horizon == lead)
                && 2 * known >= lead
            {
                tell(number, &self.crossed);
            }
            if horizons.peek().is_none() {
                return;
            }
        }
    }
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

    /// Takes others in: these keep `share` of their weight, the others get the rest of theirs.
    pub(crate) fn mix(&mut self, other: &Self, share: f64) {
        self.courses += other.courses;
        self.crossed.iter_mut().for_each(|(_, weight)| *weight *= share);
        self.crossed.extend(other.crossed.iter().map(|(position, weight)| (*position, (1.0 - share) * weight)));
        self.crossed_weight = share * self.crossed_weight + (1.0 - share) * other.crossed_weight;
        self.weight = share * self.weight + (1.0 - share) * other.weight;
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

    /// As of the end of the course.
    fn first_passage(limit: Limit, last_milli: f64, course: impl Iterator<Item = Option<f64>>) -> Option<f64> {
        let course: Vec<_> = course.collect();
        let mut crossed = None;
        let whole = [course.len() as i64];
        Walk::new(&[limit], &whole).go(last_milli, course.into_iter(), |_, found| crossed = found[0]);
        crossed
    }

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
        assert_eq!(first_passage(HIGH, 50.0, [None, Some(150.0)].into_iter()), Some(0.5));
    }

    #[test]
    fn each_horizon_is_told_what_was_crossed_until_then_where_half_of_its_course_is_known() {
        let limits = [HIGH, Limit { limit_milli: 200, side: Side::Above }];
        let mut told = Vec::new();
        let course = [Some(60.0), None, None, None, Some(120.0), Some(150.0), Some(130.0), Some(140.0)];
        Walk::new(&limits, &[1, 4, 8, 9]).go(50.0, course.into_iter(), |number, crossed| {
            told.push((number, crossed.iter().map(Option::is_some).collect::<Vec<_>>()));
        });
        // Of the first four steps one is known; the ninth never came.
        assert_eq!(told, [(0, vec![false, false]), (2, vec![true, false])]);
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
