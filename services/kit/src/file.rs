//! Files that are there whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Error, Result};

/// Writes a file so that after a crash either the old or the new content is there: a temporary neighbour (opened with `mode`),
/// synced, renamed over the name, the directory synced.
///
/// # Errors
/// [`Error::Environment`], naming the file; the old content is then untouched.
pub fn write_atomic(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().ok_or_else(|| {
        Error::at("write", path, std::io::Error::new(std::io::ErrorKind::InvalidInput, "this is no file name"))
    })?;
    let mut neighbour = std::ffi::OsString::from(".");
    neighbour.push(name);
    neighbour.push(format!(".{}-{}.tmp", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    let neighbour = path.with_file_name(neighbour);
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&neighbour)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&neighbour, path)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent)?.sync_all()
    })();
    written.map_err(|error| {
        // Nothing more can be done about a neighbour that cannot be removed either.
        let _ = fs::remove_file(&neighbour);
        Error::at("write", path, error)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_is_replaced_whole_with_its_mode_and_leaves_no_neighbour() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        write_atomic(&path, b"one", 0o600).unwrap();
        write_atomic(&path, b"two", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_directory_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = write_atomic(&dir.path().join("none/a"), b"", 0o600).unwrap_err();
        assert!(error.to_string().contains("none/a"), "{error}");
        assert_eq!(error.exit_code(), 3);
    }
}
