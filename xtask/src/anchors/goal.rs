//! What ours must reach, held against what was measured; the same in every report.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::statistics::Spread;
use super::table::{NONE, number};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Goal {
    pub(super) figure: String,
    pub(super) bound: Bound,
    /// Behind bound and figure; nothing, or `×`.
    pub(super) unit: String,
    /// `None` where there was nothing to measure it on.
    pub(super) measured: Option<f64>,
    /// How many people or files it is of, or its spread, in words.
    pub(super) on: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    /// How many times as much the one as the other, of rounds that took turns: the ratio of the medians, and what it was in a round.
    pub(super) fn times(figure: String, bound: Bound, of: Option<(&[f64], &[f64])>) -> Self {
        let ratio = of.and_then(|(above, below)| {
            let rounds: Vec<f64> = above.iter().zip(below).map(|(above, below)| above / below).collect();
            let rounds = Spread::of(&rounds)?;
            let on = format!("{} to {}", number(rounds.lowest), number(rounds.highest));
            Some((Spread::of(above)?.median / Spread::of(below)?.median, on))
        });
        let (measured, on) = ratio.unzip();
        Self { figure, bound, unit: "×".into(), measured, on: on.unwrap_or_default() }
    }

    pub(super) fn met(&self) -> Option<bool> {
        self.measured.map(|measured| match self.bound {
            Bound::AtLeast(least) => measured >= least,
            Bound::AtMost(most) => measured <= most,
        })
    }
}

/// The page's first table; `figure` and `on` are what these columns are called.
pub(super) fn table(page: &mut String, [figure, on]: [&str; 2], goals: &[Goal]) {
    let _ = write!(page, "## Goals\n\n| {figure} | goal | measured | {on} | |\n| --- | --- | --- | --- | --- |\n");
    for goal in goals {
        let Goal { figure, bound, unit, measured, on } = goal;
        let bound = match bound {
            Bound::AtLeast(least) => format!("≥ {least}"),
            Bound::AtMost(most) => format!("≤ {most}"),
        };
        let verdict = goal.met().map_or("not measured", |met| if met { "met" } else { "**not met**" });
        let shown = measured.map_or(NONE.into(), |measured| format!("{}{unit}", number(measured)));
        let on = if measured.is_some() && !on.is_empty() { on } else { NONE };
        let _ = writeln!(page, "| {figure} | {bound}{unit} | {shown} | {on} | {verdict} |");
    }
    page.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_of_the_medians_and_its_spread_of_the_rounds() {
        let goal = Goal::times("batch".into(), Bound::AtLeast(8.0), Some((&[9.0, 8.0, 8.0], &[1.0, 2.0, 1.0])));
        assert_eq!((goal.measured, goal.on.as_str(), goal.met()), (Some(8.0), "4.00 to 9.00", Some(true)));
        let at_most = Goal { bound: Bound::AtMost(7.9), ..goal };
        assert_eq!(at_most.met(), Some(false));
    }

    #[test]
    fn what_was_not_measured_is_neither_met_nor_missed() {
        let goals = [Goal::times("row".into(), Bound::AtLeast(3.0), None)];
        assert_eq!(goals[0].met(), None);
        let mut page = String::new();
        table(&mut page, ["work", "in a round"], &goals);
        assert!(page.contains("| row | ≥ 3× | – | – | not measured |"), "{page}");
    }
}
