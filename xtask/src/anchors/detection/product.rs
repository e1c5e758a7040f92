//! The program whose commands are measured: built, or given.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::root;

pub(super) struct Product {
    program: PathBuf,
    given: bool,
}

impl Product {
    /// The program at `binary`, else the workspace's own in the release profile, built now.
    pub(super) fn new(binary: Option<&Path>) -> Result<Self> {
        let program = match binary {
            None => build()?,
            Some(path) => path
                .canonicalize()
                .with_context(|| format!("--binary {}: name the program `caduceus`", path.display()))?,
        };
        Ok(Self { program, given: binary.is_some() })
    }

    /// In words, without a path of this machine.
    pub(super) fn origin(&self) -> &'static str {
        if self.given {
            "given with `--binary`, not built by this run"
        } else {
            "built by this run from the work tree, release profile"
        }
    }

    /// What the command writes to standard output. What it remarks is passed on.
    ///
    /// # Errors
    /// The whole command, files included, and what it said.
    pub(super) fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.args(arguments);
        output_of(command, &line("caduceus", arguments))
    }
}

/// Runs to the end; `shown` is what errors call the command.
pub(super) fn output_of(mut command: Command, shown: &str) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("`{shown}` could not be started"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{shown}` failed ({}): {}", output.status, said.trim());
    if !said.trim().is_empty() {
        eprintln!("{}", said.trim_end());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{shown}` wrote no UTF-8"))
}

/// Reads an answer of the command `shown`.
pub(super) fn read<T: DeserializeOwned>(answer: &str, shown: &str) -> Result<T> {
    serde_json::from_str(answer)
        .with_context(|| format!("the answer of `{shown}` is not what is expected: {}", start(answer)))
}

fn start(answer: &str) -> String {
    answer.trim().chars().take(200).collect()
}

/// The command as one types it.
pub(super) fn line<S: AsRef<OsStr>>(program: &str, arguments: &[S]) -> String {
    let mut line = String::from(program);
    for argument in arguments {
        let argument = argument.as_ref().to_string_lossy();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,=+:@%".contains(c);
        let quote = if !argument.is_empty() && argument.chars().all(plain) { "" } else { "'" };
        let _ = write!(line, " {quote}{argument}{quote}");
    }
    line
}

fn build() -> Result<PathBuf> {
    let arguments = ["build", "--release", "--locked", "-p", "caduceus", "--message-format=json-render-diagnostics"];
    eprintln!("xtask: cargo {}", arguments.join(" "));
    let output = crate::cargo_command()
        .args(arguments)
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()
        .context("cargo could not be started")?;
    ensure!(output.status.success(), "cargo {} failed ({})", arguments.join(" "), output.status);
    let messages = String::from_utf8_lossy(&output.stdout);
    let built = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|message| {
        let is_ours = message.pointer("/target/name").is_some_and(|name| name == "caduceus");
        message.get("executable").filter(|_| is_ours)?.as_str().map(PathBuf::from)
    });
    built.context("cargo named no executable of caduceus")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_command_that_fails_is_named_with_its_file_and_what_it_said() {
        let product = Product { program: "/bin/sh".into(), given: true };
        let error = product.run(&["-c", "echo line 3 is broken >&2; exit 2", "a file.csv"]).unwrap_err().to_string();
        for part in ["`caduceus -c", "'a file.csv'", "line 3 is broken", "2"] {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert_eq!(product.run(&["-c", "echo told; echo remarked >&2"]).unwrap(), "told\n");
    }

    #[test]
    fn a_program_that_is_not_there_is_refused_before_anything_runs() {
        let error = Product::new(Some(Path::new("no/such/caduceus"))).err().unwrap().to_string();
        assert!(error.contains("--binary no/such/caduceus"), "{error}");
    }
}
