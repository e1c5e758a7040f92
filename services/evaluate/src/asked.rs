//! What is wrong with what was asked for, as far as it can be seen before anything is read.

use std::path::{Path, PathBuf};

use recording::Columns;
use vitals::Signal;

use crate::Error;

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
    let known = parse_signal(signal)?;
    match column.trim() {
        "" => Err(format!("the column of {} is not named", known.name())),
        column => Ok((known, column.to_owned())),
    }
}

/// A signal by its name, alias or LOINC code; or that there is none, and which there are.
pub(crate) fn parse_signal(text: &str) -> Result<Signal, String> {
    Signal::from_name(text).ok_or_else(|| {
        let names: Vec<&str> = Signal::all().map(Signal::name).collect();
        format!("no signal is called `{}`; there are: {}", text.trim(), names.join(", "))
    })
}

/// No signal is mapped twice, and nothing that is read is written over.
pub(crate) fn check<'a>(
    columns: &Columns,
    read: impl Iterator<Item = &'a PathBuf>,
    written: impl Iterator<Item = &'a Path>,
) -> Result<(), Error> {
    let signals = &columns.signals;
    for (at, (signal, _)) in signals.iter().enumerate() {
        if signals.iter().take(at).any(|(other, _)| other == signal) {
            return Err(Error::Usage(format!("--map names {} twice", signal.name())));
        }
    }
    // Writing over what is read would destroy it.
    let read: Vec<PathBuf> = read.filter_map(|path| path.canonicalize().ok()).collect();
    for written in written {
        if written.canonicalize().is_ok_and(|written| read.contains(&written)) {
            return Err(Error::Usage(format!("{} is read: name another file to write", written.display())));
        }
    }
    Ok(())
}
