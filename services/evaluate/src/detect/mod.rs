//! `caduceus detect`: recordings under the detector of the platform, the very same code and settings.
//!
//! Row by row: what a score says was known at that row. Of a recording whose times have no offset the clock is the person's own,
//! and days are that clock's; seconds since 1970 are UTC, whatever the column is called. Cells and rows that cannot be read, or
//! are out of a signal's range (a zero for "not measured"), are counted, told by line and column, and left out.
//!
//! **Alerts.** One stands from when it was known until its episode ended, or to the last reading. The drift (onset of an
//! illness) judges nights and days: each of its alarms is one alert, from when it was known to the end of that day at most. So
//! the days between start and end of all alerts are exactly the alert-days. An alarm that is known at the end of a day falls on
//! that day.
//!
//! **Evaluation**, where onsets are given. *Found*: an alert-day from 14 days before the onset to 7 after; *lead*: days from the
//! first of them to the onset. A day is *monitored* with at least 60 readings of heart rate, from the 15th day of the recording
//! on. *False* are alert-days on monitored days more than 21 before the onset, or more than 14 after the recovery (the last one
//! given, at least 14 days after the onset; 28 where none is given).

mod alerts;
mod chart;
mod course;
mod days;
mod evaluation;
mod json;
mod labels;
mod reasons;
mod report;
mod rivals;
mod rows;
mod scores;
mod table;
mod watched;

use std::io::Write;
use std::path::PathBuf;

use recording::Columns;
use vitals::{Detector, Settings};

use crate::rows::Rows;
use crate::{Error, Progress, asked, draw};
use report::Report;

pub use crate::asked::parse_mapping;
use scores::Scores;

/// Whom the detector is set for: one set of numbers for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// At home: a reading a minute, days of baseline.
    Home,
    /// At a monitor: a reading a second, minutes of baseline.
    Bedside,
}

impl Profile {
    fn settings(self) -> Settings {
        match self {
            Self::Home => Settings::home(),
            Self::Bedside => Settings::bedside(),
        }
    }
}

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// The recordings, CSV or .csv.gz.
    pub files: Vec<PathBuf>,
    /// Which column means what. Marks of 0 and 1 in the column `label` give the area under the receiver operating
    /// characteristic of the scores.
    pub columns: Columns,
    /// The detector's settings.
    pub profile: Profile,
    /// Seed of the reference cohort that the forest is grown on.
    pub cohort_seed: u64,
    /// A table of onsets: `pid`, `onset`, `recovery_rel_days`.
    pub labels: Option<PathBuf>,
    /// Where to write a score a row.
    pub scores: Option<PathBuf>,
    /// Where to draw; one file a person, where there are several.
    pub chart: Option<PathBuf>,
    /// One JSON object a line and person, instead of a table.
    pub json: bool,
}

impl Options {
    /// Nothing but recordings and a profile, under the cohort of seed 1.
    #[must_use]
    pub fn of(files: Vec<PathBuf>, profile: Profile) -> Self {
        let columns = Columns::default();
        Self { files, columns, profile, cohort_seed: 1, labels: None, scores: None, chart: None, json: false }
    }
}

/// Runs the command: figures go to `out`, remarks about the recordings to `notes`.
///
/// # Errors
/// [`Error`] says what, and [`Error::kind`] whose fault it is. Scores of the rows before stay written.
pub fn run(options: &Options, out: &mut dyn Write, notes: &mut dyn Write, progress: Progress<'_>) -> Result<(), Error> {
    check(options)?;
    let cohort = physiology::reference_cohort(options.cohort_seed)?;
    run_with(&Detector::new(cohort, options.profile.settings())?, options, out, notes, progress)
}

/// Runs the command under a detector that is there already, whatever profile and seed the options name.
///
/// # Errors
/// As of [`run`].
pub fn run_with(
    detector: &Detector,
    options: &Options,
    out: &mut dyn Write,
    notes: &mut dyn Write,
    progress: Progress<'_>,
) -> Result<(), Error> {
    check(options)?;
    let labels = options.labels.as_deref().map(labels::read).transpose()?;
    let mut scores = Scores::create(options.scores.as_deref())?;
    let mut reports = Vec::new();
    for file in &options.files {
        let charted = options.chart.is_some();
        let mut rows = Rows::open(file, &options.columns, notes, progress)?;
        let persons = rows::watch(&mut rows, detector, &mut scores, charted)?;
        if persons.all.is_empty() {
            rows.note(&format!("{}: no row", file.display()));
        }
        for watched in persons.all {
            let onset = labels.as_ref().and_then(|labels| labels.get(&watched.person)).copied();
            let report = Report::of(file, watched, onset);
            if options.json {
                writeln!(out, "{}", json::object(&report)).map_err(Error::Output)?;
            }
            reports.push(report);
        }
    }
    scores.finish()?;
    if let Some(path) = &options.chart {
        let chart = |report| chart::svg(report, detector);
        let charts: Vec<_> = reports.iter().map(|report| (report.watched.person.as_str(), chart(report))).collect();
        draw::write_each(path, &charts)?;
    }
    if !options.json {
        out.write_all(table::text(&reports, labels.is_some()).as_bytes()).map_err(Error::Output)?;
    }
    Ok(())
}

/// What can be seen before anything is read.
fn check(options: &Options) -> Result<(), Error> {
    let read = options.files.iter().chain(&options.labels);
    let written = options.scores.iter().chain(&options.chart).map(PathBuf::as_path);
    asked::check(&options.columns, read, written)
}
