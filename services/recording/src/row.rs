//! What a row says.

use vitals::{Admission, Provenance, RawReading, Reading, Refusal, Signal};

use crate::Moment;

/// One row.
#[derive(Debug)]
pub struct Row {
    /// Its first line in the file, from 1.
    pub line: u64,
    /// What was measured at one moment; or why the row as a whole cannot be read.
    pub content: Result<Measured, Unreadable>,
}

/// What was measured at one moment.
#[derive(Debug)]
pub struct Measured {
    /// When; none where that cannot be told.
    pub time: Option<Moment>,
    /// The time as it stands, cut to what can be a time.
    pub time_text: Vec<u8>,
    /// Whose, where a column says so.
    pub person: Option<Cell>,
    /// What the row is marked as, where a column says so.
    pub label: Option<Cell>,
    /// Cells that are not empty.
    pub values: Vec<(Signal, Cell)>,
}

/// A cell that says something.
#[derive(Debug)]
pub struct Cell {
    /// As it stands, cut to what can be a value.
    pub bytes: Vec<u8>,
    /// It was cut.
    pub cut: bool,
}

impl Measured {
    /// When this was measured.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] where the time is none.
    pub fn moment(&self) -> Result<Moment, Refusal> {
        let expected = "ISO 8601 or seconds since 1970 are needed";
        self.time.ok_or(Refusal::Malformed { field: "time", expected })
    }

    /// A cell of this row as a device's reading, taken in at `now_ms`.
    ///
    /// # Errors
    /// A [`Refusal`] that says what is wrong with the time, the text or the value.
    pub fn admit(&self, signal: Signal, cell: &Cell, admission: &Admission, now_ms: i64) -> Result<Reading, Refusal> {
        let moment = self.moment()?;
        let expected = "a number of at most 64 characters is needed";
        let raw = RawReading {
            signal: signal.name(),
            value: cell.text().ok_or(Refusal::Malformed { field: "value", expected })?,
            unit: None,
            time_ms: moment.time_ms,
            offset_minutes: moment.offset_minutes,
            provenance: Provenance::Device,
        };
        admission.admit(&raw, now_ms)
    }
}

impl Cell {
    /// The whole cell as text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok().filter(|_| !self.cut)
    }
}

/// A row that cannot be told apart into the header's columns.
#[derive(Debug)]
pub struct Unreadable {
    /// The first column that is missing, too many (by its number) or not closed.
    pub column: String,
    /// What the row should have.
    pub expected: &'static str,
    /// The row as it stands, cut to what is kept of it.
    pub text: Vec<u8>,
}

impl Row {
    /// When, where that is told.
    #[must_use]
    pub fn moment(&self) -> Option<Moment> {
        self.content.as_ref().ok().and_then(|measured| measured.time)
    }

    /// How many numbers it takes: each value that says something has one, a row that cannot be read has one.
    #[must_use]
    pub fn numbers(&self) -> u64 {
        self.content.as_ref().map_or(1, |measured| measured.values.len() as u64)
    }
}
