//! The cohort forest: one model for all persons, on deviations from each one's own baseline.

use crate::VitalsError;
use crate::feature::{COLUMNS, Deviations, FEATURES};
use borsh::{BorshDeserialize, BorshSerialize};
use iforest::{IsolationForest, IsolationForestError, IsolationForestParams, quantile};
use linfa::DatasetBase;
use linfa::traits::Fit;
use ndarray::Array2;
use sha2::{Digest, Sha256};

/// Sets of features that may be present.
const SETS: usize = 1 << FEATURES;
/// Share of the cohort's windows below the opening and the clearing threshold.
const OPEN_SHARE: f64 = 0.998;
const CLEAR_SHARE: f64 = 0.98;
/// Windows that the thresholds of a set are taken from, at most.
const THRESHOLD_WINDOWS: usize = 2_000;
const VERSION: u16 = 1;

/// A trained cohort model with its origin. Equal bytes mean equal scores.
#[derive(Clone, Debug)]
pub struct CohortModel {
    forest: IsolationForest<f64>,
    thresholds: Vec<Thresholds>,
    origin: String,
    bytes: Vec<u8>,
    hash: [u8; 32],
}

/// Scores that open and clear, millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Thresholds {
    pub(crate) open_micro: i64,
    pub(crate) clear_micro: i64,
}

/// The file's content.
#[derive(BorshSerialize, BorshDeserialize)]
struct Content {
    version: u16,
    origin: String,
    thresholds: Vec<Thresholds>,
    forest: Vec<u8>,
}

/// Millionths of a score or share.
pub(crate) fn micro(value: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "scores and shares lie within (-1, 1)")]
    let micro = libm::round(value * 1_000_000.0) as i64;
    micro
}

impl CohortModel {
    /// Trains on the windows of a reference population. `origin` says where they came from.
    ///
    /// Thresholds are quantiles of the cohort's own scores, one pair for every set of features that may be present.
    ///
    /// # Errors
    /// [`VitalsError::Training`] where there are fewer windows than the forest's sub-sample, or the parameters are refused.
    pub fn train(windows: &[Deviations], origin: &str, params: &IsolationForestParams) -> Result<Self, VitalsError> {
        // Every other window is seen with fewer sensors, all sets in turn: missing ones must look ordinary.
        let sets = (1..SETS).cycle().flat_map(|set| [SETS - 1, set]);
        let rows: Vec<[f64; COLUMNS]> = windows
            .iter()
            .zip(sets)
            .map(|(window, set)| window.row(window.present & u8::try_from(set).unwrap_or(u8::MAX)))
            .collect();
        let data: Array2<f64> = Array2::from(rows);
        let forest: IsolationForest<f64> = params.fit(&DatasetBase::from(data))?;
        let step = windows.len().div_ceil(THRESHOLD_WINDOWS).max(1);
        let mut thresholds = Vec::with_capacity(SETS);
        for set in (0_u8..).take(SETS) {
            // Windows that have all of the set, seen as if there were no more.
            let scores = windows
                .iter()
                .step_by(step)
                .filter(|window| window.present & set == set)
                .map(|window| forest.score(&window.row(set)))
                .collect::<Result<Vec<f64>, IsolationForestError>>()?;
            thresholds.push(if scores.is_empty() {
                // Nothing is known about this set: it never opens.
                Thresholds { open_micro: 1_000_000, clear_micro: 1_000_000 }
            } else {
                Thresholds {
                    open_micro: micro(quantile(&scores, OPEN_SHARE)?),
                    clear_micro: micro(quantile(&scores, CLEAR_SHARE)?),
                }
            });
        }
        let content = Content { version: VERSION, origin: origin.to_owned(), thresholds, forest: forest.to_bytes() };
        let bytes = borsh::to_vec(&content).map_err(|error| VitalsError::Model(error.to_string()))?;
        Ok(Self::assemble(forest, content, bytes))
    }

    fn assemble(forest: IsolationForest<f64>, content: Content, bytes: Vec<u8>) -> Self {
        let hash = Sha256::digest(&bytes).into();
        Self { forest, thresholds: content.thresholds, origin: content.origin, bytes, hash }
    }

    /// Reads what [`Self::to_bytes`] gave, and nothing else.
    ///
    /// # Errors
    /// [`VitalsError::Model`] says what is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VitalsError> {
        // Refuses trailing bytes; every field has one encoding.
        let content: Content = borsh::from_slice(bytes).map_err(|error| VitalsError::Model(error.to_string()))?;
        if content.version != VERSION || content.thresholds.len() != SETS {
            return Err(VitalsError::Model(format!("version {} is not {VERSION}", content.version)));
        }
        let forest =
            IsolationForest::from_bytes(&content.forest).map_err(|error| VitalsError::Model(error.to_string()))?;
        if forest.features() != COLUMNS {
            return Err(VitalsError::Model(format!("{} columns where this version has {COLUMNS}", forest.features())));
        }
        Ok(Self::assemble(forest, content, bytes.to_vec()))
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of the bytes.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// Where the training data came from.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The forest's seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.forest.seed()
    }

    /// Number of trees and of rows that each was grown on.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.forest.trees(), self.forest.sample_size())
    }

    pub(crate) fn thresholds(&self, present: u8) -> Thresholds {
        let never = Thresholds { open_micro: 1_000_000, clear_micro: 1_000_000 };
        self.thresholds.get(usize::from(present)).copied().unwrap_or(never)
    }

    /// Score of a window, millionths.
    pub(crate) fn score_micro(&self, window: &Deviations) -> Option<i64> {
        self.forest.score(&window.row(window.present)).ok().map(micro)
    }

    /// Share of each feature in the score, millionths.
    pub(crate) fn shares_micro(&self, window: &Deviations) -> [i64; FEATURES] {
        let mut shares = [0.0; COLUMNS];
        match self.forest.contributions(&window.row(window.present), &mut shares) {
            Ok(_) => window.by_feature(&shares).map(micro),
            Err(_) => [0; FEATURES],
        }
    }
}
