//! Fetching the peers, once a version, into the cache outside the work tree, and building our own side. None of the peers is in our
//! lock file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

/// The name of our own side.
pub(super) const OURS: &str = "ours";

/// How a peer is had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// Our own side, a program of the workspace.
    Workspace,
    /// These packages, in the pinned versions.
    Python(&'static [&'static str]),
    Java,
}

/// `$CADUCEUS_CACHE`, else `caduceus` below `$XDG_CACHE_HOME`, else below `~/.cache`; there `anchors`.
fn cache() -> Result<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    of("CADUCEUS_CACHE")
        .or_else(|| of("XDG_CACHE_HOME").map(|cache| cache.join("caduceus")))
        .or_else(|| of("HOME").map(|home| Path::new(&home).join(".cache/caduceus")))
        .map(|cache| cache.join("anchors"))
        .context("none of CADUCEUS_CACHE, XDG_CACHE_HOME and HOME is set, so there is no place for a cache")
}

/// Runs `bench/peers/python/FOLDER` with these packages, one thread.
pub(super) fn python_command(packages: &[&str], folder: &str) -> Result<Command> {
    let mut command = Command::new(python(packages)?);
    command.arg("-B").arg(super::root().join("bench/peers/python").join(folder));
    command.envs(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"].map(|name| (name, "1")));
    Ok(command)
}

/// Runs a class of `bench/peers/java`.
pub(super) fn java_command(class: &str) -> Result<Command> {
    let mut command = Command::new("java");
    // No collector threads; the compiler's do their work in the warm-up, and stay, so that their time is counted.
    command.args(["-XX:+UseSerialGC", "-XX:-UseDynamicNumberOfCompilerThreads", "-Xmx1g"]);
    command.args(["-cp", &java()?, class]);
    Ok(command)
}

/// The optimised program of a package of the workspace, built now.
pub(super) fn workspace(package: &str) -> Result<PathBuf> {
    let arguments = ["build", "--release", "--locked", "-p", package, "--message-format=json-render-diagnostics"];
    eprintln!("xtask: cargo {}", arguments.join(" "));
    let output = crate::cargo_command()
        .args(arguments)
        .current_dir(super::root())
        .stderr(Stdio::inherit())
        .output()
        .context("cargo could not be started")?;
    ensure!(output.status.success(), "cargo build failed ({})", output.status);
    let messages = String::from_utf8_lossy(&output.stdout);
    let built = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|message| {
        let is_ours = message.pointer("/target/name").is_some_and(|name| name == package);
        message.get("executable").filter(|_| is_ours)?.as_str().map(PathBuf::from)
    });
    built.with_context(|| format!("cargo named no executable of {package}"))
}

/// The interpreter of a virtual environment that holds these packages, in the versions of
/// `bench/peers/python/requirements.txt`. Another list of versions is another environment.
fn python(packages: &[&str]) -> Result<PathBuf> {
    let requirements = super::root().join("bench/peers/python/requirements.txt");
    let pinned = fs::read(&requirements).with_context(|| format!("reading {}", requirements.display()))?;
    let version = Command::new("python3")
        .args(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
        .stdin(Stdio::null())
        .output();
    let version = match version {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        _ => bail!("no working `python3` on the PATH (install Python 3.11 or later)"),
    };
    let home = cache()?.join(format!("python-{version}-{}", fingerprint([pinned.as_slice()])));
    let interpreter = home.join("bin/python");
    if !home.join("made").is_file() {
        eprintln!("xtask: making a Python environment in {}", home.display());
        run(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
        fs::write(home.join("made"), "").context("marking the environment as made")?;
    }
    for package in packages {
        let installed = home.join(format!("installed-{package}"));
        if installed.is_file() {
            continue;
        }
        eprintln!("xtask: installing {package} with pip (once a version)");
        run(Command::new(&interpreter)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--constraint"])
            .arg(&requirements)
            .arg(package))?;
        fs::write(&installed, "").context("marking the package as installed")?;
    }
    Ok(interpreter)
}

/// The class path of `bench/peers/java`, compiled, with what it depends on.
fn java() -> Result<String> {
    let project = super::root().join("bench/peers/java");
    let mut files = vec![project.join("pom.xml")];
    sources(&project.join("src"), &mut files)?;
    files.sort();
    let contents = files.iter().map(fs::read).collect::<Result<Vec<_>, _>>().context("reading bench/peers/java")?;
    let home = cache()?.join(format!("java-{}", fingerprint(contents.iter().map(Vec::as_slice))));
    if !home.is_dir() {
        eprintln!("xtask: building the Java peers with Maven into {} (once a version)", home.display());
        let work = home.with_extension(format!("part-{}", std::process::id()));
        let built = run(Command::new("mvn")
            .args(["-q", "-B", "package", "-f"])
            .arg(project.join("pom.xml"))
            .arg(format!("-Danchors.build={}", work.display())))
        .and_then(|()| match fs::rename(&work, &home) {
            Err(error) if !home.is_dir() => Err(error).context("moving the built classes to their place"),
            _ => Ok(()), // also where another process was first
        });
        if built.is_err() {
            // Nothing of a failed build is of use; where it wrote nothing there is nothing to remove.
            let _ = fs::remove_dir_all(&work);
        }
        built?;
    }
    Ok(format!("{home}/classes:{home}/libs/*", home = home.display()))
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry.context("reading a folder")?.path();
        if path.is_dir() {
            sources(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// Runs a program to its end; its last words are the error.
fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("`{program}` could not be started (is it installed?)"))?;
    let said = [output.stderr, output.stdout].concat();
    let said = String::from_utf8_lossy(&said);
    ensure!(output.status.success(), "`{program}` failed ({}): {}", output.status, complaint(&said));
    Ok(())
}

/// The first two lines that name an error, else the last line; without addresses, which say nothing about the peer.
fn complaint(said: &str) -> String {
    let errors: Vec<&str> = said.lines().filter(|line| line.to_lowercase().contains("error")).take(2).collect();
    let lines = if errors.is_empty() { said.lines().last().into_iter().collect() } else { errors };
    let words = lines.iter().flat_map(|line| line.split_whitespace());
    words.map(|word| if word.contains("://") { "…" } else { word }).collect::<Vec<_>>().join(" ")
}

/// FNV-1a over the files, to tell versions apart; nothing secret hangs on it.
fn fingerprint<'a>(files: impl IntoIterator<Item = &'a [u8]>) -> String {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = files.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, file| {
        file.iter().copied().chain(file.len().to_le_bytes()).fold(hash, step)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_another_place() {
        assert_eq!(fingerprint([b"river==1".as_slice()]), fingerprint([b"river==1".as_slice()]));
        assert_ne!(fingerprint([b"river==1".as_slice()]), fingerprint([b"river==2".as_slice()]));
        assert_ne!(fingerprint([b"ab".as_slice(), b"c"]), fingerprint([b"a".as_slice(), b"bc"]));
    }

    #[test]
    fn a_complaint_is_the_error_without_addresses() {
        let said = "Looking in indexes: https://x.example\nERROR: no matching https://x.example found\nbye";
        assert_eq!(complaint(said), "ERROR: no matching … found");
        assert_eq!(complaint("one\ntwo"), "two");
    }
}
