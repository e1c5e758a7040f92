//! What can go wrong, by what the caller can do.

use std::path::{Path, PathBuf};

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A recording cannot be read: see there.
    #[error(transparent)]
    Recording(#[from] recording::Error),
    /// A cell of a table says nothing that can be used: mend it.
    #[error("{}, line {line}, column {column}: {what}", .file.display())]
    Cell {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The column's name.
        column: String,
        /// What is wrong with it.
        what: String,
    },
    /// A table as a whole cannot be used: mend it, or give another.
    #[error("{}: {what}", .file.display())]
    Table {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A forest's model file cannot be used: copy it again, or fit it anew.
    #[error("the model {}: {what}", .file.display())]
    Model {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A forest refuses what it is given: mend the data.
    #[error("the forest: {0}")]
    Forest(#[from] iforest::IsolationForestError),
    /// What was asked for makes no sense: ask for something else.
    #[error("{0}")]
    Usage(String),
    /// The disk does not give or take a file: look at its place, its permissions and the room there.
    #[error("{}: {source}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What is printed cannot be printed.
    #[error("the output cannot be written: {0}")]
    Output(#[source] std::io::Error),
    /// The detector cannot be made; its own tests rule that out.
    #[error("the detector: {0}")]
    Detector(#[from] vitals::VitalsError),
    /// A forecaster cannot be made; its own tests rule that out.
    #[error("the forecaster: {0}")]
    Forecaster(#[from] ::forecast::ForecastError),
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What was to be evaluated does not decode.
    Wrong,
    /// What was asked for makes no sense.
    Usage,
    /// The machine failed.
    Environment,
}

impl Error {
    /// Whose fault it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Recording(recording::Error::Undecodable { .. })
            | Self::Cell { .. }
            | Self::Table { .. }
            | Self::Model { .. }
            | Self::Forest(_) => Kind::Wrong,
            Self::Recording(recording::Error::NoSuchColumn { .. }) | Self::Usage(_) => Kind::Usage,
            Self::Recording(recording::Error::Unreadable { .. })
            | Self::File { .. }
            | Self::Output(_)
            | Self::Detector(_)
            | Self::Forecaster(_) => Kind::Environment,
        }
    }

    /// Turns a failure of the disk into an error that names the file.
    pub fn of_file(file: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        move |source| Self::File { file: file.to_owned(), source }
    }
}
