//! The forest alone, through its commands.

mod labelled;
mod models;
mod published;
mod series;
mod tables;

use std::path::Path;

use evaluate::Error;
use evaluate::forest::{self, EvaluateOptions, FitOptions, Growth, ScoreOptions};
use serde_json::Value;

/// 300 ordinary rows and one far away in `x`, the last one: header `x,y,label`.
pub(crate) fn with_an_outlier() -> String {
    let rows: String = (0..300).map(|row| format!("{},{}.5,0\n", row % 17, row % 7)).collect();
    format!("x,y,label\n{rows}90,3.5,1\n")
}

pub(crate) fn evaluate_options(file: &Path, seeds: u32) -> EvaluateOptions {
    EvaluateOptions { file: file.to_owned(), label: "label".into(), growth: Growth::default(), seeds, json: true }
}

/// What the command prints.
pub(crate) fn evaluate(options: &EvaluateOptions) -> Result<String, Error> {
    let mut out = Vec::new();
    forest::evaluate(options, &mut out, &mut |_, _| ())?;
    Ok(String::from_utf8(out).unwrap())
}

pub(crate) fn object(file: &Path, seeds: u32) -> Value {
    serde_json::from_str(&evaluate(&evaluate_options(file, seeds)).unwrap()).unwrap()
}

/// One value a seed.
pub(crate) fn per_seed(object: &Value, key: &str) -> Vec<f64> {
    object[key].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

pub(crate) fn fit(file: &Path, model: &Path, label: Option<&str>, seed: u64) -> Result<String, Error> {
    let label = label.map(str::to_owned);
    let growth = Growth { trees: 20, sample: 128 };
    let options = FitOptions { file: file.to_owned(), model: model.to_owned(), label, growth, seed };
    let mut out = Vec::new();
    forest::fit(&options, &mut out, &mut |_, _| ())?;
    Ok(String::from_utf8(out).unwrap())
}

pub(crate) fn score(file: &Path, model: &Path, out: Option<&Path>) -> Result<String, Error> {
    let options =
        ScoreOptions { file: file.to_owned(), model: model.to_owned(), out: out.map(std::borrow::ToOwned::to_owned) };
    let mut told = Vec::new();
    forest::score(&options, &mut told, &mut |_, _| ())?;
    Ok(String::from_utf8(told).unwrap())
}
