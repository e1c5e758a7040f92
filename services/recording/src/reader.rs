//! Reading a recording row by row.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use crate::cells::{Cells, next_cells};
use crate::columns::{Misfit, Places};
use crate::lines::Lines;
use crate::{Cell, Columns, Error, Measured, Row, Unreadable, parse_moment};

/// The two bytes that a gzip file begins with (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// What some programs put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// A cell longer than this is no number and no time.
const CELL_BYTES_MAX: usize = 64;
/// So much of a row that cannot be read is kept.
const ROW_KEPT_BYTES_MAX: usize = 1_024;

/// A recording that is read row by row.
pub struct Recording {
    path: PathBuf,
    lines: Lines<Box<dyn BufRead + Send>>,
    header: Vec<String>,
    places: Places,
    bytes: u64,
    consumed: Arc<AtomicU64>,
}

impl Recording {
    /// Opens the file and reads its header.
    ///
    /// # Errors
    /// [`Error`] where the file cannot be read, its header is no header of a recording, or a column is not there.
    pub fn open(path: &Path, columns: &Columns) -> Result<Self, Error> {
        let unreadable = |source| Error::Unreadable { file: path.to_owned(), line: None, source };
        let file = File::open(path).map_err(unreadable)?;
        let bytes = file.metadata().map_err(unreadable)?.len();
        let consumed = Arc::new(AtomicU64::new(0));
        let mut counted = BufReader::new(Counted { inner: file, consumed: consumed.clone() });
        let start = counted.fill_buf().map_err(unreadable)?;
        let plain: Box<dyn BufRead + Send> = if start.starts_with(&GZIP_MAGIC) {
            Box::new(BufReader::new(MultiGzDecoder::new(counted)))
        } else {
            Box::new(counted)
        };
        let mut lines = Lines::new(plain);
        let (header, places) = read_header(path, &mut lines, columns)?;
        Ok(Self { path: path.to_owned(), lines, header, places, bytes, consumed })
    }

    /// Columns that are not read.
    #[must_use]
    pub fn ignored(&self) -> Vec<&str> {
        let header = self.header.iter().enumerate();
        header.filter(|(column, _)| !self.places.reads(*column)).map(|(_, name)| name.as_str()).collect()
    }

    /// The name of the column of times.
    #[must_use]
    pub fn time_column(&self) -> &str {
        self.header.get(self.places.time).map_or("time", String::as_str)
    }

    /// The name of a signal's column.
    #[must_use]
    pub fn column_of(&self, signal: vitals::Signal) -> &str {
        let place = self.places.signals.iter().find(|(_, other)| *other == signal);
        place.and_then(|(column, _)| self.header.get(*column)).map_or(signal.name(), String::as_str)
    }

    /// How much of the file was read, and its size, in bytes.
    #[must_use]
    pub fn progress_bytes(&self) -> (u64, u64) {
        (self.consumed.load(Ordering::Relaxed), self.bytes)
    }

    /// The next row.
    ///
    /// # Errors
    /// [`Error`] where the file itself ends in the middle or does not decode (a cut gzip stream).
    pub fn next_row(&mut self) -> Result<Option<Row>, Error> {
        let (width, places) = (self.header.len(), &self.places);
        // Times and values stand on one line: a quoted cell with a line end in one of them was never closed.
        let on_one_line = |cell: Option<&Vec<u8>>| cell.is_none_or(|cell| !cell.contains(&b'\n'));
        let fits = |cells: &[Vec<u8>]| {
            cells.len() == width
                && cells.iter().enumerate().all(|(column, cell)| !places.reads(column) || on_one_line(Some(cell)))
        };
        let found = next_cells(&mut self.lines, &fits);
        let Some(Cells { number, mut text, cells }) =
            found.map_err(|error| broken(&self.path, self.lines.next_number(), error))?
        else {
            return Ok(None);
        };
        text.truncate(ROW_KEPT_BYTES_MAX);
        let unreadable = |column, expected| Err(Unreadable { column, expected, text });
        let named = |column: usize| self.header.get(column).cloned().unwrap_or_else(|| (column + 1).to_string());
        let content = match cells {
            Err(open) => unreadable(named(open), "a quoted cell has to be closed"),
            Ok(cells) if cells.len() != width => {
                unreadable(named(cells.len().min(width)), "it needs as many cells as the header has")
            }
            Ok(cells) => Ok(self.measured(&cells)),
        };
        Ok(Some(Row { line: number, content }))
    }

    fn measured(&self, cells: &[Vec<u8>]) -> Measured {
        let cell = |column: usize| {
            let bytes = cells.get(column).filter(|bytes| !bytes.is_empty())?;
            let mut kept = bytes.clone();
            kept.truncate(CELL_BYTES_MAX);
            Some(Cell { cut: kept.len() < bytes.len(), bytes: kept })
        };
        let places = &self.places;
        let time = cell(places.time);
        Measured {
            time: time.as_ref().and_then(Cell::text).and_then(parse_moment),
            time_text: time.map(|time| time.bytes).unwrap_or_default(),
            person: places.person.and_then(cell),
            label: places.label.and_then(cell),
            values: places.signals.iter().filter_map(|(column, signal)| Some((*signal, cell(*column)?))).collect(),
        }
    }
}

fn read_header(
    path: &Path,
    lines: &mut Lines<Box<dyn BufRead + Send>>,
    columns: &Columns,
) -> Result<(Vec<String>, Places), Error> {
    let found = next_cells(lines, &|_| true).map_err(|error| broken(path, lines.next_number(), error))?;
    let Cells { number: line, cells, .. } =
        found.unwrap_or_else(|| Cells { number: 1, text: Vec::new(), cells: Ok(Vec::new()) });
    let wrong = |what: String| Error::Undecodable { file: path.to_owned(), line, what };
    let cells = cells.map_err(|open| wrong(format!("column {}: its quoted name is not closed", open + 1)))?;
    let mut header = Vec::new();
    for (column, name) in cells.into_iter().enumerate() {
        let name = match column {
            0 => name.strip_prefix(BYTE_ORDER_MARK).map(<[u8]>::to_vec).unwrap_or(name),
            _ => name,
        };
        let name = String::from_utf8(name);
        header.push(name.map_err(|_| wrong(format!("column {}: its name is no UTF-8 text", column + 1)))?);
    }
    let places = columns.places(&header).map_err(|misfit| match misfit {
        Misfit::Header(what) => wrong(what),
        Misfit::Asked { column, count } => {
            Error::NoSuchColumn { file: path.to_owned(), line, column, count, header: header.join(", ") }
        }
    })?;
    Ok((header, places))
}

/// Nothing can be read from here on.
fn broken(path: &Path, line: u64, error: std::io::Error) -> Error {
    let undecodable = |what| Error::Undecodable { file: path.to_owned(), line, what };
    match error.kind() {
        ErrorKind::UnexpectedEof => undecodable("the gzip stream is cut off here".into()),
        ErrorKind::InvalidData | ErrorKind::InvalidInput => {
            undecodable(format!("the gzip stream is damaged here: {error}"))
        }
        _ => Error::Unreadable { file: path.to_owned(), line: Some(line), source: error },
    }
}

/// Counts what was read, for the progress bar.
struct Counted<R> {
    inner: R,
    consumed: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.consumed.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::io::Write as _;

    use vitals::Signal;

    use super::*;

    fn recording(content: &[u8]) -> (tempfile::NamedTempFile, Result<Recording, Error>) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let recording = Recording::open(file.path(), &Columns::default());
        (file, recording)
    }

    fn next(recording: &mut Recording) -> Row {
        recording.next_row().unwrap().unwrap()
    }

    fn values(row: Row) -> Vec<(Signal, Vec<u8>)> {
        let Ok(measured) = row.content else { panic!("line {} cannot be read", row.line) };
        measured.values.into_iter().map(|(signal, cell)| (signal, cell.bytes)).collect()
    }

    #[test]
    fn columns_are_found_by_signal_names_and_aliases_and_others_are_named() {
        let (_file, recording) = recording(b"steps,time,hr,colour\n3,2020-09-27 00:01:00,71.5,red\n,1601164920,,\n");
        let mut recording = recording.unwrap();
        assert_eq!(recording.ignored(), ["colour"]);
        let first = next(&mut recording);
        assert_eq!(first.line, 2);
        assert_eq!(values(first), [(Signal::Steps, b"3".to_vec()), (Signal::HeartRate, b"71.5".to_vec())]);
        let second = next(&mut recording);
        assert_eq!(second.moment().unwrap().time_ms, 1_601_164_920_000);
        assert!(values(second).is_empty(), "empty cells are no readings");
        assert!(recording.next_row().unwrap().is_none());
    }

    #[test]
    fn a_byte_order_mark_and_a_row_that_is_blank_mean_nothing() {
        let (_file, recording) = recording(b"\xef\xbb\xbftime,hr\n\n   \n1601164920,70\n");
        let mut recording = recording.unwrap();
        let row = next(&mut recording);
        assert_eq!((row.line, values(row).len()), (4, 1));
    }

    #[test]
    fn a_gzipped_recording_reads_the_same_and_a_cut_one_is_an_error_that_names_the_line() {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        for minute in 0..2000 {
            if minute == 0 {
                gz.write_all(b"time,hr\n").unwrap();
            }
            writeln!(gz, "{},{}", 1_600_000_000 + minute * 60, 60 + (minute * 7919) % 41).unwrap();
        }
        let bytes = gz.finish().unwrap();
        let count = |recording: &mut Recording| -> (u64, Option<Error>) {
            let mut rows = 0;
            loop {
                match recording.next_row() {
                    Ok(Some(row)) => {
                        assert_eq!(
                            row.moment().unwrap().time_ms,
                            (1_600_000_000 + i64::try_from(rows).unwrap() * 60) * 1_000
                        );
                        rows += 1;
                    }
                    Ok(None) => return (rows, None),
                    Err(failure) => return (rows, Some(failure)),
                }
            }
        };
        let (_whole, whole) = recording(&bytes);
        assert!(matches!(count(&mut whole.unwrap()), (2000, None)));
        // In the data, and in the checksum at its end.
        for cut in [bytes.len() / 2, bytes.len() - 3] {
            let (_cut, cut) = recording(&bytes[..cut]);
            let (rows, failure) = count(&mut cut.unwrap());
            let failure = failure.expect("it is cut");
            assert!(matches!(failure, Error::Undecodable { .. }));
            let expected = format!("line {}: the gzip stream is cut off here", rows + 2);
            assert!(failure.to_string().ends_with(&expected), "{failure} after {rows} rows");
        }
    }

    #[test]
    fn a_header_without_time_or_signals_is_refused_by_line() {
        for (content, expected) in [
            (&b"when,hr\n1,2\n"[..], "line 1: no column `time`"),
            (b"\n\ntime,colour\n1,2\n", "line 3: no column is named by a signal"),
            (b"time,hr,heart_rate\n1,2,3\n", "line 1: two columns are heart_rate"),
            (b"time,Time,hr\n1,2,3\n", "line 1: two columns are time"),
            (b"time,h\xffr\n1,2\n", "line 1: column 2: its name is no UTF-8 text"),
            (b"time,\"hr\n1,2\n", "line 1: column 2: its quoted name is not closed"),
        ] {
            let (_file, recording) = recording(content);
            let failure = recording.err().unwrap();
            assert!(
                matches!(failure, Error::Undecodable { .. }) && failure.to_string().contains(expected),
                "{failure}"
            );
        }
    }

    #[test]
    fn a_row_with_a_bad_time_is_read_without_one_and_the_rest_is_read() {
        let (_file, recording) = recording(b"time,hr\nyesterday,70\n\xff,70\n2020-09-27T00:00:00Z,71\n");
        let mut recording = recording.unwrap();
        for expected in [&b"yesterday"[..], b"\xff"] {
            let bad = next(&mut recording).content.ok().unwrap();
            assert!(bad.time.is_none() && bad.time_text == expected && bad.values.len() == 1);
        }
        assert!(next(&mut recording).moment().is_some());
    }

    #[test]
    fn a_row_of_another_width_or_with_an_open_quote_is_named_by_line_and_column_and_the_rest_is_read() {
        let (_file, recording) =
            recording(b"time,hr,colour\n1600000000,70\n1600000060,71,red,3\n1600000120,\"72,red\n1600000180,73,red\n");
        let mut recording = recording.unwrap();
        for (line, column, text) in
            [(2, "colour", &b"1600000000,70"[..]), (3, "4", b"1600000060,71,red,3"), (4, "hr", b"1600000120,\"72,red")]
        {
            let row = next(&mut recording);
            let Err(unreadable) = &row.content else { panic!("line {line} is read") };
            assert_eq!((row.line, unreadable.column.as_str(), unreadable.text.as_slice()), (line, column, text));
            assert_eq!(row.numbers(), 1);
        }
        assert_eq!(values(next(&mut recording)), [(Signal::HeartRate, b"73".to_vec())]);
    }

    #[test]
    fn long_cells_and_rows_are_kept_in_part_and_are_no_values() {
        let (long, wide) = ("7".repeat(200), "x,".repeat(2_000));
        let (_file, recording) = recording(format!("time,hr\n1600000000,{long}\n{wide}\n").as_bytes());
        let mut recording = recording.unwrap();
        let measured = next(&mut recording).content.ok().unwrap();
        let [(_, cell)] = measured.values.as_slice() else { panic!("one value") };
        assert!(cell.cut && cell.bytes.len() == CELL_BYTES_MAX);
        let Err(unreadable) = next(&mut recording).content else { panic!("two thousand cells") };
        assert_eq!(unreadable.text.len(), ROW_KEPT_BYTES_MAX);
    }
}
