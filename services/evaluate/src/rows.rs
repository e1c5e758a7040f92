//! A recording row by row, whatever is done with it: whose row it is, when, and the readings that were admitted.
//!
//! What is refused is counted, the first ones told by line and column, and left out.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use recording::{Cell, Columns, Moment, Recording, Row, Unreadable};
use vitals::{Admission, Reading, Refusal};

use crate::{Error, Progress};

/// Recordings come from any time: nothing is too old, and nothing is ahead of its own moment.
const ADMISSION: Admission = Admission { max_age_ms: i64::MAX, future_tolerance_ms: 0 };
/// Refusals of a file that are told one by one.
const TOLD_MAX: u64 = 10;
/// Progress is told every so many rows.
const ROWS_A_LOOK: u64 = 1_024;

/// A recording that is read to its end.
pub(crate) struct Rows<'a> {
    file: &'a Path,
    columns: &'a Columns,
    recording: Recording,
    /// Whose rows they are, where no column says so.
    alone: Option<String>,
    refusals: Refusals<'a>,
    progress: Progress<'a>,
    rows: u64,
}

/// One row.
pub(crate) struct Line {
    row: Row,
    /// Whose it is; none where that cannot be told.
    pub(crate) person: Option<String>,
    /// When, and what was admitted; none where the row has no moment.
    pub(crate) taken: Option<(Moment, Vec<Reading>)>,
    /// Cells that were refused, or the row.
    pub(crate) refused: u64,
}

impl Line {
    /// Its first line in the file, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.row.line
    }

    /// The time as it stands.
    pub(crate) fn time_text(&self) -> &[u8] {
        self.row.content.as_ref().map_or(&[], |measured| measured.time_text.as_slice())
    }

    /// What the row is marked as, where a column says so.
    pub(crate) fn label(&self) -> Option<&Cell> {
        self.row.content.as_ref().ok().and_then(|measured| measured.label.as_ref())
    }
}

impl<'a> Rows<'a> {
    /// Opens a recording; columns that are not read are named.
    pub(crate) fn open(
        file: &'a Path,
        columns: &'a Columns,
        notes: &'a mut dyn Write,
        progress: Progress<'a>,
    ) -> Result<Self, Error> {
        let recording = Recording::open(file, columns)?;
        let ignored = recording.ignored();
        if !ignored.is_empty() {
            note(notes, &format!("{}: columns that are not read: {}", file.display(), ignored.join(", ")));
        }
        let alone = columns.person.is_none().then(|| person_of(file));
        let refusals = Refusals { file, told: 0, count: 0, all: BTreeMap::new(), notes };
        Ok(Self { file, columns, recording, alone, refusals, progress, rows: 0 })
    }

    /// The recording.
    pub(crate) fn file(&self) -> &'a Path {
        self.file
    }

    /// Which column means what.
    pub(crate) fn columns(&self) -> &'a Columns {
        self.columns
    }

    /// Says something about the recording.
    pub(crate) fn note(&mut self, text: &str) {
        note(self.refusals.notes, text);
    }

    /// The next row; at the end what was refused is told, by column and reason.
    pub(crate) fn next_line(&mut self) -> Result<Option<Line>, Error> {
        let Some(row) = self.recording.next_row()? else {
            self.refusals.tell();
            self.look();
            return Ok(None);
        };
        self.rows += 1;
        if self.rows.is_multiple_of(ROWS_A_LOOK) {
            self.look();
        }
        let person = self.alone.clone().or_else(|| self.person_in(&row));
        let Some(person) = person else { return Ok(Some(Line { row, person: None, taken: None, refused: 1 })) };
        let before = self.refusals.count;
        let taken = self.read(&row);
        Ok(Some(Line { row, person: Some(person), taken, refused: self.refusals.count - before }))
    }

    fn look(&mut self) {
        let (read, all) = self.recording.progress_bytes();
        (self.progress)(read, all);
    }

    fn person_in(&mut self, row: &Row) -> Option<String> {
        let cell = row.content.as_ref().ok().and_then(|measured| measured.person.as_ref());
        let name = cell.and_then(Cell::text);
        if name.is_none() {
            let refusal = Refusal::Malformed { field: "the person", expected: "text of 1 to 64 bytes is needed" };
            self.refusals.add(row.line, self.columns.person.as_deref().unwrap_or_default(), &refusal);
        }
        name.map(str::to_owned)
    }

    /// Moment and admitted readings; `None` where the row has no moment.
    fn read(&mut self, row: &Row) -> Option<(Moment, Vec<Reading>)> {
        let measured = match &row.content {
            Ok(measured) => measured,
            Err(Unreadable { column, expected, .. }) => {
                self.refusals.add(row.line, column, &Refusal::Malformed { field: "the row", expected });
                return None;
            }
        };
        let moment = match measured.moment() {
            Ok(moment) => moment,
            Err(refusal) => {
                self.refusals.add(row.line, self.recording.time_column(), &refusal);
                return None;
            }
        };
        let mut readings = Vec::with_capacity(measured.values.len());
        for (signal, cell) in &measured.values {
            match measured.admit(*signal, cell, &ADMISSION, moment.time_ms) {
                Ok(reading) => readings.push(reading),
                Err(refusal) => self.refusals.add(row.line, self.recording.column_of(*signal), &refusal),
            }
        }
        Some((moment, readings))
    }
}

/// A file's name up to `_1min`, `.csv` or `.csv.gz`: whose recording it is where no column says so.
pub(crate) fn person_of(file: &Path) -> String {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = name.strip_suffix(".gz").unwrap_or(&name);
    let stem = stem.strip_suffix(".csv").unwrap_or(stem);
    let stem = stem.find("_1min").and_then(|at| stem.get(..at)).unwrap_or(stem);
    if stem.is_empty() { name } else { stem.to_owned() }
}

/// Counts what is refused, and tells the first ones.
struct Refusals<'a> {
    file: &'a Path,
    told: u64,
    count: u64,
    all: BTreeMap<(String, &'static str), u64>,
    notes: &'a mut dyn Write,
}

impl Refusals<'_> {
    fn add(&mut self, line: u64, column: &str, refusal: &Refusal) {
        if self.told < TOLD_MAX {
            // Without the value: it may be health data, and this may be a log.
            let text = format!("{}, line {line}, column {column}: refused: {refusal}", self.file.display());
            note(self.notes, &text);
            self.told += 1;
        }
        self.count += 1;
        *self.all.entry((column.to_owned(), refusal.code())).or_default() += 1;
    }

    /// How many were refused, by column and reason.
    fn tell(&mut self) {
        if self.all.is_empty() {
            return;
        }
        let parts: Vec<String> =
            self.all.iter().map(|((column, code), count)| format!("{column} {code} {count}")).collect();
        let total = self.count;
        note(self.notes, &format!("{}: {total} refused: {}", self.file.display(), parts.join(", ")));
    }
}

/// Writes a line for people; that nobody reads it is no failure.
fn note(notes: &mut dyn Write, text: &str) {
    let _unread = writeln!(notes, "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_named_by_the_file() {
        for (file, person) in [
            ("/data/A3OU183_1min.csv.gz", "A3OU183"),
            ("AS2MVDL.csv", "AS2MVDL"),
            ("mimic2_s00001_numerics_1min.csv", "mimic2_s00001_numerics"),
            ("plain", "plain"),
            (".csv", ".csv"),
        ] {
            assert_eq!(person_of(Path::new(file)), person);
        }
    }
}
