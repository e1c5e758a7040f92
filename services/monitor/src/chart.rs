//! The last 24 hours of each signal, downsampled, for the chart of an alert. In memory only: a monitor that takes a patient
//! over draws what it has seen itself.

use std::collections::VecDeque;

const BUCKET_MS: i64 = 15 * 60_000;
const BUCKETS: i64 = 96;

struct Bucket {
    number: i64,
    sum_milli: i64,
    count: i64,
}

/// Means over quarters of an hour, by signal. At most 96 each.
#[derive(Default)]
pub(crate) struct Charts(Vec<(u16, VecDeque<Bucket>)>);

impl Charts {
    /// Takes a value in. What is older than the latest quarter joins it only if its own is still there.
    pub(crate) fn add(&mut self, signal: u16, time_ms: i64, value_milli: i64) {
        let number = time_ms.div_euclid(BUCKET_MS);
        let at = self.0.iter().position(|(own, _)| *own == signal).unwrap_or_else(|| {
            self.0.push((signal, VecDeque::new()));
            self.0.len() - 1
        });
        let buckets = &mut self.0[at].1;
        let latest = buckets.back().map_or(i64::MIN, |bucket| bucket.number);
        if number > latest {
            buckets.push_back(Bucket { number, sum_milli: value_milli, count: 1 });
            while buckets.front().is_some_and(|bucket| bucket.number <= number.saturating_sub(BUCKETS)) {
                buckets.pop_front();
            }
            return;
        }
        // Nearly always the latest.
        if let Some(bucket) = buckets.iter_mut().rev().find(|bucket| bucket.number <= number)
            && bucket.number == number
        {
            bucket.sum_milli = bucket.sum_milli.saturating_add(value_milli);
            bucket.count += 1;
        }
    }

    /// Beginning of each quarter and its mean, ascending.
    pub(crate) fn points(&self, signal: u16) -> Vec<(i64, i64)> {
        let buckets = self.0.iter().find(|(own, _)| *own == signal).into_iter().flat_map(|(_, buckets)| buckets);
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
