//! Damaged files: what an interrupted write explains is repaired, everything else is named and left alone.

mod flips;
mod segments;
mod tails;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use store::segment_log::{ProblemKind, SegmentLog, Settings, check};
use store::{Error, UnitPosition};

use crate::common::{ID, append, open};

/// Segments of 1 KiB: three of them hold a dozen units.
fn tiny() -> Settings {
    Settings { segment_bytes: 1024, max_unit_bytes: 64 * 1024, ..Settings::default() }
}

/// A log of several segments; the last one has room left. Returns the positions of its units.
fn sample(dir: &Path, units: u64) -> Vec<UnitPosition> {
    let log = open(dir, tiny()).log;
    (0..units).map(|number| append(&log, number, 100 + (number as usize * 7) % 40).unwrap()).collect()
}

fn image(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
}

/// Opening fails with `Corrupt` in `file`, and changes nothing.
#[track_caller]
fn refused(dir: &Path, file: &Path) -> (u64, String) {
    let before = image(dir);
    let error = SegmentLog::open(dir, ID, tiny()).expect_err("damage has to be refused");
    let Error::Corrupt { file: named, offset, reason } = error else { panic!("{error}") };
    assert_eq!(named, file, "{reason}");
    assert_eq!(image(dir), before, "nothing may be changed");
    let report = check(dir).unwrap();
    assert!(report.problems.iter().any(|problem| problem.kind == ProblemKind::Corrupt && problem.file == file));
    assert_eq!(image(dir), before, "a check never changes anything");
    (offset, reason)
}

fn flip(path: &Path, offset: u64, mask: u8) {
    let file = fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ mask], offset).unwrap();
}
