//! Scales, and room for labels.

/// A straight scale from values to places.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    from: f64,
    to: f64,
    begin: f64,
    end: f64,
}

impl Scale {
    /// Values `from` and `to` lie at the places `begin` and `end`.
    pub(crate) fn new((from, to): (f64, f64), (begin, end): (f64, f64)) -> Self {
        let to = if to > from { to } else { from + 1.0 };
        Self { from, to, begin, end }
    }

    pub(crate) fn at(&self, value: f64) -> f64 {
        self.begin + (value - self.from) / (self.to - self.from) * (self.end - self.begin)
    }
}

/// Round values within a range, about `count` of them; the first step of 1, 2, 5 times a power of ten that is wide enough.
pub(crate) fn ticks((low, high): (f64, f64), count: f64) -> Vec<f64> {
    let rough = ((high - low) / count.max(1.0)).max(1e-6);
    let mut power = 1e-6;
    while power * 10.0 <= rough {
        power *= 10.0;
    }
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough * 0.999);
    let step = step.unwrap_or(power * 10.0);
    let mut ticks = Vec::new();
    let mut value = (low / step).ceil() * step;
    while value <= high + step * 1e-9 && ticks.len() < 100 {
        ticks.push(value);
        value += step;
    }
    ticks
}

/// Rows of labels: each goes to the first row where it lies on no other.
pub(crate) struct Rows {
    ends: Vec<f64>,
}

impl Rows {
    pub(crate) fn new(count: usize) -> Self {
        Self { ends: vec![f64::NEG_INFINITY; count] }
    }

    /// The row for a label from `begin` to `end`; labels come by their begin. `None` where there is no room.
    pub(crate) fn place(&mut self, begin: f64, end: f64) -> Option<usize> {
        let row = self.ends.iter().position(|taken| *taken <= begin)?;
        if let Some(taken) = self.ends.get_mut(row) {
            *taken = end;
        }
        Some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within_the_range() {
        assert_eq!(ticks((48.0, 71.0), 5.0), [50.0, 55.0, 60.0, 65.0, 70.0]);
        assert_eq!(ticks((0.0, 100.0), 5.0), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(ticks((3.0, 3.0), 5.0), [3.0]);
    }

    #[test]
    fn labels_do_not_lie_on_one_another() {
        let mut rows = Rows::new(2);
        assert_eq!(rows.place(0.0, 10.0), Some(0));
        assert_eq!(rows.place(5.0, 15.0), Some(1));
        assert_eq!(rows.place(8.0, 20.0), None);
        assert_eq!(rows.place(10.0, 12.0), Some(0));
    }

    #[test]
    fn a_scale_without_extent_does_not_divide_by_nothing() {
        assert_eq!(Scale::new((5.0, 5.0), (0.0, 100.0)).at(5.0), 0.0);
        assert_eq!(Scale::new((0.0, 10.0), (100.0, 0.0)).at(5.0), 50.0);
    }
}
