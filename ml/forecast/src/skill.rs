//! Whether a forecast tells more than its naive rival, by what it lost in the past.

use crate::forecast::Limit;
use crate::report::{CrossingScore, HorizonScore, Report};

/// Fewest outcomes that lie side by side in time, and fewest crossings apart, to judge by.
const FEWEST: u32 = 8;
/// Least part of persistence's loss that has to be saved, thousandths; more where few outcomes lie side by side: with ten
/// of them, a gain below a tenth may be chance.
const GAIN_MILLI: i64 = 10;
/// Least share of outcomes within the 80 % interval, thousandths.
const COVERAGE_MILLI: i64 = 700;

/// What a backtest says of forecasts of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skill {
    /// They tell more than the naive rival does.
    Better,
    /// They do not, or their interval does not hold.
    NoBetter,
    /// Too little came to judge by.
    Untried,
}

impl HorizonScore {
    /// Better is: less pinball loss than persistence by more than chance gives, and an interval that holds.
    #[must_use]
    pub fn skill(&self) -> Skill {
        if self.independent < FEWEST {
            return Skill::Untried;
        }
        let least_milli = GAIN_MILLI.max(1_000 / i64::from(self.independent));
        let better = self.skill_milli() >= least_milli && self.coverage_milli >= COVERAGE_MILLI;
        if better { Skill::Better } else { Skill::NoBetter }
    }
}

impl CrossingScore {
    /// Brier score of always saying the share of forecasts that a crossing followed, millionths: who says so knows the end.
    #[must_use]
    pub fn share_brier_micro(&self) -> i64 {
        let (crossed, all) = (i64::from(self.crossed), i64::from(self.forecasts));
        if all == 0 { 0 } else { crossed * (all - crossed) * 1_000 / all * 1_000 / all }
    }

    /// Better is: a lower Brier score than persistence's, and than always saying the same.
    #[must_use]
    pub fn skill(&self) -> Skill {
        if self.apart < FEWEST {
            Skill::Untried
        } else if self.brier_micro < self.persistence_brier_micro.min(self.share_brier_micro()) {
            Skill::Better
        } else {
            Skill::NoBetter
        }
    }
}

impl Report {
    /// The longest horizon up to which every one was foretold better than by persistence, milliseconds; `None` where not
    /// even the shortest was. Beyond it, nothing should be told.
    #[must_use]
    pub fn reach_ms(&self) -> Option<i64> {
        self.horizons.iter().take_while(|score| score.skill() == Skill::Better).map(|score| score.horizon_ms).last()
    }

    /// How far ahead a crossing of this limit can be told: the longest horizon within [`Self::reach_ms`] at which crossings
    /// were foretold better; where there were too few to judge at any, the reach itself, as [`Skill::Untried`].
    #[must_use]
    pub fn crossing_reach(&self, limit: Limit) -> Option<(i64, Skill)> {
        let reach_ms = self.reach_ms()?;
        let scores = || self.crossings.iter().filter(|score| score.limit == limit && score.horizon_ms <= reach_ms);
        let better = scores().filter(|score| score.skill() == Skill::Better).map(|score| score.horizon_ms).next_back();
        let untried = || scores().all(|score| score.skill() == Skill::Untried).then_some((reach_ms, Skill::Untried));
        better.map(|horizon_ms| (horizon_ms, Skill::Better)).or_else(untried)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitals::Side;

    fn horizon(hours: i64, independent: u32, ours: i64, last: i64, coverage_milli: i64) -> HorizonScore {
        let horizon_ms = hours * 3_600_000;
        let (pinball_micro, persistence_pinball_micro) = (ours, last);
        HorizonScore {
            horizon_ms,
            independent,
            pinball_micro,
            persistence_pinball_micro,
            coverage_milli,
            ..Default::default()
        }
    }

    const LIMIT: Limit = Limit { limit_milli: 100_000, side: Side::Above };

    fn crossing(hours: i64, forecasts: u32, crossed: u32, apart: u32, brier: [i64; 2]) -> CrossingScore {
        let [brier_micro, persistence_brier_micro] = brier;
        CrossingScore {
            limit: LIMIT,
            horizon_ms: hours * 3_600_000,
            forecasts,
            crossed,
            apart,
            probability_milli: 0,
            brier_micro,
            persistence_brier_micro,
            timed: 0,
            interval_coverage_milli: 0,
        }
    }

    #[test]
    fn a_gain_that_chance_may_give_is_none_and_neither_is_one_with_an_interval_that_does_not_hold() {
        assert_eq!(horizon(1, 7, 1, 1_000, 800).skill(), Skill::Untried);
        assert_eq!(horizon(1, 10, 910, 1_000, 800).skill(), Skill::NoBetter);
        assert_eq!(horizon(1, 10, 900, 1_000, 800).skill(), Skill::Better);
        assert_eq!(horizon(1, 5_000, 990, 1_000, 800).skill(), Skill::Better);
        assert_eq!(horizon(1, 5_000, 991, 1_000, 800).skill(), Skill::NoBetter);
        assert_eq!(horizon(1, 5_000, 500, 1_000, 699).skill(), Skill::NoBetter);
        assert_eq!(horizon(1, 5_000, 1_100, 1_000, 800).skill(), Skill::NoBetter);
    }

    #[test]
    fn crossings_have_to_beat_persistence_and_the_constant_share() {
        // A tenth crossed: always saying so has 0.09.
        assert_eq!(crossing(1, 1_000, 100, 50, [0, 0]).share_brier_micro(), 90_000);
        assert_eq!(crossing(1, 1_000, 100, 50, [89_999, 95_000]).skill(), Skill::Better);
        assert_eq!(crossing(1, 1_000, 100, 50, [90_000, 95_000]).skill(), Skill::NoBetter);
        assert_eq!(crossing(1, 1_000, 100, 50, [80_000, 80_000]).skill(), Skill::NoBetter);
        assert_eq!(crossing(1, 1_000, 100, 7, [80_000, 90_000]).skill(), Skill::Untried);
        assert_eq!(crossing(1, 0, 0, 0, [0, 0]).share_brier_micro(), 0);
    }

    #[test]
    fn the_reach_ends_before_the_first_horizon_without_skill() {
        let mut report = Report {
            signal: "heart_rate",
            unit: "/min",
            values: 0,
            left_out: 0,
            not_ready: 0,
            forecasts: 0,
            by_likeness: 0,
            horizons: vec![
                horizon(1, 100, 900, 1_000, 800),
                horizon(3, 100, 1_000, 1_000, 800),
                horizon(6, 100, 500, 1_000, 800),
            ],
            crossings: vec![
                crossing(1, 1_000, 100, 50, [95_000, 95_000]),
                crossing(6, 1_000, 100, 50, [1_000, 95_000]),
            ],
        };
        assert_eq!((report.reach_ms(), report.crossing_reach(LIMIT)), (Some(3_600_000), None));
        report.horizons[1].pinball_micro = 500;
        assert_eq!(report.crossing_reach(LIMIT), Some((6 * 3_600_000, Skill::Better)));
        report.crossings = vec![crossing(1, 1_000, 0, 0, [1, 0]), crossing(6, 1_000, 2, 1, [1, 0])];
        assert_eq!(report.crossing_reach(LIMIT), Some((6 * 3_600_000, Skill::Untried)));
        report.horizons[0].pinball_micro = 1_000;
        assert_eq!((report.reach_ms(), report.crossing_reach(LIMIT)), (None, None));
    }
}
