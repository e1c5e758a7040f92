//! Onset of an illness, from minute recordings of heart rate and steps.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::product::{self, Product};
use super::report::{Methods, Onset, OverAll, Part, Person, Verdict};

pub(super) struct Files {
    labels: PathBuf,
    recordings: Vec<PathBuf>,
}

impl Files {
    pub(super) fn find(folder: &Path) -> Result<Part<Self>> {
        let labels = folder.join("onset.csv");
        if !labels.is_file() {
            return Ok(Part::absent("onset of an illness", "there is no wearable/onset.csv"));
        }
        let recordings = listed(folder, &["_1min.csv.gz", "_1min.csv"])?;
        if recordings.is_empty() {
            return Ok(Part::absent("onset of an illness", "there is no wearable/*_1min.csv.gz"));
        }
        Ok(Part::There(Self { labels, recordings }))
    }
}

/// Files of a folder with one of the endings, by name.
pub(super) fn listed(folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry.with_context(|| format!("reading {}", folder.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if endings.iter().any(|ending| name.ends_with(ending)) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[derive(Deserialize)]
struct Told {
    person: String,
    days_monitored: u32,
    evaluation: Option<Evaluation>,
}

#[derive(Deserialize)]
struct Evaluation {
    #[serde(flatten)]
    own: Verdict,
    rivals: Rivals,
}

#[derive(Deserialize)]
struct Rivals {
    #[serde(rename = "z_above_1.5")]
    z_above: Verdict,
    #[serde(rename = "two_nights_4_above")]
    two_nights: Verdict,
}

pub(super) fn measure(product: &Product, files: &Files) -> Result<Onset> {
    eprintln!("xtask: onset of an illness: {} recordings", files.recordings.len());
    let mut arguments: Vec<PathBuf> = ["detect", "--profile", "home", "--json", "--labels"].map(PathBuf::from).into();
    arguments.push(files.labels.clone());
    arguments.extend(files.recordings.iter().cloned());
    let answer = product.run(&arguments)?;
    people(&answer, &product::line("caduceus", &arguments))
}

fn people(answer: &str, shown: &str) -> Result<Onset> {
    let (mut people, mut unlabelled) = (Vec::new(), Vec::new());
    for line in answer.lines() {
        let Told { person, days_monitored, evaluation } = product::read(line, shown)?;
        let Some(Evaluation { own: ours, rivals: Rivals { z_above, two_nights } }) = evaluation else {
            unlabelled.push(person);
            continue;
        };
        people.push(Person { person, days_monitored, methods: Methods { ours, z_above, two_nights } });
    }
    let of = |method: fn(&Methods<Verdict>) -> Verdict| {
        over_all(&people.iter().map(|person| method(&person.methods)).collect::<Vec<_>>())
    };
    let over_all = Methods {
        ours: of(|methods| methods.ours),
        z_above: of(|methods| methods.z_above),
        two_nights: of(|methods| methods.two_nights),
    };
    let commands =
        "caduceus detect --profile home --json --labels DIR/wearable/onset.csv DIR/wearable/*_1min.csv.gz".into();
    Ok(Onset { commands, people, unlabelled, over_all })
}

fn over_all(verdicts: &[Verdict]) -> OverAll {
    let mut all = OverAll {
        found: 0,
        people: 0,
        median_lead_days: None,
        false_alert_days: 0,
        well_days_monitored: 0,
        false_alert_days_per_30: None,
    };
    for verdict in verdicts {
        all.people += 1;
        all.found += u32::from(verdict.found);
        all.false_alert_days += verdict.false_alert_days;
        all.well_days_monitored += verdict.well_days_monitored;
    }
    let leads = verdicts.iter().filter(|verdict| verdict.found).filter_map(|verdict| verdict.lead_days);
    let leads: Vec<f64> = leads.map(f64::from).collect();
    all.median_lead_days = super::super::statistics::Spread::of(&leads).map(|spread| spread.median);
    all.false_alert_days_per_30 = (all.well_days_monitored > 0)
        .then(|| f64::from(all.false_alert_days) * 30.0 / f64::from(all.well_days_monitored));
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rates_over_all_are_of_the_sums_and_who_has_no_label_is_named() {
        let verdict = |found: bool, lead: &str, false_days: u32, well_days: u32| {
            format!(
                r#""found":{found},"lead_days":{lead},"false_alert_days":{false_days},"well_days_monitored":{well_days},"false_alert_days_per_30":9.9"#
            )
        };
        let object = |person: &str, own: &str, rival: &str| {
            format!(
                r#"{{"file":"f","person":"{person}","days_monitored":50,"alerts":[],"evaluation":{{"onset":"2020-07-05","alert_days":[],{own},"rivals":{{"z_above_1.5":{{{rival}}},"two_nights_4_above":{{{rival}}}}}}}}}"#
            )
        };
        let missed = verdict(false, "null", 3, 10);
        let answer = [
            object("a", &verdict(true, "13", 0, 10), &missed),
            object("b", &verdict(true, "-5", 2, 50), &missed),
            r#"{"file":"f","person":"c","days_monitored":7,"alerts":[],"evaluation":null}"#.to_owned(),
        ];
        let onset = people(&answer.join("\n"), "caduceus detect").unwrap();
        let OverAll { found, people, median_lead_days, false_alert_days_per_30, .. } = onset.over_all.ours;
        assert_eq!((found, people, median_lead_days, false_alert_days_per_30), (2, 2, Some(4.0), Some(1.0)));
        let rival = onset.over_all.z_above;
        assert_eq!((rival.found, rival.median_lead_days, rival.false_alert_days_per_30), (0, None, Some(9.0)));
        assert_eq!(onset.unlabelled, ["c"]);
    }

    #[test]
    fn an_answer_that_is_none_names_the_command() {
        let error = format!("{:#}", people("{}", "caduceus detect x.csv").unwrap_err());
        assert!(error.contains("`caduceus detect x.csv`") && error.contains("person"), "{error}");
    }
}
