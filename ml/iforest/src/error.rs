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
    #[error("a sub-sample of {sample} rows cannot be drawn from {rows}; lower it or give more rows")]
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
    /// A quantile outside [0, 1], or none can be taken of no scores.
    #[error("no such quantile; give scores and a share between 0 and 1")]
    Quantile,
    /// Model bytes that this version did not write.
    #[error("model bytes refused at offset {offset}: {reason}; take the model from where it was made")]
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
