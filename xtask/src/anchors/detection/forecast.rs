//! Forecasts beside persistence, out of sample: heart rate at rest at home, and vitals at the bedside.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::onset::listed;
use super::product::{self, Product};
use super::report::{Ahead, Crossing, Forecast, Foretold, Part};

/// A limit that people at rest cross often enough to be judged by.
const LIMIT: [&str; 2] = ["--limit", "heart_rate:above:90"];
/// Columns of the bedside that are kept, and their signals.
const COLUMNS: [(&str, &str); 3] = [("HR", "heart_rate"), ("RESP", "respiration"), ("SpO2", "spo2")];

pub(super) struct Files {
    home: Vec<PathBuf>,
    bedside: Vec<PathBuf>,
}

impl Files {
    pub(super) fn find(wearable: &Path, bedside: &Path) -> Result<Part<Self>> {
        let found = |folder: &Path, ending| if folder.is_dir() { listed(folder, &[ending]) } else { Ok(Vec::new()) };
        let (home, bedside) = (found(wearable, "_1min.csv.gz")?, found(bedside, "_1min.csv")?);
        if home.is_empty() {
            return Ok(Part::absent("forecasts", "there is no wearable/*_1min.csv.gz"));
        }
        Ok(Part::There(Self { home, bedside }))
    }
}

/// Runs the command on every recording. Those of the bedside count minutes: they are written to `scratch` with seconds.
pub(super) fn measure(product: &Product, files: &Files, scratch: &Path) -> Result<Forecast> {
    eprintln!("xtask: forecasts: {} recordings at home, {} at the bedside", files.home.len(), files.bedside.len());
    let mut forecast = Forecast { commands: String::new(), weeks: Vec::new(), day: Vec::new(), bedside: Vec::new() };
    let mut commands = Vec::new();
    for (profile, to) in [("home", &mut forecast.weeks), ("day", &mut forecast.day)] {
        let options = [&["forecast", "--profile", profile, "--json"], &LIMIT[..]].concat();
        commands.push(product::line("caduceus", &options) + " DIR/wearable/*_1min.csv.gz");
        *to = run(product, &options, &files.home)?;
    }
    if !files.bedside.is_empty() {
        fs::create_dir_all(scratch).with_context(|| format!("making {}", scratch.display()))?;
        let in_seconds = files.bedside.iter().map(|file| to_seconds(file, scratch)).collect::<Result<Vec<_>>>()?;
        let options = ["forecast", "--profile", "bedside", "--json"];
        commands.push(product::line("caduceus", &options) + " OUT/*_1min.csv");
        forecast.bedside = run(product, &options, &in_seconds)?;
        forecast.bedside = forecast.bedside.into_iter().map(|vital| Foretold { crossing: None, ..vital }).collect();
    }
    forecast.commands = commands.join("; ");
    Ok(forecast)
}

fn run(product: &Product, options: &[&str], files: &[PathBuf]) -> Result<Vec<Foretold>> {
    let mut arguments: Vec<PathBuf> = options.iter().map(PathBuf::from).collect();
    arguments.extend(files.iter().cloned());
    vitals(&product.run(&arguments)?, &product::line("caduceus", &arguments))
}

/// Heart rate, respiration and saturation of a recording that counts minutes, with times in seconds.
fn to_seconds(file: &Path, folder: &Path) -> Result<PathBuf> {
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let header: Vec<&str> = text.lines().next().unwrap_or_default().split(',').collect();
    let kept: Vec<(&str, usize)> = COLUMNS
        .iter()
        .filter_map(|(name, signal)| Some((*signal, header.iter().position(|other| other == name)?)))
        .collect();
    let mut out: String =
        std::iter::once("time").chain(kept.iter().map(|(signal, _)| *signal)).collect::<Vec<_>>().join(",");
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let minute = cells.first().and_then(|minute| minute.parse::<u64>().ok());
        let minute = minute.with_context(|| format!("{}: no minute in {line}", file.display()))?;
        out += &format!("\n{}", minute * 60);
        for (_, at) in &kept {
            out += &format!(",{}", cells.get(*at).copied().unwrap_or_default());
        }
    }
    let to = folder.join(file.file_name().unwrap_or_default());
    fs::write(&to, out + "\n").with_context(|| format!("writing {}", to.display()))?;
    Ok(to)
}

#[derive(Deserialize)]
struct Told {
    person: String,
    vitals: Vec<Vital>,
}

#[derive(Deserialize)]
struct Vital {
    signal: String,
    at_rest: bool,
    values: u64,
    limits: Vec<Limit>,
    backtest: Backtest,
}

#[derive(Deserialize)]
struct Limit {
    backtest: Option<Crossing>,
}

#[derive(Deserialize)]
struct Backtest {
    horizons: Vec<Ahead>,
}

fn vitals(answer: &str, shown: &str) -> Result<Vec<Foretold>> {
    let mut all = Vec::new();
    for line in answer.lines() {
        let Told { person, vitals } = product::read(line, shown)?;
        for Vital { signal, at_rest, values, limits, backtest } in vitals {
            let crossing =
                limits.into_iter().find_map(|limit| limit.backtest).filter(|crossing| crossing.forecasts > 0);
            let horizons = backtest.horizons;
            all.push(Foretold { person: person.clone(), signal, at_rest, values, horizons, crossing });
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_answer_of_the_command_gives_each_vital_its_horizons_and_its_crossing() {
        let horizon = r#"{"horizon_min":60,"forecasts":100,"apart":50,"pinball":1.0,"persistence_pinball":1.25,"saved":0.2,"coverage":0.8,"persistence_coverage":0.81,"width":9.0,"persistence_width":11.0,"skill":"better"}"#;
        let crossing = |forecasts: u32| {
            format!(
                r#"{{"horizon_min":60,"forecasts":{forecasts},"crossed":10,"apart":9,"probability":0.1,"brier":0.05,"persistence_brier":0.06,"always_the_same_brier":0.09,"intervals":20,"interval_coverage":0.9,"skill":"better"}}"#
            )
        };
        let vital = |crossing: &str| {
            format!(
                r#"{{"signal":"heart_rate","unit":"/min","at_rest":true,"values":7,"limits":[{{"side":"above","backtest":{crossing}}}],"backtest":{{"forecasts":100,"horizons":[{horizon}]}}}}"#
            )
        };
        let object = |vitals: &str| format!(r#"{{"file":"f","person":"a","vitals":[{vitals}]}}"#);
        let answer = [object(&vital(&crossing(100))), object(&vital(&crossing(0))), object(&vital("null")), object("")];
        let all = vitals(&answer.join("\n"), "caduceus forecast").unwrap();
        assert_eq!(all.len(), 3);
        let told = |at: usize| (all[at].horizons[0].saved, all[at].crossing.as_ref().map(|crossing| crossing.crossed));
        assert_eq!([told(0), told(1), told(2)], [(0.2, Some(10)), (0.2, None), (0.2, None)]);
        let error = format!("{:#}", vitals("{}", "caduceus forecast x.csv").err().unwrap());
        assert!(error.contains("`caduceus forecast x.csv`"), "{error}");
    }

    #[test]
    fn minutes_become_seconds_and_three_signals_are_kept() {
        let folder = std::env::temp_dir().join(format!("xtask-seconds-{}", std::process::id()));
        fs::create_dir_all(folder.join("out")).unwrap();
        let file = folder.join("b_1min.csv");
        fs::write(&file, "minute,HR,ABPSys,RESP\n0,0.0,100.0,\n61,62.8,,12.7\n").unwrap();
        let to = to_seconds(&file, &folder.join("out")).unwrap();
        assert_eq!(fs::read_to_string(to).unwrap(), "time,heart_rate,respiration\n0,0.0,\n3660,62.8,12.7\n");
        fs::remove_dir_all(folder).unwrap();
    }
}
