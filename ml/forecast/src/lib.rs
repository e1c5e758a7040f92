//! When will a vital cross the limit that a doctor set? Quantiles of the hours to come, from the person's own past.
//!
//! One [`Forecaster`] follows one vital of one person. For a ladder of horizons a ridge regression
//! ([smartcore](https://docs.rs/smartcore)) foretells the change from trends, the person's usual day and the time of
//! day; the interval is the spread of what really came after past moments alike, each judged by what was foretold *at
//! that moment*. How far the regressions are trusted is chosen by the loss on that past, and while it is short the
//! forecast leans on persistence, the last value with the spread of its own past errors: where nothing can be foretold
//! it becomes that. A [`Backtest`] measures both, out of sample, and its [`Report`] says how far ahead there is [`Skill`].
//!
//! It says what follows if the person goes on as in their own history; an illness that they never had is not in it. It
//! is no alarm, and it knows no clock, no file and no doctor: time and limits are passed in.
//!
//! ```
//! use forecast::{Forecaster, ForecastError, Limit, Settings, When};
//! use vitals::{Side, Signal};
//!
//! let mut forecaster = Forecaster::new(Signal::Temperature, Settings::bedside())?;
//! // Twenty hours by the minute: 36.6 Cel, and 0.1 more an hour.
//! let minute_ms = 60_000;
//! for minute in 0..1_200 {
//!     forecaster.observe(minute * minute_ms, 36_600 + 100 * minute / 60)?;
//! }
//! let forecast = forecaster.forecast()?;
//! assert_eq!(forecast.points.last().map(|point| point.in_ms), Some(3 * 60 * minute_ms));
//!
//! // 38.8 Cel will be crossed 22 hours after the start: in a little more than two hours.
//! let crossing = forecaster.crossing(Limit { limit_milli: 38_800, side: Side::Above })?;
//! let When::Within { earliest_ms, in_ms: Some(in_ms), latest_ms: Some(latest_ms) } = crossing.when else { panic!() };
//! assert!(earliest_ms <= in_ms && in_ms <= latest_ms && (115..=135).contains(&(in_ms / minute_ms)));
//!
//! let crossing = forecaster.crossing(Limit { limit_milli: 35_000, side: Side::Below })?;
//! assert_eq!((crossing.when, crossing.probability_milli), (When::NotWithinHorizon, 0));
//! # Ok::<(), ForecastError>(())
//! ```

mod backtest;
mod crossing;
mod ensemble;
mod error;
mod features;
mod forecast;
mod forecaster;
mod judge;
mod ladder;
mod likeness;
mod origin;
mod outlook;
mod passages;
mod report;
mod ridge;
mod score;
mod series;
mod settings;
mod skill;
mod spread;
mod tuning;

pub use backtest::{Backtest, Plan, backtest};
pub use error::ForecastError;
pub use forecast::{Crossing, Forecast, Limit, Point, When};
pub use forecaster::Forecaster;
pub use report::{CrossingScore, HorizonScore, Report};
pub use settings::Settings;
pub use skill::Skill;
