//! Fitting: checks of the data, and the sub-sample of every tree.

use crate::grow::{self, Sample, Scratch};
use crate::path::height_limit;
use crate::trees::Trees;
use crate::{IsolationForest, IsolationForestError, IsolationForestValidParams, MAX_FEATURES, random};
use linfa::Float;
use linfa::dataset::DatasetBase;
use linfa::traits::Fit;
use ndarray::{ArrayBase, ArrayView2, Data, Ix2};

impl<F: Float, D: Data<Elem = F>, T> Fit<ArrayBase<D, Ix2>, T, IsolationForestError> for IsolationForestValidParams {
    type Object = IsolationForest<F>;

    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<Self::Object, IsolationForestError> {
        grow_forest(self, dataset.records.view())
    }
}

fn grow_forest<F: Float>(
    params: &IsolationForestValidParams,
    data: ArrayView2<'_, F>,
) -> Result<IsolationForest<F>, IsolationForestError> {
    let (rows, features) = data.dim();
    if rows == 0 || features == 0 || features > MAX_FEATURES {
        return Err(IsolationForestError::Shape { rows, features });
    }
    let sample_size = if params.shrinks_sample() { params.sample_size().min(rows) } else { params.sample_size() };
    if sample_size > rows || sample_size < 2 {
        return Err(IsolationForestError::TooFewRows { sample: sample_size.max(2), rows });
    }
    check_finite(data)?;
    let mut trees = Trees::new();
    let mut drawn: Vec<usize> = (0..rows).collect();
    let mut columns = vec![F::zero(); sample_size * features];
    let mut scratch = Scratch::default();
    for number in 0..params.trees() {
        let mut rng = random::of_tree(params.seed(), number);
        // The first ψ places of a Fisher–Yates shuffle; whatever order the last tree left is as good.
        for at in 0..sample_size {
            drawn.swap(at, at + random::below(&mut rng, rows - at));
        }
        let picked = drawn.get(..sample_size).unwrap_or_default();
        for (place, row) in picked.iter().enumerate() {
            let values = data.row(*row);
            for (column, value) in columns.chunks_exact_mut(sample_size).zip(&values) {
                if let Some(cell) = column.get_mut(place) {
                    *cell = *value;
                }
            }
        }
        let sample = Sample { columns: &columns, rows: sample_size, features };
        grow::grow(&sample, height_limit(sample_size), &mut rng, &mut scratch, &mut trees);
    }
    Ok(IsolationForest::assemble(features, sample_size, params.seed(), trees))
}

fn check_finite<F: Float>(data: ArrayView2<'_, F>) -> Result<(), IsolationForestError> {
    let finite = |values: &[F]| values.iter().fold(true, |finite, value| finite & value.is_finite());
    if data.as_slice_memory_order().is_some_and(|values| values.chunks(1024).all(finite)) {
        return Ok(());
    }
    // Strided, or somewhere there is one.
    match data.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((row, feature), _)) => Err(IsolationForestError::NotFinite { row, feature }),
        None => Ok(()),
    }
}
