//! The page in `docs/` that a report gives.

use std::fmt::Write as _;

use super::goal;
use super::machine::Machine;
use super::report::{Measured, PeerReport, Report};

/// Instruction sets that the works can gain from; the JSON has all flags.
const FLAGS_SHOWN: [&str; 9] =
    ["sse4_2", "avx", "avx2", "fma", "bmi2", "avx512f", "avx512vl", "avx512_vnni", "amx_tile"];
/// Other processes' use of the machine above which a run is no measurement on an idle machine, in cores.
const IDLE_BELOW_CORES: f64 = 0.1;
/// Fewer rounds are a trial.
const ROUNDS_OF_A_FIGURE: u16 = 10;

pub(super) fn page(report: &Report) -> String {
    let mut page = String::from("# The forest beside its peers\n\n");
    let _ = write!(
        page,
        "Made by `{}` from the JSON beside this page; not written by hand. What counts is the ratio: all were measured in one \
         run, one thread each, in turns (another first in each round). {}\n\n",
        report.command,
        caution(report.others_cores, report.machine.cores, report.rounds, true)
    );
    for peer in &report.peers {
        left_out(&mut page, &peer.name, peer.left_out.as_deref());
    }
    goal::table(&mut page, ["work", "in a round"], &report.goals);
    page.push_str(
        "Measured is the ratio of the medians of wall time, and what the goal is held against; by CPU time it is nearly the same on an idle \
         machine, and nearer to it on a busy one.\n\n",
    );
    times(&mut page, report);
    peers(&mut page, report);
    how(&mut page, report);
    page
}

/// Where there is nothing to tell.
pub(super) const NONE: &str = "–";

/// What a reader must know before the figures. `whole`: everybody was asked to take part.
pub(super) fn caution(others_cores: f64, cores: usize, rounds: u16, whole: bool) -> String {
    let mut cautions = Vec::new();
    if !whole {
        cautions.push("it is of some pipelines only".to_owned());
    }
    if others_cores > IDLE_BELOW_CORES {
        cautions.push(format!(
            "the machine was not idle: other processes used {others_cores:.2} of its {cores} cores meanwhile"
        ));
    }
    if rounds < ROUNDS_OF_A_FIGURE {
        cautions.push(format!("{rounds} rounds are a trial, not a figure"));
    }
    if cautions.is_empty() {
        format!("Other processes used {others_cores:.2} cores meanwhile.")
    } else {
        format!("**Only a trial: {}.**", cautions.join("; "))
    }
}

/// Who is missing, and why, where a reader sees it before any figure.
pub(super) fn left_out(page: &mut String, name: &str, why: Option<&str>) {
    if let Some(why) = why {
        let _ = write!(page, "**Left out: {name}**: {why}.\n\n");
    }
}

/// One column a work: median, and lowest to highest.
fn times(page: &mut String, report: &Report) {
    page.push_str("## Times\n\nMedian of the rounds (lowest to highest).\n\n| |");
    for work in &report.works {
        let _ = write!(page, " {}, {} |", work.name, work.unit);
    }
    page.push_str("\n| --- |");
    page.push_str(&" --- |".repeat(report.works.len()));
    page.push('\n');
    for peer in &report.peers {
        let _ = write!(page, "| {} |", peer.name);
        for work in &report.works {
            let cell = work.measured.iter().find(|measured| measured.peer == peer.name).map_or(NONE.into(), time);
            let _ = write!(page, " {cell} |");
        }
        page.push('\n');
    }
    page.push('\n');
    for work in &report.works {
        let _ = writeln!(page, "- {}: {}.", work.name, work.what);
    }
    page.push('\n');
}

fn time(measured: &Measured) -> String {
    let spread = measured.wall.spread;
    format!("{} ({} to {})", number(spread.median), number(spread.lowest), number(spread.highest))
}

fn peers(page: &mut String, report: &Report) {
    page.push_str("## Peers\n\n| | versions | settings | AUROC |\n| --- | --- | --- | --- |\n");
    for PeerReport { name, versions, settings, auroc, left_out } in &report.peers {
        let versions: Vec<String> = versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        let auroc: Vec<String> = auroc.iter().map(|(work, auroc)| format!("{work} {auroc:.4}")).collect();
        let settings = left_out.as_ref().map_or_else(|| settings.clone(), |why| format!("**left out**: {why}"));
        let row = [versions.join(", "), settings, auroc.join(", ")].map(|cell| cell.replace('|', "/"));
        let _ = writeln!(page, "| {name} | {} |", row.join(" | "));
    }
    page.push_str(
        "\nEach is called from its own language: ours from Rust, the random cut forest from Java, the others from Python. The column \
         `call` says how much of one row is the call.\n\n",
    );
}

fn how(page: &mut String, report: &Report) {
    let _ = write!(
        page,
        "## How\n\n- Measured {} at commit {}, {} rounds.\n{}- {}\n",
        report.measured_at,
        report.commit,
        report.rounds,
        of_machine(&report.machine),
        report.data,
    );
    page.push_str(
        "- Units of a round (of the warm-up before the first, not counted), and CPU time over wall time (1 is one thread undisturbed):\n\n",
    );
    page.push_str("| work | peer | units | CPU / wall |\n| --- | --- | --- | --- |\n");
    for work in &report.works {
        for Measured { peer, units_per_round, warm_up_units, wall, cpu } in &work.measured {
            let cpu_share = cpu.rounds.iter().sum::<f64>() / wall.rounds.iter().sum::<f64>();
            let _ = writeln!(page, "| {} | {peer} | {units_per_round} ({warm_up_units}) | {cpu_share:.2} |", work.name);
        }
    }
}

/// What was measured on, as items of a list.
pub(super) fn of_machine(machine: &Machine) -> String {
    let flags: Vec<&str> =
        FLAGS_SHOWN.into_iter().filter(|flag| machine.cpu_flags.iter().any(|has| has == flag)).collect();
    format!(
        "- {}, {} cores, {} GiB; flags {}; {}, Linux {}.\n- {}; release profile, no target-cpu set.\n",
        machine.cpu,
        machine.cores,
        machine.memory_gib,
        flags.join(" "),
        machine.system,
        machine.kernel,
        machine.rustc,
    )
}

/// Three digits that count.
pub(super) fn number(value: f64) -> String {
    let decimals = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else if value >= 1.0 {
        2
    } else {
        3
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_machine_or_few_rounds_make_a_trial() {
        assert_eq!(caution(0.04, 2, 12, true), "Other processes used 0.04 cores meanwhile.");
        let trial = caution(1.5, 2, 3, true);
        assert!(trial.contains("1.50 of its 2 cores") && trial.contains("3 rounds are a trial"), "{trial}");
        assert!(!caution(0.04, 2, 9, false).contains("not idle"));
    }

    #[test]
    fn numbers_have_three_digits_that_count() {
        let shown = [4512.3, 19.04, 3.456, 0.6123].map(number);
        assert_eq!(shown, ["4512", "19.0", "3.46", "0.612"]);
    }
}
