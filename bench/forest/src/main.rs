//! Our side of `cargo xtask anchors forest`: a resident process that reads commands on stdin and answers one JSON object
//! a line, like every peer in `bench/peers` (see `bench/README.md`).
//!
//! Usage: `bench-forest SPEED_FILE LABELLED_FILE FEATURES`. The files hold rows of little-endian float64.

mod ours;
mod rows;

use std::io::{BufRead as _, Write as _};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use ours::Ours;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [speed, labelled, features] = arguments.as_slice() else {
        bail!("usage: bench-forest SPEED_FILE LABELLED_FILE FEATURES");
    };
    let features = features.parse().context("FEATURES is no number")?;
    let labelled = rows::read(labelled, features)?;
    let mut ours = Ours::new(rows::read(speed, features)?)?;
    let (commands, mut answers) = (std::io::stdin().lock(), std::io::stdout().lock());
    for line in commands.lines() {
        let line = line.context("reading a command")?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let said =
            answer(&mut ours, &labelled, &words).unwrap_or_else(|error| json!({ "error": format!("{error:#}") }));
        writeln!(answers, "{said}").and_then(|()| answers.flush()).context("writing an answer")?;
    }
    Ok(())
}

fn answer(ours: &mut Ours, labelled: &ndarray::Array2<f64>, words: &[&str]) -> Result<Value> {
    match words {
        ["hello"] => Ok(json!({
            "versions": { "iforest": env!("CARGO_PKG_VERSION") },
            "settings": ours::SETTINGS,
        })),
        ["scores", work, out] => {
            let scores = ours::scores(work, labelled)?;
            rows::write(out, &scores)?;
            Ok(json!({ "rows": scores.len() }))
        }
        ["run", work, units] => {
            let units = units.parse().context("no number of units")?;
            let mut job = ours.prepare(work, units)?;
            let begin = Instant::now();
            let check = job()?;
            let wall_ns = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
            Ok(json!({ "wall_ns": wall_ns, "check": check }))
        }
        _ => bail!("unknown command {words:?}"),
    }
}
