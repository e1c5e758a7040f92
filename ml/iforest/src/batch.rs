//! Scores of many rows: the choice of the layout, and the way through the rows.

use crate::path::score_of;
use crate::perfect::{Perfect, Workspace};
use crate::{IsolationForest, IsolationForestError};
use linfa::Float;
use linfa::traits::PredictInplace;
use ndarray::{Array1, ArrayBase, ArrayView1, ArrayView2, Axis, Data, Ix2, Slice};
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Rows of one piece of work: their ranks stay in the first cache while the trees pass by.
pub(crate) const BLOCK_ROWS: usize = 256;

/// Making the batch layout takes about as long as scoring so many rows without it (100 trees × 256).
const LAYOUT_COSTS_ROWS: usize = 1024;

/// Fewer rows than these are sooner scored one at a time: sixteen go down together, there or not.
const FEWEST_ROWS: usize = 6;

/// The batch layout of a forest, made when it pays.
pub(crate) struct Batch<F> {
    layout: OnceLock<Option<Perfect<F>>>,
    /// Rows that were scored without it.
    rows_without: AtomicUsize,
}

impl<F> Default for Batch<F> {
    fn default() -> Self {
        Self { layout: OnceLock::new(), rows_without: AtomicUsize::new(0) }
    }
}

/// A copy makes its own when it needs one.
impl<F> Clone for Batch<F> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// What follows from the rest makes no difference.
impl<F> PartialEq for Batch<F> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<F> fmt::Debug for Batch<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.layout.get().is_some() { "Batch(made)" } else { "Batch(not made)" })
    }
}

impl<F: Float> IsolationForest<F> {
    /// Makes the layout for batches now, and says how many bytes it takes; `None` where this forest has none and
    /// batches are scored row by row.
    ///
    /// Nobody has to call it: scoring in batches makes the layout as soon as that pays (1,024 rows, over all calls).
    /// Every tree becomes a perfect tree of the forest's depth D, 12 · 2^D bytes, and the distinct thresholds are
    /// listed by feature, up to twice their size. There is none where D > 12, or with more than 256 features, more than 524,286 distinct
    /// thresholds of one feature, or more than 256 MiB of trees. A worker scoring batches takes
    /// 1 KiB a feature and 20 KiB more.
    pub fn prepare_batch(&self) -> Option<usize> {
        self.layout().map(Perfect::bytes)
    }

    fn layout(&self) -> Option<&Perfect<F>> {
        self.batch.layout.get_or_init(|| Perfect::new(&self.trees, self.features)).as_ref()
    }

    /// The layout, where it is there or pays for `rows` more rows.
    fn layout_for(&self, rows: usize) -> Option<&Perfect<F>> {
        if rows < FEWEST_ROWS {
            return None;
        }
        let Batch { layout, rows_without } = &self.batch;
        if layout.get().is_none() {
            let before = rows_without.fetch_add(rows.min(LAYOUT_COSTS_ROWS), Ordering::Relaxed);
            if before.saturating_add(rows) < LAYOUT_COSTS_ROWS {
                return None;
            }
        }
        self.layout()
    }

    /// Scores of all rows, each with the bits that [`Self::score`] gives.
    ///
    /// # Errors
    /// As [`Self::score`]; the error names the first such row.
    pub fn scores(&self, data: ArrayView2<'_, F>) -> Result<Vec<f64>, IsolationForestError> {
        let mut scores = vec![0.0; data.nrows()];
        self.score_batch(data, &mut scores)?;
        Ok(scores)
    }

    /// As [`Self::scores`], into `scores`, one place a row.
    ///
    /// # Errors
    /// As [`Self::scores`], when every other row has its score and every refused one NaN; and
    /// [`IsolationForestError::Places`] where there are not as many places as rows.
    pub fn score_batch(&self, data: ArrayView2<'_, F>, scores: &mut [f64]) -> Result<(), IsolationForestError> {
        if data.ncols() != self.features {
            return Err(IsolationForestError::Features { expected: self.features, got: data.ncols() });
        }
        if data.nrows() != scores.len() {
            return Err(IsolationForestError::Places { rows: data.nrows(), places: scores.len() });
        }
        self.score_rows(data, scores);
        // A score is never NaN but where its row was refused.
        let Some(row) = scores.iter().position(|score| score.is_nan()) else { return Ok(()) };
        let feature = data.row(row).iter().position(|value| !value.is_finite()).unwrap_or(0);
        Err(IsolationForestError::NotFinite { row, feature })
    }

    /// Scores of rows that have every feature; NaN for those that are not finite.
    fn score_rows(&self, data: ArrayView2<'_, F>, scores: &mut [f64]) {
        let (trees, normaliser) = (self.divisor(), self.normaliser);
        match self.layout_for(data.nrows()) {
            Some(layout) => for_each_block(scores, |work: &mut Workspace, first, scores| {
                layout.path_sums(rows_of(data, first, scores.len()), work, scores);
                scores.iter_mut().for_each(|score| *score = score_of(*score, trees, normaliser));
            }),
            None => for_each_block(scores, |copy: &mut Vec<F>, first, scores| {
                let rows = rows_of(data, first, scores.len());
                for (row, score) in rows.rows().into_iter().zip(scores) {
                    *score = self.score(contiguous(&row, copy)).unwrap_or(f64::NAN);
                }
            }),
        }
    }
}

fn rows_of<F>(data: ArrayView2<'_, F>, first: usize, count: usize) -> ArrayView2<'_, F> {
    data.slice_axis_move(Axis(0), Slice::from(first..first + count))
}

/// Calls `work` with every block of `scores` and the number of its first row, on every core.
#[cfg(feature = "parallel")]
fn for_each_block<W: Default>(scores: &mut [f64], work: impl Fn(&mut W, usize, &mut [f64]) + Sync) {
    use rayon::iter::{IndexedParallelIterator, ParallelIterator};
    use rayon::slice::ParallelSliceMut;
    let blocks = scores.par_chunks_mut(BLOCK_ROWS).enumerate();
    blocks.for_each_init(W::default, |space, (number, scores)| work(space, number * BLOCK_ROWS, scores));
}

/// Calls `work` with every block of `scores` and the number of its first row.
#[cfg(not(feature = "parallel"))]
fn for_each_block<W: Default>(scores: &mut [f64], work: impl Fn(&mut W, usize, &mut [f64]) + Sync) {
    let mut space = W::default();
    for (number, scores) in scores.chunks_mut(BLOCK_ROWS).enumerate() {
        work(&mut space, number * BLOCK_ROWS, scores);
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

/// Scores of rows, as [`IsolationForest::score_batch`] gives them. linfa's trait has no error: rows that
/// [`IsolationForest::score`] refuses get NaN. Takes 8 bytes a row for the time being.
impl<F: Float, D: Data<Elem = F>> PredictInplace<ArrayBase<D, Ix2>, Array1<F>> for IsolationForest<F> {
    fn predict_inplace<'a>(&'a self, x: &'a ArrayBase<D, Ix2>, y: &mut Array1<F>) {
        let mut scores = vec![f64::NAN; x.nrows()];
        if x.ncols() == self.features {
            self.score_rows(x.view(), &mut scores);
        }
        y.iter_mut().zip(scores).for_each(|(target, score)| *target = F::cast(score));
    }

    fn default_target(&self, x: &ArrayBase<D, Ix2>) -> Array1<F> {
        Array1::zeros(x.nrows())
    }
}
