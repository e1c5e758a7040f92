//! `caduceus forest …`: the isolation forest alone, on any table of numbers.
//!
//! Tables are CSV, also gzipped, with a header; every column is a numeric feature but the one that is named as the label, or
//! in a stream the column of timestamps. Nothing is imputed or left out: the first cell that is no finite number ends the
//! command and is named by file, line and column. Files are written whole or not at all.
//!
//! [`evaluate`] measures a forest against labels, [`stream`] scores a series row by row before it is learned, and [`fit`],
//! [`score`] and [`explain`] keep a forest as a file ([`Model`]) and apply it to other rows of the same columns.
//!
//! ```
//! use evaluate::forest::{self, EvaluateOptions, Growth};
//!
//! let path = std::env::temp_dir().join(format!("forest-example-{}.csv", std::process::id()));
//! let rows: String = (0..300).map(|row| format!("{},{},0\n", row % 17, row % 7)).collect();
//! std::fs::write(&path, format!("a,b,label\n{rows}90,3,1\n"))?;
//!
//! let options = EvaluateOptions {
//!     file: path.clone(),
//!     label: "label".into(),
//!     growth: Growth::default(),
//!     seeds: 3,
//!     json: true,
//! };
//! let mut out = Vec::new();
//! forest::evaluate(&options, &mut out, &mut |_, _| ())?;
//! let told = String::from_utf8(out)?;
//! assert!(told.starts_with(r#"{"rows":301,"features":2,"anomalies":1,"auroc":[1.0,1.0,1.0],"#), "{told}");
//! # std::fs::remove_file(&path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod dataset;
mod explain;
mod fit;
mod labelled;
mod measure;
mod model;
mod score;
mod series;
mod table;
mod whole;

pub use explain::{ExplainOptions, Which, explain};
pub use fit::{FitOptions, fit};
pub use labelled::{EvaluateOptions, evaluate};
pub use measure::average_precision;
pub use model::Model;
pub use score::{ScoreOptions, score};
pub use series::{StreamOptions, stream};

use iforest::{IsolationForestError, IsolationForestParams};
use linfa::ParamGuard as _;

pub use crate::Progress;

use crate::Error;

/// How a forest is grown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth {
    /// Number of trees.
    pub trees: usize,
    /// Rows that each tree is grown on (ψ); lowered to the rows that there are.
    pub sample: usize,
}

impl Default for Growth {
    /// 100 trees on 256 rows each, as Liu, Ting and Zhou 2008.
    fn default() -> Self {
        Self { trees: 100, sample: 256 }
    }
}

impl Growth {
    /// The parameters; [`Error::Usage`] where they are out of bounds.
    fn params(self, seed: u64) -> Result<IsolationForestParams, Error> {
        let params = IsolationForestParams::new().trees(self.trees).sample_size(self.sample);
        let params = params.shrink_sample(true).seed(seed);
        params.check_ref().map_err(|error: IsolationForestError| Error::Usage(error.to_string()))?;
        Ok(params)
    }
}

/// `n thing` or `n things`.
fn counted(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}
