//! Isolation forest (Liu, Ting, Zhou 2008, 2012) as a [linfa](https://docs.rs/linfa) estimator.
//!
//! Seeded, and reproducible to the bit: the same data, parameters and seed give the same model file and scores on
//! every machine. One row is scored in microseconds; batches take another layout by themselves, several times as fast,
//! with the same bits (`parallel`: on every core). Every score can be explained by its features, and a threshold be
//! taken from a budget of false alerts. It knows nothing of clocks, patients or files.
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
//!
//! // One false alert in a hundred scores, and the model as a file.
//! let budget = iforest::AlertBudget { false_alerts: 1.0, scores: 100.0 };
//! let alert = iforest::alert_threshold(&scores.to_vec(), budget)?;
//! assert!(scores[300] > alert.threshold);
//! let read = iforest::IsolationForest::<f64>::from_bytes(&forest.to_bytes())?;
//! assert_eq!(read.scores(data.view())?, scores.to_vec());
//! # Ok::<(), iforest::IsolationForestError>(())
//! ```

mod batch;
mod bytes;
mod cuts;
mod error;
mod explain;
mod file;
mod fit;
mod forest;
mod grow;
mod params;
mod path;
mod perfect;
mod random;
pub mod streaming;
mod threshold;
mod trees;

pub use error::IsolationForestError;
pub use explain::Explanation;
pub use forest::IsolationForest;
pub use params::{IsolationForestParams, IsolationForestValidParams, MAX_FEATURES, MAX_SAMPLE, MAX_TREES};
pub use path::average_path_length;
pub use threshold::{AlertBudget, AlertThreshold, alert_threshold, quantile};
