//! `cargo xtask anchors forest`: who takes part, what each does, and what ours must reach.

use anyhow::Result;

use super::data::{DESCRIPTION, Files};
use super::entrant::{Entrant, Running};
use super::goal::{Bound, Goal};
use super::install::{From, OURS};
use super::machine::{self, Machine, OverAll};
use super::report::{Report, WorkReport};
use super::table::number;
use super::turns::take_turns;

const ENTRANTS: [Entrant; 8] = [
    Entrant {
        name: OURS,
        from: From::Workspace,
        works: &[
            ("batch", 65_536, 65_536),
            ("row", 16_384, 16_384),
            ("call", 16_384, 16_384),
            ("fit", 20, 5),
            ("fit-columns", 20, 5),
            ("stream", 16_384, 16_384),
            ("stream-small", 65_536, 65_536),
        ],
    },
    Entrant {
        name: "scikit-learn",
        from: From::Python(&["scikit-learn"]),
        works: &[("batch", 65_536, 65_536), ("row", 64, 16), ("call", 64, 16), ("fit", 2, 1), ("fit-columns", 2, 1)],
    },
    Entrant {
        name: "isotree",
        from: From::Python(&["isotree", "pandas"]),
        works: &[
            ("batch", 65_536, 65_536),
            ("row", 8_192, 8_192),
            ("call", 8_192, 8_192),
            ("fit", 20, 5),
            ("fit-columns", 20, 5),
        ],
    },
    Entrant {
        name: "onnxruntime",
        from: From::Python(&["scikit-learn", "skl2onnx", "onnxruntime"]),
        works: &[("batch", 16_384, 16_384), ("row", 128, 32), ("call", 2_048, 512)],
    },
    Entrant { name: "river-10", from: From::Python(&["river"]), works: &RIVER },
    Entrant { name: "river-25", from: From::Python(&["river"]), works: &RIVER },
    Entrant { name: "river-50", from: From::Python(&["river"]), works: &RIVER },
    Entrant { name: "randomcutforest", from: From::Java, works: &[("stream", 8_192, 65_536)] },
];

const RIVER: [(&str, u32, u32); 2] = [("stream", 4_096, 4_096), ("stream-small", 4_096, 4_096)];

/// Name, what it is, unit, nanoseconds of the unit.
const WORKS: [(&str, &str, &str, f64); 7] = [
    ("batch", "score many rows at once", "µs/row", 1e3),
    ("row", "score one row a call", "µs/row", 1e3),
    ("call", "score one row a call with one tree: what the call itself costs", "µs/row", 1e3),
    ("fit", "fit on 65,536 rows, row after row in memory, as all other works have them", "ms", 1e6),
    ("fit-columns", "fit on the same, column after column in memory, which isotree is fastest with", "ms", 1e6),
    ("stream", "score a point, then learn it", "µs/point", 1e3),
    (
        "stream-small",
        "the same with a forest of ours that is no larger than it takes to be right as often as half-space trees",
        "µs/point",
        1e3,
    ),
];

/// Work, peer, and how many times its time ours must be below.
const GOALS: [(&str, &str, f64); 8] = [
    ("batch", "scikit-learn", 5.0),
    ("batch", "isotree", 8.0),
    ("row", "isotree", 3.0),
    ("fit", "isotree", 2.0),
    ("fit-columns", "isotree", 2.0),
    ("stream", "river-25", 20.0),
    ("stream-small", "river-25", 20.0),
    ("stream", "randomcutforest", 2.0),
];

/// Of what a report depends on; a change of it that is not committed is named.
const DEPENDS_ON: [&str; 4] = ["ml", "bench", "xtask", "Cargo.lock"];

/// Measures everything. A peer that fails is left out with its reason; only ours failing is an error.
pub(super) fn measure(rounds: u16) -> Result<Report> {
    let folder = super::root().join("target/anchors/forest");
    let files = Files::write(&folder)?;
    let machine = Machine::here();
    let mut running = Vec::new();
    for entrant in &ENTRANTS {
        running.push(Running::start(entrant, &files, &folder)?);
    }
    let (mut works, mut over_all) = (Vec::new(), OverAll::default());
    for (name, what, unit, unit_ns) in WORKS {
        eprintln!("xtask: {name}: {what}, {rounds} rounds");
        let measured = take_turns(&mut running, name, rounds, unit_ns, &mut over_all)?;
        works.push(WorkReport { name: name.into(), what: what.into(), unit: unit.into(), measured });
    }
    let goals = GOALS.iter().map(|(work, against, at_least)| goal(&works, work, against, *at_least)).collect();
    Ok(Report {
        command: format!("cargo xtask anchors forest --rounds {rounds}"),
        measured_at: machine::now(),
        commit: machine::commit(&DEPENDS_ON),
        rounds,
        machine,
        others_cores: over_all.others_cores(),
        data: DESCRIPTION.into(),
        peers: running.into_iter().map(|running| running.report).collect(),
        works,
        goals,
    })
}

/// The peer's time over ours: of wall time is what counts.
fn goal(works: &[WorkReport], work: &str, against: &str, at_least: f64) -> Goal {
    let of = |peer: &str| {
        let work = works.iter().find(|report| report.name == work)?;
        work.measured.iter().find(|measured| measured.peer == peer)
    };
    let both = of(against).zip(of(OURS));
    let wall = both.map(|(theirs, ours)| (&*theirs.wall.rounds, &*ours.wall.rounds));
    let mut goal = Goal::times(format!("{work} against {against}"), Bound::AtLeast(at_least), wall);
    if let Some((theirs, ours)) = both {
        goal.on += &format!("; by CPU time {}×", number(theirs.cpu.spread.median / ours.cpu.spread.median));
    }
    goal
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::report::{Measured, Rounds};
    use super::*;

    fn measured(peer: &str, rounds: &[f64]) -> Measured {
        let rounds = || Rounds::of(rounds.to_vec()).unwrap();
        Measured { peer: peer.into(), units_per_round: 1, warm_up_units: 1, wall: rounds(), cpu: rounds() }
    }

    fn batch(peers: Vec<Measured>) -> [WorkReport; 1] {
        [WorkReport { name: "batch".into(), what: String::new(), unit: String::new(), measured: peers }]
    }

    #[test]
    fn a_goal_is_the_peers_time_over_ours() {
        let works = batch(vec![measured(OURS, &[1.0, 2.0, 1.0]), measured("isotree", &[9.0, 8.0, 8.0])]);
        let goal = goal(&works, "batch", "isotree", 8.0);
        assert_eq!((goal.measured, goal.on.as_str()), (Some(8.0), "4.00 to 9.00; by CPU time 8.00×"));
        assert_eq!(goal.met(), Some(true));
    }

    #[test]
    fn a_goal_against_a_peer_that_is_not_there_is_neither_met_nor_missed() {
        assert_eq!(goal(&batch(vec![measured(OURS, &[1.0])]), "batch", "isotree", 8.0).met(), None);
    }

    #[test]
    fn every_goal_is_about_a_work_that_both_do() {
        for (work, against, _) in GOALS {
            assert!(WORKS.iter().any(|(name, ..)| *name == work), "{work}");
            for name in [OURS, against] {
                let entrant = ENTRANTS.iter().find(|entrant| entrant.name == name).unwrap();
                assert!(entrant.works.iter().any(|(does, ..)| *does == work), "{name} does no {work}");
            }
        }
    }
}
