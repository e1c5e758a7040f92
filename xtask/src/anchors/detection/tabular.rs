//! The forest alone on labelled tables: fit and scored on the whole table, ten seeds.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::onset::listed;
use super::product::{self, Product};
use super::report::{Mean, Part, Set, Tabular};

const OPTIONS: [&str; 11] =
    ["forest", "evaluate", "--json", "--label", "label", "--trees", "100", "--sample", "256", "--seeds", "10"];

pub(super) fn find(folder: &Path) -> Result<Part<Vec<PathBuf>>> {
    let files = if folder.is_dir() { listed(folder, &[".csv.gz", ".csv"])? } else { Vec::new() };
    if files.is_empty() {
        return Ok(Part::absent("labelled tables", "there is no tabular/*.csv.gz"));
    }
    Ok(Part::There(files))
}

/// As `caduceus forest evaluate --json` says it; its times are not figures of detection.
#[derive(Deserialize)]
struct Told {
    rows: u64,
    features: u64,
    anomalies: u64,
    auroc: Vec<f64>,
    average_precision: Vec<f64>,
}

pub(super) fn measure(product: &Product, files: &[PathBuf]) -> Result<Tabular> {
    let mut sets = Vec::new();
    for (at, file) in files.iter().enumerate() {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let name = name.trim_end_matches(".gz").trim_end_matches(".csv");
        eprintln!("xtask: labelled table {} of {}: {name}", at + 1, files.len());
        let mut arguments: Vec<PathBuf> = OPTIONS.map(PathBuf::from).into();
        arguments.push(file.clone());
        let shown = product::line("caduceus", &arguments);
        let told: Told = product::read(&product.run(&arguments)?, &shown)?;
        let none = || format!("`{shown}` gave no value of any seed");
        sets.push(Set {
            name: name.into(),
            rows: told.rows,
            features: told.features,
            anomalies: told.anomalies,
            auroc: Mean::of(&told.auroc).with_context(none)?,
            average_precision: Mean::of(&told.average_precision).with_context(none)?,
        });
    }
    let commands = product::line("caduceus", &OPTIONS) + " DIR/tabular/SET.csv.gz";
    Ok(Tabular { commands, sets })
}
