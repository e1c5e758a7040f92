//! Past moments, what was foretold at each, and what came.

use crate::features::Moment;
use crate::series::Series;

/// A moment that forecasts can be judged at and learned from.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) moment: Moment,
    /// The change foretold at that moment for every rung of the ladder, by the regressions fitted until then; `None`
    /// while there were none.
    pub(crate) foretold: Option<Vec<f64>>,
}

impl Origin {
    /// The change after `lead` steps, where it is known.
    pub(crate) fn change(&self, series: &Series, lead: i64) -> Option<f64> {
        Some(series.get(self.moment.step + lead)? - self.moment.value)
    }

    /// The change foretold for a rung; none is foretold without a regression.
    pub(crate) fn foretold(&self, rung: usize) -> f64 {
        self.foretold.as_ref().and_then(|changes| changes.get(rung)).copied().unwrap_or(0.0)
    }
}
