//! A table for people.

use super::alerts::Alert;
use super::evaluation::{Total, Verdict, per_30};
use super::reasons::route_words;
use super::report::{Area, Report, Verdicts};
use crate::aligned::{aligned, cells};
use crate::auroc;
use crate::calendar::date;

/// Alerts of a person that are listed.
const LISTED_MAX: usize = 12;

/// The table, what it means, and the alerts.
pub(crate) fn text(reports: &[Report], labelled: bool) -> String {
    let mut out = aligned(&overview(reports));
    if labelled {
        out += "\n";
        out += &aligned(&evaluation(reports));
        out += "lead: days from the first alert-day that finds the illness to its onset (negative: after it).\n\
                false: alert-days on which the person was well and monitored, of all such days.\n";
        out += &summary(reports);
    }
    if reports.iter().any(|report| report.area.is_some()) {
        out += "\n";
        out += &aligned(&areas(reports));
    }
    for report in reports {
        out += &alerts(report);
    }
    out
}

fn overview(reports: &[Report]) -> Vec<Vec<String>> {
    let mut rows = vec![cells(["person", "rows", "refused", "days monitored", "alerts", "alert-days"])];
    for report in reports {
        let watched = &report.watched;
        rows.push(vec![
            watched.person.clone(),
            watched.rows.to_string(),
            watched.refused.to_string(),
            report.monitored.len().to_string(),
            watched.alerts.all().len().to_string(),
            report.alert_days.len().to_string(),
        ]);
    }
    rows
}

fn evaluation(reports: &[Report]) -> Vec<Vec<String>> {
    let mut rows = vec![cells(["person", "onset", "detector", "z > 1.5", "two nights +4/min"])];
    for report in reports {
        let mut row = vec![report.watched.person.clone()];
        match (&report.verdicts, &report.onset) {
            (Some(Verdicts { own, z_above, two_nights }), Some(onset)) => {
                row.push(date(onset.day));
                row.extend([own, z_above, two_nights].map(verdict));
            }
            _ => row.push("no label".into()),
        }
        rows.push(row);
    }
    let mut all = vec!["all".to_owned(), String::new()];
    all.extend(totals(reports).map(|total| {
        format!("found {} of {}, {}", total.found, total.persons, false_days(total.false_days, total.well_days))
    }));
    rows.push(all);
    rows
}

/// Detector, z, two nights.
fn totals(reports: &[Report]) -> [Total; 3] {
    let mut totals = [Total::default(); 3];
    for verdicts in reports.iter().filter_map(|report| report.verdicts.as_ref()) {
        for (total, verdict) in totals.iter_mut().zip([&verdicts.own, &verdicts.z_above, &verdicts.two_nights]) {
            total.add(verdict);
        }
    }
    totals
}

fn summary(reports: &[Report]) -> String {
    let names = ["detector", "z > 1.5", "two nights +4/min"];
    let mut out = String::new();
    for (name, total) in names.into_iter().zip(totals(reports)) {
        let rate =
            per_30(total.false_days, total.well_days).map_or("none to count".into(), |rate| format!("{rate:.2}"));
        out += &format!(
            "{name}: found {} of {}; false alert-days per 30 monitored days: {rate}\n",
            total.found, total.persons
        );
    }
    out
}

fn verdict(verdict: &Verdict) -> String {
    let found = verdict.lead_days.map_or_else(|| "not found".into(), |lead| format!("found, lead {lead}"));
    format!("{found}, {}", false_days(verdict.false_days, verdict.well_days))
}

fn false_days(false_days: u64, well_days: u64) -> String {
    format!("false {false_days} of {well_days}")
}

fn areas(reports: &[Report]) -> Vec<Vec<String>> {
    let area = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    let mut rows = vec![cells(["person", "AUROC", "AUROC against the rest beside each run"])];
    for report in reports {
        let Some(Area { plain, balanced }) = &report.area else { continue };
        rows.push(vec![report.watched.person.clone(), area(*plain), area(*balanced)]);
    }
    let mean = |of: fn(&Area) -> Option<f64>| {
        let values: Vec<f64> = reports.iter().filter_map(|report| of(report.area.as_ref()?)).collect();
        area(auroc::mean(&values))
    };
    rows.push(vec!["mean of all".into(), mean(|area| area.plain), mean(|area| area.balanced)]);
    rows
}

fn alerts(report: &Report) -> String {
    let all = report.watched.alerts.all();
    if all.is_empty() {
        return String::new();
    }
    let mut out = format!("\nalerts of {}\n", report.watched.person);
    let time = |alert: &Alert, time_ms: i64| match report.watched.spelling {
        Some(spelling) => spelling.write(time_ms, alert.offset_minutes),
        None => (time_ms / 1_000).to_string(),
    };
    for alert in all.iter().take(LISTED_MAX) {
        out += &format!(
            "  {} to {}  {}, {}: {}\n",
            time(alert, alert.start_ms),
            time(alert, alert.end_ms()),
            alert.severity.name(),
            route_words(alert.route),
            alert.reasons.first().map_or("", String::as_str)
        );
    }
    if all.len() > LISTED_MAX {
        out += &format!("  and {} more; --json lists them all\n", all.len() - LISTED_MAX);
    }
    out
}
