//! The page in `docs/` that a report gives.

use std::fmt::Write as _;

use super::cells::{done, growth, rates};
use super::goals::{RAW, wanted};
use super::pipeline::ENTRANTS;
use super::report::{Pipeline, Report};
use super::words::{NOT_SAME, SAME};
use crate::anchors::goal;
use crate::anchors::table::{caution, left_out, number, of_machine};

pub(in crate::anchors) fn page(report: &Report) -> String {
    let mut page = String::from("# The whole path beside its peers\n\n");
    let _ = write!(
        page,
        "Made by `{}` from the JSON beside this page; not written by hand. From the event log on a real Kafka broker through features, \
         forest and limits to blocks and alerts in the log: how many messages, of 8 readings each, a second of CPU time brings through. All \
         were measured in one run, in turns (another first in each round). {}\n\n",
        report.command,
        caution(report.others_cores, report.machine.cores, report.rounds, report.pipelines.len() == ENTRANTS.len())
    );
    for pipeline in &report.pipelines {
        left_out(&mut page, &pipeline.name, pipeline.left_out.as_deref());
    }
    for point in &report.growth.points {
        left_out(&mut page, &format!("{} patients", point.patients), point.left_out.as_deref());
    }
    goal::table(&mut page, ["ours, messages per CPU second", "in a round"], &report.goals);
    let _ = write!(
        page,
        "Measured is the ratio of the medians. The strong Python pipeline is the faster of the two vectorised ones.{}\n\n",
        beyond_raw(report)
    );
    rates(&mut page, &report.pipelines);
    done(&mut page, &report.pipelines);
    growth(&mut page, &report.growth);
    let _ = write!(page, "## What was the same\n\n{SAME}## What was not\n\n{NOT_SAME}");
    settings(&mut page, &report.pipelines);
    how(&mut page, report);
    page.truncate(page.trim_end().len());
    page + "\n"
}

/// Goals that ask for more than reading the log raw gives.
fn beyond_raw(report: &Report) -> String {
    let rate = |name: &str| {
        let named = report.pipelines.iter().find(|pipeline| pipeline.name == name)?;
        Some(named.rate()?.median)
    };
    let Some(raw) = rate(RAW) else { return String::new() };
    let wanted = wanted(&report.pipelines).filter(|(against, _)| *against != RAW).filter_map(|(against, at_least)| {
        let wanted = at_least * rate(against)?;
        (wanted > raw).then(|| format!("{at_least}× {against} are {} thousand", number(wanted / 1e3)))
    });
    let wanted: Vec<String> = wanted.collect();
    if wanted.is_empty() {
        return String::new();
    }
    format!(
        " Out of reach on this machine, because {RAW}, which only consumes, opens, decodes and moves its read position, brings {} thousand: {}.",
        number(raw / 1e3),
        wanted.join("; ")
    )
}

fn settings(page: &mut String, pipelines: &[Pipeline]) {
    page.push_str("## Pipelines\n\n| | versions | settings |\n| --- | --- | --- |\n");
    for Pipeline { name, versions, settings, left_out, .. } in pipelines {
        let versions: Vec<String> = versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        let settings = left_out.as_ref().map_or_else(|| settings.clone(), |why| format!("**left out**: {why}"));
        let row = [versions.join(", "), settings].map(|cell| cell.replace('|', "/"));
        let _ = writeln!(page, "| {name} | {} |", row.join(" | "));
    }
    page.push('\n');
}

fn how(page: &mut String, report: &Report) {
    let messages = &report.messages;
    let broker: Vec<String> = report.broker.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let _ = write!(
        page,
        "## How\n\n- Measured {} at commit {}, {} rounds of {} messages each, after {} to learn from and a round that is not counted.\n\
         - {} patients; {} labelled episodes of 45 minutes; a value has {:.0} bytes sealed, {:.0} bytes as JSON.\n- Broker: {}, alone, on \
         loopback.\n{}",
        report.measured_at,
        report.commit,
        report.rounds,
        messages.per_round,
        messages.training,
        messages.patients,
        messages.episodes,
        messages.sealed_bytes,
        messages.json_bytes,
        broker.join(", "),
        of_machine(&report.machine),
    );
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::goals;
    use super::super::report::{Alerts, Growth, Messages, Point, Round};
    use super::*;
    use crate::anchors::install::OURS;
    use crate::anchors::machine::Machine;

    fn round(cpu_s: f64) -> Round {
        Round {
            messages: 60_000,
            wall_s: 2.0,
            cpu_s,
            broker_cpu_s: 0.3,
            blocks: 1_000,
            alerts: 7,
            commits: Some(80),
            scores: Some(12_000),
        }
    }

    fn pipeline(name: &str, cpu_s: f64, left_out: Option<&str>) -> Pipeline {
        Pipeline {
            name: name.into(),
            settings: "a | b".into(),
            versions: Default::default(),
            rounds: vec![round(cpu_s); 2],
            alerts: Some(Alerts { inside: 9, outside: 3, messages_inside: 900, messages_outside: 100_000 }),
            left_out: left_out.map(str::to_owned),
        }
    }

    fn report() -> Report {
        let pipelines = vec![
            pipeline(OURS, 0.6, None),
            pipeline("python-naive", 18.0, None),
            pipeline("raw-decoded", 0.12, None),
            pipeline("python-river", 9.0, Some("no such package")),
        ];
        let machine = Machine {
            cpu: "a CPU".into(),
            cores: 2,
            memory_gib: 8.0,
            system: "Linux".into(),
            kernel: "6".into(),
            rustc: "rustc 1".into(),
            java: None,
            cpu_flags: Vec::new(),
        };
        let point = |patients, round| Point {
            patients,
            round,
            peak_mib: Some(512.4),
            left_out: round.is_none().then(|| "no room".into()),
        };
        let growth = Growth {
            settings: "a score a message".into(),
            points: vec![point(10, Some(round(1.2))), point(100, Some(round(1.5))), point(1_000, None)],
        };
        Report {
            command: "cargo xtask anchors stream --rounds 2".into(),
            measured_at: "now".into(),
            commit: "abc".into(),
            rounds: 2,
            machine,
            others_cores: 0.9,
            broker: Default::default(),
            messages: Messages {
                patients: 1_000,
                training: 50_480,
                per_round: 60_000,
                sealed_bytes: 247.0,
                json_bytes: 214.6,
                episodes: 100,
            },
            goals: goals::of(&pipelines, &growth),
            pipelines,
            growth,
        }
    }

    #[test]
    fn a_page_says_what_was_met_missed_and_left_out_and_that_it_is_a_trial() {
        let json = serde_json::to_string(&report()).unwrap();
        let page = page(&serde_json::from_str(&json).unwrap());
        assert!(!page.contains("Out of reach"), "{page}");
        for line in [
            "**Only a trial: it is of some pipelines only; the machine was not idle: other processes used 0.90 of its 2 cores meanwhile; 2 \
             rounds are a trial",
            "**Left out: python-river**: no such package.",
            "**Left out: 1000 patients**: no room.",
            "| against python-naive | ≥ 20× | 30.0× | 30.0 to 30.0 | met |",
            "| against raw-decoded | ≥ 0.3× | 0.200× | 0.200 to 0.200 | **not met** |",
            "| against python-river | ≥ 20× | – | – | not measured |",
            "| dearest against cheapest message, by number of patients | ≤ 1.5× | – | – | not measured |",
            "| ours | 100 (100 to 100) | 1.00× | 10.0 | 33.3 | 5.00 |",
            "| python-river | left out | – | – | – | – |",
            "| ours | 120000 | 960000 | 24000 | 2000 | 160 | 14 | 10.0 | 0.030 |",
            "| 100 | 60000 | 25.0 | 40000 | 1000 | 80 | 12000 | 512 |",
            "| 1000 | **left out**: no room | – | – | – | – | – | – |",
            "| python-river |  | **left out**: no such package |",
            "| ours |  | a / b |",
        ] {
            assert!(page.contains(line), "{line}\n---\n{page}");
        }
    }

    #[test]
    fn a_goal_above_what_reading_raw_gives_is_named() {
        let mut report = report();
        // 20 times this is 800 thousand; reading raw gives 500.
        report.pipelines[1] = pipeline("python-naive", 1.5, None);
        let page = page(&report);
        assert!(page.contains("brings 500 thousand: 20× python-naive are 800 thousand."), "{page}");
    }
}
