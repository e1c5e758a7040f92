//! A recording, row by row, under the detector.

use std::collections::BTreeMap;
use std::path::Path;

use recording::Spelling;
use vitals::Detector;

use super::scores::Scores;
use super::watched::Watched;
use crate::Error;
use crate::rows::{Line, Rows};

/// Persons of one recording, at most: each takes some memory.
const PERSONS_MAX: usize = 20_000;

/// The persons of one recording.
pub(crate) struct Persons {
    /// In the order in which they came.
    pub(crate) all: Vec<Watched>,
    by_name: BTreeMap<String, usize>,
}

/// Watches a recording to its end. Each row is written to `scores` as it is read.
pub(crate) fn watch(
    rows: &mut Rows<'_>,
    detector: &Detector,
    scores: &mut Scores,
    charted: bool,
) -> Result<Persons, Error> {
    let (file, columns) = (rows.file(), rows.columns());
    let mut persons = Persons { all: Vec::new(), by_name: BTreeMap::new() };
    while let Some(line) = rows.next_line()? {
        let Some(name) = &line.person else {
            scores.write(line.time_text(), "", None, "refused")?;
            continue;
        };
        let Some(person) = persons.of(name) else {
            let what = format!("more than {PERSONS_MAX} persons; is this the right column?");
            let column = columns.person.clone().unwrap_or_default();
            return Err(Error::Cell { file: file.to_owned(), line: line.number(), column, what });
        };
        person.rows += 1;
        let stand = match &line.taken {
            Some((moment, readings)) => {
                let text = String::from_utf8_lossy(line.time_text());
                person.spelling = person.spelling.or_else(|| Spelling::of(&text));
                let stand = person.take(detector, *moment, readings, charted);
                let refused = readings.is_empty() && line.refused > 0;
                if let (Some(positive), false) = (mark(&line, file, columns.label.as_deref())?, refused) {
                    person.mark(moment.time_ms, stand.score_micro, positive);
                }
                (stand.score_micro, if refused { "refused" } else { stand.state })
            }
            None => (person.score_micro(detector), "refused"),
        };
        person.refused += line.refused;
        scores.write(line.time_text(), name, Some(stand.0), stand.1)?;
    }
    persons.all.iter_mut().for_each(|person| person.finish(detector));
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

/// What a row is marked as: 0 or 1, also with decimals.
fn mark(line: &Line, file: &Path, column: Option<&str>) -> Result<Option<bool>, Error> {
    let Some(column) = column else { return Ok(None) };
    let Some(cell) = line.label() else { return Ok(None) };
    match cell.text().and_then(vitals::milli::parse) {
        Some(0) => Ok(Some(false)),
        Some(vitals::milli::ONE) => Ok(Some(true)),
        _ => Err(Error::Cell {
            file: file.to_owned(),
            line: line.number(),
            column: column.to_owned(),
            what: "a mark is 0 or 1".into(),
        }),
    }
}
