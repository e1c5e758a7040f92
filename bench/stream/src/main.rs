//! Our side of `cargo xtask anchors stream`: resident processes that read commands on stdin and answer one JSON object a
//! line, like every pipeline in `bench/peers` (see `bench/README.md`).
//!
//! Usage: `bench-stream stage PATIENTS PIPELINE…` starts the broker and fills it; `bench-stream PIPELINE BOOTSTRAP PATIENTS
//! FOLDER` is one of `ours`, `ours-each-message`, `ours-growth`, `raw-decoded`, `raw-parsed`, `raw-unparsed`.

mod alerts;
mod gate;
mod kafka;
mod message;
mod ours;
mod plan;
mod population;
mod raw;
mod simulated;
mod stage;

use std::io::{BufRead as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

/// Answers one command.
trait Answers {
    fn answer(&mut self, words: &[&str]) -> Result<Value>;
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let count = |text: &str| text.parse::<u32>().context("PATIENTS is no number");
    match words.as_slice() {
        ["stage", patients, pipelines @ ..] => serve(&mut stage::Stage::start(count(patients)?, pipelines)?),
        ["raw-decoded", bootstrap, patients, _] => serve(&mut raw::Raw::decoded(bootstrap, count(patients)?)?),
        ["raw-parsed", bootstrap, ..] => serve(&mut raw::Raw::parsed(bootstrap)?),
        ["raw-unparsed", bootstrap, ..] => serve(&mut raw::Raw::unparsed(bootstrap)?),
        [name, bootstrap, patients, folder] => {
            let variant = ours::Variant::named(name)?;
            serve(&mut ours::Ours::start(variant, bootstrap, count(patients)?, Path::new(folder))?)
        }
        _ => bail!("usage: bench-stream stage PATIENTS PIPELINE… | bench-stream PIPELINE BOOTSTRAP PATIENTS FOLDER"),
    }
}

fn serve(what: &mut impl Answers) -> Result<()> {
    let (commands, mut answers) = (std::io::stdin().lock(), std::io::stdout().lock());
    for line in commands.lines() {
        let line = line.context("reading a command")?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let said = what.answer(&words).unwrap_or_else(|error| json!({ "error": format!("{error:#}") }));
        writeln!(answers, "{said}").and_then(|()| answers.flush()).context("writing an answer")?;
    }
    Ok(())
}
