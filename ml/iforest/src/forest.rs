//! The fitted forest: growing it from data and scoring rows.

use crate::path::{average_path_length, height_limit, score_of};
use crate::tree::{self, LEAF, Node, Sample, Scratch};
use crate::{IsolationForestError, IsolationForestValidParams, MAX_FEATURES, random};
use linfa::Float;
use linfa::dataset::DatasetBase;
use linfa::traits::{Fit, PredictInplace};
use ndarray::{Array1, ArrayBase, ArrayView1, ArrayView2, Data, Ix2};

/// A fitted isolation forest.
///
/// Thresholds have the data's float type; path lengths are summed in `f64` in the order of the trees,
/// so that equal models give equal scores, bit for bit.
#[derive(Clone, Debug, PartialEq)]
pub struct IsolationForest<F> {
    pub(crate) features: usize,
    pub(crate) sample_size: usize,
    pub(crate) seed: u64,
    /// Where each tree begins in `nodes`, and the end.
    pub(crate) starts: Vec<usize>,
    pub(crate) nodes: Vec<Node<F>>,
    /// [`tree::path_values`] of every node.
    pub(crate) values: Vec<f64>,
}

impl<F: Float, D: Data<Elem = F>, T> Fit<ArrayBase<D, Ix2>, T, IsolationForestError> for IsolationForestValidParams {
    type Object = IsolationForest<F>;

    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<Self::Object, IsolationForestError> {
        IsolationForest::grow(self, dataset.records.view())
    }
}

impl<F: Float> IsolationForest<F> {
    fn grow(params: &IsolationForestValidParams, data: ArrayView2<'_, F>) -> Result<Self, IsolationForestError> {
        let (rows, features) = data.dim();
        let sample_size = params.sample_size();
        if rows == 0 || features == 0 || features > MAX_FEATURES {
            return Err(IsolationForestError::Shape { rows, features });
        }
        if sample_size > rows {
            return Err(IsolationForestError::TooFewRows { sample: sample_size, rows });
        }
        if let Some(((row, feature), _)) = data.indexed_iter().find(|(_, value)| !value.is_finite()) {
            return Err(IsolationForestError::NotFinite { row, feature });
        }
        let mut forest =
            Self { features, sample_size, seed: params.seed(), starts: vec![0], nodes: Vec::new(), values: Vec::new() };
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
            for (column, data_column) in columns.chunks_exact_mut(sample_size).zip(data.columns()) {
                for (place, row) in column.iter_mut().zip(picked) {
                    *place = data_column.get(*row).copied().unwrap_or_else(F::zero);
                }
            }
            let sample = Sample { columns: &columns, rows: sample_size, features };
            tree::grow(&sample, height_limit(sample_size), &mut rng, &mut scratch, &mut forest.nodes);
            forest.starts.push(forest.nodes.len());
        }
        forest.compute_values();
        Ok(forest)
    }

    pub(crate) fn compute_values(&mut self) {
        let mut values = Vec::with_capacity(self.nodes.len());
        for (nodes, _) in self.trees_with(&self.nodes) {
            tree::path_values(nodes, &mut values);
        }
        self.values = values;
    }

    /// Trees as slices of nodes and of a parallel array.
    fn trees_with<'a, X>(&'a self, other: &'a [X]) -> impl Iterator<Item = (&'a [Node<F>], &'a [X])> {
        self.starts.iter().zip(self.starts.iter().skip(1)).map(|(from, to)| {
            (self.nodes.get(*from..*to).unwrap_or_default(), other.get(*from..*to).unwrap_or_default())
        })
    }

    pub(crate) fn trees_and_values(&self) -> impl Iterator<Item = (&[Node<F>], &[f64])> {
        self.trees_with(&self.values)
    }

    /// Number of features.
    #[must_use]
    pub fn features(&self) -> usize {
        self.features
    }

    /// Number of trees.
    #[must_use]
    pub fn trees(&self) -> usize {
        self.starts.len() - 1
    }

    /// ψ.
    #[must_use]
    pub fn sample_size(&self) -> usize {
        self.sample_size
    }

    /// The seed it was grown with.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    pub(crate) fn normaliser(&self) -> f64 {
        average_path_length(self.sample_size)
    }

    pub(crate) fn check_row(&self, row: &[F]) -> Result<(), IsolationForestError> {
        if row.len() != self.features {
            return Err(IsolationForestError::Features { expected: self.features, got: row.len() });
        }
        match row.iter().position(|value| !value.is_finite()) {
            Some(feature) => Err(IsolationForestError::NotFinite { row: 0, feature }),
            None => Ok(()),
        }
    }

    /// Mean path length of a row over the trees, in edges, unfinished searches completed by
    /// [`average_path_length`] of the leaf. Does not allocate.
    ///
    /// # Errors
    /// [`IsolationForestError::Features`] or [`IsolationForestError::NotFinite`].
    pub fn path_length(&self, row: &[F]) -> Result<f64, IsolationForestError> {
        self.check_row(row)?;
        let sum: f64 = self.trees_and_values().map(|(nodes, values)| descend(nodes, values, row)).sum();
        #[expect(clippy::cast_precision_loss, reason = "at most MAX_TREES")]
        Ok(sum / self.trees() as f64)
    }

    /// Anomaly score 2^(−E\[h\] / c(ψ)) of a row: near 1 for an anomaly, below 0.5 for the ordinary. Does not allocate.
    ///
    /// # Errors
    /// [`IsolationForestError::Features`] or [`IsolationForestError::NotFinite`].
    pub fn score(&self, row: &[F]) -> Result<f64, IsolationForestError> {
        Ok(score_of(self.path_length(row)?, self.normaliser()))
    }

    /// Scores of all rows.
    ///
    /// # Errors
    /// As [`Self::score`]; the error names the row.
    pub fn scores(&self, data: ArrayView2<'_, F>) -> Result<Vec<f64>, IsolationForestError> {
        let mut copy = Vec::with_capacity(self.features);
        data.rows()
            .into_iter()
            .enumerate()
            .map(|(number, row)| {
                self.score(contiguous(&row, &mut copy)).map_err(|error| match error {
                    IsolationForestError::NotFinite { feature, .. } => {
                        IsolationForestError::NotFinite { row: number, feature }
                    }
                    other => other,
                })
            })
            .collect()
    }
}

/// The row as a slice, copied only where it is strided.
fn contiguous<'a, F: Float>(row: &'a ArrayView1<'_, F>, copy: &'a mut Vec<F>) -> &'a [F] {
    match row.as_slice() {
        Some(slice) => slice,
        None => {
            copy.clear();
            copy.extend(row.iter().copied());
            copy
        }
    }
}

/// Path length of a row in one tree.
fn descend<F: Float>(nodes: &[Node<F>], values: &[f64], row: &[F]) -> f64 {
    let mut at = 0;
    while let Some(node) = nodes.get(at) {
        if node.feature == LEAF {
            break;
        }
        let left = row.get(node.feature as usize).is_some_and(|value| *value <= node.threshold);
        at = if left { at + 1 } else { node.right_or_size as usize };
    }
    values.get(at).copied().unwrap_or(0.0)
}

/// Scores of rows. linfa's trait has no error: rows that [`IsolationForest::score`] refuses get NaN.
impl<F: Float, D: Data<Elem = F>> PredictInplace<ArrayBase<D, Ix2>, Array1<F>> for IsolationForest<F> {
    fn predict_inplace<'a>(&'a self, x: &'a ArrayBase<D, Ix2>, y: &mut Array1<F>) {
        let mut copy = Vec::with_capacity(self.features);
        for (row, target) in x.rows().into_iter().zip(y.iter_mut()) {
            *target = self.score(contiguous(&row, &mut copy)).map_or_else(|_| F::nan(), F::cast);
        }
    }

    fn default_target(&self, x: &ArrayBase<D, Ix2>) -> Array1<F> {
        Array1::zeros(x.nrows())
    }
}
