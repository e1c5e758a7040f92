//! Checks every byte of a log on disk. Reads only: it repairs nothing and creates nothing.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use super::fs::{FileSystem, OsFileSystem};
use super::layout::{
    FOOTER_BYTES, LOCK_NAME, LogId, MANIFEST_NAME, MANIFEST_TEMPORARY_NAME, SEGMENT_TEMPORARY_NAME, segment_index,
    segment_path,
};
use super::manifest::Manifest;
use super::open::names;
use super::scan::{Ending, Scan, ScanLimits, read_footer, read_header, scan};
use crate::error::{Error, Result};
use crate::lock::DirectoryLock;

/// What kind of finding a [`Problem`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// Bytes are not what was written, or a file is missing or foreign.
    Corrupt,
    /// The last write of a log that was not closed did not reach its end; opening the log repairs it.
    TornTail,
    /// An interrupted step left a file that holds nothing; opening the log removes it.
    Leftover,
}

/// One finding of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind it is.
    pub kind: ProblemKind,
    /// The file it is in.
    pub file: PathBuf,
    /// Byte offset of the first damaged byte or of the structure that holds it.
    pub offset: u64,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: {}", self.file.display(), self.offset, self.reason)
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// Identity of the log; `None` when the manifest does not tell.
    pub id: Option<LogId>,
    /// Segments that were read.
    pub segments: u64,
    /// Valid units.
    pub units: u64,
    /// Sequence of the first retained unit.
    pub first_sequence: u64,
    /// Sequence after the last valid unit.
    pub next_sequence: u64,
    /// Whether the log was closed.
    pub closed: bool,
    /// Everything that is not as it was written, in the order of the files.
    pub problems: Vec<Problem>,
}

impl CheckReport {
    /// No problem of any kind.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Checks the log in `dir`, every byte of every file, with units of any size.
///
/// # Errors
/// [`Error::Locked`] while someone writes to the log, [`Error::NotFound`] when there is no log, [`Error::Io`] when a file
/// cannot be read. Damage is no error here but a [`Problem`] of the report.
pub fn check(dir: &Path) -> Result<CheckReport> {
    check_in(&OsFileSystem, dir)
}

/// [`check`] on another file system.
///
/// # Errors
/// As [`check`].
pub fn check_in(fs: &dyn FileSystem, dir: &Path) -> Result<CheckReport> {
    if !dir.is_dir() {
        return Err(Error::NotFound { what: format!("a log in {}", dir.display()) });
    }
    // A shared lock on a handle that cannot write: it only keeps a writer away for the time of the check.
    let _lock = DirectoryLock::shared(dir)?;
    let names = names(dir)?;
    let mut checker = Checker {
        dir,
        report: CheckReport {
            id: None,
            segments: 0,
            units: 0,
            first_sequence: 0,
            next_sequence: 0,
            closed: false,
            problems: Vec::new(),
        },
    };
    checker.strangers(&names);
    let indices: BTreeSet<u64> = names.iter().filter_map(|name| segment_index(name)).collect();
    let manifest = match Manifest::load(fs, dir) {
        Ok(Some(manifest)) => manifest,
        Ok(None) if indices.is_empty() => {
            return Err(Error::NotFound { what: format!("a log in {}", dir.display()) });
        }
        Ok(None) => {
            checker.corrupt(&dir.join(MANIFEST_NAME), 0, "the manifest is missing, but there are segments");
            return Ok(checker.report);
        }
        Err(error) => {
            checker.note(error)?;
            return Ok(checker.report);
        }
    };
    checker.segments(fs, &manifest, &indices)?;
    Ok(checker.report)
}

struct Checker<'a> {
    dir: &'a Path,
    report: CheckReport,
}

/// Where the next segment has to go on.
#[derive(Clone, Copy)]
struct Link {
    next_sequence: u64,
    checksum: u32,
}

impl Checker<'_> {
    fn problem(&mut self, kind: ProblemKind, file: &Path, offset: u64, reason: impl Into<String>) {
        self.report.problems.push(Problem { kind, file: file.to_owned(), offset, reason: reason.into() });
    }

    fn corrupt(&mut self, file: &Path, offset: u64, reason: impl Into<String>) {
        self.problem(ProblemKind::Corrupt, file, offset, reason);
    }

    /// Turns damage into a problem; anything else stays an error.
    fn note(&mut self, error: Error) -> Result<()> {
        match error {
            Error::Corrupt { file, offset, reason } => {
                self.corrupt(&file, offset, reason);
                Ok(())
            }
            other => Err(other),
        }
    }

    /// Files that the log does not know.
    fn strangers(&mut self, names: &BTreeSet<String>) {
        for name in names.iter().filter(|name| segment_index(name).is_none()) {
            let path = self.dir.join(name);
            match name.as_str() {
                MANIFEST_NAME => {}
                MANIFEST_TEMPORARY_NAME | SEGMENT_TEMPORARY_NAME => {
                    self.problem(ProblemKind::Leftover, &path, 0, "a file of an interrupted step");
                }
                LOCK_NAME => {
                    if std::fs::metadata(&path).is_ok_and(|data| data.len() > 0) {
                        self.corrupt(&path, 0, "the lock file has to be empty");
                    }
                }
                _ => self.corrupt(&path, 0, "this file does not belong to the log"),
            }
        }
    }

    fn segments(&mut self, fs: &dyn FileSystem, manifest: &Manifest, indices: &BTreeSet<u64>) -> Result<()> {
        self.report.id = Some(manifest.id);
        self.report.closed = manifest.closed;
        self.report.first_sequence = manifest.first_sequence;
        self.report.next_sequence = manifest.first_sequence;
        // `None` after a damaged segment: what comes next cannot be compared then.
        let mut link = Some(Link { next_sequence: manifest.first_sequence, checksum: 0 });
        for index in manifest.first_segment..manifest.next_segment {
            let path = segment_path(self.dir, index);
            if !indices.contains(&index) {
                self.corrupt(&path, 0, "a segment of the log is missing");
                link = None;
                continue;
            }
            match self.segment(fs, manifest, index, link) {
                Ok(next) => link = next,
                Err(error) => {
                    self.note(error)?;
                    link = None;
                }
            }
        }
        let broken_off = link.is_some_and(|link| link.next_sequence != manifest.boundary_sequence);
        if manifest.closed && broken_off {
            self.corrupt(&self.dir.join(MANIFEST_NAME), 56, "the log was closed at another unit than its segments end");
        }
        for index in indices.iter().copied() {
            let path = segment_path(self.dir, index);
            if index < manifest.first_segment {
                self.problem(ProblemKind::Leftover, &path, 0, "a segment that retention has given up");
            } else if index == manifest.next_segment {
                match self.unused(fs, manifest, index, link) {
                    Ok(()) => self.problem(ProblemKind::Leftover, &path, 0, "a segment that was never begun"),
                    Err(error) => self.note(error)?,
                }
            } else if index > manifest.next_segment {
                self.corrupt(&path, 0, "this segment does not belong to the log");
            }
        }
        Ok(())
    }

    fn segment(
        &mut self,
        fs: &dyn FileSystem,
        manifest: &Manifest,
        index: u64,
        link: Option<Link>,
    ) -> Result<Option<Link>> {
        let path = segment_path(self.dir, index);
        let file = fs.open_read(&path).map_err(|error| Error::io("open", &path, error))?;
        self.report.segments += 1;
        let header = read_header(&*file, &path, manifest.id, index)?;
        if let Some(link) = link {
            if header.first_sequence != link.next_sequence {
                self.corrupt(&path, 40, format!("the segment does not begin at unit {}", link.next_sequence));
            }
            if index > manifest.first_segment && header.previous_checksum != link.checksum {
                self.corrupt(&path, 56, "the segment does not follow the one before it");
            }
        }
        let last = index + 1 == manifest.next_segment;
        if last && !manifest.closed && header.first_sequence != manifest.boundary_sequence {
            self.corrupt(&path, 40, "the segment does not begin where the manifest says");
        }
        // Units are bounded by the file itself: nothing is allocated beyond what is on disk.
        let limits = ScanLimits {
            seed: manifest.id.seed(),
            max_unit_bytes: file.len().map_err(|error| Error::io("inspect", &path, error))?,
            repair_gap: false,
        };
        let found = scan(&*file, &path, &header, limits, |_, _| {}).map_err(too_large_is_damage(&path))?;
        self.report.units += found.units;
        self.report.next_sequence = found.next_sequence;
        let next = Some(Link { next_sequence: found.next_sequence, checksum: found.checksum });
        let Scan { units_end, ending, .. } = found;
        match ending {
            Ending::Sealed { trimmed: true, .. } => Ok(next),
            Ending::Open if last && !manifest.closed => Ok(next),
            Ending::Sealed { .. } if last && !manifest.closed => {
                let reason = "sealing the segment was interrupted";
                self.problem(ProblemKind::TornTail, &path, units_end + FOOTER_BYTES, reason);
                Ok(next)
            }
            Ending::Torn { reason } if last && !manifest.closed => {
                self.problem(ProblemKind::TornTail, &path, units_end, reason);
                Ok(next)
            }
            Ending::Torn { reason } => Err(Error::corrupt(&path, units_end, reason)),
            // Names the better place when the footer is there but the file is not cut.
            Ending::Open | Ending::Sealed { .. } => {
                read_footer(&*file, &path, &header, limits.seed)?;
                Err(Error::corrupt(&path, units_end, "the segment has to end here"))
            }
        }
    }

    fn unused(&self, fs: &dyn FileSystem, manifest: &Manifest, index: u64, link: Option<Link>) -> Result<()> {
        let path = segment_path(self.dir, index);
        let file = fs.open_read(&path).map_err(|error| Error::io("open", &path, error))?;
        let header = read_header(&*file, &path, manifest.id, index)?;
        if link.is_some_and(|link| link.next_sequence != header.first_sequence) {
            return Err(Error::corrupt(&path, 40, "the segment does not begin where the log ends"));
        }
        let limits = ScanLimits { seed: manifest.id.seed(), max_unit_bytes: u64::MAX, repair_gap: false };
        let found = scan(&*file, &path, &header, limits, |_, _| {})?;
        if found.units > 0 || found.ending != Ending::Open {
            return Err(Error::corrupt(&path, 0, "the manifest does not name this segment, but it holds something"));
        }
        Ok(())
    }
}

fn too_large_is_damage(path: &Path) -> impl Fn(Error) -> Error + '_ {
    move |error| match error {
        Error::TooLarge { what, size_bytes, .. } => {
            Error::corrupt(path, 0, format!("{what} claims {size_bytes} bytes, more than the file has"))
        }
        other => other,
    }
}
