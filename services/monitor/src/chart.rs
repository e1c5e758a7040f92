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

/// The latest quarter of one signal.
struct Latest {
    signal: u16,
    bucket: Bucket,
}

/// Means over quarters of an hour, by signal. At most 96 each.
#[derive(Default)]
pub(crate) struct Charts {
    /// Close together: nearly every value goes there.
    latest: Vec<Latest>,
    /// Of the same signals in the same order.
    earlier: Vec<VecDeque<Bucket>>,
}

impl Charts {
    /// Takes a value in. What is older than the latest quarter joins it only if its own is still there.
    pub(crate) fn add(&mut self, signal: u16, time_ms: i64, value_milli: i64) {
        let number = time_ms.div_euclid(BUCKET_MS);
        let first = Bucket { number, sum_milli: value_milli, count: 1 };
        let Some(at) = self.latest.iter().position(|latest| latest.signal == signal) else {
            self.latest.push(Latest { signal, bucket: first });
            return self.earlier.push(VecDeque::new());
        };
        let (Some(Latest { bucket: latest, .. }), Some(earlier)) = (self.latest.get_mut(at), self.earlier.get_mut(at))
        else {
            return;
        };
        if number > latest.number {
            earlier.push_back(std::mem::replace(latest, first));
            while earlier.front().is_some_and(|bucket| bucket.number <= number.saturating_sub(BUCKETS)) {
                earlier.pop_front();
            }
            return;
        }
        let bucket = if number == latest.number {
            Some(latest)
        } else {
            earlier.iter_mut().rev().find(|bucket| bucket.number <= number)
        };
        if let Some(bucket) = bucket.filter(|bucket| bucket.number == number) {
            bucket.sum_milli = bucket.sum_milli.saturating_add(value_milli);
            bucket.count += 1;
        }
    }

    /// Reads a little of each latest quarter; see [`vitals::PatientState::touch`].
    pub(crate) fn touch(&self) -> u64 {
        self.latest.iter().step_by(2).fold(0, |sum: u64, latest| sum.wrapping_add(latest.bucket.number.cast_unsigned()))
    }

    /// Beginning of each quarter and its mean, ascending.
    pub(crate) fn points(&self, signal: u16) -> Vec<(i64, i64)> {
        let course = self.latest.iter().zip(&self.earlier).filter(|(latest, _)| latest.signal == signal);
        let buckets = course.flat_map(|(latest, earlier)| earlier.iter().chain([&latest.bucket]));
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
