//! The last 24 hours of each signal, downsampled, for the chart of an alert. In memory only: a monitor that takes a patient
//! over draws what it has seen itself.

use std::collections::VecDeque;

const BUCKET_MS: i64 = 15 * 60_000;
const BUCKETS: i64 = 96;

#[derive(Clone, Copy)]
struct Bucket {
    number: i64,
    sum_milli: i64,
    count: i64,
}

/// One signal. The latest quarter lies beside those of the other signals: nearly every value goes there.
struct Course {
    signal: u16,
    latest: Bucket,
    earlier: VecDeque<Bucket>,
}

/// Means over quarters of an hour, by signal. At most 96 each.
#[derive(Default)]
pub(crate) struct Charts(Vec<Course>);

impl Charts {
    /// Takes a value in. What is older than the latest quarter joins it only if its own is still there.
    pub(crate) fn add(&mut self, signal: u16, time_ms: i64, value_milli: i64) {
        let number = time_ms.div_euclid(BUCKET_MS);
        let Some(course) = self.0.iter_mut().find(|course| course.signal == signal) else {
            let latest = Bucket { number, sum_milli: value_milli, count: 1 };
            return self.0.push(Course { signal, latest, earlier: VecDeque::new() });
        };
        if number > course.latest.number {
            let before = std::mem::replace(&mut course.latest, Bucket { number, sum_milli: value_milli, count: 1 });
            course.earlier.push_back(before);
            while course.earlier.front().is_some_and(|bucket| bucket.number <= number.saturating_sub(BUCKETS)) {
                course.earlier.pop_front();
            }
            return;
        }
        let bucket = if number == course.latest.number {
            Some(&mut course.latest)
        } else {
            course.earlier.iter_mut().rev().find(|bucket| bucket.number <= number)
        };
        if let Some(bucket) = bucket.filter(|bucket| bucket.number == number) {
            bucket.sum_milli = bucket.sum_milli.saturating_add(value_milli);
            bucket.count += 1;
        }
    }

    /// Reads a little of each course; see [`vitals::PatientState::touch`].
    pub(crate) fn touch(&self) -> u64 {
        self.0.iter().fold(0, |sum: u64, course| sum.wrapping_add(course.latest.number.cast_unsigned()))
    }

    /// Beginning of each quarter and its mean, ascending.
    pub(crate) fn points(&self, signal: u16) -> Vec<(i64, i64)> {
        let course = self.0.iter().find(|course| course.signal == signal).into_iter();
        let buckets = course.flat_map(|course| course.earlier.iter().chain([&course.latest]));
        buckets.map(|bucket| (bucket.number.saturating_mul(BUCKET_MS), bucket.sum_milli / bucket.count)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_holds_means_of_the_last_day_and_no_more() {
        let mut charts = Charts::default();
        for minute in 0..3 * 24 * 60 {
            charts.add(1, minute * 60_000, minute * 1_000);
        }
        charts.add(1, 0, 5);
        let points = charts.points(1);
        assert_eq!(points.len(), 96);
        assert_eq!(points.first(), Some(&(2 * 86_400_000, (2 * 24 * 60 + 7) * 1_000)));
        assert!(points.windows(2).all(|pair| pair[1].0 - pair[0].0 == BUCKET_MS));
        assert!(charts.points(2).is_empty());
    }
}
