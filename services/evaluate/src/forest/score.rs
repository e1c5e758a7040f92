//! `forest score`: a model's scores of a table's rows.

use std::io::Write;
use std::path::PathBuf;

use ndarray::ArrayView2;

use super::table::Table;
use super::whole::{WholeFile, write_row};
use super::{Model, Progress, counted};
use crate::Error;

/// Rows that are scored at once.
const BLOCK_ROWS: usize = 4_096;
/// What is appended.
const SCORE: &str = "score";

/// What to score.
#[derive(Clone, Debug)]
pub struct ScoreOptions {
    /// The table: the model's columns, in any order, and at most the one that was left out.
    pub file: PathBuf,
    /// The model.
    pub model: PathBuf,
    /// The CSV to write; without it, the rows go to the output.
    pub out: Option<PathBuf>,
}

/// Writes the rows in their order as they stand, with a column `score` at their ends.
///
/// # Errors
/// [`Error`]; then no file is written.
pub fn score(options: &ScoreOptions, out: &mut dyn Write, progress: Progress<'_>) -> Result<(), Error> {
    let model = Model::read(&options.model)?;
    let mut table = Table::open(&options.file)?;
    if table.header().iter().any(|name| name == SCORE) {
        return Err(table.wrong(format!("there is a column `{SCORE}` already; rename it or leave it out")));
    }
    let mut scored = Scored::begin(&model, &table)?;
    let read = [options.file.as_path(), options.model.as_path()];
    let mut file = options.out.as_deref().map(|path| WholeFile::create_csv(path, &read)).transpose()?;
    let mut write = |text: &[u8], score: &str| match &mut file {
        Some(file) => file.row(text, &[score]),
        None => write_row(out, text, &[score]).map_err(Error::Output),
    };
    write(table.header_text(), SCORE)?;
    let mut rows = 0;
    while scored.next_block(&mut table, progress)? {
        rows += scored.rows.len();
        for (row, score) in scored.rows.iter().zip(&scored.scores) {
            write(&row.text, &score.to_string())?;
        }
    }
    if rows == 0 {
        return Err(table.wrong("there is no row"));
    }
    if let (Some(file), Some(path)) = (file, &options.out) {
        file.finish()?;
        writeln!(out, "{}: {}", path.display(), counted(rows, "row")).map_err(Error::Output)?;
    }
    Ok(())
}

/// A row of the table.
pub(crate) struct Row {
    /// Its line, from 1.
    pub(crate) line: u64,
    /// As it stands.
    pub(crate) text: Vec<u8>,
}

/// A table under a model, block by block.
pub(crate) struct Scored<'a> {
    model: &'a Model,
    places: Vec<usize>,
    /// The rows of the block.
    pub(crate) rows: Vec<Row>,
    /// Their values, one after another, in the order of the model's columns.
    values: Vec<f64>,
    /// Their scores.
    pub(crate) scores: Vec<f64>,
}

impl<'a> Scored<'a> {
    /// Holds the table's columns against the model's.
    pub(crate) fn begin(model: &'a Model, table: &Table) -> Result<Self, Error> {
        let places = model.places(table)?;
        Ok(Self { model, places, rows: Vec::new(), values: Vec::new(), scores: Vec::new() })
    }

    /// The values of a row of the block.
    pub(crate) fn values_of(&self, row: usize) -> &[f64] {
        self.values.chunks_exact(self.places.len()).nth(row).unwrap_or_default()
    }

    /// Goes on to the next block; false where there is none.
    pub(crate) fn next_block(&mut self, table: &mut Table, progress: Progress<'_>) -> Result<bool, Error> {
        self.rows.clear();
        self.values.clear();
        while self.rows.len() < BLOCK_ROWS && table.advance()? {
            for column in &self.places {
                self.values.push(table.number(*column)?);
            }
            self.rows.push(Row { line: table.line(), text: table.row_text().to_owned() });
        }
        let shape = (self.rows.len(), self.places.len());
        let values = ArrayView2::from_shape(shape, &self.values).map_err(|error| table.wrong(error.to_string()))?;
        self.scores = self.model.forest().scores(values)?;
        let (read, all) = table.progress_bytes();
        progress(read, all);
        Ok(!self.rows.is_empty())
    }
}
