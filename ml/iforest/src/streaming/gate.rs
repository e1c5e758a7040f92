//! One episode, one alert: a score counts by how long nothing like it was seen.

use std::collections::VecDeque;

/// Weighs a score by the rows that have passed since one at least as high.
///
/// A score that was reached within the last `quiet_rows` rows counts for nothing; one that was not reached for
/// `memory_rows` counts whole; between them the weight is ln(rows passed) / ln(`memory_rows`). If scores of
/// ordinary rows were exchangeable, one that tops g of them would come once in g rows: the logarithm is its surprise.
/// So a lasting anomaly gives one alert at its onset, and a stream that is often strange must become stranger to alert.
/// Memory: at most `memory_rows` scores of 16 bytes, in practice a few dozen. The work per score is constant on average.
#[derive(Clone, Debug, PartialEq)]
pub struct EpisodeGate {
    quiet_rows: u64,
    memory_rows: u64,
    /// Scores seen.
    seen: u64,
    /// Falling scores of the last `memory_rows` rows with their row numbers: each tops all that came after it.
    falling: VecDeque<(u64, f64)>,
}

impl EpisodeGate {
    /// A gate that holds back what was seen within `quiet_rows` and forgets after `memory_rows`, at least 2 and above
    /// `quiet_rows`.
    #[must_use]
    pub fn new(quiet_rows: u32, memory_rows: u32) -> Self {
        let (quiet_rows, memory_rows) = (u64::from(quiet_rows), u64::from(memory_rows));
        Self { quiet_rows, memory_rows: memory_rows.max(quiet_rows + 1).max(2), seen: 0, falling: VecDeque::new() }
    }

    /// The weighted score, between 0 and `score`; then `score` is one of those seen. Zero, a negative score and NaN
    /// give 0.
    pub fn pass(&mut self, score: f64) -> f64 {
        let score = if score > 0.0 { score } else { 0.0 };
        let now = self.seen;
        self.seen = self.seen.saturating_add(1);
        while self.falling.front().is_some_and(|(row, _)| now - row > self.memory_rows) {
            self.falling.pop_front();
        }
        while self.falling.back().is_some_and(|(_, last)| *last < score) {
            self.falling.pop_back();
        }
        // Rows since a score at least as high; where there is none, since the first score or as far as is remembered.
        let passed = self.falling.back().map_or(self.seen, |(row, _)| now - row).min(self.memory_rows);
        // One entry stands for a run of equal scores: the latest.
        if let Some(last) = self.falling.back_mut().filter(|(_, last)| *last <= score) {
            *last = (now, score);
        } else {
            self.falling.push_back((now, score));
        }
        if passed <= self.quiet_rows {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "both fit into 32 bits")]
        let weight = libm::log(passed as f64) / libm::log(self.memory_rows as f64);
        score * weight
    }
}
