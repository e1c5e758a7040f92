//! Windows of the forest: means of steps, and the smoothed deviations at their end.

use crate::Settings;
use crate::feature::{Deviations, FEATURE_LIST, FEATURES, deviation_milli};
use crate::grid::{Grid, NEVER};
use crate::milli;
use crate::state::{Latest, PatientState, Sum};
use sha2::{Digest, Sha256};

/// A window that has ended and had data.
pub(crate) struct Window {
    pub(crate) to_ms: i64,
    /// Hour of the day on the person's clock.
    pub(crate) hour: u8,
    pub(crate) means_milli: [Option<i64>; FEATURES],
    pub(crate) deviations: Deviations,
}

/// Opens the window of a slot, so that it is judged though none of its values may be a feature's.
pub(crate) fn open(state: &mut PatientState, grid: &Grid, slot: i64) {
    state.window = slot.div_euclid(grid.window);
}

/// Adds a decided step to its window, which the caller has made the open one.
pub(crate) fn take_in(state: &mut PatientState, grid: &Grid, feature: usize, slot: i64, mean_milli: i64) {
    open(state, grid, slot);
    if let Some(sum) = state.sums.get_mut(feature) {
        sum.sum_milli = sum.sum_milli.saturating_add(mean_milli);
        sum.steps = sum.steps.saturating_add(1);
    }
}

/// Closes the open window if it ends by the beginning of `slot`. Windows without data are not closed one by
/// one: the next one with data lets them go by.
pub(crate) fn close_before(state: &mut PatientState, settings: &Settings, grid: &Grid, slot: i64) -> Option<Window> {
    if state.window == NEVER || state.window.saturating_add(1).saturating_mul(grid.window) > slot {
        return None;
    }
    let number = std::mem::replace(&mut state.window, NEVER);
    let (from, to) = (number.saturating_mul(grid.window), number.saturating_add(1).saturating_mul(grid.window));
    state.close_slots_before(to);
    let (from_ms, to_ms) = (grid.start_ms(from), grid.start_ms(to));
    let hour = state.hour(from_ms);
    count_day(state, from_ms);

    let passed = if state.smoothed_window == NEVER { 1 } else { number.saturating_sub(state.smoothed_window).max(1) };
    state.smoothed_window = number;
    let sums = std::mem::replace(&mut state.sums, [Sum::default(); FEATURES]);
    state.evidence = chained(&state.evidence, number, &sums);
    let mut means_milli = [None; FEATURES];
    let mut values_milli = [0; FEATURES];
    let mut present = 0_u8;
    for (feature, sum) in sums.into_iter().enumerate() {
        let mean = (sum.steps > 0).then(|| milli::mean(sum.sum_milli, u32::from(sum.steps)));
        let usual = state.baseline(feature).and_then(|baseline| baseline.usual_micro(&settings.baseline, hour));
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
        if let (Some(latest), Some(value_milli)) = (state.means.get_mut(feature), mean) {
            *latest = Latest { time_ms: to_ms, value_milli };
        }
    }
    let deviations = Deviations { from_ms, to_ms, present, values_milli };
    Some(Window { to_ms, hour, means_milli, deviations })
}

/// The digest of all windows so far, with one more.
fn chained(before: &[u8; 32], number: i64, sums: &[Sum; FEATURES]) -> [u8; 32] {
    let mut hash = Sha256::new().chain_update(before).chain_update(number.to_le_bytes());
    for sum in sums {
        hash.update(sum.sum_milli.to_le_bytes());
        hash.update(sum.steps.to_le_bytes());
    }
    hash.finalize().into()
}

/// Counts completed days with data on the person's own clock.
fn count_day(state: &mut PatientState, time_ms: i64) {
    let day = state.day(time_ms);
    if state.last_day == NEVER {
        state.last_day = day;
    } else if day > state.last_day {
        state.last_day = day;
        state.days = state.days.saturating_add(1);
    }
}
