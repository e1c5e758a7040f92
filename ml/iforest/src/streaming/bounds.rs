//! Arithmetic of bounding boxes: how far a row lies outside, widening, merging.
//!
//! Sums are taken in four lanes in a fixed order, so that they are the same on every machine and still vectorise.

const LANES: usize = 4;

/// Σ over the dimensions of the distance from `row` to the interval [low, high]; 0 inside.
#[inline]
pub(super) fn outside(row: &[f64], low: &[f64], high: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (rows, row_rest) = row.as_chunks::<LANES>();
    let (lows, low_rest) = low.as_chunks::<LANES>();
    let (highs, high_rest) = high.as_chunks::<LANES>();
    for ((row, low), high) in rows.iter().zip(lows).zip(highs) {
        for (lane, ((value, low), high)) in lanes.iter_mut().zip(row.iter().zip(low).zip(high)) {
            *lane += distance(*value, *low, *high);
        }
    }
    for (lane, ((value, low), high)) in lanes.iter_mut().zip(row_rest.iter().zip(low_rest).zip(high_rest)) {
        *lane += distance(*value, *low, *high);
    }
    (lanes[0] + lanes[2]) + (lanes[1] + lanes[3])
}

/// Distance from a value to an interval. Comparisons rather than `f64::max`: values are finite.
fn distance(value: f64, low: f64, high: f64) -> f64 {
    let (below, above) = (low - value, value - high);
    let beyond = if below > above { below } else { above };
    if beyond > 0.0 { beyond } else { 0.0 }
}

/// Widens a box so that it holds `row`; returns the sum of its sides.
#[inline]
pub(super) fn widen(row: &[f64], low: &mut [f64], high: &mut [f64]) -> f64 {
    let mut range = 0.0;
    for ((value, low), high) in row.iter().zip(low).zip(high) {
        if value < low {
            *low = *value;
        }
        if value > high {
            *high = *value;
        }
        range += *high - *low;
    }
    range
}

/// Sets `low` and `high` to the smallest box that holds two others; returns the sum of its sides, and whether it changed.
pub(super) fn merge(one: (&[f64], &[f64]), other: (&[f64], &[f64]), low: &mut [f64], high: &mut [f64]) -> (f64, bool) {
    let (mut range, mut changed) = (0.0, false);
    for ((low, one), other) in low.iter_mut().zip(one.0).zip(other.0) {
        let lower = if one < other { *one } else { *other };
        changed |= lower != *low;
        *low = lower;
    }
    for (((high, one), other), low) in high.iter_mut().zip(one.1).zip(other.1).zip(low) {
        let higher = if one > other { *one } else { *other };
        changed |= higher != *high;
        *high = higher;
        range += higher - *low;
    }
    (range, changed)
}
