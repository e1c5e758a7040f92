//! A table of numbers that is read row by row: CSV (RFC 4180), also gzipped, a header, one row a line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use csv::ByteRecord;
use flate2::bufread::MultiGzDecoder;

use crate::Error;

/// The two bytes that a gzip file begins with (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// What some programs put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// A line is no longer: as many features as a forest takes, with all their digits.
const LINE_BYTES_MAX: usize = 4 << 20;
/// So much of a cell is shown.
const SHOWN_CHARS_MAX: usize = 40;

/// A table, and the row at which it stands.
pub(crate) struct Table {
    path: PathBuf,
    reader: Box<dyn BufRead>,
    header: Vec<String>,
    header_text: Vec<u8>,
    /// Number of the line, from 1, its text without its end, its cells.
    line: u64,
    text: Vec<u8>,
    cells: ByteRecord,
    bytes: u64,
    consumed: Arc<AtomicU64>,
}

impl Table {
    /// Opens the file and reads its header.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let unreadable =
            |source| Error::from(recording::Error::Unreadable { file: path.to_owned(), line: None, source });
        let file = File::open(path).map_err(unreadable)?;
        let bytes = file.metadata().map_err(unreadable)?.len();
        let consumed = Arc::new(AtomicU64::new(0));
        let mut counted = BufReader::new(Counted { inner: file, consumed: consumed.clone() });
        let zipped = counted.fill_buf().map_err(unreadable)?.starts_with(&GZIP_MAGIC);
        let reader: Box<dyn BufRead> =
            if zipped { Box::new(BufReader::new(MultiGzDecoder::new(counted))) } else { Box::new(counted) };
        let mut table = Self {
            path: path.to_owned(),
            reader,
            header: Vec::new(),
            header_text: Vec::new(),
            line: 0,
            text: Vec::new(),
            cells: ByteRecord::new(),
            bytes,
            consumed,
        };
        table.read_header()?;
        Ok(table)
    }

    fn read_header(&mut self) -> Result<(), Error> {
        if !self.read_line()? {
            return Err(self.wrong("there is nothing in it; a header with the columns' names is needed"));
        }
        for (number, cell) in (1..).zip(&self.cells) {
            let name =
                std::str::from_utf8(cell).map_err(|_| self.undecodable(format!("column {number}: no UTF-8 text")))?;
            let name = name.trim();
            if name.is_empty() {
                return Err(self.undecodable(format!("column {number} has no name")));
            }
            self.header.push(name.to_owned());
        }
        let mut sorted: Vec<&str> = self.header.iter().map(String::as_str).collect();
        sorted.sort_unstable();
        if let Some(name) = sorted.windows(2).find_map(|pair| pair.first().filter(|name| pair.last() == Some(name))) {
            return Err(self.undecodable(format!("two columns are named `{name}`")));
        }
        self.header_text = std::mem::take(&mut self.text);
        Ok(())
    }

    /// Goes on to the next row; false at the end. Blank lines are none.
    pub(crate) fn advance(&mut self) -> Result<bool, Error> {
        if !self.read_line()? {
            return Ok(false);
        }
        let (found, width) = (self.cells.len(), self.header.len());
        if found != width {
            let column = self.header.get(found).map_or_else(|| (width + 1).to_string(), Clone::clone);
            return Err(self.cell_error(&column, format!("{found} cells, and the header has {width}")));
        }
        Ok(true)
    }

    /// Reads the next line that is not blank, and its cells.
    fn read_line(&mut self) -> Result<bool, Error> {
        loop {
            self.text.clear();
            self.line += 1;
            let most = LINE_BYTES_MAX as u64 + 1;
            match (&mut self.reader).take(most).read_until(b'\n', &mut self.text) {
                Ok(0) => return Ok(false),
                Ok(_) if self.text.len() > LINE_BYTES_MAX => {
                    return Err(self.undecodable(format!("the line is longer than {} MiB", LINE_BYTES_MAX >> 20)));
                }
                Ok(_) => {}
                Err(error) => return Err(self.broken(error)),
            }
            if self.line == 1 && self.text.starts_with(BYTE_ORDER_MARK) {
                self.text.drain(..BYTE_ORDER_MARK.len());
            }
            while self.text.last().is_some_and(|last| matches!(last, b'\n' | b'\r')) {
                self.text.pop();
            }
            if !self.text.iter().all(u8::is_ascii_whitespace) {
                return self.split().map(|()| true);
            }
        }
    }

    fn split(&mut self) -> Result<(), Error> {
        self.cells.clear();
        let marks = self.text.iter().filter(|byte| **byte == b'"').count();
        if marks == 0 {
            self.text.split(|byte| *byte == b',').for_each(|cell| self.cells.push_field(cell));
        } else if marks % 2 == 1 {
            return Err(self.undecodable("a quoted cell is not closed on its line".into()));
        } else {
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(self.text.as_slice());
            // Reading from memory does not fail, and every sequence of bytes is CSV.
            let _whole = reader.read_byte_record(&mut self.cells);
        }
        Ok(())
    }

    /// The columns' names.
    pub(crate) fn header(&self) -> &[String] {
        &self.header
    }

    /// The header as it stands.
    pub(crate) fn header_text(&self) -> &[u8] {
        &self.header_text
    }

    /// The number of the row's line, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// The row as it stands.
    pub(crate) fn row_text(&self) -> &[u8] {
        &self.text
    }

    /// A cell of the row, without white space around it.
    pub(crate) fn cell(&self, column: usize) -> &[u8] {
        self.cells.get(column).unwrap_or_default().trim_ascii()
    }

    /// A cell of the row as a finite number.
    pub(crate) fn number(&self, column: usize) -> Result<f64, Error> {
        let cell = self.cell(column);
        match std::str::from_utf8(cell).ok().and_then(|text| text.parse::<f64>().ok()) {
            Some(value) if value.is_finite() => Ok(value),
            Some(_) => Err(self.refused(column, &format!("{} is not finite; a finite number is needed", shown(cell)))),
            None if cell.is_empty() => Err(self.refused(column, "empty; a number is needed")),
            None => Err(self.refused(column, &format!("{} is no number", shown(cell)))),
        }
    }

    /// A cell of the row as a mark: 1 is an anomaly, 0 is none.
    pub(crate) fn mark(&self, column: usize) -> Result<bool, Error> {
        let cell = self.cell(column);
        match std::str::from_utf8(cell).ok().and_then(|text| text.parse::<f64>().ok()) {
            Some(0.0) => Ok(false),
            Some(1.0) => Ok(true),
            _ if cell.is_empty() => Err(self.refused(column, "empty; a label is 0, or 1 for an anomaly")),
            _ => Err(self.refused(column, &format!("{} is no label; it is 0, or 1 for an anomaly", shown(cell)))),
        }
    }

    /// The column of that name.
    pub(crate) fn column(&self, name: &str) -> Result<usize, Error> {
        self.header.iter().position(|other| other == name).ok_or_else(|| {
            Error::from(recording::Error::NoSuchColumn {
                file: self.path.clone(),
                line: 1,
                column: name.to_owned(),
                count: 0,
                header: listed(&self.header),
            })
        })
    }

    /// How much of the file was read, and its size, in bytes.
    pub(crate) fn progress_bytes(&self) -> (u64, u64) {
        (self.consumed.load(Ordering::Relaxed), self.bytes)
    }

    /// What is wrong with the table as a whole.
    pub(crate) fn wrong(&self, what: impl Into<String>) -> Error {
        Error::Table { file: self.path.clone(), what: what.into() }
    }

    fn refused(&self, column: usize, what: &str) -> Error {
        let name = self.header.get(column).map_or_else(|| (column + 1).to_string(), Clone::clone);
        self.cell_error(&name, what.to_owned())
    }

    fn cell_error(&self, column: &str, what: String) -> Error {
        Error::Cell { file: self.path.clone(), line: self.line, column: column.to_owned(), what }
    }

    fn undecodable(&self, what: String) -> Error {
        recording::Error::Undecodable { file: self.path.clone(), line: self.line, what }.into()
    }

    /// A file that breaks off is wrong; anything else is the machine's doing.
    fn broken(&self, source: io::Error) -> Error {
        match source.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::InvalidInput | ErrorKind::InvalidData => {
                self.undecodable(format!("the file breaks off or is damaged: {source}"))
            }
            _ => recording::Error::Unreadable { file: self.path.clone(), line: Some(self.line), source }.into(),
        }
    }
}

/// Names for a message: the first ones.
pub(crate) fn listed(names: &[String]) -> String {
    const MOST: usize = 20;
    let mut told = names.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > MOST {
        told += &format!(" and {} more", names.len() - MOST);
    }
    told
}

fn shown(cell: &[u8]) -> String {
    let text = String::from_utf8_lossy(cell);
    let start: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    let more = if start.len() < text.len() { "…" } else { "" };
    format!("`{}{more}`", start.escape_debug())
}

/// Counts the bytes that go through.
struct Counted {
    inner: File,
    consumed: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.consumed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
