//! Which column means what.

use vitals::Signal;

/// What the caller says of the columns; what is not said is told by the header: `time`, and names of signals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// The column of times.
    pub time: Option<String>,
    /// The column that says whose row it is.
    pub person: Option<String>,
    /// The column that says what the row is marked as.
    pub label: Option<String>,
    /// Columns of signals; another column that is named by the same signal is not read.
    pub signals: Vec<(Signal, String)>,
}

/// Places of the columns that are read.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub(crate) time: usize,
    pub(crate) person: Option<usize>,
    pub(crate) label: Option<usize>,
    pub(crate) signals: Vec<(usize, Signal)>,
}

/// Why places cannot be told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// What the header says makes no sense.
    Header(String),
    /// A column that was asked for has so many of its name.
    Asked { column: String, count: usize },
}

impl Columns {
    /// Finds the columns in a header.
    pub(crate) fn places(&self, header: &[String]) -> Result<Places, Misfit> {
        let asked = |name: &Option<String>| name.as_deref().map(|name| place(header, name)).transpose();
        let (asked_time, person, label) = (asked(&self.time)?, asked(&self.person)?, asked(&self.label)?);
        let mut signals = Vec::new();
        for (signal, name) in &self.signals {
            signals.push((place(header, name)?, *signal));
        }
        let taken: Vec<usize> =
            [asked_time, person, label].into_iter().flatten().chain(signals.iter().map(|(at, _)| *at)).collect();
        let mut time = asked_time;
        for (at, name) in header.iter().enumerate().filter(|(at, _)| !taken.contains(at)) {
            if name.eq_ignore_ascii_case("time") {
                if asked_time.is_none() && time.replace(at).is_some() {
                    return Err(Misfit::Header("two columns are time".into()));
                }
            } else if let Some(signal) = Signal::from_name(name)
                && !self.signals.iter().any(|(mapped, _)| *mapped == signal)
            {
                if signals.iter().any(|(_, other)| *other == signal) {
                    return Err(Misfit::Header(format!("two columns are {}", signal.name())));
                }
                signals.push((at, signal));
            }
        }
        let Some(time) = time else {
            return Err(Misfit::Header(format!("no column `time`; there are: {}", header.join(", "))));
        };
        if signals.is_empty() {
            return Err(Misfit::Header("no column is named by a signal, such as `heart_rate` or `hr`".into()));
        }
        Ok(Places { time, person, label, signals })
    }
}

impl Places {
    /// Whether a column is read.
    pub(crate) fn reads(&self, column: usize) -> bool {
        let one = [Some(self.time), self.person, self.label].contains(&Some(column));
        one || self.signals.iter().any(|(at, _)| *at == column)
    }
}

/// The one column of a name.
fn place(header: &[String], name: &str) -> Result<usize, Misfit> {
    let found: Vec<usize> =
        header.iter().enumerate().filter(|(_, other)| *other == name.trim()).map(|(at, _)| at).collect();
    match found.as_slice() {
        [at] => Ok(*at),
        others => Err(Misfit::Asked { column: name.to_owned(), count: others.len() }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn header(names: &str) -> Vec<String> {
        names.split(',').map(str::to_owned).collect()
    }

    #[test]
    fn a_mapped_signal_silences_other_columns_of_that_signal() {
        let names = header("minute,HR,PULSE,RESP");
        let columns = Columns { time: Some("minute".into()), ..Columns::default() };
        assert_eq!(columns.places(&names).unwrap_err(), Misfit::Header("two columns are heart_rate".into()));
        let columns = Columns { signals: vec![(Signal::HeartRate, "PULSE".into())], ..columns };
        let places = columns.places(&names).unwrap();
        assert_eq!(places.signals, [(2, Signal::HeartRate), (3, Signal::Respiration)]);
        assert!(!places.reads(1) && places.reads(0));
    }

    #[test]
    fn a_column_that_is_asked_for_is_found_by_its_whole_name_once() {
        let names = header("time,hr,hr,who");
        let columns = |person: &str| Columns { person: Some(person.into()), ..Columns::default() };
        assert_eq!(columns("WHO").places(&names).unwrap_err(), Misfit::Asked { column: "WHO".into(), count: 0 });
        assert_eq!(columns("hr").places(&names).unwrap_err(), Misfit::Asked { column: "hr".into(), count: 2 });
        let names = header("time,hr,who,at");
        let columns = Columns { time: Some("at".into()), ..columns("who") };
        let places = columns.places(&names).unwrap();
        assert_eq!((places.time, places.person, places.reads(0)), (3, Some(2), false));
    }
}
