//! Single flipped bits: each is named.

use store::Error;
use store::segment_log::{ProblemKind, ReadOnlyLog, check};

use super::{flip, image, sample, tiny};
use crate::common::{open, segments};

fn flip_everywhere(closed: bool) {
    let dir = tempfile::tempdir().unwrap();
    let units = 14;
    let positions = sample(dir.path(), units);
    if closed {
        open(dir.path(), tiny()).log.close().unwrap();
    }
    assert!(check(dir.path()).unwrap().is_clean());
    assert!(segments(dir.path()).len() >= 3);
    let last_unit = positions.last().unwrap();
    let last_segment = segments(dir.path()).pop().unwrap();
    let mut flipped = 0;
    for (path, content) in image(dir.path()) {
        for offset in 0..content.len() as u64 {
            let mask = 1 << (offset % 8);
            flip(&path, offset, mask);
            let report = check(dir.path()).unwrap();
            let place = format!("{} at {offset}", path.display());
            assert!(!report.is_clean(), "the check misses a flip in {place}");
            let named = &report.problems[0];
            assert_eq!(named.file, path, "{place}: {named}");
            assert!(named.offset <= offset, "{place}: {named}");
            let in_tail = !closed && path == last_segment && offset >= last_unit.offset;
            assert!(named.kind == ProblemKind::Corrupt || in_tail, "{place}: {named}");
            // Whoever reads gets what was written, or an error: never something else.
            if let Ok(log) = ReadOnlyLog::open(dir.path(), tiny()) {
                let (mut reader, mut next) = (log.reader(), 0);
                let outcome = loop {
                    match reader.next_unit() {
                        Ok(Some(unit)) => {
                            let record = unit.records().next().unwrap();
                            assert_eq!(record.bytes, crate::common::content(next, record.bytes.len()), "{place}");
                            next += 1;
                        }
                        Ok(None) => break Ok(()),
                        Err(error) => break Err(error),
                    }
                };
                match outcome {
                    Err(Error::Corrupt { file, .. }) => assert_eq!(file, path),
                    Err(error) => panic!("{place}: {error}"),
                    // Only the last unit of an unclosed log can look like an interrupted write.
                    Ok(()) => assert!(next == units || (in_tail && next == units - 1), "{place}: {next} units"),
                }
            }
            flip(&path, offset, mask);
            flipped += 1;
        }
    }
    assert!(flipped > 2000);
    assert!(check(dir.path()).unwrap().is_clean());
}

#[test]
fn every_flipped_byte_of_a_closed_log_is_named() {
    flip_everywhere(true);
}

#[test]
fn every_flipped_byte_of_an_unclosed_log_is_named_its_empty_space_included() {
    flip_everywhere(false);
}
