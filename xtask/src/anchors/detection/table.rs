//! The page in `docs/` that a report gives.

use std::fmt::Write as _;

use super::report::{
    Forecast, Foretold, Mean, Methods, Nab, NabScore, Onset, OverAll, Person, Report, Set, Stress, Tabular, Verdict,
};
use crate::anchors::goal;
use crate::anchors::table::{NONE, left_out};

pub(in super::super) fn page(report: &Report) -> String {
    let mut page = String::from("# How well it detects\n\n");
    let _ = write!(
        page,
        "Made by `{}` from the JSON beside this page; not written by hand. Every figure is what the program's own commands say, \
         with one setting for all people and all files of a kind. The recordings are others', named in \
         [bench/README.md](../bench/README.md); they are few, and no product claim can rest on them.\n\n",
        report.command
    );
    let _ = write!(
        page,
        "Measured {} in the work tree of commit {}; the program: {}.\n\n",
        report.measured_at, report.commit, report.program
    );
    for absent in &report.left_out {
        left_out(&mut page, &absent.what, Some(&absent.why));
    }
    goal::table(&mut page, ["figure", "on"], &report.goals);
    if let Some(part) = &report.onset {
        onset(&mut page, part);
    }
    if let Some(part) = &report.stress {
        stress(&mut page, part);
    }
    if let Some(part) = &report.nab {
        nab(&mut page, part);
    }
    if let Some(part) = &report.tabular {
        tabular(&mut page, part);
    }
    if let Some(part) = &report.forecast {
        forecast(&mut page, part);
    }
    page.truncate(page.trim_end().len());
    page + "\n"
}

fn command(page: &mut String, commands: &str) {
    let _ = write!(page, "```\n{}\n```\n\n", commands.replace("; ", "\n"));
}

fn onset(page: &mut String, onset: &Onset) {
    page.push_str("## Onset of an illness, at home\n\n");
    command(page, &onset.commands);
    page.push_str(
        "Found is an alert-day from 14 days before the onset to 7 after; the lead is days from the first of them to the onset, negative \
         after it. False are alert-days more than 21 days before the onset or more than 14 after the recovery. Beside the \
         detector two plain rules on the same resting heart rate: one night more than 1.5 robust standard deviations above the median of 28 \
         days, and two nights in a row at least 4 beats a minute above it.\n\n\
         | | detector: found, lead | false days of well days | z > 1.5: found, lead | false | two nights: found, lead | false |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for Person { person, methods: Methods { ours, z_above, two_nights }, .. } in &onset.people {
        let cells = [ours, z_above, two_nights].map(|verdict| {
            format!("{} | {} of {}", lead(verdict), verdict.false_alert_days, verdict.well_days_monitored)
        });
        let _ = writeln!(page, "| {person} | {} |", cells.join(" | "));
    }
    let Methods { ours, z_above, two_nights } = &onset.over_all;
    let cells = [ours, z_above, two_nights].map(over_all);
    let _ = write!(page, "| **all** | {} |\n\n", cells.join(" | "));
    if !onset.unlabelled.is_empty() {
        let _ = write!(page, "Not counted, as their onset is not known: {}.\n\n", onset.unlabelled.join(", "));
    }
}

fn lead(verdict: &Verdict) -> String {
    match (verdict.found, verdict.lead_days) {
        (true, Some(days)) => format!("yes, {days} d"),
        (true, None) => "yes".into(),
        (false, _) => "no".into(),
    }
}

fn over_all(all: &OverAll) -> String {
    let median = all.median_lead_days.map_or(String::new(), |days| format!(", median {days} d"));
    let rate = all.false_alert_days_per_30.map_or(NONE.into(), |rate| format!("{rate:.2} per 30"));
    format!(
        "**{} of {}**{median} | {} of {}: **{rate}**",
        all.found, all.people, all.false_alert_days, all.well_days_monitored
    )
}

fn stress(page: &mut String, stress: &Stress) {
    page.push_str("## Stress at the bedside, a second at a time\n\n");
    command(page, &stress.commands);
    page.push_str(
        "How often the severity, known at that second, is higher under stress than at rest. In this protocol stress comes early, so a clock \
         alone passes for a detector in the plain figure; balanced is each run of stress against at most 300 s of rest before it \
         and 300 s after it.\n\n| AUROC | mean | standard deviation | lowest | highest | people |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    let areas =
        |area: fn(&super::report::Areas) -> Option<f64>| stress.people.iter().filter_map(area).collect::<Vec<_>>();
    let rows = [
        ("plain", stress.plain, areas(|areas| areas.plain)),
        ("balanced", stress.balanced, areas(|areas| areas.balanced)),
    ];
    for (name, mean, areas) in rows {
        let Some(Mean { mean, sd, count }) = mean else { continue };
        let sd = sd.map_or(NONE.into(), |sd| format!("{sd:.3}"));
        let lowest = areas.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = areas.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let _ = writeln!(page, "| {name} | **{mean:.3}** | {sd} | {lowest:.3} | {highest:.3} | {count} |");
    }
    page.push('\n');
}

fn nab(page: &mut String, nab: &Nab) {
    page.push_str("## The Numenta benchmark, a stream\n\n");
    command(page, &nab.commands);
    let _ = write!(
        page,
        "The benchmark's {} profile on {} files: 0 without any alert, 100 of a perfect detector, at the one threshold for all files that \
         is best for each column, as the benchmark takes it. Gated: a score weighs the less the sooner it follows one at least as high, so that an episode gives one alert. \
         Windows found, and rows outside all windows that alert.\n\n",
        nab.profile, nab.files
    );
    page.push_str("| group | files | gated | found | false | ungated | found | false |\n");
    page.push_str("| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (name, gated) in &nab.gated.groups {
        let Some(ungated) = nab.ungated.groups.get(name) else { continue };
        let cells = [gated, ungated].map(|group| {
            format!("{} | {} of {} | {}", score(group.score), group.found, group.windows, group.false_alerts)
        });
        let _ = writeln!(page, "| {name} | {} | {} |", gated.files, cells.join(" | "));
    }
    let cells = [&nab.gated, &nab.ungated].map(|NabScore { score: all, windows, found, false_alerts, .. }| {
        format!("**{}** | {found} of {windows} | {false_alerts}", score(*all))
    });
    let _ = write!(page, "| **all** | {} | {} |\n\n", nab.files, cells.join(" | "));
    if !nab.absent.is_empty() {
        let _ = write!(page, "Labelled, and not there: {}.\n\n", nab.absent.join(", "));
    }
}

fn score(score: Option<f64>) -> String {
    score.map_or(NONE.into(), |score| format!("{score:.1}"))
}

fn tabular(page: &mut String, tabular: &Tabular) {
    page.push_str("## The forest alone, on labelled tables\n\n");
    command(page, &tabular.commands);
    page.push_str(
        "100 trees of at most 256 rows, fit and scored on the whole table: mean ± standard deviation over the seeds.\n\n\
         | set | rows | features | anomalies | AUROC | average precision | seeds |\n| --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for Set { name, rows, features, anomalies, auroc, average_precision } in &tabular.sets {
        let [area, precision] = [auroc, average_precision].map(|mean| {
            let sd = mean.sd.map_or(String::new(), |sd| format!(" ± {sd:.3}"));
            format!("{:.3}{sd}", mean.mean)
        });
        let _ =
            writeln!(page, "| {name} | {rows} | {features} | {anomalies} | {area} | {precision} | {} |", auroc.count);
    }
    page.push('\n');
}

fn forecast(page: &mut String, forecast: &Forecast) {
    page.push_str("## Forecasts, out of each person's own past\n\n");
    command(page, &forecast.commands);
    page.push_str(
        "Every forecast is made from what was known at its moment and judged when its outcome had come. Loss is the mean pinball loss of the \
         10, 50 and 90 % quantiles in the signal's unit; its rival, persistence, is the last value with the spread of its own past \
         errors; apart are outcomes that do not overlap. The product tells nothing beyond the first horizon that is not better: less loss by \
         more than chance gives, and at least 70 % within the interval. Recordings of minutes at the bedside are given to it in seconds.\n\n",
    );
    let parts = [
        ("At home, out of four weeks", &forecast.weeks),
        ("At home, out of one day by the quarter of an hour, which is what an alert's chart holds", &forecast.day),
        ("At the bedside, out of three days at most", &forecast.bedside),
    ];
    for (title, vitals) in parts {
        if !vitals.is_empty() {
            let _ = write!(page, "### {title}\n\n");
            losses(page, vitals);
            crossings(page, vitals);
        }
    }
}

fn named(vital: &Foretold) -> String {
    let rest = if vital.at_rest { " at rest" } else { "" };
    format!("{}, {}{rest}", vital.person, vital.signal.replace('_', " "))
}

fn losses(page: &mut String, vitals: &[Foretold]) {
    page.push_str("| | ahead | forecasts | apart | loss | last value's | saved | within 80 % | last value's | |\n");
    page.push_str("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    let mut silent = Vec::new();
    for vital in vitals {
        if vital.horizons.iter().all(|ahead| ahead.forecasts == 0) {
            silent.push(format!("{} ({} values)", named(vital), vital.values));
            continue;
        }
        for ahead in &vital.horizons {
            let _ = writeln!(
                page,
                "| {} | {} | {} | {} | {:.3} | {:.3} | {:.1} % | {:.1} % | {:.1} % | {} |",
                named(vital),
                span(ahead.horizon_min),
                ahead.forecasts,
                ahead.apart,
                ahead.pinball,
                ahead.persistence_pinball,
                ahead.saved * 100.0,
                ahead.coverage * 100.0,
                ahead.persistence_coverage * 100.0,
                verdict(&ahead.skill)
            );
        }
    }
    page.push('\n');
    if !silent.is_empty() {
        let _ = write!(page, "Too little to forecast from: {}.\n\n", silent.join("; "));
    }
}

fn crossings(page: &mut String, vitals: &[Foretold]) {
    if vitals.iter().all(|vital| vital.crossing.as_ref().is_none_or(|crossing| crossing.crossed == 0)) {
        return;
    }
    page.push_str("Whether the limit will be crossed (above 90 /min), by the Brier score of the probability:\n\n");
    page.push_str("| | within | crossed | Brier score | last value's | always the same | interval of time held | |\n");
    page.push_str("| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for vital in vitals {
        let Some(crossing) = &vital.crossing else { continue };
        let _ = writeln!(
            page,
            "| {} | {} | {} of {} | {:.3} | {:.3} | {:.3} | {:.1} % of {} | {} |",
            named(vital),
            span(crossing.horizon_min),
            crossing.crossed,
            crossing.forecasts,
            crossing.brier,
            crossing.persistence_brier,
            crossing.always_the_same_brier,
            crossing.interval_coverage * 100.0,
            crossing.intervals,
            verdict(&crossing.skill)
        );
    }
    page.push('\n');
}

fn verdict(skill: &str) -> &'static str {
    match skill {
        "better" => "better",
        "no_better" => "**no better**",
        _ => "too few to judge",
    }
}

fn span(minutes: u32) -> String {
    if minutes.is_multiple_of(60) { format!("{} h", minutes / 60) } else { format!("{minutes} min") }
}

#[cfg(test)]
mod tests {
    use super::super::report::LeftOut;
    use super::*;

    #[test]
    fn a_page_of_little_names_what_was_left_out_and_calls_no_goal_met() {
        let report = Report {
            command: "cargo xtask anchors detection --data DIR".into(),
            measured_at: "2026-01-01T00:00:00Z".into(),
            commit: "abc".into(),
            program: "given".into(),
            left_out: vec![LeftOut { what: "labelled tables".into(), why: "there is no tabular/*.csv.gz".into() }],
            goals: super::super::goals::of(None, None, None),
            onset: None,
            stress: None,
            nab: None,
            tabular: None,
            forecast: None,
        };
        let page = page(&report);
        assert!(page.contains("**Left out: labelled tables**: there is no tabular/*.csv.gz."), "{page}");
        assert_eq!(page.matches("| – | – | not measured |").count(), report.goals.len(), "{page}");
        assert!(!page.contains("| met |") && !page.contains("not met"), "{page}");
    }
}
