//! What people type after `caduceus detect`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::recordings::Recordings;

#[derive(Debug, Args)]
pub(crate) struct Detect {
    #[command(flatten)]
    pub(crate) recordings: Recordings,
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
