//! `forest evaluate`: forests of several seeds, fitted and scored on the whole table, held against its labels.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use linfa::DatasetBase;
use linfa::traits::Fit as _;
use serde_json::json;

use super::dataset::{Dataset, Label};
use super::measure::{average_precision, median, spread};
use super::{Growth, Progress, counted};
use crate::{Error, auroc};

/// Most seeds.
const SEEDS_MAX: u32 = 10_000;

/// What to measure.
#[derive(Clone, Debug)]
pub struct EvaluateOptions {
    /// The table.
    pub file: PathBuf,
    /// The column of labels: 0, or 1 for an anomaly.
    pub label: String,
    /// How the forests are grown.
    pub growth: Growth,
    /// Seeds 1 to this one, a forest each.
    pub seeds: u32,
    /// One JSON object instead of a table.
    pub json: bool,
}

/// What was measured; one value a seed.
#[derive(Default)]
struct Measured {
    auroc: Vec<f64>,
    average_precision: Vec<f64>,
    fit_ms: Vec<f64>,
    score_us_per_row: Vec<f64>,
    /// ψ as it was.
    sample_size: usize,
}

/// Fits and scores the whole table with every seed, and prints how well the scores find the anomalies.
///
/// # Errors
/// [`Error`]: also where no row is an anomaly, or every one is.
pub fn evaluate(options: &EvaluateOptions, out: &mut dyn Write, progress: Progress<'_>) -> Result<(), Error> {
    let EvaluateOptions { file, label, growth, seeds, json } = options;
    if *seeds == 0 || *seeds > SEEDS_MAX {
        return Err(Error::Usage(format!("{seeds} seeds asked for; ask for 1 to {SEEDS_MAX}")));
    }
    growth.params(1)?;
    let data = Dataset::read(file, Label::Read(label), progress)?;
    let anomalies = data.labels.iter().filter(|anomaly| **anomaly).count();
    let wrong = |what: String| Error::Table { file: file.clone(), what };
    if anomalies == 0 {
        return Err(wrong(format!("no row is an anomaly: column {label} has no 1; there is nothing to find")));
    }
    if anomalies == data.labels.len() {
        return Err(wrong(format!("every row is an anomaly: column {label} has no 0; there is nothing to tell apart")));
    }
    let mut measured = Measured::default();
    for seed in 1..=*seeds {
        progress(u64::from(seed) - 1, u64::from(*seeds));
        one_seed(&data, *growth, u64::from(seed), &mut measured).map_err(|error| match error {
            Error::Forest(error) => wrong(error.to_string()),
            other => other,
        })?;
    }
    let told = if *json { object(&data, anomalies, &measured) } else { text(options, &data, anomalies, &measured) };
    out.write_all(told.as_bytes()).map_err(Error::Output)
}

fn one_seed(data: &Dataset, growth: Growth, seed: u64, measured: &mut Measured) -> Result<(), Error> {
    let params = growth.params(seed)?;
    let records = DatasetBase::from(data.values.view());
    let begun = Instant::now();
    let forest = params.fit(&records)?;
    measured.fit_ms.push(milliseconds(begun.elapsed()));
    let mut scores = vec![0.0; data.values.nrows()];
    let begun = Instant::now();
    forest.score_batch(data.values.view(), &mut scores)?;
    #[expect(clippy::cast_precision_loss, reason = "a number of rows")]
    measured.score_us_per_row.push(milliseconds(begun.elapsed()) * 1e3 / scores.len() as f64);
    measured.auroc.extend(auroc::plain(&scores, &data.labels));
    measured.average_precision.extend(average_precision(&scores, &data.labels));
    measured.sample_size = forest.sample_size();
    Ok(())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn object(data: &Dataset, anomalies: usize, measured: &Measured) -> String {
    let object = json!({
        "rows": data.values.nrows(),
        "features": data.values.ncols(),
        "anomalies": anomalies,
        "auroc": measured.auroc,
        "average_precision": measured.average_precision,
        "fit_ms": median(&measured.fit_ms),
        "score_us_per_row": median(&measured.score_us_per_row),
    });
    format!("{object}\n")
}

fn text(options: &EvaluateOptions, data: &Dataset, anomalies: usize, measured: &Measured) -> String {
    let (rows, features) = data.values.dim();
    #[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
    let percent = anomalies as f64 * 100.0 / rows as f64;
    let anomalies = if anomalies == 1 { "1 anomaly".into() } else { format!("{anomalies} anomalies") };
    let seeds = match options.seeds {
        1 => "seed 1".to_owned(),
        last => format!("mean ± sd of seeds 1 to {last}"),
    };
    let with_spread = |values: &[f64]| match spread(values) {
        (mean, Some(deviation)) => format!("{mean:.3} ± {deviation:.3}"),
        (mean, None) => format!("{mean:.3}"),
    };
    format!(
        "{}: {}, {}, {anomalies} ({percent:.1} %)\n\
         {} on {} rows each; {seeds}\n\
         AUROC              {}\n\
         average precision  {}\n\
         fit                {:.2} ms\n\
         score              {:.3} µs a row\n",
        options.file.display(),
        counted(rows, "row"),
        counted(features, "feature"),
        counted(options.growth.trees, "tree"),
        measured.sample_size,
        with_spread(&measured.auroc),
        with_spread(&measured.average_precision),
        median(&measured.fit_ms),
        median(&measured.score_us_per_row),
    )
}
