//! A forest that learns as rows come: bounded memory, drift followed, every row scored before it is learned.
//!
//! Trees are random cut trees (Guha, Mishra, Roy, Schrijvers, ICML 2016): a cut's feature is chosen in proportion to
//! the range of the rows below it, and rows go in and out of a tree one at a time, with the tree's distribution that
//! of one grown anew. Each tree holds a sample of the past of its own: uniform at first, then fading. A row is scored
//! by virtual insertion: the expectation, over all random cuts, of the reciprocal of the level at which it would come
//! to rest.
//!
//! Online isolation forests (Leveni, Weigert Cassales, Pfahringer, Bifet, Boracchi, ICML 2024) keep a count and a box
//! per bin in place of rows, and draw rows anew where a bin splits: less memory, but only boxes to judge by. Here rows
//! are held, so that one can be taken out again exactly. `cargo run --release --example drift` measures this beside
//! replacing the oldest tree.
//!
//! ```
//! use iforest::streaming::StreamingForestParams;
//!
//! let mut forest = StreamingForestParams::new().trees(20).sample_size(64).seed(7).forest(2)?;
//! for minute in 0..500 {
//!     let row = [f64::from(minute % 60), f64::from(minute % 7)];
//!     let score = forest.score(&row)?;
//!     assert!((0.0..=1.0).contains(&score));
//!     forest.learn(&row)?;
//! }
//! assert!(forest.score(&[300.0, 3.0])? > 2.0 * forest.score(&[30.0, 3.0])?);
//! # Ok::<(), iforest::IsolationForestError>(())
//! ```
//!
//! [`SeriesForest`] is the same for values over time, with features of its own and an [`EpisodeGate`].

mod bounds;
mod forest;
mod gate;
mod params;
mod sample;
mod series;
mod tree;

pub use forest::StreamingForest;
pub use gate::EpisodeGate;
pub use params::StreamingForestParams;
pub use series::{SeriesForest, SeriesScore};
