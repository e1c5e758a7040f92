//! Windows of the forest: means of minutes, and the smoothed deviations at their end.

use crate::feature::{Deviations, FEATURE_LIST, FEATURES, deviation_milli, feature_of};
use crate::state::{MINUTE_MS, NEVER, PatientState, Pending, Sum};
use crate::{Settings, milli};

/// A window that has ended and had data.
pub(crate) struct Window {
    pub(crate) to_ms: i64,
    /// Hour of the day on the person's clock.
    pub(crate) hour: u8,
    pub(crate) means_milli: [Option<i64>; FEATURES],
    pub(crate) deviations: Deviations,
}

/// Adds a decided minute to its window, which the caller has made the open one.
pub(crate) fn take_in(state: &mut PatientState, settings: &Settings, entry: &Pending, mean_milli: i64, at_rest: bool) {
    let Some(feature) = feature_of(entry.signal) else { return };
    if FEATURE_LIST.get(feature).is_some_and(|spec| spec.at_rest) && !at_rest {
        return;
    }
    state.window = entry.minute.div_euclid(i64::from(settings.window_minutes));
    if let Some(sum) = state.sums.get_mut(feature) {
        sum.sum_milli = sum.sum_milli.saturating_add(mean_milli);
        sum.minutes = sum.minutes.saturating_add(1);
    }
}

/// Closes the open window if it ends by the beginning of `minute`. Windows without data are not closed one by
/// one: the next one with data lets them go by.
pub(crate) fn close_before(state: &mut PatientState, settings: &Settings, minute: i64) -> Option<Window> {
    let length = i64::from(settings.window_minutes);
    if state.window == NEVER || state.window.saturating_add(1).saturating_mul(length) > minute {
        return None;
    }
    let number = std::mem::replace(&mut state.window, NEVER);
    let (from_minute, to_minute) = (number.saturating_mul(length), number.saturating_add(1).saturating_mul(length));
    state.close_minutes_before(to_minute);
    let hour = state.hour(from_minute);
    count_day(state, from_minute);

    let passed = if state.smoothed_window == NEVER { 1 } else { number.saturating_sub(state.smoothed_window).max(1) };
    state.smoothed_window = number;
    let sums = std::mem::replace(&mut state.sums, [Sum::default(); FEATURES]);
    let mut means_milli = [None; FEATURES];
    let mut values_milli = [0; FEATURES];
    let mut present = 0_u8;
    for (feature, sum) in sums.into_iter().enumerate() {
        let mean = (sum.minutes > 0).then(|| {
            let mean = milli::divide_rounded(i128::from(sum.sum_milli), i128::from(sum.minutes));
            i64::try_from(mean).unwrap_or(sum.sum_milli)
        });
        let usual = state.baseline(feature).and_then(|baseline| baseline.usual_micro(hour));
        let drops_only = FEATURE_LIST.get(feature).is_some_and(|spec| spec.drops_only);
        let Some(smoothed) = state.smoothed.get_mut(feature) else { continue };
        smoothed.fade(passed);
        if let (Some(mean), Some(usual)) = (mean, usual) {
            smoothed.add(deviation_milli(mean, usual));
        }
        if smoothed.present() {
            present |= 1 << feature;
            let value = smoothed.value_milli();
            if let Some(place) = values_milli.get_mut(feature) {
                *place = if drops_only { value.min(0) } else { value };
            }
        }
        if let Some(place) = means_milli.get_mut(feature) {
            *place = mean;
        }
        if let (Some(latest), Some(_)) = (state.latest_milli.get_mut(feature), mean) {
            *latest = mean;
        }
    }
    let (from_ms, to_ms) = (from_minute.saturating_mul(MINUTE_MS), to_minute.saturating_mul(MINUTE_MS));
    let deviations = Deviations { from_ms, to_ms, present, values_milli };
    Some(Window { to_ms, hour, means_milli, deviations })
}

/// Counts completed days with data on the person's own clock.
fn count_day(state: &mut PatientState, minute: i64) {
    let day = state.local_minute(minute).div_euclid(1_440);
    if state.last_day == NEVER {
        state.last_day = day;
    } else if day > state.last_day {
        state.last_day = day;
        state.days = state.days.saturating_add(1);
    }
}
