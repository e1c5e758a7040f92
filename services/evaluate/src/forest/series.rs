//! `forest stream`: a time series row by row, each row scored before it is learned.

use std::io::Write;
use std::path::PathBuf;

use iforest::streaming::SeriesForest;

use super::table::Table;
use super::whole::WholeFile;
use super::{Progress, counted};
use crate::Error;

/// One seed for every file, as everything else is one setting for every file.
const SEED: u64 = 1;
/// Names of the column of timestamps, in any case; else it is the first.
const TIMESTAMP_NAMES: [&str; 2] = ["timestamp", "time"];
/// What is appended.
const SCORE: &str = "score";
const RAW_SCORE: &str = "raw_score";
/// Most columns of values: each takes up to 14 MB.
const COLUMNS_MAX: usize = 256;
/// Rows between two looks at the progress.
const ROWS_A_LOOK: u64 = 64;

/// What to score.
#[derive(Clone, Debug)]
pub struct StreamOptions {
    /// The series: a column of timestamps (`timestamp` or `time`, else the first one), which is copied as it stands, and one or
    /// more columns of values, which are all features.
    pub file: PathBuf,
    /// The CSV to write: the rows in their order, with `score` and `raw_score` at their ends.
    pub out: PathBuf,
}

/// Writes the rows with their scores, both in [0, 1]: `raw_score` says how new a row is, `score` is that behind the episode
/// gate, which makes one alert of one episode ([`SeriesForest`]). What a score says follows from the rows before it alone; the
/// first 100 rows score 0. Then one line about the whole.
///
/// # Errors
/// [`Error`]; then nothing is written.
pub fn stream(options: &StreamOptions, out: &mut dyn Write, progress: Progress<'_>) -> Result<(), Error> {
    let mut table = Table::open(&options.file)?;
    let values = value_columns(&table)?;
    let mut series = SeriesForest::new(values.len(), SEED)?;
    let mut written = WholeFile::create_csv(&options.out, &[&options.file])?;
    written.row(table.header_text(), &[SCORE, RAW_SCORE])?;
    let mut row = Vec::with_capacity(values.len());
    let mut highest = (0.0, String::new());
    while table.advance()? {
        row.clear();
        for column in &values {
            row.push(table.number(*column)?);
        }
        let scored = series.push(&row)?;
        written.row(table.row_text(), &[&scored.score.to_string(), &scored.raw_score.to_string()])?;
        if scored.score > highest.0 {
            highest = (scored.score, format!("; the highest score is {:.3}, in line {}", scored.score, table.line()));
        }
        if series.rows() % ROWS_A_LOOK == 0 {
            let (read, all) = table.progress_bytes();
            progress(read, all);
        }
    }
    if series.rows() == 0 {
        return Err(table.wrong("there is no row"));
    }
    written.finish()?;
    let rows = counted(usize::try_from(series.rows()).unwrap_or(usize::MAX), "row");
    writeln!(out, "{}: {rows}{}", options.out.display(), highest.1).map_err(Error::Output)
}

/// All columns but that of the timestamps.
fn value_columns(table: &Table) -> Result<Vec<usize>, Error> {
    let header = table.header();
    if header.first().is_some_and(|name| name.starts_with(|c: char| c.is_ascii_digit())) {
        return Err(
            table.wrong(format!("line 1 is no header: it begins with `{}`", header.first().map_or("", |name| name)))
        );
    }
    if let Some(taken) = header.iter().find(|name| [SCORE, RAW_SCORE].contains(&name.as_str())) {
        return Err(table.wrong(format!("there is a column `{taken}` already; rename it or leave it out")));
    }
    let is_time = |name: &String| TIMESTAMP_NAMES.iter().any(|time| name.eq_ignore_ascii_case(time));
    let time = header.iter().position(is_time).unwrap_or(0);
    let values: Vec<usize> = (0..header.len()).filter(|column| *column != time).collect();
    match values.len() {
        0 => Err(table.wrong("there is one column; a timestamp and at least one value are needed")),
        columns if columns > COLUMNS_MAX => {
            Err(table.wrong(format!("{columns} columns of values; at most {COLUMNS_MAX} are possible")))
        }
        _ => Ok(values),
    }
}
