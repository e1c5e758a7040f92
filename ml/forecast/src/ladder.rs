//! The horizons that have a regression of their own: dense near, sparse far. Between them changes are interpolated.

/// Rungs in steps; the last one is the horizon.
#[derive(Clone, Debug)]
pub(crate) struct Ladder {
    leads: Vec<i64>,
    /// For steps 1, 2, …: the rung at or above, and how far the step lies from it towards the one below, as a share.
    places: Vec<(usize, f64)>,
}

impl Ladder {
    pub(crate) fn new(horizon_steps: u16) -> Self {
        let horizon = i64::from(horizon_steps.max(1));
        let mut leads: Vec<i64> = [1, 2, 3, 4, 6, 8, 12, 18, 24, 36, 48, 72, 96, 144, 192, 288]
            .into_iter()
            .filter(|lead| *lead < horizon)
            .collect();
        leads.push(horizon);
        let mut places = Vec::new();
        let mut below = 0;
        for (rung, lead) in leads.iter().enumerate() {
            let span = lead - below;
            places.extend((below + 1..=*lead).map(|step| (rung, (lead - step) as f64 / span as f64)));
            below = *lead;
        }
        Self { leads, places }
    }

    /// The rungs, in steps.
    pub(crate) fn leads(&self) -> &[i64] {
        &self.leads
    }

    /// The horizon, in steps.
    pub(crate) fn horizon(&self) -> i64 {
        self.leads.last().copied().unwrap_or(1)
    }

    /// The rung at or above `lead` steps.
    pub(crate) fn rung(&self, lead: i64) -> usize {
        self.leads.partition_point(|rung| *rung < lead)
    }

    /// The change after `lead` steps from those at the rungs, by straight lines from 0 on.
    pub(crate) fn change(&self, lead: i64, at_rung: impl Fn(usize) -> f64) -> f64 {
        let place = usize::try_from(lead - 1).ok().and_then(|at| self.places.get(at));
        let Some((rung, down)) = place.copied() else { return 0.0 };
        let below = rung.checked_sub(1).map_or(0.0, &at_rung);
        (1.0 - down) * at_rung(rung) + down * below
    }

    /// The changes after 1, 2, … steps, as [`Self::change`] gives each, into as many places as there are.
    pub(crate) fn changes(&self, at_rung: impl Fn(usize) -> f64, changes: &mut [f64]) {
        let rungs: Vec<f64> = (0..self.leads.len()).map(at_rung).collect();
        let at = |rung: usize| rungs.get(rung).copied().unwrap_or(0.0);
        for ((rung, down), change) in self.places.iter().zip(changes) {
            *change = (1.0 - down) * at(*rung) + down * rung.checked_sub(1).map_or(0.0, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_rises_and_ends_at_the_horizon() {
        for horizon in 1..=288 {
            let ladder = Ladder::new(horizon);
            assert!(ladder.leads.is_sorted_by(|a, b| a < b));
            assert_eq!(ladder.horizon(), i64::from(horizon));
            assert_eq!(ladder.places.len(), usize::from(horizon));
        }
    }

    #[test]
    fn changes_between_rungs_lie_on_straight_lines() {
        // Rungs 1, 2, 3, 4, 6, 7.
        let ladder = Ladder::new(7);
        let at_rung = |rung: usize| [1.0, 3.0, 5.0, 7.0, 15.0, 0.0][rung];
        let all: Vec<f64> = (0..=8).map(|lead| ladder.change(lead, at_rung)).collect();
        assert_eq!(all, [0.0, 1.0, 3.0, 5.0, 7.0, 11.0, 15.0, 0.0, 0.0]);
        let mut changes = [9.0; 5];
        ladder.changes(at_rung, &mut changes);
        assert_eq!(changes, all[1..6]);
    }
}
