//! How much a past moment counts for the present one: alike in time of day, level and unrest.

use crate::features::Moment;

/// A time of day is as far as this many days (two hours).
const TIME_UNIT: f64 = 2.0 / 24.0;
/// Below this a difference of level or unrest is none, thousandths.
const FLOOR_MILLI: f64 = 1.0;

/// What the distance of two moments is measured in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Likeness {
    /// Half the interquartile range of the levels, thousandths.
    level_unit: f64,
}

impl Likeness {
    /// Takes the unit of level from the moments.
    pub(crate) fn of<'a>(moments: impl Iterator<Item = &'a Moment>) -> Self {
        let mut levels: Vec<f64> = moments.map(|moment| moment.value).collect();
        levels.sort_by(f64::total_cmp);
        let at = |quarter: usize| levels.get(levels.len() * quarter / 4).copied().unwrap_or(0.0);
        Self { level_unit: ((at(3) - at(1)) / 2.0).max(FLOOR_MILLI) }
    }

    /// Squared distance.
    pub(crate) fn distance(&self, a: &Moment, b: &Moment) -> f64 {
        let time = match (a.time_of_day, b.time_of_day) {
            (Some(a), Some(b)) => {
                let apart = (a - b).abs();
                apart.min(1.0 - apart) / TIME_UNIT
            }
            _ => 0.0,
        };
        let level = (a.value - b.value) / self.level_unit;
        let unrest = 2.0 * (a.roughness - b.roughness) / ((a.roughness + b.roughness) / 2.0 + FLOOR_MILLI);
        time * time + level * level + unrest * unrest
    }
}

/// Weight at a squared distance; `None` makes all moments equal. A rational kernel: no function but the four
/// operations, so the same bits everywhere.
pub(crate) fn weight(distance: f64, width: Option<f64>) -> f64 {
    let Some(width) = width else { return 1.0 };
    let fall = 1.0 + distance / (width * width);
    1.0 / (fall * fall)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_fall_with_distance_and_without_a_width_all_are_equal() {
        assert_eq!(weight(0.0, Some(0.5)), 1.0);
        assert!(weight(4.0, Some(2.0)) == 0.25 && weight(4.0, Some(1.0)) < 0.05);
        assert_eq!(weight(1e12, None), 1.0);
    }
}
