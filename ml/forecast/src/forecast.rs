//! What a forecast says.

use serde::Serialize;
use vitals::{Side, Signal};

/// Quantiles of one step ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Point {
    /// End of the step, milliseconds after [`Forecast::made_ms`].
    pub in_ms: i64,
    /// 10 % quantile of the step's mean, thousandths of the unit.
    pub low_milli: i64,
    /// Median, thousandths.
    pub median_milli: i64,
    /// 90 % quantile, thousandths: between it and the 10 % one lie four of five outcomes.
    pub high_milli: i64,
}

/// A vital over the hours to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// The signal.
    #[serde(serialize_with = "name")]
    pub signal: Signal,
    /// End of the last step with a value, from which it looks ahead; milliseconds since 1970-01-01 UTC.
    pub made_ms: i64,
    /// That step's mean, thousandths.
    pub last_milli: i64,
    /// How far it looks ahead, milliseconds.
    pub horizon_ms: i64,
    /// One point a step.
    pub points: Vec<Point>,
}

/// A limit that a doctor set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// The limit, thousandths of the unit.
    pub limit_milli: i64,
    /// Which side of it is the wrong one.
    #[serde(serialize_with = "side")]
    pub side: Side,
}

impl Limit {
    /// The one or two limits of a doctor's parameter.
    ///
    /// ```
    /// use forecast::Limit;
    /// use vitals::{Severity, Side, Signal};
    /// let parameter = vitals::Limit::new(Signal::Spo2, Some(88), None, 1_000, 3, 5, Severity::Critical);
    /// let limits: Vec<Limit> = Limit::of(&parameter).collect();
    /// assert_eq!(limits, [Limit { limit_milli: 88_000, side: Side::Below }]);
    /// ```
    pub fn of(parameter: &vitals::Limit) -> impl Iterator<Item = Self> + use<> {
        let low = parameter.low_milli.map(|limit_milli| Self { limit_milli, side: Side::Below });
        low.into_iter().chain(parameter.high_milli.map(|limit_milli| Self { limit_milli, side: Side::Above }))
    }

    /// Whether this value violates the limit.
    pub(crate) fn violated_by(&self, value_milli: f64) -> bool {
        match self.side {
            Side::Below => value_milli < self.limit_milli as f64,
            Side::Above => value_milli > self.limit_milli as f64,
        }
    }
}

/// When a limit will be crossed. Times are milliseconds after [`Crossing::made_ms`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum When {
    /// The last value violates it already.
    Already,
    /// Within the horizon, in at least one of ten past-like courses.
    Within {
        /// Earlier in one of ten courses.
        earliest_ms: i64,
        /// Earlier in half of them; `None` where fewer than half cross within the horizon.
        in_ms: Option<i64>,
        /// Earlier in nine of ten; `None` where more than one of ten does not cross within the horizon.
        latest_ms: Option<i64>,
    },
    /// In fewer than one of ten courses within the horizon.
    NotWithinHorizon,
}

/// The answer to "when will it cross this limit".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Crossing {
    /// The signal.
    #[serde(serialize_with = "name")]
    pub signal: Signal,
    /// The limit.
    #[serde(flatten)]
    pub limit: Limit,
    /// From when it looks ahead, as [`Forecast::made_ms`].
    pub made_ms: i64,
    /// How far, milliseconds.
    pub horizon_ms: i64,
    /// The answer.
    #[serde(flatten)]
    pub when: When,
    /// Share of the courses that cross within the horizon, thousandths.
    pub probability_milli: u16,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn name<S: serde::Serializer>(signal: &Signal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(signal.name())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn side<S: serde::Serializer>(side: &Side, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match side {
        Side::Below => "below",
        Side::Above => "above",
    })
}
