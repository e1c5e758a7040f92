//! Fetching the server from PyPI with pip, once a version.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, bail, ensure};

/// The server's version.
pub const VERSION: &str = "1.4.6";

/// One fetch at a time within this process; between processes the final rename decides.
static FETCHING: Mutex<()> = Mutex::new(());

/// The folder with the server's Python packages, fetched where it is not there yet. Says on stderr what it does.
///
/// # Errors
/// Where `python3` or its pip is missing, or pip fails.
pub fn fetch() -> anyhow::Result<PathBuf> {
    let _one = FETCHING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let version = Command::new("python3")
        .args(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
        .stdin(Stdio::null())
        .output();
    let python = match version {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        _ => bail!("no working `python3` on the PATH (install Python 3.9 or later)"),
    };
    let home = crate::cache::folder()?.join(format!("aiosmtpd-{VERSION}"));
    // Packages are for one version of Python.
    let packages = home.join(format!("python-{python}"));
    if packages.is_dir() {
        return Ok(packages);
    }
    eprintln!("fetching aiosmtpd {VERSION} with pip into {} (about 1 MB, once)", packages.display());
    std::fs::create_dir_all(&home).with_context(|| format!("creating {}", home.display()))?;
    let work = tempfile::Builder::new().prefix("fetch-").tempdir_in(&home).context("a folder to fetch into")?;
    let target = work.path().join("packages");
    let output = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--target"])
        .arg(&target)
        .arg(format!("aiosmtpd=={VERSION}"))
        .stdin(Stdio::null())
        .output()
        .context("running pip")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "pip failed ({}): {}",
        output.status,
        said.lines().take(5).collect::<Vec<_>>().join(" | ")
    );
    match std::fs::rename(&target, &packages) {
        Err(error) if !packages.is_dir() => {
            Err(error).with_context(|| format!("moving the packages to {}", packages.display()))
        }
        _ => Ok(packages), // also where another process was first
    }
}
