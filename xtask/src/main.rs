//! The project's own commands: `cargo xtask test`, `cargo xtask lint`, `cargo xtask anchors`.
//!
//! Everything that a command needs beside a Rust toolchain, Java and Maven it fetches itself, into a cache outside the
//! work tree, and says so.

mod anchors;

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "xtask", about = "Commands for people who work on Caduceus")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every test: unit, property, contract (embedded log and a real Kafka broker), SMTP, and the whole path.
    Test {
        /// Passed on to `cargo test`, for example a package: `-- -p ledger`.
        #[arg(last = true)]
        rest: Vec<String>,
    },
    /// Formatting, lints and documentation, all without a warning.
    Lint,
    /// Measure ours beside what people use today, in one run; write JSON and a table.
    #[command(subcommand)]
    Anchors(anchors::Anchors),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Task::Test { rest } => test(&rest),
        Task::Lint => lint(),
        Task::Anchors(what) => anchors::run(&what),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// One profile, one build: the tests of the whole workspace in the dev profile.
fn test(rest: &[String]) -> Result<()> {
    let mut arguments = vec!["test", "--locked", "--no-fail-fast"];
    if rest.is_empty() {
        arguments.push("--workspace");
    }
    arguments.extend(rest.iter().map(String::as_str));
    cargo(&arguments, &[])
}

fn lint() -> Result<()> {
    cargo(&["fmt", "--all", "--check"], &[])?;
    cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"], &[])?;
    cargo(&["doc", "--workspace", "--no-deps", "--locked"], &[("RUSTDOCFLAGS", "-D warnings")])?;
    if Command::new("cargo-deny").arg("--version").output().is_ok_and(|output| output.status.success()) {
        cargo(&["deny", "--all-features", "check", "licenses", "bans", "sources"], &[])
    } else {
        eprintln!(
            "xtask: cargo-deny is not installed; licences and sources were not checked (`cargo install cargo-deny`)"
        );
        Ok(())
    }
}

fn cargo(arguments: &[&str], environment: &[(&str, &str)]) -> Result<()> {
    let line = format!("cargo {}", arguments.join(" "));
    eprintln!("xtask: {line}");
    let status = cargo_command()
        .args(arguments)
        .envs(environment.iter().copied())
        .status()
        .with_context(|| format!("{line} could not be started"))?;
    if !status.success() {
        bail!("{line} failed ({status})");
    }
    Ok(())
}

fn cargo_command() -> Command {
    let mut command = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    // What cargo has set for this program would make build scripts that look at it run again, and half the graph with them.
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_cargos_own(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    command
}

/// Variables that `cargo run` sets for the program it starts.
fn is_cargos_own(name: &str) -> bool {
    name.starts_with("CARGO_PKG_")
        || name.starts_with("CARGO_MANIFEST_")
        || name == "CARGO_CRATE_NAME"
        || name == "CARGO_BIN_NAME"
}
