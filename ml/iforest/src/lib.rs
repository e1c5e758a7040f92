//! Isolation forest (Liu, Ting, Zhou 2008, 2012) as a [linfa](https://docs.rs/linfa) estimator.
//!
//! Seeded, and reproducible to the bit: the same data, parameters and seed give the same model bytes and scores on
//! every machine. It is the plain, static forest; it knows nothing of time, patients or files.
//!
//! ```
//! use iforest::IsolationForestParams;
//! use linfa::{DatasetBase, traits::{Fit, Predict}};
//! use ndarray::Array2;
//!
//! // 300 points on a grid, and one far away.
//! let mut data = Array2::from_shape_fn((301, 2), |(row, column)| (row * (column * 6 + 1) % 17) as f64);
//! data[[300, 0]] = 90.0;
//! let forest = IsolationForestParams::new().sample_size(128).seed(7).fit(&DatasetBase::from(data.clone()))?;
//! let scores = forest.predict(&data);
//! assert!(scores.iter().take(300).all(|score| *score < scores[300]));
//!
//! let mut shares = [0.0; 2];
//! let why = forest.contributions(&[90.0, 3.0], &mut shares)?;
//! assert!(shares[0] > shares[1]);
//! assert!((why.expected + shares[0] + shares[1] - why.score).abs() < 1e-12);
//! # Ok::<(), iforest::IsolationForestError>(())
//! ```

mod bytes;
mod error;
mod explain;
mod forest;
mod params;
mod path;
mod random;
mod threshold;
mod tree;

pub use error::IsolationForestError;
pub use explain::Explanation;
pub use forest::IsolationForest;
pub use params::{IsolationForestParams, IsolationForestValidParams, MAX_FEATURES, MAX_SAMPLE, MAX_TREES};
pub use path::average_path_length;
pub use threshold::quantile;
