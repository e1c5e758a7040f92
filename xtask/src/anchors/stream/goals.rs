//! What ours must reach.

use super::report::{Growth, Pipeline};
use crate::anchors::goal::{Bound, Goal};
use crate::anchors::install::OURS;

pub(super) const RAW: &str = "raw-decoded";
/// Of these, the faster one is the strong Python pipeline.
pub(super) const STRONG: [&str; 2] = ["python-vectorised-isotree", "python-vectorised-sklearn"];
const AT_LEAST_STRONG: f64 = 10.0;
/// Pipeline, and how many times its messages per CPU second ours must be.
pub(super) const GOALS: [(&str, f64); 4] =
    [("python-naive", 20.0), ("python-river", 20.0), ("java-learning", 20.0), (RAW, 0.3)];

/// The dearest message, by number of patients, may cost so many times the cheapest.
const GROWTH_AT_MOST: f64 = 1.5;

/// The strong Python pipeline with its goal, and the other goals.
pub(super) fn wanted(pipelines: &[Pipeline]) -> impl Iterator<Item = (&'static str, f64)> {
    let rate = |name: &str| find(pipelines, name).and_then(Pipeline::rate).map_or(0.0, |rate| rate.median);
    let strong = if rate(STRONG[0]) >= rate(STRONG[1]) { STRONG[0] } else { STRONG[1] };
    [(strong, AT_LEAST_STRONG)].into_iter().chain(GOALS)
}

pub(super) fn of(pipelines: &[Pipeline], growth: &Growth) -> Vec<Goal> {
    let goal = |(against, at_least): (&str, f64)| {
        let [ours, theirs] = [OURS, against].map(|name| find(pipelines, name).map(Pipeline::rates));
        Goal::times(format!("against {against}"), Bound::AtLeast(at_least), ours.as_deref().zip(theirs.as_deref()))
    };
    let flat = Goal {
        figure: "dearest against cheapest message, by number of patients".into(),
        bound: Bound::AtMost(GROWTH_AT_MOST),
        unit: "×".into(),
        measured: growth.ratio(),
        on: String::new(),
    };
    wanted(pipelines).map(goal).chain([flat]).collect()
}

fn find<'a>(pipelines: &'a [Pipeline], name: &str) -> Option<&'a Pipeline> {
    pipelines.iter().find(|pipeline| pipeline.name == name && pipeline.left_out.is_none())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::report::Round;
    use super::*;

    fn pipeline(name: &str, cpu_s: &[f64]) -> Pipeline {
        let round = |cpu_s: &f64| Round {
            messages: 1_000,
            wall_s: 1.0,
            cpu_s: *cpu_s,
            broker_cpu_s: 0.0,
            blocks: 0,
            alerts: 0,
            commits: None,
            scores: None,
        };
        Pipeline {
            name: name.into(),
            settings: String::new(),
            versions: Default::default(),
            rounds: cpu_s.iter().map(round).collect(),
            alerts: None,
            left_out: None,
        }
    }

    fn goals(pipelines: &[Pipeline]) -> Vec<Goal> {
        of(pipelines, &Growth { settings: String::new(), points: Vec::new() })
    }

    #[test]
    fn the_faster_vectorised_pipeline_is_the_strong_one_and_ours_is_held_against_it() {
        let pipelines = [
            pipeline(OURS, &[1.0, 2.0, 1.0]),
            pipeline(STRONG[0], &[30.0, 30.0, 30.0]),
            pipeline(STRONG[1], &[9.0, 10.0, 12.0]),
        ];
        let goals = goals(&pipelines);
        assert_eq!(goals[0].figure, format!("against {}", STRONG[1]));
        assert!((goals[0].measured.unwrap() - 10.0).abs() < 1e-9, "{goals:?}");
        assert_eq!((goals[0].on.as_str(), goals[0].met()), ("5.00 to 12.0", Some(true)));
    }

    #[test]
    fn a_miss_is_a_miss_and_who_is_not_there_is_neither() {
        let pipelines = [pipeline(OURS, &[1.0]), pipeline("raw-decoded", &[0.25]), {
            Pipeline { left_out: Some("no broker".into()), ..pipeline("python-river", &[50.0]) }
        }];
        let goals = goals(&pipelines);
        let met = |name: &str| goals.iter().find(|goal| goal.figure.ends_with(name)).unwrap().met();
        assert_eq!([met("raw-decoded"), met("python-river"), met("java-learning")], [Some(false), None, None]);
    }
}
