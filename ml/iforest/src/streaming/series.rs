//! Values over time: features from the recent past, a forest for each column, the episode gate over all.

use super::forest::MOST;
use super::{EpisodeGate, StreamingForest, StreamingForestParams};
use crate::IsolationForestError;
use std::collections::VecDeque;

/// Rows that the features look back on, the present one included.
const WINDOW_ROWS: usize = 24;
/// Rows learned before the first score.
const WARM_UP_ROWS: u64 = 100;
const TREES: usize = 40;
/// Rows that a tree holds. Rare events of the past must be among them, or each comes as new.
const SAMPLE_SIZE: usize = 2_048;
const MEMORY_ROWS: u64 = 8_192;
const GATE_QUIET_ROWS: u32 = 50;
const GATE_MEMORY_ROWS: u32 = 2_048;
/// Value, lowest, highest and mean of the window.
const FEATURES: usize = 4;

/// What [`SeriesForest::push`] says of a row, both in [0, 1].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SeriesScore {
    /// The raw score, weighed by the [`EpisodeGate`]: alert on this.
    pub score: f64,
    /// How new the row is, whatever came before it.
    pub raw_score: f64,
}

/// Scores the rows of one or more time series, each before it is learned; one setting for every series.
///
/// Features of a column are its value and the lowest, highest and mean value of the last 24 rows: spikes, shifts, flat
/// stretches and changed swings all leave what these have been. The columns may have different units: each has a forest
/// of its own, and the row's raw score is the highest. Nothing looks ahead; the first 100 rows score 0.
///
/// Memory per column: 40 trees of 2,048 rows, at most 14 MB once full, however long the series.
///
/// ```
/// use iforest::streaming::SeriesForest;
///
/// let mut series = SeriesForest::new(1, 42)?;
/// let mut highest = (0, 0.0);
/// for row in 0..1_000 {
///     let value = if row == 700 { 95.0 } else { f64::from(row % 24) };
///     let scored = series.push(&[value])?;
///     if scored.score > highest.1 {
///         highest = (row, scored.score);
///     }
/// }
/// assert_eq!(highest.0, 700);
/// # Ok::<(), iforest::IsolationForestError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SeriesForest {
    columns: Vec<Column>,
    gate: EpisodeGate,
}

#[derive(Clone, Debug)]
struct Column {
    recent: VecDeque<f64>,
    forest: StreamingForest,
}

impl SeriesForest {
    /// For rows of `columns` values.
    ///
    /// # Errors
    /// [`IsolationForestError::Shape`] where there is no column.
    pub fn new(columns: usize, seed: u64) -> Result<Self, IsolationForestError> {
        if columns == 0 {
            return Err(IsolationForestError::Shape { rows: 1, features: 0 });
        }
        let params = StreamingForestParams::new().trees(TREES).sample_size(SAMPLE_SIZE).memory_rows(MEMORY_ROWS);
        let columns = (0..columns)
            .map(|number| {
                let forest = params.clone().seed(seed.wrapping_add(number as u64)).forest(FEATURES)?;
                Ok(Column { recent: VecDeque::with_capacity(WINDOW_ROWS), forest })
            })
            .collect::<Result<_, IsolationForestError>>()?;
        Ok(Self { columns, gate: EpisodeGate::new(GATE_QUIET_ROWS, GATE_MEMORY_ROWS) })
    }

    /// Scores the next row, then learns it.
    ///
    /// # Errors
    /// [`IsolationForestError::Features`] or [`IsolationForestError::NotFinite`]; then nothing is learned.
    pub fn push(&mut self, row: &[f64]) -> Result<SeriesScore, IsolationForestError> {
        if row.len() != self.columns.len() {
            return Err(IsolationForestError::Features { expected: self.columns.len(), got: row.len() });
        }
        if let Some(feature) = row.iter().position(|value| !value.is_finite()) {
            return Err(IsolationForestError::NotFinite { row: usize::try_from(self.rows()).unwrap_or(0), feature });
        }
        let mut raw_score = 0.0;
        for (column, value) in self.columns.iter_mut().zip(row) {
            let score = column.push(*value)?;
            raw_score = if score > raw_score { score } else { raw_score };
        }
        Ok(SeriesScore { score: self.gate.pass(raw_score), raw_score })
    }

    /// Rows learned so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.columns.first().map_or(0, |column| column.forest.learned())
    }
}

impl Column {
    fn push(&mut self, value: f64) -> Result<f64, IsolationForestError> {
        let value = value.clamp(-MOST, MOST);
        if self.recent.len() == WINDOW_ROWS {
            self.recent.pop_front();
        }
        self.recent.push_back(value);
        let features = features(value, &self.recent);
        let warm = self.forest.learned() >= WARM_UP_ROWS;
        let score = if warm { self.forest.score(&features)? } else { 0.0 };
        self.forest.learn(&features)?;
        Ok(score)
    }
}

fn features(value: f64, recent: &VecDeque<f64>) -> [f64; FEATURES] {
    let (mut low, mut high) = (value, value);
    for past in recent {
        low = if *past < low { *past } else { low };
        high = if *past > high { *past } else { high };
    }
    // From the lowest value on, so that rounding adds nothing new to a flat stretch.
    let above: f64 = recent.iter().map(|past| past - low).sum();
    #[expect(clippy::cast_precision_loss, reason = "at most WINDOW_ROWS")]
    let mean = low + above / recent.len().max(1) as f64;
    [value, low, high, mean]
}
