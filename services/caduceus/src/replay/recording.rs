//! Reading a recording: CSV, also gzipped, a column `time` and columns named by signals.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use csv::StringRecord;
use flate2::bufread::MultiGzDecoder;
use vitals::Signal;

use super::time::{Moment, parse_moment};
use crate::failure::{Failure, OrFail as _, Outcome};

/// The two bytes that a gzip file begins with (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// A cell longer than this is no number and no time.
const CELL_BYTES_MAX: usize = 64;

/// A recording that is read row by row.
pub(crate) struct Recording {
    path: PathBuf,
    rows: csv::StringRecordsIntoIter<Box<dyn Read + Send>>,
    time_column: usize,
    signals: Vec<(usize, Signal)>,
    ignored: Vec<String>,
    bytes: u64,
    consumed: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

/// One row: what was measured at one moment.
pub(crate) struct Row {
    /// Line in the file, from 1; the header is line 1.
    pub(crate) line: u64,
    /// When; or why that cannot be told.
    pub(crate) time: Result<Moment, String>,
    /// The time as it stands.
    pub(crate) time_text: String,
    /// Cells that are not empty, as they stand.
    pub(crate) values: Vec<(Signal, String)>,
}

impl Recording {
    /// Opens the file and reads its header.
    pub(crate) fn open(path: &Path) -> Outcome<Self> {
        let shown = path.display();
        let file = File::open(path).or_environment(format_args!("{shown} cannot be read"))?;
        let bytes = file.metadata().or_environment(format_args!("{shown} cannot be read"))?.len();
        let consumed = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        let mut counted = BufReader::new(Counted { inner: file, consumed: consumed.clone() });
        let gzipped = std::io::BufRead::fill_buf(&mut counted)
            .or_environment(format_args!("{shown} cannot be read"))?
            .starts_with(&GZIP_MAGIC);
        let plain: Box<dyn Read + Send> =
            if gzipped { Box::new(MultiGzDecoder::new(counted)) } else { Box::new(counted) };
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(plain);

        let header = reader.headers().or_wrong(format_args!("{shown} does not decode"))?.clone();
        let (mut time_column, mut signals, mut ignored) = (None, Vec::new(), Vec::new());
        for (column, name) in header.iter().enumerate() {
            if name.eq_ignore_ascii_case("time") {
                time_column = Some(column);
            } else if let Some(signal) = Signal::from_name(name) {
                if signals.iter().any(|(_, other)| *other == signal) {
                    return Err(Failure::wrong(format_args!("{shown}, line 1: two columns are {}", signal.name())));
                }
                signals.push((column, signal));
            } else {
                ignored.push(name.to_owned());
            }
        }
        let Some(time_column) = time_column else {
            return Err(Failure::wrong(format_args!(
                "{shown}, line 1: no column `time`; there are: {}",
                header.iter().collect::<Vec<_>>().join(", ")
            )));
        };
        if signals.is_empty() {
            return Err(Failure::wrong(format_args!(
                "{shown}, line 1: no column is named by a signal, such as `heart_rate` or `hr`"
            )));
        }
        Ok(Self { path: path.to_owned(), rows: reader.into_records(), time_column, signals, ignored, bytes, consumed })
    }

    /// Columns that no signal is named by; they are not read.
    pub(crate) fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// Size of the file, and how much of it was read, in bytes.
    pub(crate) fn progress_bytes(&self) -> (u64, u64) {
        (self.consumed.load(std::sync::atomic::Ordering::Relaxed), self.bytes)
    }

    /// The next row; an error where the file itself does not decode (a cut gzip stream, a row of another width).
    pub(crate) fn next_row(&mut self) -> Outcome<Option<Row>> {
        let Some(record) = self.rows.next() else { return Ok(None) };
        let record = record.or_wrong(format_args!("{} does not decode", self.path.display()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let time_text = cell(&record, self.time_column);
        let time = time_text
            .ok_or_else(|| "no time".to_owned())
            .and_then(|text| parse_moment(text).ok_or_else(|| format!("`{text}` is no time")));
        let values = self
            .signals
            .iter()
            .filter_map(|(column, signal)| Some((*signal, cell(&record, *column)?.to_owned())))
            .collect();
        Ok(Some(Row { line, time, time_text: time_text.unwrap_or_default().to_owned(), values }))
    }
}

/// A cell that says something, cut to what can be a value.
fn cell(record: &StringRecord, column: usize) -> Option<&str> {
    let text = record.get(column)?;
    let end = text.char_indices().map(|(at, _)| at).find(|at| *at >= CELL_BYTES_MAX).unwrap_or(text.len());
    (!text.is_empty()).then(|| &text[..end])
}

/// Counts what was read, for the progress bar.
struct Counted<R> {
    inner: R,
    consumed: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.consumed.fetch_add(count as u64, std::sync::atomic::Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::io::Write as _;

    use super::*;

    fn recording(content: &[u8]) -> (tempfile::NamedTempFile, Outcome<Recording>) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let recording = Recording::open(file.path());
        (file, recording)
    }

    #[test]
    fn columns_are_found_by_signal_names_and_aliases_and_others_are_named() {
        let (_file, recording) = recording(b"steps,time,hr,colour\n3,2020-09-27 00:01:00,71.5,red\n,1601164920,,\n");
        let mut recording = recording.unwrap();
        assert_eq!(recording.ignored(), ["colour"]);
        let first = recording.next_row().unwrap().unwrap();
        assert_eq!(first.line, 2);
        assert_eq!(first.values, vec![(Signal::Steps, "3".into()), (Signal::HeartRate, "71.5".into())]);
        let second = recording.next_row().unwrap().unwrap();
        assert_eq!(second.time.unwrap().time_ms, 1_601_164_920_000);
        assert!(second.values.is_empty(), "empty cells are no readings");
        assert!(recording.next_row().unwrap().is_none());
    }

    #[test]
    fn a_gzipped_recording_reads_the_same_and_a_cut_one_is_an_error() {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        for minute in 0..2000 {
            if minute == 0 {
                gz.write_all(b"time,hr\n").unwrap();
            }
            writeln!(gz, "{},{}", 1_600_000_000 + minute * 60, 60 + (minute * 7919) % 41).unwrap();
        }
        let bytes = gz.finish().unwrap();
        let count = |recording: &mut Recording| -> Outcome<u32> {
            let mut rows = 0;
            while recording.next_row()?.is_some() {
                rows += 1;
            }
            Ok(rows)
        };
        let (_whole, whole) = recording(&bytes);
        assert_eq!(count(&mut whole.unwrap()).unwrap(), 2000);
        let (_cut, cut) = recording(&bytes[..bytes.len() / 2]);
        assert!(matches!(count(&mut cut.unwrap()), Err(Failure::Wrong(_))));
    }

    #[test]
    fn a_header_without_time_or_signals_is_refused_by_line() {
        for (content, expected) in [
            (&b"when,hr\n1,2\n"[..], "line 1: no column `time`"),
            (b"time,colour\n1,2\n", "line 1: no column is named by a signal"),
            (b"time,hr,heart_rate\n1,2,3\n", "line 1: two columns are heart_rate"),
        ] {
            let (_file, recording) = recording(content);
            let failure = recording.err().unwrap();
            assert!(matches!(failure, Failure::Wrong(_)) && failure.to_string().contains(expected), "{failure}");
        }
    }

    #[test]
    fn a_row_with_a_bad_time_is_reported_with_its_line_and_the_rest_is_read() {
        let (_file, recording) = recording(b"time,hr\nyesterday,70\n2020-09-27T00:00:00Z,71\n");
        let mut recording = recording.unwrap();
        let bad = recording.next_row().unwrap().unwrap();
        assert_eq!((bad.line, bad.time.unwrap_err()), (2, "`yesterday` is no time".to_owned()));
        assert!(recording.next_row().unwrap().unwrap().time.is_ok());
    }
}
