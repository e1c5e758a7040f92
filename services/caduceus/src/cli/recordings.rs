//! Which recordings, and how they are read: the same for every command on recordings.

use std::path::PathBuf;

use clap::Args;
use evaluate::detect::parse_mapping;
use recording::Columns;
use vitals::Signal;

#[derive(Debug, Args)]
pub(crate) struct Recordings {
    /// Recordings, CSV or .csv.gz: a column `time` and columns named by signals, for example `heart_rate` or `hr`.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Columns that are not named by their signals, for example heart_rate=HR,respiration=respr.
    #[arg(long, value_name = "SIGNAL=COLUMN", value_delimiter = ',', value_parser = parse_mapping)]
    map: Vec<(Signal, String)>,
    /// The column of times: ISO 8601 with or without offset, or seconds since 1970, whatever it is called [default: time].
    #[arg(long, value_name = "COLUMN")]
    time: Option<String>,
    /// The column that says whose row it is [default: the file's name up to _1min or .csv].
    #[arg(long, value_name = "COLUMN")]
    person: Option<String>,
}

impl Recordings {
    /// The files, and what their columns are; `label` is the column of marks, if any.
    pub(crate) fn split(self, label: Option<String>) -> (Vec<PathBuf>, Columns) {
        let Self { files, map, time, person } = self;
        (files, Columns { time, person, label, signals: map })
    }
}
