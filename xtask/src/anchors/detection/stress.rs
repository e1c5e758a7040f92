//! Stress against rest, a second at a time, at the bedside.

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Deserialize;

use super::product::{self, Product};
use super::report::{Areas, Mean, Part, Stress};

const OPTIONS: [&str; 12] = [
    "detect",
    "--profile",
    "bedside",
    "--json",
    "--time",
    "Time(sec)",
    "--person",
    "Participant",
    "--map",
    "heart_rate=HR,respiration=respr",
    "--mark",
    "Label",
];

pub(super) fn find(folder: &Path) -> Result<Part<PathBuf>> {
    let file = folder.join("stress_1hz.csv.gz");
    if file.is_file() {
        Ok(Part::There(file))
    } else {
        Ok(Part::absent("stress at the bedside", "there is no wearable/stress_1hz.csv.gz"))
    }
}

#[derive(Deserialize)]
struct Told {
    person: String,
    evaluation: Option<Evaluation>,
}

#[derive(Deserialize)]
struct Evaluation {
    auroc: Auroc,
}

#[derive(Deserialize)]
struct Auroc {
    plain: Option<f64>,
    balanced: Option<f64>,
}

pub(super) fn measure(product: &Product, file: &Path) -> Result<Stress> {
    eprintln!("xtask: stress at the bedside: {}", file.display());
    let mut arguments: Vec<PathBuf> = OPTIONS.map(PathBuf::from).into();
    arguments.push(file.to_owned());
    people(&product.run(&arguments)?, &product::line("caduceus", &arguments))
}

fn people(answer: &str, shown: &str) -> Result<Stress> {
    let mut people = Vec::new();
    for line in answer.lines() {
        let Told { person, evaluation } = product::read(line, shown)?;
        let auroc = evaluation.map_or(Auroc { plain: None, balanced: None }, |evaluation| evaluation.auroc);
        people.push(Areas { person, plain: auroc.plain, balanced: auroc.balanced });
    }
    let mean = |area: fn(&Areas) -> Option<f64>| Mean::of(&people.iter().filter_map(area).collect::<Vec<_>>());
    let (plain, balanced) = (mean(|areas| areas.plain), mean(|areas| areas.balanced));
    let commands = product::line("caduceus", &OPTIONS) + " DIR/wearable/stress_1hz.csv.gz";
    Ok(Stress { commands, people, plain, balanced })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn means_are_over_the_people_who_have_an_area() {
        let answer = r#"{"person":"3","evaluation":{"auroc":{"plain":0.5,"balanced":null}}}
{"person":"5","evaluation":{"auroc":{"plain":0.7,"balanced":0.9}}}
{"person":"7","evaluation":null}"#;
        let stress = people(answer, "caduceus detect").unwrap();
        let (plain, balanced) = (stress.plain.unwrap(), stress.balanced.unwrap());
        assert!((plain.mean - 0.6).abs() < 1e-12 && plain.count == 2, "{plain:?}");
        assert!((balanced.mean - 0.9).abs() < 1e-12 && balanced.count == 1, "{balanced:?}");
        assert_eq!(stress.people.len(), 3);
        assert!(stress.commands.contains("--time 'Time(sec)'"), "{}", stress.commands);
    }
}
