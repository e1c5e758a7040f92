//! The rows that every peer reads, and the check that no peer is broken.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

/// Rows that speed is measured on.
pub(super) const ROWS: usize = 65_536;
pub(super) const FEATURES: usize = 8;
pub(super) const SEED: u64 = 20_080_415;
const LABELLED_ROWS: usize = 8_192;
/// One labelled row in so many is an anomaly, at a place that the generator chooses.
const ANOMALY_EVERY: u64 = 50;

/// What the data is, in words for the report.
pub(super) const DESCRIPTION: &str = "65,536 rows of 8 features: 0.6 of a shared bell-shaped value + 0.8 of one's own \
    (12 uniforms added, SplitMix64). AUROC on 8,192 other rows, of which about one in 50 is uniform in [-6, 6].";

/// Files of little-endian float64, row after row.
pub(super) struct Files {
    pub(super) speed: PathBuf,
    pub(super) labelled: PathBuf,
    labels: Vec<bool>,
}

impl Files {
    pub(super) fn write(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
        let mut generator = Generator(SEED);
        let mut speed = Vec::with_capacity(ROWS * FEATURES);
        (0..ROWS).for_each(|_| generator.ordinary_row(&mut speed));
        let (mut rows, mut labels) = (Vec::new(), Vec::new());
        for _ in 0..LABELLED_ROWS {
            let anomaly = generator.next().is_multiple_of(ANOMALY_EVERY);
            labels.push(anomaly);
            if anomaly {
                rows.extend(std::iter::repeat_with(|| 12.0 * generator.unit() - 6.0).take(FEATURES));
            } else {
                generator.ordinary_row(&mut rows);
            }
        }
        let files = Self { speed: folder.join("speed.f64"), labelled: folder.join("labelled.f64"), labels };
        for (path, rows) in [(&files.speed, &speed), (&files.labelled, &rows)] {
            let bytes: Vec<u8> = rows.iter().flat_map(|value| value.to_le_bytes()).collect();
            fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(files)
    }

    /// AUROC of the scores that a peer wrote for the labelled rows.
    pub(super) fn auroc_of(&self, scores: &Path) -> Result<f64> {
        let bytes = fs::read(scores).with_context(|| format!("reading {}", scores.display()))?;
        let scores: Vec<f64> = bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        ensure!(
            scores.len() == self.labels.len(),
            "{} scores were written for {} rows",
            scores.len(),
            self.labels.len()
        );
        ensure!(scores.iter().all(|score| score.is_finite()), "a score is not finite");
        Ok(auroc(&scores, &self.labels))
    }
}

/// The share of pairs of an anomaly and an ordinary row in which the anomaly scores higher; a tie counts half.
fn auroc(scores: &[f64], labels: &[bool]) -> f64 {
    let mut order: Vec<(f64, bool)> = scores.iter().copied().zip(labels.iter().copied()).collect();
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut won, mut anomalies) = (0.0, 0.0, 0.0);
    for equal in order.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let anomalous: f64 = equal.iter().map(|(_, anomaly)| f64::from(u8::from(*anomaly))).sum();
        let ordinary: f64 = equal.iter().map(|(_, anomaly)| f64::from(u8::from(!anomaly))).sum();
        won += anomalous * (below + ordinary / 2.0);
        below += ordinary;
        anomalies += anomalous;
    }
    won / (below * anomalies)
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Generator(u64);

impl Generator {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Mean 0, variance 1, without a logarithm, so that the rows are the same on every machine.
    fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    fn ordinary_row(&mut self, rows: &mut Vec<f64>) {
        let shared = self.bell();
        rows.extend(std::iter::repeat_with(|| 0.6 * shared + 0.8 * self.bell()).take(FEATURES));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auroc_counts_pairs_and_ties_half() {
        let labels = [false, true, false, true];
        assert!((auroc(&[0.1, 0.9, 0.2, 0.8], &labels) - 1.0).abs() < 1e-12);
        assert!((auroc(&[0.9, 0.1, 0.8, 0.2], &labels) - 0.0).abs() < 1e-12);
        assert!((auroc(&[0.5, 0.5, 0.5, 0.5], &labels) - 0.5).abs() < 1e-12);
        // Pairs: 0.3 beats 0.1 and ties with 0.3, 0.2 beats 0.1 and loses to 0.3.
        assert!((auroc(&[0.1, 0.3, 0.3, 0.2], &labels) - 2.5 / 4.0).abs() < 1e-12);
    }

    #[test]
    fn rows_have_mean_0_and_variance_1() {
        let (mut generator, mut rows) = (Generator(SEED), Vec::new());
        (0..10_000).for_each(|_| generator.ordinary_row(&mut rows));
        let mean = rows.iter().sum::<f64>() / 80_000.0;
        let variance = rows.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 80_000.0;
        assert!(mean.abs() < 0.05 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }
}
