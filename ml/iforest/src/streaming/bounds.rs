//! Arithmetic of bounding boxes: how far a row lies outside, widening, merging.
//!
//! Dimensions go four at a time, the last four filled up with zeros, which are inside and add nothing. Sums are taken
//! in four lanes in a fixed order, so that they are the same on every machine and still vectorise.

/// Dimensions that are dealt with together.
pub(super) const LANES: usize = 4;

/// Four values of a row.
pub(super) type Quad = [f64; LANES];

/// Four sides of a box: one cache line.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(64))]
pub(super) struct Sides {
    pub(super) low: Quad,
    pub(super) high: Quad,
}

impl Sides {
    /// Of a single row.
    pub(super) fn of(quad: Quad) -> Self {
        Self { low: quad, high: quad }
    }
}

/// Σ over the dimensions of the distance from `row` to the box; 0 inside.
#[inline]
pub(super) fn outside(row: &[Quad], bounds: &[Sides]) -> f64 {
    let mut lanes = Quad::default();
    for (quad, Sides { low, high }) in row.iter().zip(bounds) {
        add_distances(&mut lanes, quad, low, high);
    }
    sum(lanes)
}

/// Σ over the dimensions of the distance from `row` to another.
#[inline]
pub(super) fn apart(row: &[Quad], other: &[Quad]) -> f64 {
    let mut lanes = Quad::default();
    for (quad, other) in row.iter().zip(other) {
        add_distances(&mut lanes, quad, other, other);
    }
    sum(lanes)
}

#[inline]
fn add_distances(lanes: &mut Quad, quad: &Quad, low: &Quad, high: &Quad) {
    for (lane, ((value, low), high)) in lanes.iter_mut().zip(quad.iter().zip(low).zip(high)) {
        *lane += distance(*value, *low, *high);
    }
}

/// Distance from a value to an interval. Comparisons rather than `f64::max`: values are finite.
fn distance(value: f64, low: f64, high: f64) -> f64 {
    let (below, above) = (low - value, value - high);
    let beyond = if below > above { below } else { above };
    if beyond > 0.0 { beyond } else { 0.0 }
}

/// Widens a box so that it holds `row`; returns the sum of its sides.
#[inline]
pub(super) fn widen(row: &[Quad], bounds: &mut [Sides]) -> f64 {
    let mut lanes = Quad::default();
    for (quad, Sides { low, high }) in row.iter().zip(bounds) {
        for (lane, ((value, low), high)) in lanes.iter_mut().zip(quad.iter().zip(low).zip(high)) {
            *low = lower(*value, *low);
            *high = higher(*value, *high);
            *lane += *high - *low;
        }
    }
    sum(lanes)
}

/// Sets `own` to the smallest that holds two others and adds its lengths to `ranges`; says whether it changed.
#[inline]
pub(super) fn merge(own: &mut Sides, one: &Sides, other: &Sides, ranges: &mut Quad) -> bool {
    let merged = Sides {
        low: std::array::from_fn(|lane| lower(one.low[lane], other.low[lane])),
        high: std::array::from_fn(|lane| higher(one.high[lane], other.high[lane])),
    };
    for (range, (low, high)) in ranges.iter_mut().zip(merged.low.iter().zip(&merged.high)) {
        *range += high - low;
    }
    let changed = merged != *own;
    *own = merged;
    changed
}

/// Whether a row inside a box lies on its border, so that the box may be smaller without it.
#[inline]
pub(super) fn on_border(row: &[Quad], bounds: &[Sides]) -> bool {
    let mut on = false;
    for (quad, Sides { low, high }) in row.iter().zip(bounds) {
        for (value, (low, high)) in quad.iter().zip(low.iter().zip(high)) {
            on |= (value == low) | (value == high);
        }
    }
    on
}

fn lower(one: f64, other: f64) -> f64 {
    if one < other { one } else { other }
}

fn higher(one: f64, other: f64) -> f64 {
    if one > other { one } else { other }
}

/// The sum of four lanes, in the one order.
pub(super) fn sum(lanes: Quad) -> f64 {
    (lanes[0] + lanes[2]) + (lanes[1] + lanes[3])
}
