//! What detection must reach, held against what was measured.

use super::report::{Nab, Onset, Stress};
use crate::anchors::goal::{Bound, Goal};

/// People and files that the goals were set for; fewer may be at hand.
const ONSET_PEOPLE: u32 = 8;
const STRESS_PEOPLE: u32 = 34;
const NAB_FILES: u32 = 58;

pub(super) fn of(onset: Option<&Onset>, stress: Option<&Stress>, nab: Option<&Nab>) -> Vec<Goal> {
    let ours = onset.map(|onset| onset.over_all.ours);
    let people = ours.map_or(0, |ours| ours.people);
    let well_days = ours.map_or(0, |ours| ours.well_days_monitored);
    let (plain, balanced) = (stress.and_then(|stress| stress.plain), stress.and_then(|stress| stress.balanced));
    let files = nab.map_or(0, |nab| nab.files);
    let of = |some: u32, all: u32, what: &str| format!("{some} {what}; the goal is for {all}");
    let goal =
        |figure: &str, bound, measured, on| Goal { figure: figure.into(), bound, unit: String::new(), measured, on };
    vec![
        goal(
            "onset: share of people found (7 of 8)",
            Bound::AtLeast(7.0 / 8.0),
            ours.filter(|ours| ours.people > 0).map(|ours| f64::from(ours.found) / f64::from(ours.people)),
            of(people, ONSET_PEOPLE, "people"),
        ),
        goal(
            "onset: false alert-days per 30 days",
            Bound::AtMost(0.75),
            ours.and_then(|ours| ours.false_alert_days_per_30),
            of(people, ONSET_PEOPLE, &format!("people, {well_days} days on which they were well")),
        ),
        goal(
            "stress: balanced AUROC",
            Bound::AtLeast(0.60),
            balanced.map(|mean| mean.mean),
            of(balanced.map_or(0, |mean| mean.count), STRESS_PEOPLE, "people"),
        ),
        goal(
            "stress: plain AUROC",
            Bound::AtLeast(0.66),
            plain.map(|mean| mean.mean),
            of(plain.map_or(0, |mean| mean.count), STRESS_PEOPLE, "people"),
        ),
        goal(
            "Numenta benchmark, gated",
            Bound::AtLeast(65.0),
            nab.and_then(|nab| nab.gated.score),
            of(files, NAB_FILES, "files"),
        ),
        goal(
            "Numenta benchmark, ungated",
            Bound::AtLeast(55.0),
            nab.and_then(|nab| nab.ungated.score),
            of(files, NAB_FILES, "files"),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::report::{Mean, Methods, OverAll};
    use super::*;

    fn onset(found: u32, people: u32, false_days: u32, well_days: u32) -> Onset {
        let over_all = OverAll {
            found,
            people,
            median_lead_days: None,
            false_alert_days: false_days,
            well_days_monitored: well_days,
            false_alert_days_per_30: Some(f64::from(false_days) * 30.0 / f64::from(well_days)),
        };
        let over_all = Methods { ours: over_all, z_above: over_all, two_nights: over_all };
        Onset { commands: String::new(), people: Vec::new(), unlabelled: Vec::new(), over_all }
    }

    fn met(goals: &[Goal]) -> Vec<Option<bool>> {
        goals.iter().map(Goal::met).collect()
    }

    #[test]
    fn seven_of_eight_are_enough_and_six_or_three_of_four_are_not() {
        for (found, people, is_met) in [(7, 8, true), (6, 8, false), (4, 4, true), (3, 4, false)] {
            let goals = of(Some(&onset(found, people, 2, 80)), None, None);
            assert_eq!(met(&goals)[..2], [Some(is_met), Some(true)], "{found} of {people}");
        }
        assert_eq!(met(&of(Some(&onset(4, 4, 2, 79)), None, None))[1], Some(false), "2 in 79 days are 0.76 in 30");
    }

    #[test]
    fn what_was_not_measured_is_neither_met_nor_missed() {
        assert_eq!(met(&of(None, None, None)), [None; 6]);
        let mean = |mean| Some(Mean { mean, sd: None, count: 17 });
        let stress = Stress { commands: String::new(), people: Vec::new(), plain: mean(0.659), balanced: mean(0.60) };
        let goals = of(None, Some(&stress), None);
        assert_eq!(met(&goals), [None, None, Some(true), Some(false), None, None]);
        assert_eq!(goals.get(2).map(|goal| goal.on.as_str()), Some("17 people; the goal is for 34"));
    }
}
