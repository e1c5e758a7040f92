//! Onset of an illness: daily values of the resting heart rate against the previous four weeks, summed up (CUSUM, Page 1954).
//!
//! A night's value is the mean of its resting minutes, known when the night ends; a day's is the median of all its resting
//! minutes, known at midnight and judged only where the night gave none. All in integers, on the person's own clock.

use crate::grid::NEVER;
use crate::settings::DriftSettings;
use crate::{Usual, milli};
use borsh::{BorshDeserialize, BorshSerialize};

/// Days that a value is compared with.
const DAYS: usize = 28;
const MINUTES_OF_DAY: i64 = 1_440;
/// Bins of one beat a minute for the day's median; those below and above count into the ends.
const BINS: usize = 128;
const LOWEST_BPM: i64 = 30;
const NONE: i32 = i32::MIN;

/// One value that was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Day on the person's clock, since 1970-01-01.
    pub(crate) day: i64,
    pub(crate) of_night: bool,
    pub(crate) value_milli: i64,
    pub(crate) usual: Usual,
    pub(crate) deviation_milli: i64,
    /// The sum before an alarm sets it back.
    pub(crate) sum_micro: i64,
    /// First day of the run of values that the sum is made of, and how many they are.
    pub(crate) since_day: i64,
    pub(crate) run: u8,
    pub(crate) alarm: bool,
}

/// A night or a day that has ended.
pub(crate) struct Closed {
    /// Its value, where there is one that was judged.
    pub(crate) verdict: Option<Verdict>,
}

/// Values of the last 28 days, and their sum of deviations.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Course {
    /// The value of day d lies at d mod 28.
    values_milli: [i32; DAYS],
    /// The newest day that the ring holds.
    newest: i64,
    sum_micro: i64,
    judged_day: i64,
    since_day: i64,
    run: u8,
}

impl Course {
    fn new() -> Self {
        Self { values_milli: [NONE; DAYS], newest: NEVER, sum_micro: 0, judged_day: NEVER, since_day: 0, run: 0 }
    }

    /// Lets the days up to and with `day` pass: their places are empty now.
    fn advance(&mut self, day: i64) {
        if self.newest == NEVER || day.saturating_sub(self.newest) >= 28 {
            self.values_milli = [NONE; DAYS];
        } else {
            for passed in self.newest.saturating_add(1)..=day {
                self.put(passed, NONE);
            }
        }
        self.newest = self.newest.max(day);
    }

    fn put(&mut self, day: i64, value_milli: i32) {
        let at = usize::try_from(day.rem_euclid(28)).unwrap_or(0);
        if let Some(place) = self.values_milli.get_mut(at) {
            *place = value_milli;
        }
    }

    /// Median and robust standard deviation of the values held, millionths.
    fn usual_micro(&self, settings: &DriftSettings) -> Option<(i64, i64, i64)> {
        let mut values = [0_i64; DAYS];
        let mut count = 0;
        for (place, value) in values.iter_mut().zip(self.values_milli.iter().filter(|value| **value != NONE)) {
            *place = i64::from(*value) * 1_000;
            count += 1;
        }
        let values = values.get_mut(..count)?;
        if count < usize::from(settings.values) {
            return None;
        }
        let median = median_of(values);
        values.iter_mut().for_each(|value| *value = (*value - median).abs());
        let spread = median_of(values);
        // 1.4826 turns a median absolute deviation into a standard deviation of a normal distribution.
        let sigma = (spread * 14_826 / 10_000).max(i64::from(settings.floor_milli) * 1_000);
        Some((median, spread, sigma))
    }

    /// Takes the value of a day in, which must be later than those before, and judges it where enough is known.
    fn take(&mut self, settings: &DriftSettings, day: i64, value_milli: i32, judge: bool) -> Option<Verdict> {
        self.advance(day.saturating_sub(1));
        let usual = if judge { self.usual_micro(settings) } else { None };
        self.advance(day);
        self.put(day, value_milli);
        let (median, spread, sigma) = usual?;
        if day.saturating_sub(self.judged_day) > i64::from(settings.forget_days) {
            self.sum_micro = 0;
        }
        self.judged_day = day;
        let deviation_micro = (i64::from(value_milli) * 1_000 - median).saturating_mul(1_000_000) / sigma.max(1);
        let counted =
            deviation_micro.min(i64::from(settings.cap_milli) * 1_000) - i64::from(settings.slack_milli) * 1_000;
        if self.sum_micro == 0 {
            (self.since_day, self.run) = (day, 0);
        }
        self.sum_micro = self.sum_micro.saturating_add(counted).max(0);
        self.run = self.run.saturating_add(1);
        let alarm = self.sum_micro > i64::from(settings.alarm_milli) * 1_000;
        let verdict = Verdict {
            day,
            of_night: false,
            value_milli: i64::from(value_milli),
            usual: Usual { median_milli: median / 1_000, spread_milli: spread / 1_000 },
            deviation_milli: deviation_micro / 1_000,
            sum_micro: self.sum_micro,
            since_day: self.since_day,
            run: self.run,
            alarm,
        };
        if alarm {
            self.sum_micro = 0;
        }
        Some(verdict)
    }
}

/// Sorts, and gives the middle or the mean of the two middle ones; 0 of none.
fn median_of(values: &mut [i64]) -> i64 {
    values.sort_unstable();
    let upper = values.get(values.len() / 2).copied().unwrap_or(0);
    let lower = values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(0);
    (lower + upper) / 2
}

/// What is gathered of the day under way, and the two courses. Bounded: 0.6 KiB.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Drift {
    /// The day under way; `NEVER` between days.
    day: i64,
    /// The last day that was closed.
    closed_day: i64,
    night_open: bool,
    night_sum_milli: i64,
    night_count: u16,
    count: u16,
    bins: [u16; BINS],
    night: Course,
    daytime: Course,
    pub(crate) alarm_day: i64,
}

impl Drift {
    pub(crate) fn new() -> Self {
        Self {
            day: NEVER,
            closed_day: NEVER,
            night_open: false,
            night_sum_milli: 0,
            night_count: 0,
            count: 0,
            bins: [0; BINS],
            night: Course::new(),
            daytime: Course::new(),
            alarm_day: NEVER,
        }
    }

    /// Takes the heart rate of one resting minute in. Days that are closed stay closed.
    pub(crate) fn take(&mut self, settings: &DriftSettings, local_minute: i64, value_milli: i64) {
        let day = local_minute.div_euclid(MINUTES_OF_DAY);
        if self.day == NEVER && day > self.closed_day {
            (self.day, self.night_open) = (day, true);
        }
        if day != self.day {
            return;
        }
        let bpm = value_milli.saturating_add(500).div_euclid(1_000).saturating_sub(LOWEST_BPM);
        let bin = usize::try_from(bpm.max(0)).unwrap_or(BINS).min(BINS - 1);
        if let Some(bin) = self.bins.get_mut(bin) {
            *bin = bin.saturating_add(1);
        }
        self.count = self.count.saturating_add(1);
        let of_night = local_minute.rem_euclid(MINUTES_OF_DAY) < i64::from(settings.night_until_hour) * 60;
        if of_night && self.night_open {
            self.night_sum_milli = self.night_sum_milli.saturating_add(value_milli);
            self.night_count = self.night_count.saturating_add(1);
        }
    }

    /// Closes the night, or else the day, that ends by the beginning of a minute; none where neither does. At most one of the
    /// values of a night and its day is judged. One at a time: what is said of the night is then the same, whenever it is asked.
    pub(crate) fn close_before(&mut self, settings: &DriftSettings, local_minute: i64) -> Option<Closed> {
        if self.day == NEVER {
            return None;
        }
        let midnight = self.day.saturating_mul(MINUTES_OF_DAY);
        let morning = midnight.saturating_add(i64::from(settings.night_until_hour) * 60);
        let has_night = self.night_count >= settings.night_minutes.max(1);
        let mut verdict = None;
        if self.night_open && local_minute >= morning {
            self.night_open = false;
            if has_night {
                let mean = milli::mean(self.night_sum_milli, u32::from(self.night_count));
                verdict = self.night.take(settings, self.day, narrow(mean), true);
                verdict.iter_mut().for_each(|verdict| verdict.of_night = true);
            }
        } else if local_minute >= midnight.saturating_add(MINUTES_OF_DAY) {
            if self.count >= settings.day_minutes {
                verdict = self.daytime.take(settings, self.day, narrow(self.median_milli()), !has_night);
            }
            self.closed_day = self.day;
            (self.day, self.night_sum_milli, self.night_count, self.count) = (NEVER, 0, 0, 0);
            self.bins = [0; BINS];
        } else {
            return None;
        }
        if let Some(verdict) = verdict.filter(|verdict| verdict.alarm) {
            self.alarm_day = verdict.day;
        }
        Some(Closed { verdict })
    }

    /// Median of the day's minutes, to the beat; between two beats where the two middle ones differ.
    fn median_milli(&self) -> i64 {
        let at = |rank: u32| {
            let mut below = 0;
            let found = self.bins.iter().position(|bin| {
                below += u32::from(*bin);
                below > rank
            });
            i64::try_from(found.unwrap_or(0)).unwrap_or(0) + LOWEST_BPM
        };
        let count = u32::from(self.count);
        (at(count.saturating_sub(1) / 2) + at(count / 2)) * 500
    }

    /// See [`crate::PatientState::touch`].
    pub(crate) fn touch(&self) -> u64 {
        let bins = self.bins.iter().step_by(32).fold(0, |sum: u64, bin| sum.wrapping_add(u64::from(*bin)));
        bins.wrapping_add(self.day.cast_unsigned()).wrapping_add(self.alarm_day.cast_unsigned())
    }

    /// The larger of the two sums, millionths.
    pub(crate) fn sum_micro(&self) -> i64 {
        self.night.sum_micro.max(self.daytime.sum_micro)
    }
}

fn narrow(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
