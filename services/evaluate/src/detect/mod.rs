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
mod calendar;
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
use std::path::{Path, PathBuf};

use recording::Columns;
use vitals::{Detector, Settings, Signal};

use crate::Error;
use report::Report;
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

/// Reads `SIGNAL=COLUMN`: a signal's name, alias or LOINC code, and the name of a column.
///
/// # Errors
/// What is wrong with it, in words.
///
/// ```
/// use evaluate::detect::parse_mapping;
/// assert_eq!(parse_mapping("respiration=respr").unwrap().1, "respr");
/// assert!(parse_mapping("mood=HR").unwrap_err().contains("no signal is called `mood`"));
/// ```
pub fn parse_mapping(text: &str) -> Result<(Signal, String), String> {
    let Some((signal, column)) = text.split_once('=') else {
        return Err("SIGNAL=COLUMN is needed, for example heart_rate=HR".into());
    };
    let Some(known) = Signal::from_name(signal) else {
        let names: Vec<&str> = Signal::all().map(Signal::name).collect();
        return Err(format!("no signal is called `{}`; there are: {}", signal.trim(), names.join(", ")));
    };
    match column.trim() {
        "" => Err(format!("the column of {} is not named", known.name())),
        column => Ok((known, column.to_owned())),
    }
}

/// Runs the command: figures go to `out`, remarks about the recordings to `notes`.
///
/// # Errors
/// [`Error`] says what, and [`Error::kind`] whose fault it is. Scores of the rows before stay written.
pub fn run(options: &Options, out: &mut dyn Write, notes: &mut dyn Write) -> Result<(), Error> {
    check(options)?;
    let cohort = physiology::reference_cohort(options.cohort_seed)?;
    run_with(&Detector::new(cohort, options.profile.settings())?, options, out, notes)
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
) -> Result<(), Error> {
    check(options)?;
    let labels = options.labels.as_deref().map(labels::read).transpose()?;
    let mut scores = Scores::create(options.scores.as_deref())?;
    let mut reports = Vec::new();
    for file in &options.files {
        let charted = options.chart.is_some();
        let persons = rows::watch(file, &options.columns, detector, &mut scores, charted, notes)?;
        if persons.all.is_empty() {
            rows::note(notes, &format!("{}: no row", file.display()));
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
        draw(path, &reports, detector)?;
    }
    if !options.json {
        out.write_all(table::text(&reports, labels.is_some()).as_bytes()).map_err(Error::Output)?;
    }
    Ok(())
}

/// What can be seen before anything is read.
fn check(options: &Options) -> Result<(), Error> {
    let signals = &options.columns.signals;
    for (at, (signal, _)) in signals.iter().enumerate() {
        if signals.iter().take(at).any(|(other, _)| other == signal) {
            return Err(Error::Usage(format!("--map names {} twice", signal.name())));
        }
    }
    // Writing over what is read would destroy it.
    let read: Vec<PathBuf> =
        options.files.iter().chain(&options.labels).filter_map(|path| path.canonicalize().ok()).collect();
    for written in options.scores.iter().chain(&options.chart) {
        if written.canonicalize().is_ok_and(|written| read.contains(&written)) {
            return Err(Error::Usage(format!("{} is read: name another file to write", written.display())));
        }
    }
    Ok(())
}

/// One chart a person; where there are several, the person's name goes before the ending.
fn draw(path: &Path, reports: &[Report], detector: &Detector) -> Result<(), Error> {
    let mut taken = std::collections::BTreeSet::new();
    for report in reports {
        let svg = chart::svg(report, detector);
        let mut target = path.to_owned();
        if reports.len() > 1 {
            let allowed = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
            let name: String = report.watched.person.chars().map(allowed).collect();
            let with = |number: usize| {
                let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
                let number = if number > 1 { format!("-{number}") } else { String::new() };
                let ending = path.extension().map_or_else(|| "svg".into(), |ending| ending.to_string_lossy());
                path.with_file_name(format!("{stem}-{name}{number}.{ending}"))
            };
            let mut number = 1;
            target = with(number);
            while !taken.insert(target.clone()) {
                number += 1;
                target = with(number);
            }
        }
        std::fs::write(&target, svg).map_err(Error::of_file(&target))?;
    }
    Ok(())
}
