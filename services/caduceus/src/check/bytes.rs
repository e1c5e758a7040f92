//! The bytes of logs and blobs: what is on disk is what was written.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use store::BlobStore;
use store::segment_log::{Problem, ProblemKind};

use super::report::Report;
use crate::failure::{Failure, OrFail as _, Outcome};
use crate::home::Home;

/// What a unit and a footer begin with (docs/formats.md, section 6).
const MAGICS: [&[u8]; 2] = [b"UNIT", b"ENDS"];
/// Length of a unit's header.
const UNIT_HEADER_BYTES: u64 = 32;

/// Every byte of a log is what was written. The number of its units.
pub(super) fn log(folder: &Path, report: &mut Report) -> Outcome<u64> {
    match store::segment_log::check(folder) {
        Ok(found) => {
            let wrong = |problem: &Problem| match problem.kind {
                ProblemKind::Corrupt => true,
                // What an interrupted write left is mended at the next start: nothing acknowledged is in it.
                ProblemKind::TornTail => !begins_as_written(problem),
                ProblemKind::Leftover => false,
            };
            for problem in found.problems.iter().filter(|problem| wrong(problem)) {
                report.error(problem);
            }
            Ok(found.next_sequence)
        }
        Err(store::Error::NotFound { .. }) => {
            report.error(format_args!("{}: there is no log", folder.display()));
            Ok(0)
        }
        Err(error) => Err(Failure::environment(error)),
    }
}

/// Whether the end of a log can be what an interrupted write left: it begins as everything that is written does, or nothing of
/// the write is there. Magics lie at multiples of 8, so no sector holds a part of one.
fn begins_as_written(problem: &Problem) -> bool {
    let mut header = Vec::new();
    let read = std::fs::File::open(&problem.file).and_then(|mut file| {
        file.seek(SeekFrom::Start(problem.offset))?;
        file.take(UNIT_HEADER_BYTES).read_to_end(&mut header)
    });
    read.is_ok() && (header.iter().all(|byte| *byte == 0) || MAGICS.iter().any(|magic| header.starts_with(magic)))
}

/// Every pack is what its name says.
pub(super) async fn blobs(home: &Home, report: &mut Report) -> Outcome<BlobStore> {
    let blobs = BlobStore::local(&home.blobs()).or_environment("the blob store cannot be opened")?;
    let found = blobs.check().await.or_environment("the blob store cannot be read")?;
    for problem in found.problems {
        report.error(problem);
    }
    Ok(blobs)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::PathBuf;

    use store::{LogId, Record, SegmentLog, Settings};

    use super::*;

    /// A log that was not closed: its one segment, where the last unit begins and where units end.
    fn open_log() -> (tempfile::TempDir, PathBuf, usize, usize) {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings { segment_bytes: 64 << 10, ..Settings::default() };
        let opened = SegmentLog::open(dir.path(), LogId([7; 16]), settings).unwrap();
        let append = |number: u8| opened.log.append(&[Record { kind: 1, bytes: &[number; 100] }]).unwrap();
        let last = [1, 2, 3].map(append)[2];
        drop(opened);
        let segment = dir.path().join("00000000000000000000.segment");
        let bytes = std::fs::read(&segment).unwrap();
        let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        (dir, segment, usize::try_from(last.offset).unwrap(), end.next_multiple_of(8))
    }

    fn errors(dir: &Path) -> Vec<String> {
        let mut report = Report::default();
        log(dir, &mut report).unwrap();
        report.errors
    }

    #[test]
    fn one_flipped_bit_in_the_preallocated_end_of_an_open_log_is_named() {
        let (dir, segment, _, end) = open_log();
        let whole = std::fs::read(&segment).unwrap();
        assert!(whole.len() > end + 8_192, "there is a preallocated end");
        assert!(errors(dir.path()).is_empty());
        for place in (end..end + 40).chain([end + 4_096, whole.len() - 1]) {
            let mut bytes = whole.clone();
            bytes[place] ^= 1 << (place % 8);
            std::fs::write(&segment, bytes).unwrap();
            let found = errors(dir.path());
            let named = format!("{} at byte ", segment.display());
            assert!(found.first().is_some_and(|error| error.starts_with(&named)), "byte {place}: {found:?}");
        }
    }

    #[test]
    fn what_a_write_that_was_cut_off_left_is_no_error() {
        let (dir, segment, last, end) = open_log();
        let whole = std::fs::read(&segment).unwrap();
        assert_eq!(&whole[last..last + 4], b"UNIT");
        for cut in last + 4..end {
            let mut bytes = whole.clone();
            bytes[cut..].fill(0);
            std::fs::write(&segment, bytes).unwrap();
            assert_eq!(errors(dir.path()), Vec::<String>::new(), "cut at {cut}");
        }
    }
}
