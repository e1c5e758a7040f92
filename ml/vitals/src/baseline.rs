//! What is usual for one person: running median and median absolute deviation by hour of the day.
//!
//! Both follow by stochastic approximation (Robbins, Monro 1951) in integers: each window moves the estimate by a
//! step that shrinks with the windows seen, down to what the memory allows. A single wild value moves it no further
//! than any other, and an estimate takes ten bytes.

use crate::settings::BaselineSettings;
use borsh::{BorshDeserialize, BorshSerialize};

/// Hours of the day, and one estimate over all hours for those that are still thin.
const CELLS: usize = 25;
const ALL_HOURS: usize = 24;

/// Median and spread, millionths of the unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Cell {
    median_micro: i32,
    spread_micro: i32,
    windows: u16,
}

impl Cell {
    /// `learning`: windows that are learned fast; `memory`: windows that count after that.
    fn learn(&mut self, value_micro: i32, prior: Prior, learning: u16, memory: u16) {
        let Prior { spread_micro: prior_spread_micro, floor_micro } = prior;
        if self.windows == 0 {
            *self = Self { median_micro: value_micro, spread_micro: prior_spread_micro, windows: 1 };
            return;
        }
        self.windows = self.windows.saturating_add(1);
        let seen = i64::from(if self.windows > learning { memory } else { self.windows.min(memory) });
        let distance = i64::from(value_micro) - i64::from(self.median_micro);
        // Gains near the optimal ones of a normal distribution: 1.86 and 1.17 spreads over n, a little faster to begin with.
        let step = (i64::from(self.spread_micro) * 5 / (2 * seen)).max(1);
        let moved = i64::from(self.median_micro) + distance.clamp(-step, step);
        let beyond = distance.abs() - i64::from(self.spread_micro);
        let step = (i64::from(self.spread_micro) * 3 / (2 * seen)).max(1);
        let widened = (i64::from(self.spread_micro) + beyond.clamp(-step, step)).max(i64::from(floor_micro));
        self.median_micro = saturate(moved);
        self.spread_micro = saturate(widened);
    }
}

fn saturate(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX })
}

/// The usual values of one feature.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Baseline {
    cells: [Cell; CELLS],
}

/// What is assumed of a spread, millionths.
#[derive(Clone, Copy)]
struct Prior {
    spread_micro: i32,
    floor_micro: i32,
}

impl Baseline {
    pub(crate) fn new() -> Self {
        Self { cells: [Cell::default(); CELLS] }
    }

    /// Takes one window's mean in.
    pub(crate) fn learn(
        &mut self,
        settings: &BaselineSettings,
        hour: u8,
        value_milli: i64,
        prior_spread_milli: i64,
        floor_milli: i64,
    ) {
        let micro = |milli: i64| saturate(milli.saturating_mul(1_000));
        let prior = Prior { spread_micro: micro(prior_spread_milli), floor_micro: micro(floor_milli) };
        let hours = [
            (usize::from(hour % 24), settings.hour_memory_windows, settings.by_hour),
            (ALL_HOURS, settings.memory_windows, true),
        ];
        for (cell, memory, _) in hours.into_iter().filter(|(_, _, used)| *used) {
            if let Some(cell) = self.cells.get_mut(cell) {
                cell.learn(micro(value_milli), prior, settings.learning_windows, memory);
            }
        }
    }

    /// Median and spread at an hour, millionths; of all hours where this one is thin; `None` where all are.
    pub(crate) fn usual_micro(&self, settings: &BaselineSettings, hour: u8) -> Option<(i64, i64)> {
        let of_hour = self.cells.get(usize::from(hour % 24)).filter(|_| settings.by_hour);
        of_hour
            .into_iter()
            .chain(self.cells.get(ALL_HOURS))
            .find(|cell| cell.windows >= settings.enough_windows)
            .map(|cell| (i64::from(cell.median_micro), i64::from(cell.spread_micro)))
    }

    /// Median and spread over all hours so far, millionths, however few windows there were.
    pub(crate) fn so_far_micro(&self) -> Option<(i64, i64)> {
        let cell = self.cells.get(ALL_HOURS).filter(|cell| cell.windows > 0)?;
        Some((i64::from(cell.median_micro), i64::from(cell.spread_micro)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    const DAY_MEMORY: fn() -> BaselineSettings = || Settings::bedside().baseline;
    const WEEKS: fn() -> BaselineSettings = || Settings::home().baseline;

    /// A repeatable sequence that visits 0..199 evenly.
    fn values() -> impl Iterator<Item = i64> {
        (0_i64..).map(|i| (i * 77 + 13) % 200)
    }

    #[test]
    fn median_and_spread_of_a_stream_are_found() {
        let mut baseline = Baseline::new();
        for value in values().take(168) {
            baseline.learn(&WEEKS(), 3, 60_000 + value * 100, 4_000, 1_000);
        }
        // Values are uniform on 60 to 80: median 70, median absolute deviation 5.
        let (median, spread) = baseline.usual_micro(&WEEKS(), 3).unwrap_or_default();
        assert!((median - 70_000_000).abs() < 1_500_000, "{median}");
        assert!((spread - 5_000_000).abs() < 1_500_000, "{spread}");
    }

    #[test]
    fn a_few_wild_values_hardly_move_the_median() {
        let mut baseline = Baseline::new();
        for (at, value) in values().take(400).enumerate() {
            baseline.learn(&WEEKS(), 3, 60_000 + value * 100, 4_000, 1_000);
            if at % 20 == 0 {
                baseline.learn(&WEEKS(), 3, 290_000, 4_000, 1_000);
            }
        }
        let (median, _) = baseline.usual_micro(&WEEKS(), 3).unwrap_or_default();
        assert!((median - 70_000_000).abs() < 2_000_000, "{median}");
    }

    #[test]
    fn a_thin_hour_borrows_from_all_hours_and_nothing_is_known_at_first() {
        let mut baseline = Baseline::new();
        assert_eq!(baseline.usual_micro(&WEEKS(), 3), None);
        for value in values().take(60) {
            baseline.learn(&WEEKS(), 3, 60_000 + value, 4_000, 1_000);
        }
        assert_eq!(baseline.usual_micro(&WEEKS(), 9), baseline.usual_micro(&WEEKS(), 24 + 9));
        assert!(baseline.usual_micro(&WEEKS(), 9).is_some());
    }
    #[test]
    fn at_the_bedside_minutes_are_learned_at_once_and_hours_are_not_learned_away() {
        let mut baseline = Baseline::new();
        for value in values().take(18) {
            baseline.learn(&DAY_MEMORY(), 3, 70_000 + value * 10, 3_000, 1_000);
        }
        let (before, _) = baseline.usual_micro(&DAY_MEMORY(), 3).unwrap_or_default();
        assert!((before - 71_000_000).abs() < 1_500_000, "{before}");
        // Two hours of a heart that is faster by twenty.
        for value in values().take(720) {
            baseline.learn(&DAY_MEMORY(), 3, 90_000 + value * 10, 3_000, 1_000);
        }
        let (after, _) = baseline.usual_micro(&DAY_MEMORY(), 3).unwrap_or_default();
        assert!(after > before && after - before < 3_000_000, "{before} to {after}");
    }
}
