//! `caduceus forecast`: when a vital will cross a limit, by the person's own past, and how well that was foretold before.
//!
//! Row by row, as [`crate::detect`] reads them. One forecaster of the `forecast` crate follows each vital of each person and is judged
//! as it goes against persistence, the last value with the spread of its own past errors; nothing is known before its time. What
//! is told at the end of the recording reaches no further ahead than the horizons at which that person's vital was foretold
//! better than by persistence, and a crossing is told only where crossings of that limit were, or where too few came to try.
//! Where persistence is as good it says so, and gives no forecast.
//!
//! **Limits** are those of the profile, the platform's defaults for everybody; limits that are given for a signal stand instead of
//! them. A heart rate has to be high **at rest** to violate its limit, so where a recording has steps, heart rates within twelve
//! minutes of a step are left out, as the detector does.
//!
//! What it foretells is the mean of a step (five minutes; a quarter of an hour under [`Profile::Day`]).

mod chart;
mod json;
mod limits;
mod person;
mod rows;
mod sentences;
mod table;
mod told;

use std::io::Write;
use std::path::PathBuf;

use recording::Columns;
use vitals::Signal;

use crate::rows::Rows;
use crate::{Error, Progress, asked, draw};
use limits::Limits;
use told::Outlook;

pub use limits::{SignalLimit, parse_limit};

/// Whose recording it is; one set of numbers for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// At home: six hours ahead, out of four weeks.
    Home,
    /// At a monitor: three hours ahead, out of three days.
    Bedside,
    /// At home, by no more than lies in the chart of an alert: three hours ahead, out of one day by the quarter of an hour.
    Day,
}

impl Profile {
    fn forecast(self) -> forecast::Settings {
        match self {
            Self::Home => forecast::Settings::home(),
            Self::Bedside => forecast::Settings::bedside(),
            Self::Day => forecast::Settings::day(),
        }
    }

    fn vitals(self) -> vitals::Settings {
        match self {
            Self::Home | Self::Day => vitals::Settings::home(),
            Self::Bedside => vitals::Settings::bedside(),
        }
    }
}

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// The recordings, CSV or .csv.gz.
    pub files: Vec<PathBuf>,
    /// Which column means what.
    pub columns: Columns,
    /// Settings and default limits.
    pub profile: Profile,
    /// Limits that stand instead of the defaults of their signals.
    pub limits: Vec<SignalLimit>,
    /// Where to draw; one file a person, where there are several.
    pub chart: Option<PathBuf>,
    /// One JSON object a line and person, instead of a table.
    pub json: bool,
}

impl Options {
    /// Nothing but recordings and a profile.
    #[must_use]
    pub fn of(files: Vec<PathBuf>, profile: Profile) -> Self {
        Self { files, columns: Columns::default(), profile, limits: Vec::new(), chart: None, json: false }
    }
}

/// Runs the command: what is foretold goes to `out`, remarks about the recordings to `notes`.
///
/// # Errors
/// [`Error`] says what, and [`Error::kind`] whose fault it is.
pub fn run(options: &Options, out: &mut dyn Write, notes: &mut dyn Write, progress: Progress<'_>) -> Result<(), Error> {
    asked::check(&options.columns, options.files.iter(), options.chart.iter().map(PathBuf::as_path))?;
    let (settings, limits) = (options.profile.forecast(), Limits::of(&options.profile.vitals(), &options.limits)?);
    let mut all: Vec<Outlook> = Vec::new();
    for file in &options.files {
        let mut rows = Rows::open(file, &options.columns, notes, progress)?;
        let persons = rows::follow(&mut rows, &settings, &limits)?;
        if persons.is_empty() {
            rows.note(&format!("{}: no row", file.display()));
        }
        for person in persons {
            let outlook = Outlook::of(file, person, &limits);
            for signal in missing(&options.limits, &outlook) {
                let (file, who) = (file.display(), &outlook.person);
                rows.note(&format!("{file}: {who} has no {}: nothing can be said of its limit", signal.name()));
            }
            if options.json {
                writeln!(out, "{}", json::object(&outlook)).map_err(Error::Output)?;
            } else {
                out.write_all(table::text(&outlook).as_bytes()).map_err(Error::Output)?;
            }
            if options.chart.is_some() {
                all.push(outlook);
            }
        }
    }
    if let Some(path) = &options.chart {
        let charts: Vec<_> = all.iter().map(|outlook| (outlook.person.as_str(), chart::svg(outlook))).collect();
        draw::write_each(path, &charts)?;
    }
    Ok(())
}

/// Signals whose limit was given and that a person does not have, each once.
fn missing(limits: &[SignalLimit], outlook: &Outlook) -> Vec<Signal> {
    let mut signals: Vec<Signal> = limits.iter().map(|limit| limit.signal).collect();
    signals.sort_unstable();
    signals.dedup();
    signals.retain(|signal| outlook.vitals.iter().all(|vital| vital.signal != *signal));
    signals
}
