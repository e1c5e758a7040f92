//! First passages of several limits within several horizons.

use crate::crossing::Passages;
use crate::forecast::Limit;

/// What is asked of a forecast.
pub(crate) struct Asked<'a> {
    pub(crate) limits: &'a [Limit],
    /// Steps, ascending, each once.
    pub(crate) horizons: &'a [i64],
}

/// Passages by limit and horizon.
pub(crate) struct PassageTable {
    horizons: usize,
    all: Vec<Passages>,
}

impl PassageTable {
    pub(crate) fn new(asked: &Asked<'_>) -> Self {
        let horizons = asked.horizons.len();
        Self { horizons, all: (0..asked.limits.len() * horizons).map(|_| Passages::default()).collect() }
    }

    pub(crate) fn add(&mut self, limit: usize, horizon: usize, passage: Option<f64>, weight: f64) {
        if let Some(passages) = self.all.get_mut(limit * self.horizons + horizon) {
            passages.add(passage, weight);
        }
    }

    /// Takes others in: of a horizon's weight these keep the `share`, the others get the rest.
    pub(crate) fn mix(&mut self, other: &Self, asked: &Asked<'_>, share: impl Fn(i64) -> f64) {
        let horizons = asked.horizons.iter().cycle();
        for ((own, other), horizon) in self.all.iter_mut().zip(&other.all).zip(horizons) {
            let share = share(*horizon);
            own.mix(other, share);
        }
    }

    /// Those of one limit after the other, by horizon.
    pub(crate) fn into_passages(self) -> impl Iterator<Item = Passages> {
        self.all.into_iter()
    }
}
