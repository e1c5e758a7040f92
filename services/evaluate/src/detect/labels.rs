//! Who fell ill when: a table of onsets.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use crate::Error;
use crate::calendar::parse_date;

/// From the onset on nothing is called false for so long at least, days.
const RECOVERY_DAYS_MIN: i64 = 14;
/// For so long where no recovery is given, days.
const RECOVERY_DAYS_UNKNOWN: i64 = 28;
/// No recovery takes longer, days: it would be a slip of the pen.
const RECOVERY_DAYS_MAX: i64 = 3_650;

/// When a person fell ill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Onset {
    /// Day of the first symptoms, since 1970-01-01.
    pub(crate) day: i64,
    /// Days from the onset to the recovery.
    pub(crate) recovered_after_days: i64,
}

/// Reads a table with the columns `pid`, `onset` and, where it is there, `recovery_rel_days`; others are not read. A person without
/// an onset has no label.
pub(crate) fn read(path: &Path) -> Result<BTreeMap<String, Onset>, Error> {
    let file = File::open(path).map_err(Error::of_file(path))?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let cell = |line: u64, column: &str, what: String| Error::Cell {
        file: path.to_owned(),
        line,
        column: column.to_owned(),
        what,
    };
    let broken = |error: csv::Error| match error.into_kind() {
        csv::ErrorKind::Io(source) => Error::File { file: path.to_owned(), source },
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.map_or(1, |at| at.line());
            cell(line, &len.min(expected_len).to_string(), format!("{len} cells, and the header has {expected_len}"))
        }
        csv::ErrorKind::Utf8 { pos, err } => {
            cell(pos.map_or(1, |at| at.line()), &(err.field() + 1).to_string(), "no UTF-8 text".into())
        }
        other => cell(1, "1", format!("{other:?}")),
    };
    let header = reader.headers().map_err(broken)?.clone();
    let place = |name: &str| header.iter().position(|other| other.trim_start_matches('\u{feff}') == name);
    let needed = |name: &str| {
        let all: Vec<&str> = header.iter().collect();
        place(name).ok_or_else(|| cell(1, name, format!("there is no such column; there are: {}", all.join(", "))))
    };
    let (pid, onset, recovery) = (needed("pid")?, needed("onset")?, place("recovery_rel_days"));
    let mut labels = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let line = record.position().map_or(0, csv::Position::line);
        let text = |column: usize| record.get(column).unwrap_or_default();
        if text(onset).is_empty() {
            continue;
        }
        let day =
            parse_date(text(onset)).ok_or_else(|| cell(line, "onset", "a date such as 2020-07-05 is needed".into()))?;
        let recovered_after_days = recovered(recovery.map_or("", text)).ok_or_else(|| {
            cell(line, "recovery_rel_days", "days after the onset are needed, several with ';' between".into())
        })?;
        if labels.insert(text(pid).to_owned(), Onset { day, recovered_after_days }).is_some() {
            return Err(cell(line, "pid", "this person has a label already".into()));
        }
    }
    Ok(labels)
}

/// The last of the recoveries.
fn recovered(text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(RECOVERY_DAYS_UNKNOWN);
    }
    let days: i64 = text.split(';').next_back()?.trim().parse().ok()?;
    (-RECOVERY_DAYS_MAX..=RECOVERY_DAYS_MAX).contains(&days).then_some(days.max(RECOVERY_DAYS_MIN))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use std::io::Write as _;

    use super::*;

    fn labels(text: &str) -> Result<BTreeMap<String, Onset>, Error> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        read(file.path())
    }

    #[test]
    fn the_last_recovery_counts_at_least_two_weeks_and_four_where_none_is_given() {
        let found =
            labels("pid,onset,recovery_rel_days\nA,2020-07-05,16;36\nB,1970-01-02,9\nC,1970-01-03,\nD,,5\n").unwrap();
        let days = |person: &str| found.get(person).map(|onset| (onset.day, onset.recovered_after_days));
        assert_eq!(["A", "B", "C", "D"].map(days), [Some((18_448, 36)), Some((1, 14)), Some((2, 28)), None]);
        assert_eq!(labels("onset,pid\n1970-01-02,A\n").unwrap()["A"].recovered_after_days, 28);
    }

    #[test]
    fn what_cannot_be_read_is_named_by_line_and_column() {
        for (text, expected) in [
            ("pid,start\nA,1\n", "line 1, column onset: there is no such column; there are: pid, start"),
            ("pid,onset\nA,soon\n", "line 2, column onset: a date"),
            ("pid,onset,recovery_rel_days\nA,1970-01-02,x\n", "line 2, column recovery_rel_days: days after"),
            ("pid,onset\nA,1970-01-02\nA,1970-01-03\n", "line 3, column pid: this person has"),
            ("pid,onset\nA\n", "line 2, column 1: 1 cells"),
        ] {
            let error = labels(text).unwrap_err();
            assert_eq!(error.kind(), crate::Kind::Wrong);
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
