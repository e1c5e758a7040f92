//! The page in `docs/` that a report gives.

use std::fmt::Write as _;

use super::goals::{OURS, RAW};
use super::report::{Goal, Growth, Pipeline, Point, Report, Round};
use crate::anchors::statistics::Spread;
use crate::anchors::table::{caution, number, of_machine};

const NONE: &str = "–";

const SAME: &str = "\
- The same messages: one a patient and minute, a reading of each of 8 signals in it, from the project's own seeded simulator (people in \
bed); one partition; the first ones only to learn from.
- The same broker and its settings; `read_committed`, `acks=all`, one transaction for blocks, alerts and the read position; what is read \
is taken in micro-batches of 500 messages. A raw reader moves its read position every 500.
- CPU time of a round is that of the whole process, user and system, all threads, until it is quiet again after its answer: what is \
fetched ahead is part of the cost.

";

const NOT_SAME: &str = "\
Harder for ours:

- Peers read JSON in the clear, and open and seal nothing; ours opens each message with its patient's key, and seals blocks' content, \
alerts and states.
- Peers keep one chain for all patients: one header and one signature a micro-batch. Ours keeps one a patient: blocks as in the table, \
each signed, with its state.
- Peers' blocks go into the broker only, which acknowledges before it syncs. Ours also go into packs on disk, synced before each \
transaction; and it reads its own blocks back from the log.
- Peers' features are deviations from a running mean and a running mean deviation. Ours are usual values by hour, quality of signals, \
rest, limits, persistence, episodes.
- Ours refuses repetitions and conflicts of devices, and asks for keys and grant at every message.

Easier for ours:

- `ours` calls its forest once a patient and window of five minutes, as the product does; peers call theirs for each message. \
`ours-each-message` does too.
- A block of `ours` closes after an hour or with an alert, so some micro-batches bring none and need no transaction; a peer makes one a \
micro-batch. The transactions are counted in the table.
- Ours is written in Rust, one process; peers pay for their language. That is part of the question.
- The simulated people were known for hours, not for weeks: the state of a patient that ours seals with each block is smaller than it will be.

";

pub(in crate::anchors) fn page(report: &Report) -> String {
    let mut page = String::from("# The whole path beside its peers\n\n");
    let _ = write!(
        page,
        "Made by `{}` from the JSON beside this page; not written by hand. From the event log on a real Kafka broker through features, \
         forest and limits to blocks and alerts in the log: how many messages, of 8 readings each, a second of CPU time brings through. All \
         were measured in one run, in turns (another first in each round). {}\n\n",
        report.command,
        caution(report.others_cores, report.machine.cores, report.rounds)
    );
    goals(&mut page, report);
    rates(&mut page, &report.pipelines);
    done(&mut page, &report.pipelines);
    growth(&mut page, &report.growth);
    let _ = write!(page, "## What was the same\n\n{SAME}## What was not\n\n{NOT_SAME}");
    pipelines(&mut page, &report.pipelines);
    how(&mut page, report);
    page.truncate(page.trim_end().len());
    page + "\n"
}

fn goals(page: &mut String, report: &Report) {
    page.push_str("## Goals\n\n| ours, messages per CPU second | goal | measured | in a round | |\n");
    page.push_str("| --- | --- | --- | --- | --- |\n");
    for goal in &report.goals {
        let Goal { against, at_least, ratio } = goal;
        let [measured, rounds] = ratio.map_or_else(
            || [NONE; 2].map(String::from),
            |ratio| {
                let rounds = format!("{} to {}", number(ratio.lowest), number(ratio.highest));
                [format!("{}×", number(ratio.of_medians)), rounds]
            },
        );
        let _ =
            writeln!(page, "| against {against} | ≥ {at_least}× | {measured} | {rounds} | {} |", verdict(goal.met()));
    }
    let growth = &report.growth;
    let measured = growth.ratio().map_or(NONE.into(), |ratio| format!("{}×", number(ratio)));
    let _ = write!(
        page,
        "| dearest against cheapest message, by number of patients | ≤ {}× | {measured} | {NONE} | {} |\n\n\
         Measured is the ratio of the medians. The strong Python pipeline is the faster of the two vectorised ones.{}\n\n",
        growth.at_most,
        verdict(growth.met()),
        beyond_raw(report)
    );
}

/// Goals that ask for more than reading the log raw gives.
fn beyond_raw(report: &Report) -> String {
    let rate = |name: &str| {
        let named = report.pipelines.iter().find(|pipeline| pipeline.name == name)?;
        Some(named.rate()?.median)
    };
    let Some(raw) = rate(RAW) else { return String::new() };
    let wanted = report.goals.iter().filter(|goal| goal.against != RAW).filter_map(|goal| {
        let wanted = goal.at_least * rate(&goal.against)?;
        (wanted > raw).then(|| format!("{}× {} are {} thousand", goal.at_least, goal.against, number(wanted / 1e3)))
    });
    let wanted: Vec<String> = wanted.collect();
    if wanted.is_empty() {
        return String::new();
    }
    format!(
        " Out of reach on this machine, because {RAW}, which does nothing but consume, open and decode, brings {} thousand: {}.",
        number(raw / 1e3),
        wanted.join("; ")
    )
}

fn verdict(met: Option<bool>) -> &'static str {
    met.map_or("not measured", |met| if met { "met" } else { "**not met**" })
}

fn rates(page: &mut String, pipelines: &[Pipeline]) {
    page.push_str(
        "## Messages per CPU second\n\nThousands, median of the rounds (lowest to highest); and what a message costs, µs: CPU time of the \
         pipeline, wall time with waiting for the broker and for others on the machine, CPU time of the broker.\n\n\
         | | messages per CPU second | ours is | CPU | wall | broker |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    let ours = pipelines.iter().find(|pipeline| pipeline.name == OURS).and_then(Pipeline::rate);
    for pipeline in pipelines {
        let Some(rate) = pipeline.rate() else {
            let _ = writeln!(page, "| {} | left out |{}", pipeline.name, " – |".repeat(4));
            continue;
        };
        let [median, lowest, highest] = [rate.median, rate.lowest, rate.highest].map(|rate| number(rate / 1e3));
        let times = ours.map_or(NONE.into(), |ours| format!("{}×", number(ours.median / rate.median)));
        let cost = |of: fn(&Round) -> f64| {
            let costs: Vec<f64> = pipeline.rounds.iter().map(|round| of(round) / round.messages as f64 * 1e6).collect();
            Spread::of(&costs).map_or(NONE.into(), |cost| number(cost.median))
        };
        let costs = [cost(|round| round.cpu_s), cost(|round| round.wall_s), cost(|round| round.broker_cpu_s)];
        let _ = writeln!(
            page,
            "| {} | {median} ({lowest} to {highest}) | {times} | {} |",
            pipeline.name,
            costs.join(" | ")
        );
    }
    page.push('\n');
}

/// What was done, over all rounds.
fn done(page: &mut String, pipelines: &[Pipeline]) {
    page.push_str(
        "## What came of it\n\nOver all rounds. Transactions and scores are counted where they are not one a block and one a message. Alerts \
         while somebody is ill and otherwise, in 1,000 messages: peers alert about messages, ours about episodes, once when one begins and \
         again when it grows worse; it also counts their ends in the column of alerts.\n\n\
         | | messages | readings | scores | blocks | transactions | alerts | ill | well |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for pipeline in pipelines.iter().filter(|pipeline| pipeline.left_out.is_none()) {
        let sum = |of: fn(&Round) -> u64| pipeline.rounds.iter().map(of).sum::<u64>();
        let sum_of = |of: fn(&Round) -> Option<u64>| {
            let counts: Option<Vec<u64>> = pipeline.rounds.iter().map(of).collect();
            counts.map_or(NONE.into(), |counts| counts.iter().sum::<u64>().to_string())
        };
        let messages = sum(|round| round.messages);
        let judged = pipeline
            .alerts
            .map_or([NONE.to_owned(), NONE.to_owned()], |alerts| alerts.rates().map(|rate| number(rate * 1e3)));
        let or_none = |count: u64| if pipeline.alerts.is_some() { count.to_string() } else { NONE.into() };
        let cells = [
            messages.to_string(),
            (messages * 8).to_string(),
            sum_of(|round| round.scores),
            or_none(sum(|round| round.blocks)),
            sum_of(|round| round.commits),
            or_none(sum(|round| round.alerts)),
        ];
        let _ = writeln!(page, "| {} | {} | {} |", pipeline.name, cells.join(" | "), judged.join(" | "));
    }
    page.push('\n');
}

fn growth(page: &mut String, growth: &Growth) {
    let _ = write!(
        page,
        "## By number of patients\n\nOurs at the same number of messages and readings a block, each on a broker of its own ({}). Of ten patients \
         a micro-batch holds five blocks each, which share one state.\n\n\
         | patients | messages | CPU, µs a message | messages per CPU second | blocks | scores | memory at its highest, MiB |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
        growth.settings
    );
    for Point { patients, round, peak_mib, left_out } in &growth.points {
        let Some(round) = round else {
            let why = left_out.as_deref().unwrap_or_default().replace('|', "/");
            let _ = writeln!(page, "| {patients} | **left out**: {why} |{}", " – |".repeat(5));
            continue;
        };
        let _ = writeln!(
            page,
            "| {patients} | {} | {} | {} | {} | {} | {} |",
            round.messages,
            number(round.cpu_s / round.messages as f64 * 1e6),
            number(round.messages as f64 / round.cpu_s),
            round.blocks,
            round.scores.map_or(NONE.into(), |scores| scores.to_string()),
            peak_mib.map_or(NONE.into(), |mib| format!("{mib:.0}")),
        );
    }
    page.push('\n');
}

fn pipelines(page: &mut String, pipelines: &[Pipeline]) {
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
    use super::super::report::{Alerts, Messages};
    use super::*;
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
            goals: goals::of(&pipelines),
            pipelines,
            growth: Growth {
                settings: "a score a message".into(),
                at_most: 1.5,
                points: vec![point(10, Some(round(1.2))), point(100, Some(round(1.5))), point(1_000, None)],
            },
        }
    }

    #[test]
    fn a_page_says_what_was_met_missed_and_left_out_and_that_it_is_a_trial() {
        let json = serde_json::to_string(&report()).unwrap();
        let page = page(&serde_json::from_str(&json).unwrap());
        assert!(!page.contains("Out of reach"), "{page}");
        for line in [
            "**Only a trial: the machine was not idle: other processes used 0.90 of its 2 cores meanwhile; 2 rounds are a trial",
            "| against python-naive | ≥ 20× | 30.0× | 30.0 to 30.0 | met |",
            "| against raw-decoded | ≥ 0.3× | 0.200× | 0.200 to 0.200 | **not met** |",
            "| against python-river | ≥ 20× | – | – | not measured |",
            "| dearest against cheapest message, by number of patients | ≤ 1.5× | 1.25× | – | not measured |",
            "| ours | 100 (100 to 100) | 1.00× | 10.0 | 33.3 | 5.00 |",
            "| python-river | left out | – | – | – | – |",
            "| ours | 120000 | 960000 | 24000 | 2000 | 160 | 14 | 10.0 | 0.030 |",
            "| 100 | 60000 | 25.0 | 40000 | 1000 | 12000 | 512 |",
            "| 1000 | **left out**: no room | – | – | – | – | – |",
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
