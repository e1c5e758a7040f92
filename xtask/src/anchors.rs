//! Anchors: ours beside what people use today, measured side by side in one run.
//!
//! Every peer is a resident process that is told on stdin what to do next, so that rounds of different peers can take
//! turns. What was measured is written as JSON; the tables in `docs/` are made from that JSON and from nothing else.

mod data;
mod detection;
mod entrant;
mod forest;
mod goal;
mod install;
mod machine;
mod peer;
mod proc;
mod report;
mod statistics;
mod stream;
mod table;
mod turns;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::Subcommand;
use serde::{Deserialize, Serialize};

use report::Report;

/// What can be measured.
#[derive(Subcommand)]
pub(crate) enum Anchors {
    /// The isolation forest beside scikit-learn, isotree, ONNX Runtime, river and AWS's random cut forest.
    Forest {
        /// Rounds of every measurement; a figure that is published takes at least ten.
        #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..))]
        rounds: u16,
        /// Where the JSON goes, `docs/anchors-forest.json` if not said; the table goes beside it, with the ending `.md`.
        #[arg(long, value_name = "OUT.json")]
        json: Option<PathBuf>,
    },
    /// The whole path from the log to blocks and alerts, on a real Kafka broker, beside pipelines in Python and Java.
    Stream {
        /// Rounds of every pipeline; a figure that is published takes at least ten.
        #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=100))]
        rounds: u16,
        /// A trial of these pipelines beside ours, and without growth: `--only raw-decoded,java-learning`.
        #[arg(long, value_name = "PIPELINE,…", value_delimiter = ',')]
        only: Vec<String>,
        /// Where the JSON goes, `docs/anchors-stream.json` if not said; the table goes beside it, with the ending `.md`.
        #[arg(long, value_name = "OUT.json")]
        json: Option<PathBuf>,
    },
    /// Onset of an illness, stress, the Numenta benchmark and labelled tables, by the product's own commands.
    Detection {
        /// The folder of recordings: `wearable`, `nab`, `tabular`; what is absent is named and left out.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// The program to measure; if not said, `caduceus` is built in the release profile.
        #[arg(long, value_name = "PATH")]
        binary: Option<PathBuf>,
        /// Where the JSON goes, `docs/anchors-detection.json` if not said; the table goes beside it, with the ending `.md`.
        #[arg(long, value_name = "OUT.json")]
        json: Option<PathBuf>,
    },
    /// Write the table of a JSON file again, without measuring.
    Table {
        /// What an earlier run wrote.
        #[arg(value_name = "FILE.json")]
        json: PathBuf,
    },
}

pub(crate) fn run(what: &Anchors) -> Result<()> {
    match what {
        Anchors::Forest { rounds, json } => {
            let json = json.clone().unwrap_or_else(|| root().join("docs/anchors-forest.json"));
            check_ending(&json)?;
            write(&json, &forest::measure(*rounds)?)
        }
        Anchors::Stream { rounds, only, json } => {
            let json = json.clone().unwrap_or_else(|| root().join("docs/anchors-stream.json"));
            check_ending(&json)?;
            write(&json, &stream::measure(*rounds, only)?)
        }
        Anchors::Detection { data, binary, json } => {
            let json = json.clone().unwrap_or_else(|| root().join("docs/anchors-detection.json"));
            check_ending(&json)?;
            write(&json, &detection::measure(data, binary.as_deref())?)
        }
        Anchors::Table { json } => {
            check_ending(json)?;
            write_table(json)
        }
    }
}

fn check_ending(json: &Path) -> Result<()> {
    ensure!(json.extension().is_some_and(|ending| ending == "json"), "{}: name a .json file", json.display());
    Ok(())
}

fn write(json: &Path, report: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(report).context("writing the report as JSON")? + "\n";
    std::fs::write(json, text).with_context(|| format!("writing {}", json.display()))?;
    eprintln!("xtask: wrote {}", json.display());
    write_table(json)
}

/// Makes the table from the file, not from memory: what is published is what was written.
fn write_table(json: &Path) -> Result<()> {
    let text = std::fs::read_to_string(json).with_context(|| format!("reading {}", json.display()))?;
    let page = page_of(&text).with_context(|| format!("{}: no such report", json.display()))?;
    let out = json.with_extension("md");
    std::fs::write(&out, &page).with_context(|| format!("writing {}", out.display()))?;
    eprintln!("{page}\nxtask: wrote {}", out.display());
    Ok(())
}

/// The command that a report names says what it is about.
fn page_of(text: &str) -> serde_json::Result<String> {
    #[derive(Deserialize)]
    struct Made {
        command: String,
    }
    let made: Made = serde_json::from_str(text)?;
    if made.command == detection::COMMAND {
        serde_json::from_str(text).map(|report: detection::Report| detection::page(&report))
    } else if made.command.starts_with(stream::COMMAND) {
        serde_json::from_str(text).map(|report: stream::Report| stream::page(&report))
    } else {
        serde_json::from_str(text).map(|report: Report| table::page(&report))
    }
}

/// The root of the work tree.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[test]
    fn the_committed_tables_are_what_the_committed_json_gives() {
        for name in ["docs/anchors-forest.json", "docs/anchors-detection.json", "docs/anchors-stream.json"] {
            let json = root().join(name);
            let page = std::fs::read_to_string(json.with_extension("md")).unwrap();
            let made = page_of(&std::fs::read_to_string(&json).unwrap()).unwrap();
            assert!(page == made, "run `cargo xtask anchors table {name}`");
        }
    }
}
