//! A table in memory: features, and labels where they are read.

use std::path::Path;

use iforest::MAX_FEATURES;
use ndarray::Array2;

use super::table::Table;
use super::{Progress, counted};
use crate::Error;

/// Most numbers of a table that is held in memory: 1 GiB.
const NUMBERS_MAX: usize = 1 << 27;
/// Rows between two looks at the progress.
const ROWS_A_LOOK: usize = 4_096;

/// What to do with the column of that name.
#[derive(Clone, Copy)]
pub(crate) enum Label<'a> {
    /// There is none.
    None,
    /// It is left out.
    LeftOut(&'a str),
    /// It is read: 0, or 1 for an anomaly.
    Read(&'a str),
}

/// A table in memory.
pub(crate) struct Dataset {
    /// Names of the features.
    pub(crate) names: Vec<String>,
    /// One row a row of the table.
    pub(crate) values: Array2<f64>,
    /// One a row, where they were read.
    pub(crate) labels: Vec<bool>,
}

impl Dataset {
    /// Reads the whole file.
    pub(crate) fn read(file: &Path, label: Label<'_>, progress: Progress<'_>) -> Result<Self, Error> {
        let mut table = Table::open(file)?;
        let (left_out, marks) = match label {
            Label::None => (None, None),
            Label::LeftOut(name) => (Some(table.column(name)?), None),
            Label::Read(name) => (Some(table.column(name)?), Some(table.column(name)?)),
        };
        let features: Vec<usize> = (0..table.header().len()).filter(|column| Some(*column) != left_out).collect();
        if features.is_empty() {
            return Err(table.wrong("there is no column but the label; at least one feature is needed"));
        }
        if features.len() > MAX_FEATURES {
            return Err(table.wrong(format!("{} features, and a forest takes at most {MAX_FEATURES}", features.len())));
        }
        let (mut values, mut labels, mut rows) = (Vec::new(), Vec::new(), 0_usize);
        while table.advance()? {
            for column in &features {
                values.push(table.number(*column)?);
            }
            if let Some(column) = marks {
                labels.push(table.mark(column)?);
            }
            if values.len() > NUMBERS_MAX {
                return Err(table.wrong(format!(
                    "more than {NUMBERS_MAX} numbers; fit on some of the rows and `forest score` the rest"
                )));
            }
            rows += 1;
            if rows % ROWS_A_LOOK == 0 {
                let (read, all) = table.progress_bytes();
                progress(read, all);
            }
        }
        if rows < 2 {
            return Err(table.wrong(format!("{}, and a forest needs at least two", counted(rows, "row"))));
        }
        let names = features.iter().filter_map(|column| table.header().get(*column).cloned()).collect();
        let values =
            Array2::from_shape_vec((rows, features.len()), values).map_err(|error| table.wrong(error.to_string()))?;
        Ok(Self { names, values, labels })
    }
}
