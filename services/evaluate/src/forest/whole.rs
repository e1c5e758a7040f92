//! Files that are there whole or not at all.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::Error;

/// A file under way: written beside its place, and moved there when it is whole. What was there stays until then.
///
/// A place that is no regular file (`/dev/stdout`, a pipe) is written directly.
pub(crate) struct WholeFile {
    /// As it was asked for: what messages name.
    path: PathBuf,
    /// Links followed.
    target: PathBuf,
    /// None where the place itself is written, or everything is done.
    neighbour: Option<PathBuf>,
    writer: BufWriter<File>,
}

impl WholeFile {
    /// Begins a file. One that is being read is refused.
    pub(crate) fn create(path: &Path, read: &[&Path]) -> Result<Self, Error> {
        let failed = Error::of_file(path);
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if read.iter().any(|read| read.canonicalize().is_ok_and(|read| read == target)) {
            return Err(Error::Usage(format!("{} is read: name another file to write", path.display())));
        }
        let there = fs::metadata(&target).ok();
        if there.as_ref().is_some_and(|there| !there.is_file()) {
            let file = File::options().write(true).open(&target).map_err(failed)?;
            return Ok(Self { path: path.to_owned(), target, neighbour: None, writer: BufWriter::new(file) });
        }
        let name = target.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.ok_or_else(|| Error::Usage(format!("{} is no file name", path.display())))?;
        let neighbour = target.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
        let file = File::create(&neighbour).map_err(&failed)?;
        let whole =
            Self { path: path.to_owned(), target, neighbour: Some(neighbour.clone()), writer: BufWriter::new(file) };
        if let Some(there) = there {
            fs::set_permissions(&neighbour, there.permissions()).map_err(failed)?;
        }
        Ok(whole)
    }

    /// As [`Self::create`], for CSV that is not compressed.
    pub(crate) fn create_csv(path: &Path, read: &[&Path]) -> Result<Self, Error> {
        if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz")) {
            return Err(Error::Usage(format!("{}: what is written is not compressed; name a .csv", path.display())));
        }
        Self::create(path, read)
    }

    /// Writes a row of CSV as it stands, with more cells at its end.
    pub(crate) fn row(&mut self, text: &[u8], more: &[&str]) -> Result<(), Error> {
        write_row(&mut self.writer, text, more).map_err(Error::of_file(&self.path))
    }

    /// Writes bytes.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.writer.write_all(bytes).map_err(Error::of_file(&self.path))
    }

    /// The file is whole: it takes its place.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        let failed = Error::of_file(&self.path);
        self.writer.flush().map_err(&failed)?;
        if let Some(neighbour) = &self.neighbour {
            self.writer.get_ref().sync_all().map_err(&failed)?;
            fs::rename(neighbour, &self.target).map_err(&failed)?;
            self.neighbour = None;
        }
        Ok(())
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if let Some(neighbour) = &self.neighbour {
            // Nothing more can be done about a neighbour that cannot be removed.
            let _left = fs::remove_file(neighbour);
        }
    }
}

/// Writes a row of CSV as it stands, with more cells at its end.
pub(crate) fn write_row(to: &mut dyn Write, text: &[u8], more: &[&str]) -> std::io::Result<()> {
    to.write_all(text)?;
    for cell in more {
        to.write_all(b",")?;
        to.write_all(cell.as_bytes())?;
    }
    to.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_keeps_what_it_held_until_the_new_one_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        fs::write(&path, "old").unwrap();
        let mut file = WholeFile::create(&path, &[]).unwrap();
        file.bytes(b"ne").unwrap();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        let mut file = WholeFile::create(&path, &[]).unwrap();
        file.bytes(b"new").unwrap();
        file.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no neighbour is left");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_what_is_no_regular_file_is_written_in_place() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let mut file = WholeFile::create(&link, &[]).unwrap();
        file.bytes(b"new").unwrap();
        file.finish().unwrap();
        assert!(link.is_symlink() && fs::read(&real).unwrap() == b"new");

        let mut null = WholeFile::create(Path::new("/dev/null"), &[]).unwrap();
        null.bytes(b"gone").unwrap();
        null.finish().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        assert!(WholeFile::create(&real, &[&link]).is_err_and(|error| error.to_string().contains("is read")));
    }
}
