//! `cargo xtask anchors detection`: how well the product detects, by its own commands on recordings that others published.
//!
//! Recordings of people are no part of this project: they are read from a folder, and what is not there is left out and named.
//! No figure here is a speed, so the same program gives the same figures on every machine.

mod forecast;
mod goals;
mod nab;
mod onset;
mod product;
mod report;
mod stress;
mod table;
mod tabular;

use std::path::Path;

use anyhow::{Result, ensure};

use super::{machine, root};
use product::Product;
pub(super) use report::Report;
use report::{LeftOut, Part};
pub(super) use table::page;

/// What a reader of the report repeats it with.
pub(super) const COMMAND: &str = "cargo xtask anchors detection --data DIR";

/// Of what a report depends on; a change of it that is not committed is named.
const DEPENDS_ON: [&str; 4] = ["ml", "bench", "xtask", "Cargo.lock"];

/// Runs everything that `data` has recordings for.
///
/// # Errors
/// Where there is nothing to measure on, or one of our own commands failed; the message names it and the file.
pub(super) fn measure(data: &Path, binary: Option<&Path>) -> Result<Report> {
    ensure!(
        data.is_dir(),
        "{}: no such folder; --data names the one that holds wearable, nab and tabular",
        data.display()
    );
    let mut left_out = Vec::new();
    let scratch = root().join("target/anchors/detection");
    // What is missing is known before anything is built.
    let onset = found(onset::Files::find(&data.join("wearable"))?, &mut left_out);
    let stress = found(stress::find(&data.join("wearable"))?, &mut left_out);
    let nab = found(nab::Files::find(&data.join("nab"))?, &mut left_out);
    let tabular = found(tabular::find(&data.join("tabular"))?, &mut left_out);
    let forecast = found(forecast::Files::find(&data.join("wearable"), &data.join("bedside"))?, &mut left_out);
    ensure!(left_out.len() < 5, "{}: nothing to measure on: {}", data.display(), words(&left_out));
    let product = Product::new(binary)?;
    let onset = onset.map(|files| onset::measure(&product, &files)).transpose()?;
    let stress = stress.map(|file| stress::measure(&product, &file)).transpose()?;
    let nab = nab.map(|files| nab::measure(&product, &files, &scratch.join("nab"))).transpose()?;
    let tabular = tabular.map(|files| tabular::measure(&product, &files)).transpose()?;
    let forecast = forecast.map(|files| forecast::measure(&product, &files, &scratch.join("bedside"))).transpose()?;
    Ok(Report {
        command: COMMAND.into(),
        measured_at: machine::now(),
        commit: machine::commit(&DEPENDS_ON),
        program: product.origin().into(),
        goals: goals::of(onset.as_ref(), stress.as_ref(), nab.as_ref()),
        left_out,
        onset,
        stress,
        nab,
        tabular,
        forecast,
    })
}

/// Keeps what is there, and notes and tells what is not.
fn found<T>(part: Part<T>, left_out: &mut Vec<LeftOut>) -> Option<T> {
    match part {
        Part::There(files) => Some(files),
        Part::Absent(absent) => {
            eprintln!("xtask: {} is left out: {}", absent.what, absent.why);
            left_out.push(absent);
            None
        }
    }
}

fn words(left_out: &[LeftOut]) -> String {
    left_out.iter().map(|absent| format!("{}: {}", absent.what, absent.why)).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_folder_without_any_recording_is_refused_and_every_part_named() {
        let error = measure(&root().join("xtask"), None).unwrap_err().to_string();
        for part in [
            "wearable/onset.csv",
            "wearable/stress_1hz.csv.gz",
            "nab/windows.json",
            "tabular/",
            "wearable/*_1min.csv.gz",
        ] {
            assert!(error.contains(part), "{part}: {error}");
        }
        let error = measure(&root().join("no such folder"), None).unwrap_err().to_string();
        assert!(error.contains("--data names the one"), "{error}");
    }
}
