//! `forest fit`: a forest from a table, as a file.

use std::io::Write;
use std::path::PathBuf;

use linfa::DatasetBase;
use linfa::traits::Fit as _;

use super::dataset::{Dataset, Label};
use super::{Growth, Model, Progress, counted};
use crate::Error;

/// What to fit.
#[derive(Clone, Debug)]
pub struct FitOptions {
    /// The table.
    pub file: PathBuf,
    /// The model's file; one that is there is replaced.
    pub model: PathBuf,
    /// A column that is left out, here and wherever the model is applied.
    pub label: Option<String>,
    /// How the forest is grown.
    pub growth: Growth,
    /// The seed: equal tables, settings and seeds give equal files.
    pub seed: u64,
}

/// Fits a forest on all rows and writes it with its columns' names.
///
/// # Errors
/// [`Error`]; then no file is written.
pub fn fit(options: &FitOptions, out: &mut dyn Write, progress: Progress<'_>) -> Result<(), Error> {
    let params = options.growth.params(options.seed)?;
    let label = options.label.as_deref().map_or(Label::None, Label::LeftOut);
    let data = Dataset::read(&options.file, label, progress)?;
    let forest = params.fit(&DatasetBase::from(data.values.view()))?;
    let told = format!(
        "{}: {} on {} rows each of {}, {}, seed {}, SHA-256 of the forest {}\n",
        options.model.display(),
        counted(forest.trees(), "tree"),
        forest.sample_size(),
        data.values.nrows(),
        counted(forest.features(), "feature"),
        forest.seed(),
        forest.hash().iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
    );
    Model::new(data.names, options.label.clone(), forest)?.write(&options.model, &[&options.file])?;
    out.write_all(told.as_bytes()).map_err(Error::Output)
}
