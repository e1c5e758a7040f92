//! Files of little-endian float64.

use std::fs;

use anyhow::{Context as _, Result};
use ndarray::Array2;

pub(crate) fn read(path: &str, features: usize) -> Result<Array2<f64>> {
    let bytes = fs::read(path).with_context(|| format!("reading {path}"))?;
    let values: Vec<f64> = bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
    let rows = values.len() / features.max(1);
    Array2::from_shape_vec((rows, features), values).with_context(|| format!("{path} does not hold rows of {features}"))
}

pub(crate) fn write(path: &str, values: &[f64]) -> Result<()> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    fs::write(path, bytes).with_context(|| format!("writing {path}"))
}
