//! A recording, row by row, under forecasters.

use std::collections::BTreeMap;

use forecast::Settings;
use recording::Spelling;

use super::limits::Limits;
use super::person::Person;
use crate::Error;
use crate::rows::Rows;

/// Vitals of all persons of one recording, at most: each takes up to a megabyte.
const VITALS_MAX: usize = 512;

/// Follows a recording to its end: its persons in the order in which they came.
pub(crate) fn follow(rows: &mut Rows<'_>, settings: &Settings, limits: &Limits) -> Result<Vec<Person>, Error> {
    let (mut persons, mut by_name, mut vitals) = (Vec::<Person>::new(), BTreeMap::new(), 0);
    while let Some(line) = rows.next_line()? {
        let Some(name) = &line.person else { continue };
        let at = match by_name.get(name) {
            Some(at) => *at,
            None => {
                persons.push(Person::new(name));
                by_name.insert(name.clone(), persons.len() - 1);
                persons.len() - 1
            }
        };
        let Some(person) = persons.get_mut(at) else { continue };
        person.rows += 1;
        person.refused += line.refused;
        let Some((moment, readings)) = &line.taken else { continue };
        person.spelling = person.spelling.or_else(|| Spelling::of(&String::from_utf8_lossy(line.time_text())));
        vitals += person.take(*moment, readings, settings, limits)?;
        if vitals > VITALS_MAX || by_name.len() > VITALS_MAX {
            let what = format!("more than {VITALS_MAX} vitals of persons; give each part of the recording a file");
            let column = rows.columns().person.clone().unwrap_or_default();
            return Err(Error::Cell { file: rows.file().to_owned(), line: line.number(), column, what });
        }
    }
    Ok(persons)
}
