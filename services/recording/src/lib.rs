//! Recordings: CSV, also gzipped, a column of times and columns named by signals, read row by row.
//!
//! Lines, cells and rows are bounded, and a cell or a row that cannot be read is handed on as such, by line and column, so that
//! one bad byte costs no more than its row. It does not judge values: that is `vitals`' part. A file that breaks off or a
//! header that cannot be read is an [`Error`].
//!
//! ```
//! use recording::{Columns, Recording};
//! use vitals::Signal;
//!
//! let path = std::env::temp_dir().join(format!("recording-example-{}.csv", std::process::id()));
//! std::fs::write(&path, "when,HR,colour\n2020-09-27 00:01:00,71.5,red\n1601164920,,red\n")?;
//!
//! let columns = Columns { time: Some("when".into()), ..Columns::default() };
//! let mut recording = Recording::open(&path, &columns)?;
//! assert_eq!(recording.ignored(), ["colour"]);
//! let row = recording.next_row()?.unwrap();
//! let measured = row.content.ok().unwrap();
//! assert_eq!((row.line, measured.time.unwrap().time_ms), (2, 1_601_164_860_000));
//! assert_eq!((measured.values[0].0, measured.values[0].1.bytes.as_slice()), (Signal::HeartRate, &b"71.5"[..]));
//! assert!(recording.next_row()?.unwrap().content.ok().unwrap().values.is_empty());
//! assert!(recording.next_row()?.is_none());
//! # std::fs::remove_file(&path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cells;
mod columns;
mod error;
mod lines;
mod reader;
mod row;
mod spelling;
mod time;

pub use columns::Columns;
pub use error::Error;
pub use reader::Recording;
pub use row::{Cell, Measured, Row, Unreadable};
pub use spelling::{Spelling, Written};
pub use time::{Moment, parse_moment};
