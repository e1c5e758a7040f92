//! Reading a log on disk without opening it for writing: for `check`, which repairs nothing.
//!
//! ```no_run
//! use std::path::Path;
//! use stream::embedded::inspect::{Item, inspect};
//!
//! let topics = stream::Topics::standard(8)?;
//! inspect(Path::new("data/log"), &topics, &mut |place, item| {
//!     if let Item::Record(record) = item {
//!         println!("{} at byte {}: {} {}", place.file.display(), place.position, record.topic, record.offset);
//!     }
//!     Ok(())
//! })?;
//! # Ok::<(), stream::Error>(())
//! ```

use std::path::{Path, PathBuf};

use store::segment_log::ReadOnlyLog;

use super::committer::record;
use super::entry::Entry;
use super::failure::{corrupt, read_failure, segment_file};
use super::history::History;
use crate::{Position, Record, Result, Topics};

/// Where something lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The segment file.
    pub file: PathBuf,
    /// Offset of its unit in the file, in bytes.
    pub position: u64,
    /// Number of the unit in the log, from 0: one committed batch.
    pub unit: u64,
}

/// What a committed batch holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A record.
    Record(Record),
    /// A read position that moved.
    Moved {
        /// The group.
        group: String,
        /// Where it now reads on.
        to: Position,
    },
}

/// Calls `visit` with everything in the log in `dir`, in order, and checks that the log makes sense: checksums, topics declared
/// before use, offsets of every partition dense, no position beyond the end. Damage below the level of units (footers, stray
/// files) is [`store::segment_log::check`]'s.
///
/// # Errors
/// [`Error::Corrupt`](crate::Error::Corrupt) with file and place at the first thing that is wrong, [`Error::InUse`](crate::Error::InUse) while the
/// log is open for writing, and the first error of `visit`.
pub fn inspect(dir: &Path, topics: &Topics, visit: &mut dyn FnMut(&Place, Item) -> Result<()>) -> Result<()> {
    let log = ReadOnlyLog::open(dir, store::segment_log::Settings::default())
        .map_err(|error| read_failure("opening the log", error))?;
    let mut history = History::default();
    let mut units = log.reader();
    while let Some(unit) = units.next_unit().map_err(|error| read_failure("reading the log", error))? {
        let at = unit.position;
        let records = unit.records().map(|record| (record.kind, record.bytes));
        history.apply(at, records, topics).map_err(|reason| corrupt(dir, at, reason))?;
        let place = Place { file: segment_file(dir, at), position: at.offset, unit: at.sequence };
        for (kind, bytes) in unit.shared_records() {
            let entry = Entry::decode(kind, &bytes)
                .ok_or_else(|| corrupt(dir, at, format!("an entry of kind {kind} cannot be read")))?;
            match entry {
                Entry::Topic { .. } => {}
                Entry::Record(entry) => visit(&place, Item::Record(record(history.name(entry.topic), entry)))?,
                Entry::Position { topic, partition, offset, group } => {
                    visit(
                        &place,
                        Item::Moved { group, to: Position { topic: history.name(topic), partition, offset } },
                    )?;
                }
            }
        }
    }
    Ok(())
}
