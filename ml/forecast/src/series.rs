//! The person's recent history: means of equal steps of time, bounded, with gaps as gaps.

use std::collections::VecDeque;

/// A value came for a step that is closed; the start of the open one, milliseconds.
pub(crate) struct Late(pub(crate) i64);

/// Means of steps, thousandths of the unit. It begins and ends with a step that has a value.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    step_ms: i64,
    capacity: usize,
    /// Number of the first kept step: its start divided by the length.
    first: i64,
    means: VecDeque<Option<f64>>,
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    step: i64,
    sum_milli: i128,
    count: u32,
}

/// A series side by side in memory; gaps are no number.
pub(crate) struct Flat {
    first: i64,
    means: Vec<f64>,
}

impl Flat {
    /// What came after a step, as far as is known.
    pub(crate) fn after(&self, step: i64) -> &[f64] {
        let from = usize::try_from(step.saturating_add(1).saturating_sub(self.first)).unwrap_or(0);
        self.means.get(from..).unwrap_or_default()
    }
}

impl Series {
    pub(crate) fn new(step_ms: i64, capacity: usize) -> Self {
        Self { step_ms, capacity, first: 0, means: VecDeque::new(), open: None }
    }

    /// Takes a value; `true` where that closed a step, which is then the last one.
    pub(crate) fn add(&mut self, time_ms: i64, value_milli: i64) -> Result<bool, Late> {
        let step = time_ms.div_euclid(self.step_ms);
        let earliest = self.open.map(|open| open.step).or(self.last().map(|last| last + 1));
        if earliest.is_some_and(|earliest| step < earliest) {
            return Err(Late(earliest.unwrap_or(step).saturating_mul(self.step_ms)));
        }
        let closed = self.close_before(step);
        let open = self.open.get_or_insert(Open { step, sum_milli: 0, count: 0 });
        open.sum_milli += i128::from(value_milli);
        open.count = open.count.saturating_add(1);
        Ok(closed)
    }

    /// Closes the open step if it ends by this instant.
    pub(crate) fn close_by(&mut self, now_ms: i64) -> bool {
        self.close_before(now_ms.div_euclid(self.step_ms))
    }

    fn close_before(&mut self, step: i64) -> bool {
        let Some(open) = self.open.take_if(|open| open.step < step) else { return false };
        let next = self.first.saturating_add_unsigned(self.means.len() as u64);
        let gap = usize::try_from(open.step.saturating_sub(next)).unwrap_or(0);
        if self.means.is_empty() || gap >= self.capacity {
            self.means.clear();
            self.first = open.step;
        } else {
            self.means.extend(std::iter::repeat_n(None, gap));
        }
        self.means.push_back(Some(open.sum_milli as f64 / f64::from(open.count.max(1))));
        // Bounded, and no gap in front.
        while self.means.len() > self.capacity || self.means.front().is_some_and(Option::is_none) {
            self.means.pop_front();
            self.first += 1;
        }
        true
    }

    /// Number of the first step that is kept.
    pub(crate) fn first(&self) -> Option<i64> {
        (!self.means.is_empty()).then_some(self.first)
    }

    /// Number of the last closed step; it has a value.
    pub(crate) fn last(&self) -> Option<i64> {
        (!self.means.is_empty()).then(|| self.first.saturating_add_unsigned(self.means.len() as u64) - 1)
    }

    /// Mean of a step, where there was one.
    pub(crate) fn get(&self, step: i64) -> Option<f64> {
        let at = usize::try_from(step.checked_sub(self.first)?).ok()?;
        self.means.get(at).copied().flatten()
    }

    /// All at once, to be read often.
    pub(crate) fn to_flat(&self) -> Flat {
        Flat { first: self.first, means: self.means.iter().map(|mean| mean.unwrap_or(f64::NAN)).collect() }
    }

    /// Mean of the steps with a value among `from..=to`.
    pub(crate) fn mean(&self, from: i64, to: i64) -> Option<f64> {
        let (mut sum, mut count) = (0.0, 0_u32);
        for value in (from..=to).filter_map(|step| self.get(step)) {
            sum += value;
            count += 1;
        }
        (count > 0).then(|| sum / f64::from(count))
    }

    /// Slope of the least-squares line through the steps `from..=to`, a step; 0 where fewer than three have a value.
    pub(crate) fn slope(&self, from: i64, to: i64) -> f64 {
        let points = || (from..=to).filter_map(|step| Some(((step - from) as f64, self.get(step)?)));
        let count = points().count();
        if count < 3 {
            return 0.0;
        }
        let n = count as f64;
        let (mean_x, mean_y) = (points().map(|p| p.0).sum::<f64>() / n, points().map(|p| p.1).sum::<f64>() / n);
        let products = points().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>();
        products / points().map(|(x, _)| (x - mean_x) * (x - mean_x)).sum::<f64>()
    }

    /// Mean absolute change between neighbouring steps among `from..=to`; 0 where there are none.
    pub(crate) fn roughness(&self, from: i64, to: i64) -> f64 {
        let (mut sum, mut count) = (0.0, 0_u32);
        for (before, after) in (from..to).filter_map(|step| Some((self.get(step)?, self.get(step + 1)?))) {
            sum += (after - before).abs();
            count += 1;
        }
        if count == 0 { 0.0 } else { sum / f64::from(count) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn filled(values: &[(i64, i64)], capacity: usize) -> Series {
        let mut series = Series::new(1_000, capacity);
        for (step, value) in values {
            assert!(series.add(step * 1_000, *value).is_ok());
        }
        series.close_by(i64::MAX);
        series
    }

    #[test]
    fn values_of_a_step_are_averaged_and_gaps_stay_gaps() {
        let series = filled(&[(-1, 10), (-1, 20), (2, 40)], 10);
        assert_eq!((series.first(), series.last()), (Some(-1), Some(2)));
        let all: Vec<_> = (-2..4).map(|step| series.get(step)).collect();
        assert_eq!(all, [None, Some(15.0), None, None, Some(40.0), None]);
        let flat = series.to_flat();
        assert!(flat.after(-1).len() == 3 && flat.after(-1)[0].is_nan() && flat.after(1) == [40.0]);
        assert!(flat.after(2).is_empty() && flat.after(i64::MAX).is_empty());
        assert_eq!(series.mean(-1, 2), Some(27.5));
        assert_eq!(series.mean(0, 1), None);
    }

    #[test]
    fn the_history_is_bounded_and_a_gap_longer_than_it_begins_anew() {
        let series = filled(&(0..100).map(|step| (step, step)).collect::<Vec<_>>(), 10);
        assert_eq!((series.first(), series.last()), (Some(90), Some(99)));
        // The old end falls out, and the gap behind it with it.
        let series = filled(&[(0, 1), (1, 1), (8, 2), (11, 3)], 10);
        assert_eq!((series.first(), series.means.len()), (Some(8), 4));
        let series = filled(&[(0, 1), (i64::MAX / 1_000 - 1, 2)], 10);
        assert_eq!((series.means.len(), series.get(i64::MAX / 1_000 - 1)), (1, Some(2.0)));
    }

    #[test]
    fn late_values_are_refused_before_and_after_the_step_closed() {
        let mut series = filled(&[(5, 1)], 10);
        assert!(matches!(series.add(5_999, 1), Err(Late(6_000))));
        assert!(matches!(series.add(6_000, 1), Ok(false)));
        assert!(matches!(series.add(5_999, 1), Err(Late(6_000))));
        assert!(matches!(series.add(7_000, 1), Ok(true)));
    }

    #[test]
    fn slope_and_roughness_are_those_of_the_points() {
        let series = filled(&[(0, 0), (1, 3), (3, 9), (4, 12)], 10);
        assert!((series.slope(0, 4) - 3.0).abs() < 1e-12);
        assert_eq!(series.slope(0, 1), 0.0);
        assert_eq!((series.roughness(0, 4), series.roughness(1, 2)), (3.0, 0.0));
    }
}
