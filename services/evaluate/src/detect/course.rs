//! The course of a signal, thinned out to what a chart can show.

use vitals::Usual;

/// Most points that are kept: more would fall on one another.
const POINTS_MAX: usize = 1_200;

/// Values of one signal over time, and what was usual then. Whatever the number of values, at most 1,200 points are kept: the
/// span that a point stands for doubles when they become too many.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    span_ms: i64,
    points: Vec<Point>,
}

/// The values of one span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    /// Begin of the span.
    pub(crate) from_ms: i64,
    sum_milli: i64,
    count: i64,
    /// What was usual at the first value of the span.
    pub(crate) usual: Option<Usual>,
}

impl Point {
    /// The mean.
    pub(crate) fn mean_milli(&self) -> i64 {
        self.sum_milli / self.count.max(1)
    }
}

impl Course {
    /// A course whose points stand for spans of `span_ms` at first.
    pub(crate) fn new(span_ms: i64) -> Self {
        Self { span_ms: span_ms.max(1), points: Vec::new() }
    }

    /// Takes a value in; `usual` is asked where a span begins. A value from before the last span is counted into it.
    pub(crate) fn take(&mut self, time_ms: i64, value_milli: i64, usual: impl FnOnce() -> Option<Usual>) {
        let from_ms = time_ms.div_euclid(self.span_ms).saturating_mul(self.span_ms);
        match self.points.last_mut() {
            Some(last) if from_ms <= last.from_ms => {
                last.sum_milli = last.sum_milli.saturating_add(value_milli);
                last.count += 1;
            }
            _ => {
                self.points.push(Point { from_ms, sum_milli: value_milli, count: 1, usual: usual() });
                if self.points.len() > POINTS_MAX {
                    self.halve();
                }
            }
        }
    }

    fn halve(&mut self) {
        self.span_ms = self.span_ms.saturating_mul(2);
        let mut merged: Vec<Point> = Vec::with_capacity(POINTS_MAX);
        for point in &self.points {
            let from_ms = point.from_ms.div_euclid(self.span_ms).saturating_mul(self.span_ms);
            match merged.last_mut() {
                Some(last) if last.from_ms == from_ms => {
                    last.sum_milli = last.sum_milli.saturating_add(point.sum_milli);
                    last.count += point.count;
                    last.usual = last.usual.or(point.usual);
                }
                _ => merged.push(Point { from_ms, ..*point }),
            }
        }
        self.points = merged;
    }

    /// The points in the order of time.
    pub(crate) fn points(&self) -> &[Point] {
        &self.points
    }

    /// The span that a point stands for, milliseconds.
    pub(crate) fn span_ms(&self) -> i64 {
        self.span_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_course_stays_bounded_and_keeps_its_mean_and_its_ends() {
        let mut course = Course::new(1_000);
        for second in 0..100_000 {
            course.take(second * 1_000, 60_000 + second % 2 * 1_000, || None);
        }
        assert!(course.points().len() <= POINTS_MAX && course.points().len() > POINTS_MAX / 3);
        assert!(course.points().is_sorted_by_key(|point| point.from_ms));
        assert!(course.points().iter().all(|point| point.mean_milli() == 60_500), "{:?}", course.points().last());
        let last = course.points().last().map_or(0, |point| point.from_ms);
        assert!(99_999_000 - last < course.span_ms());
    }

    #[test]
    fn what_is_usual_is_asked_once_a_span() {
        let (mut course, mut asked) = (Course::new(60_000), 0);
        for second in 0..180 {
            course.take(second * 1_000, 60_000, || {
                asked += 1;
                None
            });
        }
        assert_eq!((asked, course.points().len()), (3, 3));
    }
}
