//! Anchors: ours beside what people use today, measured side by side in one run.
//!
//! Every peer is a resident process that is told on stdin what to do next, so that rounds of different peers can take
//! turns. What was measured is written as JSON; the tables in `docs/` are made from that JSON and from nothing else.

mod data;
mod entrant;
mod forest;
mod install;
mod machine;
mod peer;
mod report;
mod statistics;
mod table;
mod turns;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::Subcommand;

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
            let report = forest::measure(*rounds)?;
            let text = serde_json::to_string_pretty(&report).context("writing the report as JSON")? + "\n";
            std::fs::write(&json, text).with_context(|| format!("writing {}", json.display()))?;
            eprintln!("xtask: wrote {}", json.display());
            write_table(&json)
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

/// Makes the table from the file, not from memory: what is published is what was written.
fn write_table(json: &Path) -> Result<()> {
    let text = std::fs::read_to_string(json).with_context(|| format!("reading {}", json.display()))?;
    let report: Report = serde_json::from_str(&text).with_context(|| format!("{}: no such report", json.display()))?;
    let page = table::page(&report);
    let out = json.with_extension("md");
    std::fs::write(&out, &page).with_context(|| format!("writing {}", out.display()))?;
    eprintln!("{page}\nxtask: wrote {}", out.display());
    Ok(())
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
    fn the_committed_table_is_what_the_committed_json_gives() {
        let json = root().join("docs/anchors-forest.json");
        let report: Report = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
        let page = std::fs::read_to_string(json.with_extension("md")).unwrap();
        assert!(page == table::page(&report), "run `cargo xtask anchors table docs/anchors-forest.json`");
    }
}
