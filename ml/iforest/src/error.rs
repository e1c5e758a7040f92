//! What can go wrong, by what the caller can do.

/// Errors of parameters, data and model bytes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IsolationForestError {
    /// There must be at least one tree, at most [`crate::MAX_TREES`].
    #[error("{0} trees asked for; ask for 1 to {max}", max = crate::MAX_TREES)]
    Trees(usize),
    /// A sub-sample must hold at least two rows, at most [`crate::MAX_SAMPLE`].
    #[error("sub-sample of {0} rows asked for; ask for 2 to {max}", max = crate::MAX_SAMPLE)]
    SampleSize(usize),
    /// There are no rows or no features.
    #[error("the data has {rows} rows and {features} features; give at least one of each, at most {max} features", max = crate::MAX_FEATURES)]
    Shape {
        /// Rows given.
        rows: usize,
        /// Features given.
        features: usize,
    },
    /// The sub-sample is larger than the data.
    #[error(
        "a sub-sample of {sample} rows cannot be drawn from {rows}; lower it, give more rows, or let it shrink (`shrink_sample`)"
    )]
    TooFewRows {
        /// ψ.
        sample: usize,
        /// Rows given.
        rows: usize,
    },
    /// A value is NaN or infinite.
    #[error("row {row}, feature {feature} is not finite; remove or impute it")]
    NotFinite {
        /// Row, from 0.
        row: usize,
        /// Feature, from 0.
        feature: usize,
    },
    /// A row has another number of features than the forest was fitted on.
    #[error("{got} features given where the forest was fitted on {expected}")]
    Features {
        /// Features of the forest.
        expected: usize,
        /// Features given.
        got: usize,
    },
    /// A quantile outside [0, 1], or of no scores or NaN.
    #[error("no such quantile; give scores that are not NaN, and a share between 0 and 1")]
    Quantile,
    /// A budget of alerts that cannot be kept, or no scores to take it from.
    #[error(
        "no threshold for {false_alerts} false alerts in {scores} scores; give scores that are not NaN, and a budget above 0 and at most one alert a score"
    )]
    Budget {
        /// False alerts asked for in a period.
        false_alerts: f64,
        /// Scores in a period.
        scores: f64,
    },
    /// There are not as many places for scores as rows.
    #[error("{places} places for the scores of {rows} rows; give one a row")]
    Places {
        /// Rows given.
        rows: usize,
        /// Places given.
        places: usize,
    },
    /// The model file is of a version that this release does not read.
    #[error(
        "model file of version {found} where this release reads version {supported}; fit the model again or use the release that wrote it"
    )]
    Version {
        /// Version of the file.
        found: u8,
        /// Version that is read.
        supported: u8,
    },
    /// The model file ends too early.
    #[error("the model file ends after {length} of {expected} bytes; copy it again from where it was made")]
    Truncated {
        /// Bytes given.
        length: usize,
        /// Bytes that it should have, as far as is known.
        expected: usize,
    },
    /// The model file was changed after it was written.
    #[error(
        "the model file is damaged: it states the hash {} and has {}; copy it again from where it was made",
        hex(stated),
        hex(computed)
    )]
    Hash {
        /// SHA-256 that the file states.
        stated: [u8; 32],
        /// SHA-256 of its bytes.
        computed: [u8; 32],
    },
    /// Model bytes that no release wrote.
    #[error("model file refused at offset {offset}: {reason}; take the model from where it was made")]
    Bytes {
        /// Where, in bytes from the start.
        offset: usize,
        /// What is wrong there.
        reason: &'static str,
    },
    /// An error of linfa itself.
    #[error(transparent)]
    Linfa(#[from] linfa::Error),
}

/// The first eight bytes, enough to tell two hashes apart.
fn hex(hash: &[u8; 32]) -> String {
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).chain(["…".to_owned()]).collect()
}
