//! Whole numbers as places, and as labels.

/// An instant, milliseconds since 1970-01-01 UTC, for a scale.
#[expect(clippy::cast_precision_loss, reason = "for drawing")]
pub(crate) fn float(value: i64) -> f64 {
    value as f64
}

/// Whole thousandths in their unit.
pub(crate) fn milli(value: i64) -> f64 {
    float(value) / 1_000.0
}

/// Without digits that say nothing.
pub(crate) fn rounded(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
