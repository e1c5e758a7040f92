//! The page's tables of what was measured.

use std::fmt::Write as _;

use super::report::{Growth, Pipeline, Point, Round};
use crate::anchors::install::OURS;
use crate::anchors::statistics::Spread;
use crate::anchors::table::{NONE, number};

pub(super) fn rates(page: &mut String, pipelines: &[Pipeline]) {
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
pub(super) fn done(page: &mut String, pipelines: &[Pipeline]) {
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

pub(super) fn growth(page: &mut String, growth: &Growth) {
    if growth.points.is_empty() {
        return;
    }
    let _ = write!(
        page,
        "## By number of patients\n\nOurs at the same number of messages and readings a block, each on a broker of its own ({}). Of ten patients \
         a micro-batch holds five blocks each, which share one state.\n\n\
         | patients | messages | CPU, µs a message | messages per CPU second | blocks | transactions | scores | memory at its highest, MiB |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        growth.settings
    );
    for Point { patients, round, peak_mib, left_out } in &growth.points {
        let Some(round) = round else {
            let why = left_out.as_deref().unwrap_or_default().replace('|', "/");
            let _ = writeln!(page, "| {patients} | **left out**: {why} |{}", " – |".repeat(6));
            continue;
        };
        let _ = writeln!(
            page,
            "| {patients} | {} | {} | {} | {} | {} | {} | {} |",
            round.messages,
            number(round.cpu_us()),
            number(round.messages as f64 / round.cpu_s),
            round.blocks,
            count(round.commits),
            count(round.scores),
            peak_mib.map_or(NONE.into(), |mib| format!("{mib:.0}")),
        );
    }
    page.push('\n');
}

fn count(of: Option<u64>) -> String {
    of.map_or(NONE.into(), |count| count.to_string())
}
