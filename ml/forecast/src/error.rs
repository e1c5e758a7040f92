//! What can go wrong, by what the caller can do.

/// Errors of settings, of values and of what is known so far.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForecastError {
    /// A setting is out of its bounds: change it.
    #[error("setting refused: {0}")]
    Setting(&'static str),
    /// A value lies outside the signal's plausible range, or its instant cannot be stored: do not send it.
    #[error("{value_milli} thousandths at {time_ms} ms is no plausible value of {signal}; admit readings first")]
    Value {
        /// Name of the signal.
        signal: &'static str,
        /// The value, thousandths.
        value_milli: i64,
        /// Its instant, milliseconds since 1970-01-01 UTC.
        time_ms: i64,
    },
    /// A value belongs to a step that is closed: leave it out, values are taken in the order of time.
    #[error("the value at {time_ms} ms is late: steps before {open_ms} ms are closed; leave it out")]
    Late {
        /// Instant of the value, milliseconds since 1970-01-01 UTC.
        time_ms: i64,
        /// Start of the earliest step that still takes values.
        open_ms: i64,
    },
    /// Too little is known of the person for an honest interval: go on observing.
    #[error(
        "too little history: {have_ms} of {need_ms} ms, and {have_outcomes} of {need_outcomes} past moments whose \
         outcome is known over the whole horizon; go on observing, or ask for a shorter horizon"
    )]
    TooLittleHistory {
        /// Time from the first value to the last, milliseconds.
        have_ms: i64,
        /// Time that is needed, milliseconds.
        need_ms: i64,
        /// Past moments whose outcome at the horizon is known.
        have_outcomes: usize,
        /// Such moments needed.
        need_outcomes: usize,
    },
    /// The last value is too old to start from: wait for the next.
    #[error("the last value is {age_ms} ms old, more than {allowed_ms} ms; wait for the next one")]
    Stale {
        /// Age of the end of the last step with a value, milliseconds.
        age_ms: i64,
        /// Age that is allowed, milliseconds.
        allowed_ms: i64,
    },
    /// A horizon asked of the backtest is none of the forecast's steps: ask for a multiple of the step.
    #[error("a horizon of {horizon_ms} ms is no multiple of the step of {step_ms} ms up to {longest_ms} ms")]
    Horizon {
        /// Horizon asked for, milliseconds.
        horizon_ms: i64,
        /// Length of a step, milliseconds.
        step_ms: i64,
        /// Longest horizon of these settings, milliseconds.
        longest_ms: i64,
    },
}
