//! `caduceus forest …` as people type it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Forest {
    /// Fit and score a labelled table with several seeds, and say how well the anomalies are found.
    Evaluate(Evaluate),
    /// Score a time series row by row, each row before it is learned.
    Stream(Stream),
    /// Fit a forest on a table and keep it as a file, with its columns' names.
    Fit(Fit),
    /// Score a table's rows with a fitted forest.
    Score(Score),
    /// Say which columns made a row's score.
    Explain(Explain),
}

#[derive(Debug, Args)]
pub(crate) struct Growth {
    /// Number of trees.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) trees: usize,
    /// Rows that each tree is grown on; lowered to the rows that there are.
    #[arg(long, value_name = "ROWS", default_value_t = 256)]
    pub(crate) sample: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// The table: CSV, also .gz, with a header; every column but the label is a number.
    pub(crate) file: PathBuf,
    /// The column of labels: 0, or 1 for an anomaly.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) label: String,
    #[command(flatten)]
    pub(crate) growth: Growth,
    /// Seeds 1 to N, a forest each.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) seeds: u32,
    /// One JSON object on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Stream {
    /// The series: a column `timestamp` (else the first one), and one or more columns of values; CSV, also .gz.
    pub(crate) file: PathBuf,
    /// The CSV to write: the rows in their order, with `score` (one alert an episode) and `raw_score` at their ends.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Fit {
    /// The table: CSV, also .gz, with a header; every column is a number.
    pub(crate) file: PathBuf,
    /// The model's file; one that is there is replaced.
    #[arg(long, value_name = "FILE")]
    pub(crate) model: PathBuf,
    /// A column to leave out, here and wherever the model is applied.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) label: Option<String>,
    #[command(flatten)]
    pub(crate) growth: Growth,
    /// The seed: the same table, settings and seed give the same file.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Score {
    /// The table: the model's columns in any order; CSV, also .gz.
    pub(crate) file: PathBuf,
    /// The model.
    #[arg(long, value_name = "FILE")]
    pub(crate) model: PathBuf,
    /// The CSV to write: the rows in their order, with `score` at their ends [default: standard output].
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The table: the model's columns in any order; CSV, also .gz.
    pub(crate) file: PathBuf,
    /// The model.
    #[arg(long, value_name = "FILE")]
    pub(crate) model: PathBuf,
    /// This row, from 1, the header not counted.
    #[arg(long, value_name = "N", conflicts_with = "top")]
    pub(crate) row: Option<u64>,
    /// The rows with the highest scores.
    #[arg(long, value_name = "K", default_value_t = 10)]
    pub(crate) top: usize,
    /// One JSON object a line and row on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}
