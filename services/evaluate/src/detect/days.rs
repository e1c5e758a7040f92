//! Days of heart rate: monitored or not, values of nights and days at rest.

use std::collections::{BTreeMap, BTreeSet};

use vitals::{Reading, Signal};

use crate::calendar::{DAY_MS, day_of, local_ms};

/// A monitored day has so many readings of heart rate …
const MONITORED_READINGS: u32 = 60;
/// … and so many days of the recording lie before it.
pub(crate) const LEARNING_DAYS: i64 = 14;
/// At rest = no step in this time.
const REST_MS: i64 = 12 * 60_000;
/// A night ends at seven.
const NIGHT_MS: i64 = 7 * 3_600_000;
/// A night has a value from so many readings at rest on.
const NIGHT_READINGS: usize = 60;
/// A day has a value from so many on.
const DAY_READINGS: usize = 120;

/// One day on the person's clock.
#[derive(Clone, Debug, Default)]
struct Day {
    heart_rates: u32,
    night_milli: Vec<i64>,
    resting_milli: Vec<i64>,
}

/// Days of one person.
#[derive(Clone, Debug, Default)]
pub(crate) struct Days {
    days: BTreeMap<i64, Day>,
    walked_ms: Option<i64>,
}

impl Days {
    /// Takes the readings of one row in.
    pub(crate) fn take(&mut self, time_ms: i64, offset_minutes: Option<i16>, readings: &[Reading]) {
        let day = self.days.entry(day_of(time_ms, offset_minutes)).or_default();
        if readings.iter().any(|reading| reading.signal == Signal::Steps && reading.value_milli > 0) {
            self.walked_ms = Some(time_ms);
        }
        let at_rest = self.walked_ms.is_none_or(|walked_ms| time_ms.saturating_sub(walked_ms) >= REST_MS);
        for reading in readings.iter().filter(|reading| reading.signal == Signal::HeartRate) {
            day.heart_rates = day.heart_rates.saturating_add(1);
            if at_rest {
                day.resting_milli.push(reading.value_milli);
                if local_ms(time_ms, offset_minutes).rem_euclid(DAY_MS) < NIGHT_MS {
                    day.night_milli.push(reading.value_milli);
                }
            }
        }
    }

    /// The first day and the last.
    pub(crate) fn span(&self) -> Option<(i64, i64)> {
        Some((*self.days.first_key_value()?.0, *self.days.last_key_value()?.0))
    }

    /// Days that are monitored: at least 60 readings of heart rate, from the 15th day of the recording on.
    pub(crate) fn monitored(&self) -> BTreeSet<i64> {
        let Some((first, _)) = self.span() else { return BTreeSet::new() };
        let monitored = self
            .days
            .iter()
            .filter(|(day, of)| of.heart_rates >= MONITORED_READINGS && day.saturating_sub(first) >= LEARNING_DAYS);
        monitored.map(|(day, _)| *day).collect()
    }

    /// Mean heart rate at rest before seven, per minute, of nights with at least 60 such readings.
    #[expect(clippy::cast_precision_loss, reason = "heart rates, and their number")]
    pub(crate) fn nights(&self) -> BTreeMap<i64, f64> {
        let with = self.days.iter().filter(|(_, day)| day.night_milli.len() >= NIGHT_READINGS);
        with.map(|(at, day)| {
            let sum: i64 = day.night_milli.iter().sum();
            (*at, sum as f64 / 1_000.0 / day.night_milli.len() as f64)
        })
        .collect()
    }

    /// Median heart rate at rest, per minute, of days with at least 120 such readings.
    #[expect(clippy::cast_precision_loss, reason = "heart rates")]
    pub(crate) fn daytimes(&self) -> BTreeMap<i64, f64> {
        let with = self.days.iter().filter(|(_, day)| day.resting_milli.len() >= DAY_READINGS);
        with.filter_map(|(at, day)| {
            let values: Vec<f64> = day.resting_milli.iter().map(|milli| *milli as f64 / 1_000.0).collect();
            Some((*at, median(values)?))
        })
        .collect()
    }
}

/// The middle value, or the mean of the two middle ones; `None` of none.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2)?;
    let lower = values.get(values.len().checked_sub(1)? / 2)?;
    Some((upper + lower) / 2.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use vitals::Provenance;

    use super::*;

    fn reading(signal: Signal, time_ms: i64, value: i64) -> Reading {
        Reading { signal, value_milli: value * 1_000, time_ms, offset_minutes: None, provenance: Provenance::Device }
    }

    /// Rows of a heart rate, by minute.
    fn days(minutes: impl Iterator<Item = (i64, i64)>, offset_minutes: Option<i16>) -> Days {
        let mut days = Days::default();
        for (minute, bpm) in minutes {
            let time_ms = minute * 60_000;
            days.take(time_ms, offset_minutes, &[reading(Signal::HeartRate, time_ms, bpm)]);
        }
        days
    }

    #[test]
    fn a_day_is_monitored_from_the_fifteenth_on_with_sixty_readings() {
        let with = |count: i64| days([(0, 70)].into_iter().chain((0..count).map(|at| (14 * 1_440 + at, 70))), None);
        assert_eq!(with(60).monitored(), [14].into());
        assert_eq!(with(59).monitored(), BTreeSet::new());
        assert_eq!(days((0..14 * 1_440).map(|minute| (minute, 70)), None).monitored(), BTreeSet::new());
    }

    #[test]
    fn a_night_is_the_mean_before_seven_on_the_own_clock_and_a_day_the_median_of_all() {
        let minutes = || (0..1_440).map(|minute| (minute, if minute < 420 { 60 } else { 80 }));
        let here = days(minutes(), None);
        assert_eq!((here.nights().get(&0), here.daytimes().get(&0)), (Some(&60.0), Some(&80.0)));
        // Two hours east the night is over at five.
        let east = days(minutes(), Some(120));
        assert_eq!((east.nights().len(), east.nights().get(&0)), (2, Some(&60.0)));
        assert_eq!(east.nights().get(&1), Some(&80.0));
        assert!(days((0..59).map(|minute| (minute, 60)), None).nights().is_empty());
    }

    #[test]
    fn twelve_minutes_after_a_step_are_not_at_rest_and_steps_of_the_same_row_come_first() {
        let mut days = Days::default();
        for minute in 0..100 {
            let time_ms = minute * 60_000;
            let steps = i64::from(minute == 20);
            let bpm = if (20..32).contains(&minute) { 200 } else { 60 };
            days.take(
                time_ms,
                None,
                &[reading(Signal::HeartRate, time_ms, bpm), reading(Signal::Steps, time_ms, steps)],
            );
        }
        assert_eq!(days.nights().get(&0), Some(&60.0));
    }

    #[test]
    fn the_median_of_an_even_number_is_the_middle() {
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }
}
