//! What ours must reach.

use super::report::{Goal, Pipeline, Ratio};
use crate::anchors::install::OURS;
use crate::anchors::statistics::Spread;

pub(super) const RAW: &str = "raw-decoded";
/// Of these, the faster one is the strong Python pipeline.
pub(super) const STRONG: [&str; 2] = ["python-vectorised-isotree", "python-vectorised-sklearn"];
const AT_LEAST_STRONG: f64 = 10.0;
/// Pipeline, and how many times its messages per CPU second ours must be.
pub(super) const GOALS: [(&str, f64); 4] =
    [("python-naive", 20.0), ("python-river", 20.0), ("java-learning", 20.0), (RAW, 0.3)];

pub(super) fn of(pipelines: &[Pipeline]) -> Vec<Goal> {
    let rate = |name: &str| find(pipelines, name).and_then(Pipeline::rate).map_or(0.0, |rate| rate.median);
    let strong = if rate(STRONG[0]) >= rate(STRONG[1]) { STRONG[0] } else { STRONG[1] };
    let goals = [(strong, AT_LEAST_STRONG)].into_iter().chain(GOALS);
    goals.map(|(against, at_least)| goal(pipelines, against, at_least)).collect()
}

fn find<'a>(pipelines: &'a [Pipeline], name: &str) -> Option<&'a Pipeline> {
    pipelines.iter().find(|pipeline| pipeline.name == name && pipeline.left_out.is_none())
}

fn goal(pipelines: &[Pipeline], against: &str, at_least: f64) -> Goal {
    let ratio = find(pipelines, OURS).zip(find(pipelines, against)).and_then(|(ours, theirs)| ratio(ours, theirs));
    Goal { against: against.into(), at_least, ratio }
}

/// Of rounds that took turns.
fn ratio(ours: &Pipeline, theirs: &Pipeline) -> Option<Ratio> {
    let in_rounds: Vec<f64> = ours.rates().iter().zip(theirs.rates()).map(|(ours, theirs)| ours / theirs).collect();
    let spread = Spread::of(&in_rounds)?;
    Some(Ratio {
        of_medians: ours.rate()?.median / theirs.rate()?.median,
        lowest: spread.lowest,
        highest: spread.highest,
    })
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

    #[test]
    fn the_faster_vectorised_pipeline_is_the_strong_one_and_ours_is_held_against_it() {
        let pipelines = [
            pipeline(OURS, &[1.0, 2.0, 1.0]),
            pipeline(STRONG[0], &[30.0, 30.0, 30.0]),
            pipeline(STRONG[1], &[9.0, 10.0, 12.0]),
        ];
        let goals = of(&pipelines);
        assert_eq!(goals[0].against, STRONG[1]);
        let ratio = goals[0].ratio.unwrap();
        assert!((ratio.of_medians - 10.0).abs() < 1e-9 && (ratio.lowest - 5.0).abs() < 1e-9, "{ratio:?}");
        assert_eq!(goals[0].met(), Some(true));
    }

    #[test]
    fn a_miss_is_a_miss_and_who_is_not_there_is_neither() {
        let pipelines = [pipeline(OURS, &[1.0]), pipeline("raw-decoded", &[0.25]), {
            Pipeline { left_out: Some("no broker".into()), ..pipeline("python-river", &[50.0]) }
        }];
        let goals = of(&pipelines);
        let met = |name: &str| goals.iter().find(|goal| goal.against == name).unwrap().met();
        assert_eq!([met("raw-decoded"), met("python-river"), met("java-learning")], [Some(false), None, None]);
    }
}
