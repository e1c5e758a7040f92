//! What people type after `caduceus detect`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use evaluate::detect::parse_mapping;
use vitals::Signal;

#[derive(Debug, Args)]
pub(crate) struct Detect {
    /// Recordings, CSV or .csv.gz: a column `time` and columns named by signals, for example `heart_rate` or `hr`.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Columns that are not named by their signals, for example heart_rate=HR,respiration=respr.
    #[arg(long, value_name = "SIGNAL=COLUMN", value_delimiter = ',', value_parser = parse_mapping)]
    pub(crate) map: Vec<(Signal, String)>,
    /// The column of times: ISO 8601 with or without offset, or seconds since 1970, whatever it is called [default: time].
    #[arg(long, value_name = "COLUMN")]
    pub(crate) time: Option<String>,
    /// The column that says whose row it is [default: the file's name up to _1min or .csv].
    #[arg(long, value_name = "COLUMN")]
    pub(crate) person: Option<String>,
    /// Whom the detector is set for; one set of numbers for everybody.
    #[arg(long, value_enum, default_value_t = Profile::Home)]
    pub(crate) profile: Profile,
    /// When people fell ill: a table with `pid`, `onset` and `recovery_rel_days`.
    #[arg(long, value_name = "FILE")]
    pub(crate) labels: Option<PathBuf>,
    /// A column of 0 and 1 that scores are to tell apart: gives the area under the ROC curve, plain, and against the five
    /// minutes beside each run of 1.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) mark: Option<String>,
    /// Writes time, person, score and state, a row for each row.
    #[arg(long, value_name = "OUT.csv")]
    pub(crate) scores: Option<PathBuf>,
    /// Draws the signal, what is usual, alerts and onset; OUT-PERSON.svg where there are several persons.
    #[arg(long, value_name = "OUT.svg")]
    pub(crate) chart: Option<PathBuf>,
    /// One JSON object a line and person, instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// A reading a minute, days of baseline.
    Home,
    /// A reading a second, minutes of baseline.
    Bedside,
}
