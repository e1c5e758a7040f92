//! A recording, row by row, under the detector.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use recording::{Columns, Measured, Moment, Recording, Row, Spelling, Unreadable};
use vitals::{Admission, Detector, Reading, Refusal};

use super::scores::Scores;
use super::watched::Watched;
use crate::Error;

/// Recordings come from any time: nothing is too old, and nothing is ahead of its own moment.
const ADMISSION: Admission = Admission { max_age_ms: i64::MAX, future_tolerance_ms: 0 };
/// Persons of one recording, at most: each takes some memory.
const PERSONS_MAX: usize = 20_000;
/// Refusals of a file that are told one by one.
const TOLD_MAX: u64 = 10;

/// The persons of one recording.
pub(crate) struct Persons {
    /// In the order in which they came.
    pub(crate) all: Vec<Watched>,
    by_name: BTreeMap<String, usize>,
}

/// Watches a recording to its end. Each row is written to `scores` as it is read.
pub(crate) fn watch(
    file: &Path,
    columns: &Columns,
    detector: &Detector,
    scores: &mut Scores,
    charted: bool,
    notes: &mut dyn Write,
) -> Result<Persons, Error> {
    let mut recording = Recording::open(file, columns)?;
    let ignored = recording.ignored();
    if !ignored.is_empty() {
        note(notes, &format!("{}: columns that are not read: {}", file.display(), ignored.join(", ")));
    }
    let alone = columns.person.is_none().then(|| person_of(file));
    let mut persons = Persons { all: Vec::new(), by_name: BTreeMap::new() };
    let mut refusals = Refusals { file, told: 0, all: BTreeMap::new(), notes };
    while let Some(row) = recording.next_row()? {
        let named = alone.clone().or_else(|| person_in(&row, columns.person.as_deref(), &mut refusals));
        let Some(name) = named else {
            scores.write(time_text(&row), "", None, "refused")?;
            continue;
        };
        let Some(person) = persons.of(&name) else {
            let what = format!("more than {PERSONS_MAX} persons; is this the right column?");
            let column = columns.person.clone().unwrap_or_default();
            return Err(Error::Cell { file: file.to_owned(), line: row.line, column, what });
        };
        person.rows += 1;
        let refused_before = refusals.count();
        let stand = match read(&row, &recording, &mut refusals)? {
            Some((moment, readings, text)) => {
                person.spelling = person.spelling.or_else(|| Spelling::of(&text));
                let stand = person.take(detector, moment, &readings, charted);
                let refused = readings.is_empty() && refusals.count() > refused_before;
                if let (Some(positive), false) = (mark(&row, file, columns.label.as_deref())?, refused) {
                    person.mark(moment.time_ms, stand.score_micro, positive);
                }
                (stand.score_micro, if refused { "refused" } else { stand.state })
            }
            None => (person.score_micro(detector), "refused"),
        };
        person.refused += refusals.count() - refused_before;
        scores.write(time_text(&row), &name, Some(stand.0), stand.1)?;
    }
    persons.all.iter_mut().for_each(|person| person.finish(detector));
    refusals.tell();
    Ok(persons)
}

impl Persons {
    /// The person of a name; `None` where there are too many.
    fn of(&mut self, name: &str) -> Option<&mut Watched> {
        if !self.by_name.contains_key(name) {
            if self.all.len() >= PERSONS_MAX {
                return None;
            }
            self.by_name.insert(name.to_owned(), self.all.len());
            self.all.push(Watched::new(name));
        }
        self.all.get_mut(*self.by_name.get(name)?)
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

fn person_in(row: &Row, column: Option<&str>, refusals: &mut Refusals<'_>) -> Option<String> {
    let cell = row.content.as_ref().ok()?.person.as_ref();
    let name = cell.and_then(recording::Cell::text);
    if name.is_none() {
        let refusal = Refusal::Malformed { field: "the person", expected: "text of 1 to 64 bytes is needed" };
        refusals.add(row.line, column.unwrap_or_default(), &refusal);
    }
    name.map(str::to_owned)
}

fn time_text(row: &Row) -> &[u8] {
    row.content.as_ref().map_or(&[], |measured| measured.time_text.as_slice())
}

/// Moment, admitted readings and the time as it stands; `None` where the row has no moment.
fn read(
    row: &Row,
    recording: &Recording,
    refusals: &mut Refusals<'_>,
) -> Result<Option<(Moment, Vec<Reading>, String)>, Error> {
    let measured = match &row.content {
        Ok(measured) => measured,
        Err(Unreadable { column, expected, .. }) => {
            refusals.add(row.line, column, &Refusal::Malformed { field: "the row", expected });
            return Ok(None);
        }
    };
    let moment = match measured.moment() {
        Ok(moment) => moment,
        Err(refusal) => {
            refusals.add(row.line, recording.time_column(), &refusal);
            return Ok(None);
        }
    };
    let mut readings = Vec::with_capacity(measured.values.len());
    for (signal, cell) in &measured.values {
        match measured.admit(*signal, cell, &ADMISSION, moment.time_ms) {
            Ok(reading) => readings.push(reading),
            Err(refusal) => refusals.add(row.line, recording.column_of(*signal), &refusal),
        }
    }
    Ok(Some((moment, readings, text_of(measured))))
}

fn text_of(measured: &Measured) -> String {
    String::from_utf8_lossy(&measured.time_text).into_owned()
}

/// What a row is marked as: 0 or 1, also with decimals.
fn mark(row: &Row, file: &Path, column: Option<&str>) -> Result<Option<bool>, Error> {
    let Some(column) = column else { return Ok(None) };
    let Some(cell) = row.content.as_ref().ok().and_then(|measured| measured.label.as_ref()) else { return Ok(None) };
    match cell.text().and_then(vitals::milli::parse) {
        Some(0) => Ok(Some(false)),
        Some(vitals::milli::ONE) => Ok(Some(true)),
        _ => Err(Error::Cell {
            file: file.to_owned(),
            line: row.line,
            column: column.to_owned(),
            what: "a mark is 0 or 1".into(),
        }),
    }
}

/// Counts what is refused, and tells the first ones.
struct Refusals<'a> {
    file: &'a Path,
    told: u64,
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
        *self.all.entry((column.to_owned(), refusal.code())).or_default() += 1;
    }

    fn count(&self) -> u64 {
        self.all.values().sum()
    }

    /// How many were refused, by column and reason.
    fn tell(self) {
        if self.all.is_empty() {
            return;
        }
        let parts: Vec<String> =
            self.all.iter().map(|((column, code), count)| format!("{column} {code} {count}")).collect();
        let total = self.count();
        note(self.notes, &format!("{}: {total} refused: {}", self.file.display(), parts.join(", ")));
    }
}

/// Writes a line for people; that nobody reads it is no failure.
pub(crate) fn note(notes: &mut dyn Write, text: &str) {
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
