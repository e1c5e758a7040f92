//! One row of CSV (RFC 4180) from lines of text.

use std::io::{self, BufRead};

use crate::lines::{LINE_BYTES_MAX, Line, Lines};

/// Most lines that a quoted cell may run over.
const QUOTED_LINES_MAX: usize = 100;

/// The cells of the next line; where a quoted cell is open at its end, of the lines up to the one that closes it.
pub(crate) struct Cells {
    /// Of the first line.
    pub(crate) number: u64,
    /// The first line as it stands.
    pub(crate) text: Vec<u8>,
    /// Cells without quotes and white space around them; or the position of the first line's quoted cell that is not closed.
    pub(crate) cells: Result<Vec<Vec<u8>>, usize>,
}

/// Reads the next row that is not blank. A row of several lines is one where `fits` says so; else it is its first line alone,
/// whose quoted cell is not closed: one quotation mark too many costs that row and none after it.
pub(crate) fn next_cells<R: BufRead>(
    lines: &mut Lines<R>,
    fits: &dyn Fn(&[Vec<u8>]) -> bool,
) -> io::Result<Option<Cells>> {
    loop {
        let Some(Line { number, bytes }) = lines.take()? else { return Ok(None) };
        if bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let Some(open) = open_cell(&bytes) else {
            let cells = Ok(split(&bytes));
            return Ok(Some(Cells { number, text: bytes, cells }));
        };
        let mut joined = bytes.clone();
        let mut more = 0;
        while open_cell(&joined).is_some() && more < QUOTED_LINES_MAX && joined.len() < LINE_BYTES_MAX {
            let Some(line) = lines.peek(more)? else { break };
            joined.push(b'\n');
            joined.extend_from_slice(&line.bytes);
            more += 1;
        }
        let cells = Some(joined).filter(|joined| open_cell(joined).is_none()).map(|joined| split(&joined));
        let cells = cells.filter(|cells| fits(cells)).ok_or(open);
        if cells.is_ok() {
            for _ in 0..more {
                lines.take()?;
            }
        }
        return Ok(Some(Cells { number, text: bytes, cells }));
    }
}

/// The position of the quoted cell that is open at the end of the text, if one is.
fn open_cell(text: &[u8]) -> Option<usize> {
    #[derive(PartialEq)]
    enum At {
        Begin,
        Plain,
        Quoted,
        /// After a quotation mark in a quoted cell: its end, or the first half of one that is meant.
        Mark,
    }
    let end = text.iter().fold((At::Begin, 0), |(at, cell), byte| match (at, byte) {
        (At::Begin | At::Mark, b'"') => (At::Quoted, cell),
        (At::Quoted, b'"') => (At::Mark, cell),
        (At::Quoted, _) => (At::Quoted, cell),
        (_, b',') => (At::Begin, cell + 1),
        _ => (At::Plain, cell),
    });
    Some(end).filter(|(at, _)| *at == At::Quoted).map(|(_, cell)| cell)
}

/// The cells of a text that is one row.
fn split(text: &[u8]) -> Vec<Vec<u8>> {
    let trimmed = |cell: &[u8]| match std::str::from_utf8(cell) {
        Ok(text) => text.trim().as_bytes().to_vec(),
        Err(_) => cell.trim_ascii().to_vec(),
    };
    if !text.contains(&b'"') {
        return text.split(|byte| *byte == b',').map(trimmed).collect();
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
    let mut record = csv::ByteRecord::new();
    // Reading from memory does not fail, and every sequence of bytes is CSV.
    let _whole = reader.read_byte_record(&mut record);
    record.iter().map(trimmed).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    /// Number of the first line and cells of every row; rows of two cells fit.
    fn rows(content: &str) -> Vec<(u64, Result<Vec<String>, usize>)> {
        let mut lines = Lines::new(content.as_bytes());
        let text = |cell: Vec<u8>| String::from_utf8(cell).unwrap();
        std::iter::from_fn(|| next_cells(&mut lines, &|cells| cells.len() == 2).unwrap())
            .map(|row| (row.number, row.cells.map(|cells| cells.into_iter().map(text).collect())))
            .collect()
    }

    fn row(number: u64, cells: &[&str]) -> (u64, Result<Vec<String>, usize>) {
        (number, Ok(cells.iter().map(|cell| (*cell).to_owned()).collect()))
    }

    #[test]
    fn quoted_cells_may_hold_commas_marks_and_line_ends() {
        let expected = [row(1, &["a,b", "c\"d"]), row(2, &["e\nf\ng", "h"]), row(7, &["i", "j"])];
        assert_eq!(rows("\"a,b\",\"c\"\"d\"\n\"e\r\nf\ng\",h\n\n  \n i , j\n"), expected);
    }

    #[test]
    fn a_quoted_cell_that_is_not_closed_costs_its_row_alone() {
        let broken = |number| (number, Err(1));
        assert_eq!(rows("a,\"b\nc,d\n"), [broken(1), row(2, &["c", "d"])]);
        // The mark in the third line would close it, but three cells do not fit.
        assert_eq!(
            rows("a,\"b\nc,d\ne\",f\ng,h"),
            [broken(1), row(2, &["c", "d"]), row(3, &["e\"", "f"]), row(4, &["g", "h"])]
        );
        let mut far = String::from("a,\"b\n");
        far.extend((0..QUOTED_LINES_MAX).map(|_| "c,d\n"));
        far += "\"\n";
        assert_eq!(rows(&far).len(), 1 + QUOTED_LINES_MAX + 1, "nothing is swallowed");
    }

    proptest! {
        /// What the csv crate writes, whatever is in it, comes back.
        #[test]
        fn written_rows_come_back(written in prop::collection::vec(("[a-c,\"\n]{0,6}", "[a-c,\"\n]{0,6}"), 1..8)) {
            let mut writer = csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
            for (one, other) in &written {
                writer.write_record([one, other]).unwrap();
            }
            let content = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let found: Vec<_> = rows(&content).into_iter().map(|(_, cells)| cells.unwrap()).collect();
            let expected: Vec<_> = written.iter().map(|(one, other)| vec![one.trim().to_owned(), other.trim().to_owned()]).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
